"""Drawing tools: colours, gradients, noise, and a pen with coordinates in a unit square."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

Colour = tuple[int, int, int]
Point = tuple[float, float]
Pixels = NDArray[np.uint8]

COLOURS: dict[str, Colour] = {
    "red": (214, 48, 49),
    "orange": (240, 132, 36),
    "yellow": (250, 206, 60),
    "green": (62, 158, 82),
    "blue": (44, 104, 206),
    "purple": (132, 76, 176),
    "pink": (242, 132, 176),
    "white": (246, 244, 238),
    "black": (44, 42, 48),
    "brown": (136, 88, 54),
    "grey": (144, 150, 158),
}
INK: Colour = (52, 44, 52)


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """Return the colour at `share` (0 to 1) of the way from `one` to `other`."""
    r, g, b = (round(a + (z - a) * share) for a, z in zip(one, other, strict=True))
    return r, g, b


def light(colour: Colour, share: float = 0.35) -> Colour:
    """Return a lighter tone of a colour."""
    return mix(colour, (255, 252, 240), share)


def dark(colour: Colour, share: float = 0.3) -> Colour:
    """Return a darker, slightly bluish tone of a colour."""
    return mix(colour, (24, 16, 44), share)


def gradient(size: tuple[int, int], stops: Sequence[Colour]) -> Image.Image:
    """Return a vertical gradient from the first of `stops` at the top to the last at the bottom."""
    width, height = size
    at = np.linspace(0, 1, height)
    known = np.linspace(0, 1, len(stops))
    channels = [np.interp(at, known, [stop[c] for stop in stops]) for c in range(3)]
    column = np.stack(channels, axis=1).round().astype(np.uint8)
    return Image.fromarray(np.repeat(column[:, None, :], width, axis=1))


def grain(
    picture: Image.Image, rng: np.random.Generator, strength: float, cell: float = 1.0
) -> Image.Image:
    """Return a picture with added soft noise; `cell` is the width of a spot in pixels."""
    width, height = picture.size
    coarse = (max(2, round(width / cell)), max(2, round(height / cell)))
    noise = rng.normal(0, strength, (coarse[1], coarse[0])).astype(np.float32)
    spots = Image.fromarray(noise)
    if coarse != picture.size:
        spots = spots.resize(picture.size, Image.Resampling.BICUBIC)
    lit = np.asarray(picture, np.float32) + np.asarray(spots, np.float32)[..., None]
    return Image.fromarray(lit.clip(0, 255).astype(np.uint8))


def glow(size: tuple[int, int], centre: Point, radius: float, strength: float) -> Image.Image:
    """Return a grey mask that fades out around `centre`; all lengths are shares of the width."""
    width, height = size
    y, x = np.ogrid[:height, :width]
    distance = np.hypot(x / width - centre[0], y / width - centre[1] * height / width)
    mask = strength * 255 * np.exp(-((distance / radius) ** 2))
    return Image.fromarray(mask.astype(np.uint8))


class Pen:
    """Draws on a square transparent layer in coordinates from 0 to 1, y downwards."""

    def __init__(self, side: int) -> None:
        self.side = side
        self.layer = Image.new("RGBA", (side, side), (0, 0, 0, 0))
        self._draw = ImageDraw.Draw(self.layer)

    def polygon(self, points: Sequence[Point], fill: Colour) -> None:
        """Fill a polygon."""
        self._draw.polygon([self._at(p) for p in points], fill=fill)

    def oval(self, x: float, y: float, rx: float, ry: float, fill: Colour) -> None:
        """Fill an ellipse around (x, y)."""
        self._draw.ellipse([self._at((x - rx, y - ry)), self._at((x + rx, y + ry))], fill=fill)

    def box(
        self, x0: float, y0: float, x1: float, y1: float, fill: Colour, corner: float = 0.0
    ) -> None:
        """Fill a rectangle; `corner` is the radius of its corners."""
        ends = [self._at((x0, y0)), self._at((x1, y1))]
        self._draw.rounded_rectangle(ends, radius=corner * self.side, fill=fill)

    def line(self, points: Sequence[Point], fill: Colour, width: float = 0.02) -> None:
        """Draw a line through all points, with round joints."""
        pixels = max(1, round(width * self.side))
        self._draw.line([self._at(p) for p in points], fill=fill, width=pixels, joint="curve")

    def ring(self, x: float, y: float, radius: float, fill: Colour, width: float = 0.03) -> None:
        """Draw a circle line."""
        ends = [self._at((x - radius, y - radius)), self._at((x + radius, y + radius))]
        self._draw.ellipse(ends, outline=fill, width=max(1, round(width * self.side)))

    def wedge(
        self, x: float, y: float, radius: float, angles: tuple[float, float], fill: Colour
    ) -> None:
        """Fill a slice of a disc between two angles in degrees, clockwise from the right."""
        ends = [self._at((x - radius, y - radius)), self._at((x + radius, y + radius))]
        self._draw.pieslice(ends, angles[0], angles[1], fill=fill)

    def word(self, x: float, y: float, text: str, height: float, fill: Colour) -> None:
        """Write a word centred on (x, y)."""
        font = ImageFont.load_default(max(6, round(height * self.side)))
        self._draw.text(self._at((x, y)), text, fill=fill, font=font, anchor="mm")

    def _at(self, point: Point) -> tuple[int, int]:
        return round(point[0] * (self.side - 1)), round(point[1] * (self.side - 1))


def shade(layer: Image.Image) -> Image.Image:
    """Return a sprite lit from the upper left: brighter there, darker at the lower right."""
    pixels = np.asarray(layer, np.float32).copy()
    height, width = pixels.shape[:2]
    y, x = np.ogrid[:height, :width]
    slope = 1.14 - 0.30 * (0.35 * x / width + 0.65 * y / height)
    pixels[..., :3] *= slope[..., None]
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def shadow(side: int) -> Image.Image:
    """Return a mask for the soft shadow on the ground of a sprite with this side in pixels."""
    patch = Image.new("L", (side, max(4, side // 5)), 0)
    inset = max(2, side // 16)
    box = (inset * 2, inset, patch.width - inset * 2, patch.height - inset)
    if box[3] > box[1]:
        ImageDraw.Draw(patch).ellipse(box, fill=105)
    return patch.filter(ImageFilter.GaussianBlur(side / 40))
