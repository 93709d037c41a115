"""Backgrounds of scenes. Each painter also returns the bands in which things can stand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from retrieval.scenes.brush import Brush, Stage
from retrieval.scenes.canvas import Colour, dark, gradient, light, mix


def _beach(brush: Brush) -> Stage:
    brush.ground(0.46, ((40, 120, 178), (72, 168, 200), (128, 208, 212)))
    brush.waves(0.46, 0.64, (206, 236, 244))
    brush.ground(0.66, ((238, 214, 160), (226, 192, 132)))
    x = np.linspace(0, 1, 33)
    foam = 0.655 + 0.012 * np.sin(x * 14 + brush.rng.uniform(0, 6))
    edge = list(zip(x.tolist(), foam.tolist(), strict=True))
    brush.shape([*edge, *((px, py + 0.03) for px, py in reversed(edge))], (206, 178, 126))
    brush.shape([*edge, *((px, py + 0.016) for px, py in reversed(edge))], (250, 252, 252))
    for _ in range(5):
        px, py = brush.rng.uniform(0, 1), brush.rng.uniform(0.78, 0.97)
        brush.oval(px, py, 0.012, 0.008, (250, 232, 214))
    return brush.stage(0.46, ground=(0.78, 0.94), air=(0.14, 0.36), water=(0.56, 0.63))


def _street(brush: Brush) -> Stage:
    x = -0.05
    walls = ((196, 122, 96), (222, 190, 140), (164, 176, 186), (206, 150, 130), (180, 190, 160))
    while x < 1:
        width, top = brush.rng.uniform(0.18, 0.28), brush.rng.uniform(0.16, 0.34)
        wall = walls[int(brush.rng.integers(len(walls)))]
        brush.box(x, top, x + width, 0.70, wall)
        brush.box(x, top, x + width, top + 0.02, dark(wall))
        for wx in np.arange(x + 0.03, x + width - 0.05, 0.075):
            for wy in np.arange(top + 0.06, 0.60, 0.12):
                brush.box(wx - 0.006, wy - 0.006, wx + 0.048, wy + 0.072, light(wall, 0.4))
                if brush.rng.random() < brush.lit.lamps:
                    brush.lamp(wx, wy, wx + 0.042, wy + 0.066, (255, 226, 140))
                else:
                    brush.box(wx, wy, wx + 0.042, wy + 0.066, (116, 142, 164))
        x += width
    brush.ground(0.66, ((182, 178, 172), (170, 166, 160)), 3)
    brush.ground(0.73, ((92, 94, 102), (74, 76, 84)), 4)
    brush.box(0, 0.725, 1, 0.737, (206, 204, 198))
    for px in np.arange(brush.rng.uniform(-0.1, 0), 1, 0.2):
        brush.box(px, 0.895, px + 0.1, 0.912, (236, 232, 214))
    return brush.stage(0.62, ground=(0.80, 0.96), air=(0.11, 0.30))


def _city(brush: Brush) -> Stage:
    for base, far in ((0.60, 0.45), (0.66, 0.0)):
        x = -0.02
        while x < 1:
            width, top = brush.rng.uniform(0.07, 0.14), base - brush.rng.uniform(0.1, 0.42)
            tower = mix((70, 84, 118), brush.lit.sky[-1], far)
            brush.box(x, top, x + width, 0.75, tower)
            if not far:
                for wx in np.arange(x + 0.014, x + width - 0.02, 0.026):
                    for wy in np.arange(top + 0.02, 0.68, 0.036):
                        if brush.rng.random() < brush.lit.lamps:
                            brush.lamp(wx, wy, wx + 0.014, wy + 0.02, (255, 226, 130))
                        else:
                            brush.box(wx, wy, wx + 0.014, wy + 0.02, (128, 146, 178))
            x += width + 0.004
    brush.ground(0.70, ((112, 116, 128), (88, 92, 104)), 3)
    brush.box(0, 0.70, 1, 0.715, (150, 152, 160))
    return brush.stage(0.62, ground=(0.80, 0.95), air=(0.11, 0.30))


def _snow(brush: Brush) -> Stage:
    brush.ridge(0.58, 0.12, (204, 218, 236))
    for _ in range(9):
        _pine(
            brush,
            brush.rng.uniform(0, 1),
            0.60,
            brush.rng.uniform(0.08, 0.14),
            (72, 108, 104),
            True,
        )
    brush.ground(0.60, ((232, 240, 250), (246, 250, 255), (222, 232, 246)), 3)
    brush.ridge(0.74, 0.08, (226, 235, 247), 2)
    brush.ridge(0.86, 0.09, (240, 246, 253), 2)
    return brush.stage(0.56, ground=(0.76, 0.94), air=(0.12, 0.36))


def _desert(brush: Brush) -> Stage:
    brush.ridge(0.58, 0.12, (206, 140, 92), 3)
    brush.ground(0.60, ((232, 178, 104), (222, 158, 84)), 5)
    brush.ridge(0.66, 0.06, (236, 184, 110), 2)
    brush.ridge(0.76, 0.06, (228, 168, 94), 2)
    brush.ground(0.76, ((230, 172, 98), (212, 146, 76)), 5)
    return brush.stage(0.56, ground=(0.78, 0.94), air=(0.12, 0.38))


def _pine(
    brush: Brush, x: float, base: float, height: float, colour: Colour, snowy: bool = False
) -> None:
    brush.box(x - height * 0.04, base - height * 0.2, x + height * 0.04, base, (92, 66, 50))
    for step in range(3):
        top, wide = base - height * (1 - 0.24 * step), height * (0.18 + 0.09 * step)
        low = top + height * 0.36
        brush.shape([(x, top), (x + wide, low), (x - wide, low)], dark(colour, 0.06 * step))
        if snowy:
            brush.shape(
                [
                    (x, top),
                    (x + wide * 0.4, top + height * 0.13),
                    (x - wide * 0.4, top + height * 0.13),
                ],
                (244, 248, 252),
            )


def _forest(brush: Brush) -> Stage:
    brush.box(0, 0.44, 1, 0.72, (92, 132, 112))
    for base, height, colour in (
        (0.62, 0.34, (112, 156, 132)),
        (0.66, 0.44, (66, 118, 88)),
        (0.70, 0.56, (38, 84, 60)),
    ):
        for x in np.arange(-0.02, 1.05, 0.115):
            tall = height * brush.rng.uniform(0.75, 1.1)
            _pine(brush, x + brush.rng.normal(0, 0.02), base, tall, colour)
    brush.ground(0.68, ((86, 116, 62), (68, 92, 48), (92, 82, 52)), 7)
    return brush.stage(0.60, ground=(0.80, 0.95), air=(0.11, 0.28))


def _meadow(brush: Brush) -> Stage:
    brush.ridge(0.60, 0.12, (134, 178, 128))
    brush.ridge(0.66, 0.10, (116, 178, 92), 3)
    brush.ground(0.64, ((126, 190, 84), (90, 160, 62)), 6)
    for _ in range(60):
        x, y = brush.rng.uniform(0, 1), brush.rng.uniform(0.68, 0.99)
        size = 0.003 + 0.006 * (y - 0.66)
        spot = ((252, 244, 230), (250, 222, 90), (240, 160, 190))[int(brush.rng.integers(3))]
        brush.oval(x, y, size, size, spot)
    return brush.stage(0.58, ground=(0.76, 0.94), air=(0.12, 0.36))


def _mountains(brush: Brush) -> Stage:
    for base, colour in ((0.52, (146, 158, 190)), (0.60, (96, 108, 140))):
        for _ in range(3):
            x, wide = brush.rng.uniform(0, 1), brush.rng.uniform(0.24, 0.36)
            top = base - brush.rng.uniform(0.24, 0.40)
            slope = (base + 0.1 - top) / wide
            brush.shape([(x, top), (x + wide, base + 0.1), (x - wide, base + 0.1)], colour)
            brush.shape(
                [(x, top), (x + wide, base + 0.1), (x + wide * 0.1, base + 0.1)], dark(colour, 0.18)
            )
            cap = wide * 0.3
            low = top + cap * slope
            brush.shape(
                [
                    (x, top),
                    (x + cap, low),
                    (x + cap * 0.4, low - 0.02),
                    (x, low + 0.015),
                    (x - cap * 0.5, low - 0.02),
                    (x - cap, low),
                ],
                (246, 248, 252),
            )
    brush.ground(0.64, ((116, 158, 98), (88, 132, 72)), 6)
    brush.ridge(0.66, 0.05, (124, 164, 100), 3)
    brush.ground(0.68, ((120, 162, 98), (86, 130, 70)), 6)
    return brush.stage(0.60, ground=(0.78, 0.94), air=(0.10, 0.26))


def _sea(brush: Brush) -> Stage:
    brush.ground(0.44, ((44, 112, 170), (30, 96, 156), (18, 70, 126)), 5)
    brush.waves(0.44, 1.0, (132, 186, 220))
    return brush.stage(0.44, water=(0.66, 0.94), air=(0.12, 0.32))


def _lake(brush: Brush) -> Stage:
    brush.ridge(0.46, 0.12, (98, 140, 118), 3)
    for x in np.arange(0, 1.05, 0.09):
        _pine(
            brush, x + brush.rng.normal(0, 0.02), 0.48, brush.rng.uniform(0.1, 0.17), (50, 102, 78)
        )
    brush.ground(0.48, ((90, 146, 168), (66, 132, 168), (92, 164, 190)))
    brush.waves(0.48, 0.74, (176, 214, 228))
    brush.ground(0.78, ((122, 170, 84), (96, 144, 66)), 6)
    for _ in range(40):
        x, y = brush.rng.uniform(0, 1), brush.rng.uniform(0.775, 0.80)
        brush.shape([(x, y), (x + 0.006, y - 0.05), (x + 0.012, y)], (92, 140, 62))
    return brush.stage(0.44, ground=(0.86, 0.96), air=(0.11, 0.27), water=(0.60, 0.74))


def _underwater(brush: Brush) -> Stage:
    brush.picture = gradient(
        (brush.side, brush.side), ((84, 196, 220), (34, 130, 184), (14, 70, 124))
    )
    rays = Image.new("L", brush.picture.size, 0)
    draw = ImageDraw.Draw(rays)
    for _ in range(5):
        x, w = brush.rng.uniform(-0.1, 1) * brush.side, brush.rng.uniform(0.03, 0.09) * brush.side
        lean = 0.3 * brush.side
        draw.polygon(
            [(x, 0), (x + w, 0), (x + lean + 2 * w, brush.side), (x + lean, brush.side)], fill=46
        )
    soft = rays.filter(ImageFilter.GaussianBlur(brush.side / 60))
    brush.picture.paste(Image.new("RGB", brush.picture.size, (232, 250, 255)), mask=soft)
    brush.ridge(0.93, 0.05, (206, 190, 142), 3)
    for _ in range(7):
        x, tall = brush.rng.uniform(0, 1), brush.rng.uniform(0.12, 0.3)
        sway = brush.rng.uniform(-0.04, 0.04)
        green = ((40, 126, 92), (62, 146, 84), (196, 90, 104))[int(brush.rng.integers(3))]
        brush.shape(
            [
                (x, 0.96),
                (x + sway + 0.012, 0.96 - tall * 0.6),
                (x - sway * 0.5, 0.96 - tall),
                (x + sway - 0.016, 0.96 - tall * 0.5),
            ],
            green,
        )
    for _ in range(14):
        x, y, r = (
            brush.rng.uniform(0, 1),
            brush.rng.uniform(0.05, 0.8),
            brush.rng.uniform(0.004, 0.012),
        )
        brush.oval(x, y, r, r, (190, 232, 244))
    return brush.stage(0.0, deep=(0.24, 0.74))


def _table(brush: Brush) -> Stage:
    walls = ((238, 226, 200), (206, 222, 224), (228, 208, 204), (214, 224, 200))
    wall = walls[int(brush.rng.integers(len(walls)))]
    brush.picture = gradient((brush.side, brush.side), (light(wall, 0.3), wall))
    for x in np.arange(0, 1, 0.125):
        brush.box(x, 0, x + 0.006, 0.58, dark(wall, 0.08))
    for y in np.arange(0.05, 0.6, 0.125):
        brush.box(0, y, 1, y + 0.006, dark(wall, 0.08))
    wood = ((176, 122, 76), (150, 98, 62), (200, 150, 100))[int(brush.rng.integers(3))]
    brush.ground(0.58, (light(wood, 0.15), wood, dark(wood, 0.15)), 6)
    for y in (0.66, 0.76, 0.88):
        brush.box(0, y, 1, y + 0.005, dark(wood, 0.25))
    brush.box(0, 0.58, 1, 0.592, light(wood, 0.4))
    return brush.stage(0.58, table=(0.76, 0.94))


PAINTERS: dict[str, Callable[[Brush], Stage]] = {
    "beach": _beach,
    "street": _street,
    "city": _city,
    "snow": _snow,
    "desert": _desert,
    "forest": _forest,
    "meadow": _meadow,
    "mountains": _mountains,
    "sea": _sea,
    "lake": _lake,
    "underwater": _underwater,
    "table": _table,
}
