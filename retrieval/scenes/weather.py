"""Weather and time of day: the light, the sky, and rain, snow or fog over the picture."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from retrieval.scenes.brush import Brush, Light
from retrieval.scenes.canvas import glow, gradient

LIGHTS: dict[str, Light] = {
    "": Light(((120, 190, 240), (206, 232, 250)), (255, 255, 255), 0.0),
    "sunny": Light(((66, 150, 230), (140, 200, 246), (214, 238, 250)), (255, 250, 236), 0.6),
    "rain": Light(((96, 108, 124), (138, 150, 164), (168, 178, 188)), (172, 186, 204), 0.8, 0.3),
    "snow": Light(((168, 182, 202), (200, 210, 224), (222, 230, 240)), (214, 226, 246), 0.7),
    "fog": Light(((186, 192, 198), (204, 208, 212), (216, 220, 222)), (220, 224, 228), 0.7),
    "night": Light(((10, 14, 44), (24, 34, 84), (52, 62, 118)), (82, 96, 160), 0.85, 0.6),
    "sunset": Light(((72, 52, 122), (222, 100, 96), (250, 178, 92)), (255, 196, 160), 0.8, 0.4),
}


def paint_sky(brush: Brush, weather: str) -> None:
    """Paint sun, clouds, stars or moon; the place then covers the lower part."""
    if weather == "sunny":
        brush.clouds((255, 255, 255), 3, 0.3)
        _disc(brush, 0.14, 0.05, (255, 236, 140), 0.26)
    elif weather == "sunset":
        brush.clouds((250, 150, 130), 4, 0.3)
        _disc(brush, 0.40, 0.07, (255, 214, 120), 0.34)
    elif weather == "night":
        _stars(brush)
        _disc(brush, 0.13, 0.045, (250, 244, 214), 0.16)
    elif weather in ("rain", "snow"):
        tone = (112, 122, 136) if weather == "rain" else (226, 232, 240)
        brush.clouds(tone, 9, 0.26)


def cover(picture: Image.Image, weather: str, rng: np.random.Generator) -> Image.Image:
    """Return a finished scene with rain, falling snow or fog over it."""
    if weather == "rain":
        return _rain(picture, rng)
    if weather == "snow":
        return _snowfall(picture, rng)
    if weather == "fog":
        return _fog(picture, rng)
    return picture


def _disc(brush: Brush, y: float, radius: float, colour: tuple[int, int, int], halo: float) -> None:
    """Paint the sun or the moon with a halo, left or right."""
    x = float(brush.rng.choice([brush.rng.uniform(0.08, 0.25), brush.rng.uniform(0.75, 0.92)]))
    mask = glow(brush.picture.size, (x, y), halo, 0.75)
    brush.picture.paste(Image.new("RGB", brush.picture.size, colour), mask=mask)
    s = brush.side
    ends = ((x - radius) * s, (y - radius) * s, (x + radius) * s, (y + radius) * s)
    ImageDraw.Draw(brush.picture).ellipse(ends, fill=colour)


def _stars(brush: Brush) -> None:
    draw = ImageDraw.Draw(brush.picture)
    for _ in range(70):
        x, y = brush.rng.uniform(0, 1) * brush.side, brush.rng.uniform(0, 0.5) * brush.side
        r = brush.rng.uniform(0.001, 0.0045) * brush.side
        draw.ellipse((x - r, y - r, x + r, y + r), fill=(255, 252, 226))


def _rain(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    side = picture.width
    layer = Image.new("L", picture.size, 0)
    draw = ImageDraw.Draw(layer)
    for _ in range(130):
        x, y = rng.uniform(-0.1, 1.1) * side, rng.uniform(-0.1, 1) * side
        length = rng.uniform(0.04, 0.09) * side
        thick = max(1, round(side * 0.004))
        draw.line(
            [(x, y), (x - length * 0.3, y + length)], fill=int(rng.integers(110, 200)), width=thick
        )
    picture.paste(Image.new("RGB", picture.size, (224, 234, 244)), mask=layer)
    return picture


def _snowfall(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    side = picture.width
    layer = Image.new("L", picture.size, 0)
    draw = ImageDraw.Draw(layer)
    for _ in range(150):
        x, y = rng.uniform(0, 1) * side, rng.uniform(0, 1) * side
        r = rng.uniform(0.003, 0.011) * side
        draw.ellipse((x - r, y - r, x + r, y + r), fill=240)
    soft = layer.filter(ImageFilter.GaussianBlur(side / 400))
    picture.paste(Image.new("RGB", picture.size, (252, 254, 255)), mask=soft)
    return picture


def _fog(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Return a picture with fog in banks, thickest at the horizon."""
    tones = [(w, w, w) for w in (120, 176, 178, 92, 60)]
    veil = gradient(picture.size, tones).convert("L")
    banks = Image.fromarray(rng.integers(190, 256, (5, 3), dtype=np.uint8))
    banks = banks.resize(picture.size, Image.Resampling.BICUBIC)
    mask = ImageChops.multiply(veil, banks)
    picture.paste(Image.new("RGB", picture.size, (222, 226, 230)), mask=mask)
    return picture
