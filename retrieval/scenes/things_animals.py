"""Draw animals; each fills a unit square and stands on y = 1 (or floats in the middle)."""

from __future__ import annotations

from retrieval.scenes.canvas import INK, Colour, Pen, dark, light

EYE: Colour = (30, 26, 32)
SHINE: Colour = (255, 255, 255)


def _eye(pen: Pen, x: float, y: float, r: float = 0.028) -> None:
    pen.oval(x, y, r * 1.35, r * 1.35, SHINE)
    pen.oval(x + r * 0.2, y, r, r, EYE)


def dog(pen: Pen, colour: Colour) -> None:
    """Draw it standing, floppy ears, tail up."""
    far, deep = dark(colour, 0.22), dark(colour, 0.4)
    pen.line([(0.16, 0.56), (0.07, 0.42), (0.09, 0.30)], colour, 0.06)
    for x in (0.26, 0.62):
        pen.box(x, 0.66, x + 0.09, 0.99, far, 0.03)
    pen.box(0.13, 0.48, 0.72, 0.76, colour, 0.13)
    for x in (0.15, 0.54):
        pen.box(x, 0.64, x + 0.10, 1.0, colour, 0.03)
    pen.polygon([(0.54, 0.56), (0.60, 0.30), (0.78, 0.34), (0.72, 0.64)], colour)
    pen.oval(0.72, 0.30, 0.16, 0.15, colour)
    pen.box(0.74, 0.28, 0.97, 0.43, light(colour, 0.22), 0.07)
    pen.oval(0.94, 0.30, 0.035, 0.03, EYE)
    pen.oval(0.61, 0.32, 0.065, 0.14, deep)
    _eye(pen, 0.76, 0.25)
    pen.box(0.56, 0.47, 0.75, 0.52, (206, 60, 60), 0.02)


def cat(pen: Pen, colour: Colour) -> None:
    """Draw it sitting, facing us, tail curled to the side."""
    deep, pale = dark(colour, 0.28), light(colour, 0.45)
    pen.line([(0.70, 0.92), (0.88, 0.88), (0.92, 0.70), (0.84, 0.60)], deep, 0.075)
    pen.oval(0.5, 0.76, 0.25, 0.25, colour)
    pen.oval(0.5, 0.80, 0.13, 0.18, pale)
    for x in (0.38, 0.62):
        pen.oval(x, 0.96, 0.09, 0.045, pale)
    for s in (-1, 1):
        pen.polygon(
            [(0.5 + s * 0.25, 0.08), (0.5 + s * 0.24, 0.34), (0.5 + s * 0.06, 0.20)], colour
        )
        pen.polygon(
            [(0.5 + s * 0.22, 0.15), (0.5 + s * 0.21, 0.29), (0.5 + s * 0.11, 0.21)],
            (238, 160, 168),
        )
    pen.oval(0.5, 0.37, 0.26, 0.21, colour)
    for s in (-1, 1):
        pen.oval(0.5 + s * 0.11, 0.35, 0.05, 0.055, (196, 220, 92))
        pen.oval(0.5 + s * 0.11, 0.35, 0.018, 0.05, EYE)
        for dy in (-0.02, 0.03):
            pen.line([(0.5 + s * 0.08, 0.45), (0.5 + s * 0.34, 0.44 + dy)], pale, 0.008)
    pen.polygon([(0.47, 0.43), (0.53, 0.43), (0.5, 0.465)], (226, 120, 130))
    for x in (0.44, 0.5, 0.56):
        pen.line([(x, 0.18), (x, 0.25)], deep, 0.02)


def rabbit(pen: Pen, colour: Colour) -> None:
    """Draw it sitting, long ears up."""
    pale = light(colour, 0.5)
    pen.oval(0.24, 0.84, 0.08, 0.08, pale)
    pen.oval(0.46, 0.78, 0.25, 0.21, colour)
    pen.oval(0.34, 0.84, 0.15, 0.14, dark(colour, 0.12))
    for x, lean in ((0.56, -0.05), (0.68, 0.02)):
        pen.oval(x + lean, 0.22, 0.055, 0.20, colour)
        pen.oval(x + lean, 0.23, 0.026, 0.15, (240, 176, 184))
    pen.oval(0.64, 0.50, 0.17, 0.15, colour)
    _eye(pen, 0.70, 0.47)
    pen.oval(0.80, 0.53, 0.025, 0.02, (226, 120, 130))
    for x in (0.40, 0.62):
        pen.oval(x, 0.965, 0.10, 0.035, pale)


def horse(pen: Pen, colour: Colour) -> None:
    """Draw it standing, with mane and tail."""
    mane, far = dark(colour, 0.55), dark(colour, 0.25)
    pen.line([(0.14, 0.46), (0.06, 0.60), (0.08, 0.78)], mane, 0.07)
    for x in (0.26, 0.60):
        pen.box(x, 0.60, x + 0.07, 0.99, far, 0.02)
    pen.box(0.12, 0.40, 0.72, 0.68, colour, 0.13)
    for x in (0.16, 0.56):
        pen.box(x, 0.58, x + 0.08, 1.0, colour, 0.02)
        pen.box(x, 0.94, x + 0.08, 1.0, INK)
    pen.polygon([(0.52, 0.50), (0.64, 0.12), (0.80, 0.16), (0.72, 0.58)], colour)
    pen.polygon([(0.66, 0.08), (0.80, 0.10), (0.97, 0.30), (0.90, 0.38), (0.72, 0.28)], colour)
    pen.polygon([(0.66, 0.12), (0.69, 0.01), (0.74, 0.11)], colour)
    pen.line([(0.66, 0.08), (0.58, 0.24), (0.50, 0.44)], mane, 0.06)
    _eye(pen, 0.77, 0.17, 0.02)


def sheep(pen: Pen, colour: Colour) -> None:
    """Draw a cloud of wool on four dark legs."""
    face = (70, 60, 64) if sum(colour) > 300 else (214, 200, 186)
    for x in (0.24, 0.38, 0.56, 0.68):
        pen.box(x, 0.70, x + 0.06, 1.0, face, 0.01)
    tufts = ((0.24, 0.52), (0.38, 0.42), (0.54, 0.42), (0.66, 0.52), (0.58, 0.66), (0.32, 0.66))
    for x, y in tufts:
        pen.oval(x, y, 0.17, 0.15, dark(colour, 0.08))
    for x, y in (*tufts, (0.46, 0.55)):
        pen.oval(x, y - 0.02, 0.14, 0.12, colour)
    pen.oval(0.80, 0.42, 0.10, 0.13, face)
    pen.oval(0.70, 0.38, 0.07, 0.03, face)
    pen.oval(0.77, 0.31, 0.10, 0.06, colour)
    _eye(pen, 0.83, 0.40, 0.018)


def bird(pen: Pen, colour: Colour) -> None:
    """Draw it in flight, wings up."""
    pen.polygon([(0.02, 0.50), (0.26, 0.52), (0.22, 0.66)], dark(colour, 0.25))
    pen.polygon([(0.40, 0.50), (0.30, 0.10), (0.66, 0.46)], dark(colour, 0.3))
    pen.oval(0.46, 0.56, 0.27, 0.15, colour)
    pen.oval(0.48, 0.61, 0.18, 0.08, light(colour, 0.45))
    pen.oval(0.73, 0.46, 0.13, 0.12, colour)
    pen.polygon([(0.84, 0.42), (0.99, 0.48), (0.84, 0.52)], (244, 166, 40))
    pen.polygon([(0.34, 0.54), (0.10, 0.16), (0.20, 0.14), (0.60, 0.50)], dark(colour, 0.12))
    _eye(pen, 0.76, 0.43)


def butterfly(pen: Pen, colour: Colour) -> None:
    """Draw four wings seen from above."""
    for s in (-1, 1):
        pen.polygon([(0.5, 0.5), (0.5 + s * 0.46, 0.10), (0.5 + s * 0.46, 0.46)], colour)
        pen.oval(0.5 + s * 0.28, 0.32, 0.20, 0.20, colour)
        pen.oval(0.5 + s * 0.22, 0.68, 0.17, 0.17, dark(colour, 0.18))
        pen.oval(0.5 + s * 0.30, 0.31, 0.09, 0.09, light(colour, 0.6))
        pen.oval(0.5 + s * 0.22, 0.68, 0.07, 0.07, light(colour, 0.5))
        pen.line([(0.5, 0.26), (0.5 + s * 0.12, 0.08)], INK, 0.015)
    pen.box(0.47, 0.24, 0.53, 0.82, INK, 0.03)


def fish(pen: Pen, colour: Colour) -> None:
    """Draw it from the side, with fins and a stripe."""
    pen.polygon([(0.24, 0.50), (0.02, 0.28), (0.06, 0.50), (0.02, 0.74)], dark(colour, 0.2))
    pen.polygon([(0.36, 0.34), (0.54, 0.12), (0.72, 0.34)], dark(colour, 0.2))
    pen.polygon([(0.42, 0.66), (0.50, 0.86), (0.60, 0.66)], dark(colour, 0.2))
    pen.oval(0.56, 0.5, 0.38, 0.23, colour)
    pen.oval(0.58, 0.58, 0.28, 0.12, light(colour, 0.3))
    pen.line([(0.62, 0.29), (0.66, 0.5), (0.62, 0.71)], light(colour, 0.7), 0.05)
    _eye(pen, 0.80, 0.44, 0.035)
    pen.line([(0.94, 0.54), (0.88, 0.57)], dark(colour, 0.5), 0.015)


def duck(pen: Pen, colour: Colour) -> None:
    """Draw it swimming."""
    pen.polygon([(0.02, 0.58), (0.24, 0.66), (0.20, 0.84)], dark(colour, 0.12))
    pen.oval(0.42, 0.76, 0.34, 0.20, colour)
    pen.polygon([(0.54, 0.70), (0.62, 0.34), (0.78, 0.38), (0.74, 0.76)], colour)
    pen.oval(0.70, 0.34, 0.15, 0.15, colour)
    pen.box(0.80, 0.33, 0.99, 0.42, (242, 150, 40), 0.04)
    pen.oval(0.38, 0.74, 0.20, 0.11, dark(colour, 0.14))
    _eye(pen, 0.74, 0.30)
    pen.box(0.04, 0.93, 0.84, 0.97, (208, 232, 244), 0.02)


def whale(pen: Pen, colour: Colour) -> None:
    """Draw it at the surface, blowing."""
    for dx in (-0.10, 0.10):
        pen.line([(0.62, 0.38), (0.62 + dx, 0.16), (0.62 + dx * 2, 0.24)], (214, 238, 250), 0.035)
    pen.polygon(
        [(0.22, 0.72), (0.10, 0.42), (0.0, 0.34), (0.16, 0.34), (0.26, 0.44), (0.40, 0.66)],
        dark(colour, 0.1),
    )
    pen.wedge(0.58, 0.82, 0.40, (180, 360), colour)
    pen.polygon([(0.18, 0.82), (0.14, 0.56), (0.34, 0.60), (0.40, 0.82)], colour)
    pen.box(0.44, 0.76, 0.97, 0.90, light(colour, 0.55), 0.06)
    pen.box(0.20, 0.80, 0.60, 0.90, colour, 0.05)
    _eye(pen, 0.80, 0.68, 0.024)
