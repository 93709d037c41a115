"""The brush for backgrounds: it paints shapes tinted by light; lengths are shares of the side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from retrieval.scenes.canvas import Colour, Point, gradient, grain, mix

Band = tuple[float, float]  # top and bottom y as shares of the height


@dataclass(frozen=True)
class Light:
    """The sky's colours from top to horizon, and the tint of everything below."""

    sky: tuple[Colour, ...]
    tint: Colour
    strength: float  # of the tint: 0 by day, highest at night
    lamps: float = 0.1  # the share of windows that are lit


@dataclass(frozen=True)
class Stage:
    """A painted background and the band of each zone where things have their feet (or middle)."""

    picture: Image.Image
    bands: dict[str, Band]
    horizon: float


class Brush:
    """Paints on a square picture that starts as sky."""

    def __init__(self, side: int, lit: Light, rng: np.random.Generator) -> None:
        self.side, self.lit, self.rng = side, lit, rng
        self.picture = gradient((side, side), lit.sky)

    def tone(self, colour: Colour) -> Colour:
        """Return a colour under this light."""
        r, g, b = (round(c * t / 255) for c, t in zip(colour, self.lit.tint, strict=True))
        return mix(colour, (r, g, b), self.lit.strength)

    def ground(self, top: float, stops: tuple[Colour, ...], spots: float = 5.0) -> None:
        """Fill everything below `top` with a grained gradient."""
        y = round(top * self.side)
        patch = gradient((self.side, self.side - y), [self.tone(stop) for stop in stops])
        patch = grain(patch, self.rng, spots, self.side / 24)
        self.picture.paste(grain(patch, self.rng, spots * 0.5, self.side / 160), (0, y))

    def ridge(
        self, y: float, height: float, colour: Colour, bumps: int = 4, rough: float = 0.0
    ) -> None:
        """Paint a range of hills: a sum of waves; `rough` adds peaks."""
        x = np.linspace(0, 1, 97)
        wave = np.zeros_like(x)
        for octave in range(1, bumps + 1):
            phase, weight = self.rng.uniform(0, 6.28), self.rng.uniform(0.5, 1) / octave
            wave += weight * np.sin(2 * np.pi * octave * x * self.rng.uniform(0.7, 1.2) + phase)
        wave = (wave - wave.min()) / (np.ptp(wave) + 1e-6)
        jag = np.abs(self.rng.normal(0, rough, x.size)) if rough else 0.0
        tops = y - height * wave - jag
        self.shape([(0.0, 1.0), *zip(x.tolist(), tops.tolist(), strict=True), (1.0, 1.0)], colour)

    def shape(self, points: list[Point], colour: Colour) -> None:
        """Fill a polygon under this light."""
        scaled = [(px * self.side, py * self.side) for px, py in points]
        ImageDraw.Draw(self.picture).polygon(scaled, fill=self.tone(colour))

    def box(self, x0: float, y0: float, x1: float, y1: float, colour: Colour) -> None:
        """Fill a rectangle under this light."""
        self.shape([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], colour)

    def lamp(self, x0: float, y0: float, x1: float, y1: float, colour: Colour) -> None:
        """Paint a lit window: a rectangle whose colour is independent of the light."""
        s = self.side
        ImageDraw.Draw(self.picture).rectangle((x0 * s, y0 * s, x1 * s, y1 * s), fill=colour)

    def oval(self, x: float, y: float, rx: float, ry: float, colour: Colour) -> None:
        """Fill an ellipse under this light."""
        s = self.side
        ends = ((x - rx) * s, (y - ry) * s, (x + rx) * s, (y + ry) * s)
        ImageDraw.Draw(self.picture).ellipse(ends, fill=self.tone(colour))

    def waves(self, top: float, bottom: float, colour: Colour) -> None:
        """Paint short light strokes on water, longer towards the viewer."""
        draw = ImageDraw.Draw(self.picture)
        for _ in range(46):
            depth = self.rng.uniform(0, 1) ** 1.4
            y = (top + 0.01 + (bottom - top - 0.015) * depth) * self.side
            x, length = self.rng.uniform(-0.05, 1) * self.side, (0.02 + 0.08 * depth) * self.side
            thick = max(1, round((0.002 + 0.004 * depth) * self.side))
            draw.line([(x, y), (x + length, y)], fill=self.tone(colour), width=thick)

    def clouds(self, colour: Colour, count: int, low: float) -> None:
        """Paint soft clouds between the top and `low`."""
        layer = Image.new("L", self.picture.size, 0)
        draw = ImageDraw.Draw(layer)
        for _ in range(count):
            x, y = self.rng.uniform(0, 1), self.rng.uniform(0.04, low)
            for _ in range(5):
                dx, dy = self.rng.normal(0, 0.06), self.rng.normal(0, 0.012)
                rx, ry = self.rng.uniform(0.04, 0.09), self.rng.uniform(0.018, 0.035)
                ends = (x + dx - rx, y + dy - ry, x + dx + rx, y + dy + ry)
                draw.ellipse([v * self.side for v in ends], fill=200)
        soft = layer.filter(ImageFilter.GaussianBlur(self.side / 55))
        self.picture.paste(Image.new("RGB", self.picture.size, colour), mask=soft)

    def stage(self, horizon: float, **bands: Band) -> Stage:
        """Return the painted background with its bands."""
        return Stage(self.picture, bands, horizon)
