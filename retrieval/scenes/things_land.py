"""Draw things on the ground; each fills a unit square and stands on y = 1."""

from __future__ import annotations

from retrieval.scenes.canvas import INK, Colour, Pen, dark, light

WOOD: Colour = (120, 82, 54)
GLASS: Colour = (188, 222, 238)
STEEL: Colour = (176, 182, 190)
WARM: Colour = (255, 224, 140)


def house(pen: Pen, colour: Colour) -> None:
    """Draw a gabled house with a door, two windows and a chimney."""
    pen.box(0.70, 0.12, 0.80, 0.40, (150, 84, 70))
    pen.box(0.12, 0.44, 0.88, 1.0, colour)
    pen.box(0.12, 0.44, 0.88, 0.50, dark(colour, 0.18))
    pen.polygon([(0.02, 0.48), (0.5, 0.08), (0.98, 0.48)], (112, 66, 62))
    pen.polygon([(0.10, 0.45), (0.5, 0.12), (0.9, 0.45)], (138, 82, 72))
    pen.box(0.42, 0.68, 0.60, 1.0, dark(WOOD, 0.1), 0.02)
    pen.oval(0.565, 0.85, 0.013, 0.013, WARM)
    for x in (0.19, 0.67):
        pen.box(x, 0.60, x + 0.16, 0.78, light(WOOD, 0.7))
        pen.box(x + 0.015, 0.615, x + 0.145, 0.765, WARM)
        pen.line([(x + 0.08, 0.61), (x + 0.08, 0.77)], light(WOOD, 0.7), 0.015)
        pen.line([(x + 0.02, 0.69), (x + 0.14, 0.69)], light(WOOD, 0.7), 0.015)


def tree(pen: Pen, colour: Colour) -> None:
    """Draw a round crown of several tufts on a short trunk."""
    pen.polygon([(0.45, 0.55), (0.56, 0.55), (0.60, 1.0), (0.41, 1.0)], WOOD)
    pen.line([(0.5, 0.75), (0.64, 0.6)], WOOD, 0.04)
    for x, y, r in ((0.30, 0.45, 0.22), (0.70, 0.45, 0.22), (0.5, 0.30, 0.27), (0.5, 0.52, 0.24)):
        pen.oval(x, y, r, r * 0.92, dark(colour, 0.14))
    for x, y, r in ((0.28, 0.41, 0.17), (0.66, 0.40, 0.17), (0.47, 0.25, 0.21), (0.46, 0.47, 0.18)):
        pen.oval(x, y, r, r * 0.9, colour)
    for x, y in ((0.36, 0.2), (0.24, 0.36), (0.58, 0.34)):
        pen.oval(x, y, 0.07, 0.05, light(colour, 0.22))


def car(pen: Pen, colour: Colour) -> None:
    """Draw a small saloon from the side."""
    pen.polygon([(0.22, 0.62), (0.34, 0.42), (0.68, 0.42), (0.82, 0.62)], dark(colour, 0.15))
    pen.polygon([(0.28, 0.61), (0.37, 0.46), (0.50, 0.46), (0.50, 0.61)], GLASS)
    pen.polygon([(0.53, 0.61), (0.53, 0.46), (0.66, 0.46), (0.76, 0.61)], GLASS)
    pen.box(0.03, 0.60, 0.97, 0.86, colour, 0.07)
    pen.box(0.03, 0.76, 0.97, 0.84, dark(colour, 0.25), 0.03)
    pen.oval(0.93, 0.68, 0.03, 0.035, WARM)
    pen.oval(0.06, 0.68, 0.02, 0.03, (220, 70, 60))
    pen.line([(0.52, 0.63), (0.52, 0.78)], dark(colour, 0.3), 0.012)
    for x in (0.24, 0.76):
        pen.oval(x, 0.87, 0.115, 0.115, (38, 38, 44))
        pen.oval(x, 0.87, 0.06, 0.06, STEEL)


def bus(pen: Pen, colour: Colour) -> None:
    """Draw a town bus from the side."""
    pen.box(0.02, 0.30, 0.98, 0.90, colour, 0.06)
    pen.box(0.02, 0.68, 0.98, 0.74, light(colour, 0.6))
    for x in (0.07, 0.25, 0.43, 0.61):
        pen.box(x, 0.38, x + 0.15, 0.60, GLASS, 0.02)
    pen.box(0.80, 0.38, 0.94, 0.84, GLASS, 0.02)
    pen.line([(0.87, 0.4), (0.87, 0.84)], dark(colour), 0.012)
    for x in (0.22, 0.72):
        pen.oval(x, 0.90, 0.095, 0.095, (38, 38, 44))
        pen.oval(x, 0.90, 0.05, 0.05, STEEL)


def train(pen: Pen, colour: Colour) -> None:
    """Draw a steam engine on a piece of track, smoke included."""
    for x, y, r in ((0.72, 0.14, 0.10), (0.58, 0.08, 0.08), (0.80, 0.22, 0.07)):
        pen.oval(x, y, r, r * 0.8, (226, 226, 230))
    pen.box(0.74, 0.28, 0.84, 0.50, INK)
    pen.box(0.72, 0.25, 0.86, 0.31, INK, 0.02)
    pen.box(0.08, 0.30, 0.44, 0.82, colour, 0.02)
    pen.box(0.04, 0.25, 0.48, 0.32, dark(colour, 0.35), 0.02)
    pen.box(0.14, 0.38, 0.36, 0.56, GLASS, 0.02)
    pen.box(0.40, 0.46, 0.92, 0.80, light(colour, 0.08), 0.10)
    pen.box(0.56, 0.46, 0.60, 0.80, dark(colour, 0.35))
    pen.oval(0.92, 0.58, 0.035, 0.05, WARM)
    pen.polygon([(0.90, 0.78), (0.99, 0.93), (0.82, 0.93)], INK)
    pen.box(0.0, 0.955, 1.0, 0.985, (96, 84, 78))
    for x, r in ((0.24, 0.12), (0.52, 0.09), (0.74, 0.09)):
        pen.oval(x, 0.955 - r, r, r, INK)
        pen.ring(x, 0.955 - r, r * 0.75, (200, 70, 60), 0.022)
        pen.oval(x, 0.955 - r, r * 0.25, r * 0.25, STEEL)


def bicycle(pen: Pen, colour: Colour) -> None:
    """Draw two wheels, a diamond frame, handlebar and saddle."""
    for x in (0.22, 0.78):
        pen.ring(x, 0.76, 0.21, (44, 44, 50), 0.035)
        for dx, dy in ((0.19, 0.0), (0.095, 0.165), (-0.095, 0.165)):
            pen.line([(x - dx, 0.76 - dy), (x + dx, 0.76 + dy)], STEEL, 0.008)
    frame = [(0.22, 0.76), (0.38, 0.48), (0.68, 0.48), (0.48, 0.76), (0.22, 0.76)]
    pen.line(frame, colour, 0.045)
    pen.line([(0.48, 0.76), (0.36, 0.42)], colour, 0.045)
    pen.line([(0.78, 0.76), (0.66, 0.38)], colour, 0.045)
    pen.line([(0.66, 0.38), (0.76, 0.33), (0.82, 0.38)], INK, 0.035)
    pen.box(0.27, 0.385, 0.45, 0.43, INK, 0.02)
    pen.oval(0.48, 0.76, 0.05, 0.05, INK)


def tent(pen: Pen, colour: Colour) -> None:
    """Draw a ridge tent, its flap open."""
    pen.polygon([(0.04, 1.0), (0.50, 0.30), (0.96, 1.0)], colour)
    pen.polygon([(0.50, 0.30), (0.96, 1.0), (0.72, 1.0)], dark(colour, 0.22))
    pen.polygon([(0.36, 1.0), (0.50, 0.44), (0.62, 1.0)], (60, 44, 48))
    pen.polygon([(0.50, 0.44), (0.62, 1.0), (0.69, 1.0)], light(colour, 0.35))
    pen.line([(0.50, 0.30), (0.50, 0.20)], WOOD, 0.025)
    pen.polygon([(0.51, 0.20), (0.64, 0.24), (0.51, 0.28)], (240, 200, 70))


def umbrella(pen: Pen, colour: Colour) -> None:
    """Draw an open umbrella, stuck upright."""
    pen.line([(0.5, 0.15), (0.5, 0.94)], WOOD, 0.03)
    pen.line([(0.5, 0.92), (0.53, 0.98), (0.60, 0.97), (0.62, 0.90)], WOOD, 0.03)
    pen.wedge(0.5, 0.56, 0.48, (180, 360), colour)
    pen.polygon([(0.5, 0.08), (0.34, 0.56), (0.66, 0.56)], light(colour, 0.25))
    pen.polygon([(0.5, 0.08), (0.66, 0.56), (0.83, 0.56), (0.75, 0.28)], dark(colour, 0.14))
    for x in (0.10, 0.26, 0.42, 0.58, 0.74, 0.90):
        pen.oval(x, 0.565, 0.08, 0.035, dark(colour, 0.4))
    pen.line([(0.5, 0.03), (0.5, 0.10)], INK, 0.025)


def mushroom(pen: Pen, colour: Colour) -> None:
    """Draw a fat stem and a spotted cap."""
    pen.polygon([(0.40, 0.5), (0.60, 0.5), (0.66, 1.0), (0.34, 1.0)], (240, 230, 208))
    pen.oval(0.5, 0.97, 0.16, 0.05, (240, 230, 208))
    pen.box(0.39, 0.60, 0.61, 0.65, (222, 208, 182), 0.02)
    pen.wedge(0.5, 0.56, 0.44, (180, 360), colour)
    pen.oval(0.5, 0.56, 0.44, 0.07, dark(colour, 0.2))
    spot = (252, 248, 240) if sum(colour) < 640 else (196, 150, 110)
    for x, y, r in ((0.5, 0.22, 0.07), (0.28, 0.38, 0.06), (0.71, 0.36, 0.065), (0.5, 0.44, 0.05)):
        pen.oval(x, y, r, r * 0.8, spot)


def flower(pen: Pen, colour: Colour) -> None:
    """Draw one big blossom on a stem with two leaves."""
    stem = (66, 132, 70)
    pen.line([(0.5, 0.4), (0.51, 1.0)], stem, 0.035)
    pen.polygon([(0.51, 0.90), (0.30, 0.80), (0.22, 0.64), (0.42, 0.72)], stem)
    pen.polygon([(0.51, 0.84), (0.72, 0.72), (0.80, 0.56), (0.60, 0.66)], dark(stem, 0.12))
    petals = ((0.5, 0.12), (0.68, 0.20), (0.71, 0.38), (0.60, 0.51), (0.40, 0.51), (0.29, 0.38))
    for x, y in (*petals, (0.32, 0.20)):
        pen.oval(x, y, 0.12, 0.12, colour)
    for x, y in (*petals, (0.32, 0.20)):
        pen.oval(x * 0.8 + 0.1, y * 0.8 + 0.064, 0.07, 0.07, light(colour, 0.25))
    pen.oval(0.5, 0.32, 0.11, 0.11, (240, 176, 44) if colour[2] > 70 else (112, 72, 40))


def cactus(pen: Pen, colour: Colour) -> None:
    """Draw a cactus with two arms and a flower on top."""
    pen.box(0.41, 0.12, 0.60, 1.0, colour, 0.095)
    pen.box(0.14, 0.36, 0.27, 0.66, colour, 0.065)
    pen.box(0.14, 0.56, 0.48, 0.68, colour, 0.06)
    pen.box(0.74, 0.28, 0.86, 0.58, colour, 0.06)
    pen.box(0.54, 0.48, 0.86, 0.59, colour, 0.055)
    for x in (0.46, 0.505, 0.55):
        pen.line([(x, 0.2), (x, 0.98)], dark(colour, 0.25), 0.01)
    pen.oval(0.5, 0.11, 0.07, 0.05, (238, 110, 150))


def snowman(pen: Pen, colour: Colour) -> None:
    """Draw three snowballs and a carrot nose; `colour` is that of the hat and the scarf."""
    snow = (244, 248, 252)
    pen.line([(0.30, 0.56), (0.08, 0.40)], WOOD, 0.025)
    pen.line([(0.70, 0.56), (0.92, 0.40)], WOOD, 0.025)
    for y, r in ((0.79, 0.22), (0.53, 0.17), (0.31, 0.13)):
        pen.oval(0.5, y, r * 1.05, r, snow)
    pen.box(0.37, 0.40, 0.63, 0.46, colour, 0.03)
    pen.box(0.56, 0.42, 0.63, 0.62, colour, 0.02)
    pen.box(0.40, 0.04, 0.60, 0.20, colour)
    pen.box(0.32, 0.18, 0.68, 0.225, dark(colour, 0.2), 0.02)
    for x, y in ((0.45, 0.28), (0.55, 0.28), (0.5, 0.53), (0.5, 0.61)):
        pen.oval(x, y, 0.018, 0.018, INK)
    pen.polygon([(0.49, 0.30), (0.49, 0.34), (0.64, 0.335)], (240, 132, 36))


def bench(pen: Pen, colour: Colour) -> None:
    """Draw a park bench from the front."""
    for y in (0.40, 0.50):
        pen.box(0.04, y, 0.96, y + 0.07, colour, 0.02)
    pen.box(0.02, 0.66, 0.98, 0.74, light(colour, 0.15), 0.02)
    for x in (0.12, 0.82):
        pen.box(x, 0.36, x + 0.05, 0.68, INK)
        pen.box(x - 0.02, 0.73, x + 0.07, 1.0, INK)


def ball(pen: Pen, colour: Colour) -> None:
    """Draw a beach ball with white panels."""
    pen.oval(0.5, 0.62, 0.38, 0.38, colour)
    for start in (20, 140, 260):
        pen.wedge(0.5, 0.62, 0.38, (start, start + 50), (248, 246, 240))
    pen.oval(0.5, 0.62, 0.08, 0.08, light(colour, 0.2))
    pen.oval(0.36, 0.44, 0.08, 0.05, (255, 255, 255))
