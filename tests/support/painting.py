"""Pictures of one colour, which the fake encoder tells apart."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

COLOURS = {
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "yellow": (255, 255, 0),
    "white": (255, 255, 255),
}


def paint(path: Path, colour: str | tuple[int, int, int], size: tuple[int, int] = (24, 16)) -> Path:
    """Write a picture of one colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rgb = COLOURS[colour] if isinstance(colour, str) else colour
    Image.new("RGB", size, rgb).save(path)
    return path
