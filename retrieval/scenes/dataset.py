"""A folder of scenes, drawn, with captions that are true of one each."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from retrieval.scenes import SetScene, scene_set

_SIDE = 384
_QUALITY = 92


@dataclass(frozen=True, slots=True)
class Drawn:
    """A scene on disk. `captions`, the fullest first, describe it and no other scene there."""

    path: str
    captions: tuple[str, ...]


def draw_scenes(folder: str, count: int, seed: int) -> Iterator[Drawn]:
    """Draw `count` scenes into a folder as JPEGs; the same seed gives the same files.

    The pocket model never saw a scene of these seeds: see `retrieval.scenes`.
    """
    os.makedirs(folder, exist_ok=True)
    for number, member in enumerate(scene_set(count, seed, _SIDE), 1):
        path = os.path.join(folder, f"scene-{number:03}.jpg")
        member.scene.image.save(path, quality=_QUALITY)
        yield Drawn(path, _unique_captions(member))


def _unique_captions(member: SetScene) -> tuple[str, ...]:
    pairs = zip(member.scene.captions, member.unique, strict=True)
    return tuple(dict.fromkeys(caption for caption, unique in pairs if unique))
