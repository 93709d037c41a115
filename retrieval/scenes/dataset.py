"""Write a folder of scenes with captions that each describe only one of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from retrieval.scenes import SetScene, scene_set

_SIDE = 384
_QUALITY = 92


@dataclass(frozen=True, slots=True)
class SceneFile:
    """A scene on disk. Its `captions`, the full one first, describe no other scene there."""

    path: str
    captions: tuple[str, ...]


def draw_scenes(folder: str, count: int, seed: int) -> Iterator[SceneFile]:
    """Draw `count` scenes into a folder as JPEGs; the same seed gives the same files.

    The pocket model was not trained on scenes of these seeds: see `retrieval.scenes`.
    """
    os.makedirs(folder, exist_ok=True)
    for number, member in enumerate(scene_set(count, seed, _SIDE), 1):
        path = os.path.join(folder, f"scene-{number:03}.jpg")
        member.scene.image.save(path, quality=_QUALITY)
        yield SceneFile(path, _unique_captions(member))


def _unique_captions(member: SetScene) -> tuple[str, ...]:
    pairs = zip(member.scene.captions, member.unique, strict=True)
    return tuple(dict.fromkeys(caption for caption, unique in pairs if unique))
