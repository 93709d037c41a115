"""A folder of pictures that Pixtrieve draws itself, and questions whose answers are known."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from retrieval.evaluation import Evaluation, evaluate
from retrieval.library import Library
from retrieval.scenes import SetScene, scene_set
from retrieval.search import SearchResult
from retrieval.vectors import from_blobs, normalise

_SIDE = 384
_QUALITY = 92


@dataclass(frozen=True, slots=True)
class Drawn:
    """A scene on disk. `captions` describe it and no other scene of the folder."""

    path: str
    captions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, its answer, and which picture was right ("" where several are)."""

    question: str
    result: SearchResult
    right: str = ""


def draw_scenes(folder: str, count: int, seed: int) -> Iterator[Drawn]:
    """Draw `count` scenes into a folder as JPEGs; the same seed gives the same files.

    The pocket model never saw a scene of these seeds: see `retrieval.scenes`.
    """
    os.makedirs(folder, exist_ok=True)
    for number, member in enumerate(scene_set(count, seed, _SIDE), 1):
        path = os.path.join(folder, f"scene-{number:03}.jpg")
        member.scene.image.save(path, quality=_QUALITY)
        yield Drawn(path, _unique_captions(member))


def ask(library: Library, drawn: Sequence[Drawn], k: int) -> Iterator[Asked]:
    """Ask in words, with an example picture, and with both together."""
    step = max(len(drawn) // 5, 1)
    for scene in drawn[1::step][:5]:
        caption = min(scene.captions, key=len)
        yield Asked(caption, library.search(caption, k), scene.path)
    example = drawn[len(drawn) // 2].path
    name = os.path.basename(example)
    with open(example, "rb") as file:
        picture = file.read()
    yield Asked(f"pictures like {name}", library.search(picture, k))
    words = "at night with stars and the moon"
    both = normalise(library.embed(picture)[None] + library.embed(words)[None])[0]
    yield Asked(f"{name} + “{words}”", library.search(both, k))


def measure(library: Library, drawn: Sequence[Drawn]) -> Evaluation:
    """Measure how often each caption that describes exactly one scene finds it."""
    stored = {path: blob for row, blob in library.images() for path in row.paths}
    images = from_blobs([stored[scene.path] for scene in drawn], library.model.dim)
    texts = [caption for scene in drawn for caption in scene.captions]
    owner = np.repeat(np.arange(len(drawn)), [len(scene.captions) for scene in drawn])
    return evaluate(images, library.encoder().encode_texts(texts), owner)


def _unique_captions(member: SetScene) -> tuple[str, ...]:
    pairs = zip(member.scene.captions, member.unique, strict=True)
    return tuple(dict.fromkeys(caption for caption, unique in pairs if unique))
