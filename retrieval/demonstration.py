"""A folder of pictures that Pixtrieve draws itself, and questions whose answers are known."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from retrieval.asking.hits import SearchResult
from retrieval.evaluation import Evaluation, evaluate
from retrieval.library import Library
from retrieval.query import Query, Term
from retrieval.scenes import SetScene, scene_set
from retrieval.vectors import from_blobs

_SIDE = 384
_QUALITY = 92


@dataclass(frozen=True, slots=True)
class Drawn:
    """A scene on disk. `captions`, the fullest first, describe it and no other scene there."""

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
        caption = scene.captions[0]
        yield Asked(caption, library.search(caption, k), scene.path)
    example = drawn[len(drawn) // 2].path
    name = os.path.basename(example)
    picture = Term("picture", example)
    yield Asked(f"pictures like {name}", library.search(Query((picture,)), k))
    words = "at night with stars and the moon"
    both = Query((picture, Term("text", words)))
    yield Asked(f"{name} + “{words}”", library.search(both, k))
    something, but = "a red car", "at night"
    without = Query((Term("text", something), Term("text", but, negative=True)))
    yield Asked(f"“{something}” - “{but}”", library.search(without, k))


def measure(library: Library, drawn: Sequence[Drawn], *, fullest: bool) -> Evaluation:
    """Measure how often captions that describe exactly one scene find it.

    `fullest` takes each scene's fullest caption only, otherwise all count, terse ones included.
    """
    stored = {path: blob for row, blob in library.images() for path in row.paths}
    images = from_blobs([stored[scene.path] for scene in drawn], library.model.dim)
    asked = [scene.captions[:1] if fullest else scene.captions for scene in drawn]
    texts = [caption for captions in asked for caption in captions]
    owner = np.repeat(np.arange(len(drawn)), [len(captions) for captions in asked])
    return evaluate(images, library.encoder().encode_texts(texts), owner)


def _unique_captions(member: SetScene) -> tuple[str, ...]:
    pairs = zip(member.scene.captions, member.unique, strict=True)
    return tuple(dict.fromkeys(caption for caption, unique in pairs if unique))
