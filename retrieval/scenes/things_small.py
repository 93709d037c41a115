"""Draw things in the air, on the water and on a table, each in a unit square."""

from __future__ import annotations

import math

from retrieval.scenes.canvas import INK, Colour, Pen, dark, light

WOOD: Colour = (132, 90, 58)
GLASS: Colour = (188, 222, 238)
STEEL: Colour = (176, 182, 190)
LEAF: Colour = (84, 150, 66)


def balloon(pen: Pen, colour: Colour) -> None:
    """Draw a toy balloon on a string."""
    pen.line([(0.5, 0.70), (0.53, 0.80), (0.47, 0.90), (0.5, 1.0)], (236, 236, 236), 0.018)
    pen.oval(0.5, 0.35, 0.29, 0.34, colour)
    pen.polygon([(0.5, 0.67), (0.44, 0.74), (0.56, 0.74)], dark(colour, 0.2))
    pen.oval(0.40, 0.22, 0.07, 0.10, light(colour, 0.6))


def kite(pen: Pen, colour: Colour) -> None:
    """Draw a diamond kite with a tail of bows."""
    pen.line([(0.44, 0.66), (0.30, 0.76), (0.36, 0.88), (0.20, 0.98)], (240, 240, 240), 0.018)
    for x, y in ((0.31, 0.76), (0.35, 0.88), (0.21, 0.97)):
        pen.polygon(
            [
                (x - 0.06, y - 0.03),
                (x + 0.06, y + 0.03),
                (x + 0.06, y - 0.03),
                (x - 0.06, y + 0.03),
            ],
            light(colour, 0.3),
        )
    pen.polygon([(0.58, 0.02), (0.88, 0.30), (0.44, 0.68), (0.26, 0.22)], colour)
    pen.polygon([(0.58, 0.02), (0.88, 0.30), (0.52, 0.36)], light(colour, 0.4))
    pen.polygon([(0.44, 0.68), (0.26, 0.22), (0.52, 0.36)], dark(colour, 0.22))


def airship(pen: Pen, colour: Colour) -> None:
    """Draw a hot air balloon with a basket."""
    for x in (0.40, 0.60):
        pen.line([(x - (0.5 - x) * 0.9, 0.56), (x, 0.84)], WOOD, 0.012)
    pen.polygon([(0.18, 0.50), (0.82, 0.50), (0.60, 0.74), (0.40, 0.74)], colour)
    pen.oval(0.5, 0.38, 0.36, 0.36, colour)
    pen.oval(0.5, 0.38, 0.21, 0.36, (250, 244, 226))
    pen.polygon([(0.30, 0.50), (0.70, 0.50), (0.56, 0.74), (0.44, 0.74)], (250, 244, 226))
    pen.oval(0.5, 0.38, 0.10, 0.36, dark(colour, 0.12))
    pen.polygon([(0.41, 0.52), (0.59, 0.52), (0.53, 0.74), (0.47, 0.74)], dark(colour, 0.12))
    pen.box(0.39, 0.83, 0.61, 0.98, WOOD, 0.03)
    pen.box(0.37, 0.82, 0.63, 0.86, dark(WOOD, 0.25), 0.02)


def airplane(pen: Pen, colour: Colour) -> None:
    """Draw a passenger plane from the side."""
    pen.polygon([(0.06, 0.20), (0.20, 0.20), (0.30, 0.48), (0.12, 0.48)], dark(colour, 0.1))
    pen.box(0.06, 0.42, 0.96, 0.62, colour, 0.10)
    pen.box(0.12, 0.54, 0.92, 0.62, light(colour, 0.5), 0.04)
    pen.polygon([(0.44, 0.54), (0.62, 0.54), (0.36, 0.86), (0.26, 0.86)], dark(colour, 0.25))
    pen.polygon([(0.48, 0.43), (0.60, 0.43), (0.44, 0.24), (0.37, 0.24)], dark(colour, 0.35))
    for index in range(6):
        pen.oval(0.30 + index * 0.08, 0.49, 0.022, 0.026, GLASS)
    pen.polygon([(0.82, 0.45), (0.91, 0.46), (0.93, 0.51), (0.82, 0.51)], GLASS)


def boat(pen: Pen, colour: Colour) -> None:
    """Draw a sailing boat; `colour` is that of the hull."""
    pen.line([(0.48, 0.06), (0.48, 0.76)], WOOD, 0.028)
    pen.polygon([(0.51, 0.08), (0.51, 0.66), (0.88, 0.66)], (250, 246, 236))
    pen.polygon([(0.45, 0.16), (0.45, 0.66), (0.16, 0.66)], (232, 226, 214))
    pen.polygon([(0.49, 0.03), (0.62, 0.07), (0.49, 0.11)], (222, 70, 60))
    pen.polygon([(0.04, 0.72), (0.97, 0.72), (0.82, 0.93), (0.20, 0.93)], colour)
    pen.polygon([(0.04, 0.72), (0.97, 0.72), (0.94, 0.77), (0.08, 0.77)], light(colour, 0.45))
    for x in (0.05, 0.40, 0.72):
        pen.line([(x, 0.95), (x + 0.12, 0.93), (x + 0.24, 0.95)], (222, 240, 248), 0.02)


def ship(pen: Pen, colour: Colour) -> None:
    """Draw a steamer with two funnels."""
    pen.oval(0.30, 0.10, 0.10, 0.06, (226, 226, 230))
    for x in (0.36, 0.56):
        pen.box(x, 0.22, x + 0.11, 0.50, (216, 70, 54))
        pen.box(x, 0.22, x + 0.11, 0.29, INK)
    pen.box(0.24, 0.46, 0.78, 0.64, (246, 244, 238), 0.02)
    for x in (0.29, 0.40, 0.51, 0.62):
        pen.box(x, 0.51, x + 0.07, 0.58, (108, 148, 178))
    pen.polygon([(0.02, 0.62), (0.98, 0.62), (0.86, 0.93), (0.14, 0.93)], colour)
    pen.polygon([(0.12, 0.88), (0.88, 0.88), (0.86, 0.93), (0.14, 0.93)], dark(colour, 0.4))
    pen.line([(0.0, 0.945), (1.0, 0.945)], (222, 240, 248), 0.02)


def cup(pen: Pen, colour: Colour) -> None:
    """Draw a steaming mug."""
    for x in (0.34, 0.50):
        pen.line(
            [(x, 0.30), (x + 0.04, 0.22), (x - 0.02, 0.13), (x + 0.03, 0.04)],
            (240, 240, 240),
            0.022,
        )
    pen.ring(0.76, 0.64, 0.17, dark(colour, 0.12), 0.065)
    pen.box(0.16, 0.38, 0.72, 0.99, colour, 0.10)
    pen.oval(0.44, 0.40, 0.28, 0.065, light(colour, 0.35))
    pen.oval(0.44, 0.41, 0.24, 0.048, (96, 58, 36))
    pen.box(0.22, 0.52, 0.27, 0.86, light(colour, 0.45), 0.03)


def teapot(pen: Pen, colour: Colour) -> None:
    """Draw a round pot with spout and lid."""
    pen.polygon(
        [(0.70, 0.78), (0.86, 0.42), (0.99, 0.38), (0.94, 0.50), (0.78, 0.88)], dark(colour, 0.1)
    )
    pen.ring(0.18, 0.62, 0.17, dark(colour, 0.15), 0.055)
    pen.oval(0.48, 0.68, 0.32, 0.29, colour)
    pen.box(0.34, 0.93, 0.62, 1.0, dark(colour, 0.25), 0.03)
    pen.oval(0.48, 0.41, 0.19, 0.06, light(colour, 0.3))
    pen.oval(0.48, 0.34, 0.05, 0.05, dark(colour, 0.2))
    pen.oval(0.38, 0.58, 0.07, 0.10, light(colour, 0.5))


def apple(pen: Pen, colour: Colour) -> None:
    """Draw an apple with a leaf."""
    pen.line([(0.5, 0.34), (0.53, 0.16)], WOOD, 0.04)
    pen.polygon([(0.53, 0.24), (0.66, 0.10), (0.82, 0.12), (0.70, 0.25)], LEAF)
    for x in (0.36, 0.64):
        pen.oval(x, 0.62, 0.26, 0.33, colour)
    pen.oval(0.5, 0.70, 0.30, 0.29, colour)
    pen.oval(0.5, 0.33, 0.10, 0.03, dark(colour, 0.35))
    pen.oval(0.28, 0.50, 0.06, 0.10, light(colour, 0.6))


def pear(pen: Pen, colour: Colour) -> None:
    """Draw a pear with a leaf."""
    pen.line([(0.5, 0.20), (0.54, 0.05)], WOOD, 0.04)
    pen.polygon([(0.53, 0.12), (0.66, 0.02), (0.80, 0.06), (0.68, 0.15)], LEAF)
    pen.oval(0.5, 0.34, 0.16, 0.18, colour)
    pen.polygon([(0.35, 0.36), (0.65, 0.36), (0.78, 0.66), (0.22, 0.66)], colour)
    pen.oval(0.5, 0.71, 0.30, 0.28, colour)
    pen.oval(0.38, 0.62, 0.06, 0.12, light(colour, 0.55))


def cake(pen: Pen, colour: Colour) -> None:
    """Draw a layer cake with icing and three candles."""
    for x in (0.34, 0.50, 0.66):
        pen.box(x - 0.018, 0.22, x + 0.018, 0.44, (250, 246, 240))
        pen.oval(x, 0.17, 0.025, 0.05, (252, 190, 60))
    pen.oval(0.5, 0.95, 0.47, 0.05, (236, 236, 238))
    pen.box(0.12, 0.42, 0.88, 0.95, (236, 196, 138), 0.04)
    pen.box(0.12, 0.66, 0.88, 0.73, light(colour, 0.2))
    pen.box(0.10, 0.40, 0.90, 0.56, colour, 0.06)
    for index in range(6):
        pen.oval(0.17 + index * 0.132, 0.56, 0.06, 0.08 + 0.03 * (index % 2), colour)
    for x in (0.22, 0.42, 0.58, 0.78):
        pen.oval(x, 0.47, 0.025, 0.02, light(colour, 0.7))


def book(pen: Pen, colour: Colour) -> None:
    """Draw a closed book, standing, turned a little."""
    pen.polygon([(0.26, 0.12), (0.80, 0.12), (0.80, 0.98), (0.26, 0.98)], (240, 232, 214))
    pen.box(0.18, 0.08, 0.74, 1.0, colour, 0.03)
    pen.box(0.18, 0.08, 0.27, 1.0, dark(colour, 0.3), 0.02)
    pen.box(0.36, 0.24, 0.66, 0.40, light(colour, 0.65), 0.01)
    for y in (0.29, 0.35):
        pen.line([(0.40, y), (0.62, y)], dark(colour, 0.3), 0.014)


def clock(pen: Pen, colour: Colour) -> None:
    """Draw an alarm clock with two bells."""
    for x in (0.26, 0.74):
        pen.oval(x, 0.22, 0.13, 0.10, dark(colour, 0.2))
        pen.line(
            [(0.5 + (x - 0.5) * 0.8, 0.84), (0.5 + (x - 0.5) * 1.2, 0.98)], dark(colour, 0.35), 0.05
        )
    pen.oval(0.5, 0.57, 0.37, 0.37, colour)
    pen.oval(0.5, 0.57, 0.29, 0.29, (250, 248, 240))
    for hour in range(12):
        turn = math.tau * hour / 12
        pen.oval(0.5 + 0.24 * math.sin(turn), 0.57 - 0.24 * math.cos(turn), 0.013, 0.013, INK)
    pen.line([(0.5, 0.57), (0.5, 0.38)], INK, 0.028)
    pen.line([(0.5, 0.57), (0.62, 0.63)], INK, 0.034)
    pen.oval(0.5, 0.57, 0.03, 0.03, INK)


def candle(pen: Pen, colour: Colour) -> None:
    """Draw a burning candle in a holder."""
    pen.oval(0.5, 0.14, 0.14, 0.16, (255, 232, 150))
    pen.oval(0.5, 0.16, 0.065, 0.12, (252, 170, 50))
    pen.line([(0.5, 0.24), (0.5, 0.34)], INK, 0.02)
    pen.box(0.37, 0.32, 0.63, 0.90, colour, 0.03)
    pen.oval(0.5, 0.33, 0.13, 0.03, light(colour, 0.45))
    pen.box(0.40, 0.40, 0.44, 0.82, light(colour, 0.4), 0.02)
    pen.box(0.22, 0.87, 0.78, 0.97, (188, 150, 70), 0.04)


def guitar(pen: Pen, colour: Colour) -> None:
    """Draw an acoustic guitar, upright."""
    pen.box(0.465, 0.08, 0.535, 0.56, (84, 56, 44))
    pen.box(0.43, 0.0, 0.57, 0.13, (84, 56, 44), 0.02)
    for x, y, r in ((0.5, 0.52, 0.19), (0.5, 0.78, 0.26)):
        pen.oval(x, y, r, r * 0.85, dark(colour, 0.25))
    for x, y, r in ((0.5, 0.52, 0.17), (0.5, 0.78, 0.24)):
        pen.oval(x, y, r, r * 0.85, colour)
    pen.oval(0.5, 0.62, 0.075, 0.075, (50, 34, 30))
    pen.box(0.40, 0.84, 0.60, 0.88, (84, 56, 44))
    for x in (0.48, 0.5, 0.52):
        pen.line([(x, 0.06), (x, 0.86)], (236, 228, 208), 0.006)


def sign(pen: Pen, word: str) -> None:
    """Draw a board on two posts with the text `word`."""
    for x in (0.20, 0.74):
        pen.box(x, 0.30, x + 0.06, 1.0, (112, 78, 54))
    pen.box(0.02, 0.16, 0.98, 0.60, (96, 64, 44), 0.05)
    pen.box(0.05, 0.19, 0.95, 0.57, (252, 246, 226), 0.04)
    height = min(0.30, 1.12 / len(word))
    pen.word(0.5, 0.38, word, height, (40, 36, 44))
