"""Draw a scene from its facts: background, things with their shadows, weather, grain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from retrieval.scenes.brush import Brush, Light, Stage
from retrieval.scenes.canvas import COLOURS, Pen, grain, shade, shadow
from retrieval.scenes.facts import Facts, Item
from retrieval.scenes.places import PAINTERS
from retrieval.scenes.things_small import sign
from retrieval.scenes.weather import LIGHTS, cover, paint_sky

OVERSAMPLE = 2  # scenes are drawn larger by this factor and scaled down, which smooths edges


@dataclass(frozen=True)
class Sprite:
    """One drawn thing and its position: x of its middle and y of its base as shares of the side."""

    layer: Image.Image
    x: float
    y: float
    grounded: bool


def paint(facts: Facts, rng: np.random.Generator, size: int) -> Image.Image:
    """Paint a square picture of the facts, `size` pixels wide."""
    side = size * OVERSAMPLE
    lit = LIGHTS[facts.weather]
    brush = Brush(side, lit, rng)
    paint_sky(brush, facts.weather)
    stage = PAINTERS[facts.place](brush)
    picture = stage.picture
    for sprite in _sprites(facts, stage, side, rng):
        _place(picture, sprite, lit)
    picture = cover(picture, facts.weather, rng)
    picture = picture.resize((size, size), Image.Resampling.BOX)
    return grain(picture, rng, 2.2)


def _sprites(facts: Facts, stage: Stage, side: int, rng: np.random.Generator) -> list[Sprite]:
    """Return the sprites of all things, the farthest first."""
    groups = [item for item in (facts.subject, facts.companion) if item]
    zones = {zone: [item for item in groups if item.kind.zone == zone] for zone in stage.bands}
    sprites = []
    for zone, items in zones.items():
        word = facts.sign if zone == "ground" else ""
        sprites += _row(zone, items, word, stage, side, rng)
    return sorted(sprites, key=lambda sprite: sprite.y)


def _row(
    zone: str, items: list[Item], word: str, stage: Stage, side: int, rng: np.random.Generator
) -> list[Sprite]:
    """Place the things of one zone side by side, each in its own slot."""
    blocks: list[list[Item | str]] = [[item] * item.count for item in items]
    if word:
        blocks.append([word])
    rng.shuffle(blocks)
    row = [thing for block in blocks for thing in block]
    widths = [0.30 if isinstance(thing, str) else thing.kind.size for thing in row]
    fit = min(1.0, 0.96 / (sum(widths) + 1e-6))
    # Many things may overlap slightly: shrinking them to fit exactly would make each one tiny.
    scale = min(1.0, fit * 1.06) * rng.uniform(0.88, 1.05)
    spare = 1 - sum(widths) * fit
    x = spare * rng.uniform(0.1, 0.9) if len(row) < 3 else spare / 2
    gap = spare * 0.3 / max(len(row) - 1, 1) if len(row) > 1 and spare > 0.1 else 0.0
    x = max(0.0, x - gap * (len(row) - 1) / 2)
    sprites = []
    for thing, width in zip(row, widths, strict=True):
        y = rng.uniform(*stage.bands[zone])
        centre = x + width * fit / 2
        sprites.append(_sprite(thing, centre, y, width * scale, side, zone))
        x += width * fit + gap
    return sprites


def _sprite(thing: Item | str, x: float, y: float, share: float, side: int, zone: str) -> Sprite:
    pen = Pen(max(12, round(share * side)))
    if isinstance(thing, str):
        sign(pen, thing)
    else:
        thing.kind.draw(pen, COLOURS[thing.colour])
    floating = zone in ("air", "deep")
    base = min(y + share / 2 if floating else y, 0.99)
    return Sprite(shade(pen.layer), x, max(base, share + 0.02), zone in ("ground", "table"))


def _place(picture: Image.Image, sprite: Sprite, lit: Light) -> None:
    side, layer = picture.width, sprite.layer
    left = round(sprite.x * side - layer.width / 2)
    top = round(sprite.y * side - layer.height)
    if sprite.grounded:
        patch = shadow(layer.width)
        dark = Image.new("RGB", patch.size, (30, 24, 44))
        picture.paste(dark, (left, round(sprite.y * side - patch.height * 0.55)), patch)
    tinted = _tint(layer, lit)
    picture.paste(tinted, (left, top), tinted)


def _tint(layer: Image.Image, lit: Light) -> Image.Image:
    """Return a sprite slightly tinted by the light; the captions' colours must stay true."""
    pixels = np.asarray(layer, np.float32).copy()
    tint = np.array(lit.tint, np.float32) / 255
    pixels[..., :3] *= 1 - 0.28 * lit.strength * (1 - tint)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
