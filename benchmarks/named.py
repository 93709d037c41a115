"""Vectors of pictures with captions, and the things that the captions name."""

from __future__ import annotations

import argparse
import io
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from bench import BenchmarkError, note
from labelled import encoded
from numpy.typing import NDArray

from retrieval.encoders import Encoder
from retrieval.evaluation.captions import read_captions
from retrieval.scenes import scene_set

RIGHT = 2
"""A picture certainly shows a thing if at least this many of its captions name it."""

SCENES = 200

_IRREGULAR = {"man": "men", "woman": "women", "child": "children", "person": "people"}

NOUNS = (
    *("dog", "man", "woman", "boy", "girl", "child", "person", "baby", "crowd", "family"),
    *("water", "snow", "grass", "sand", "beach", "ocean", "lake", "river", "pool", "mountain"),
    *("hill", "rock", "field", "park", "street", "road", "sidewalk", "building", "wall", "fence"),
    *("tree", "flower", "wave", "sunset", "ball", "toy", "stick", "frisbee", "bicycle", "bike"),
    *("skateboard", "ramp", "car", "boat", "motorcycle", "bus", "bench", "table", "chair", "couch"),
    *("bed", "hat", "jacket", "dress", "shirt", "helmet", "glasses", "camera", "guitar", "rope"),
    *("horse", "cat", "bird", "puppy", "surfer", "skier", "snowboarder", "playground", "fountain"),
)
"""Everyday things, including the most frequent ones in captions of photographs."""


@dataclass(frozen=True, slots=True)
class Named:
    """(n, dim) unit vectors, rounded as in storage, and the captions of each picture."""

    vectors: NDArray[np.float32]
    captions: tuple[tuple[str, ...], ...]

    def naming(self, noun: str) -> NDArray[np.int64]:
        """Return the number of captions (n,) of each picture with a noun or its plural."""
        word = re.compile(rf"\b(?:{'|'.join(map(re.escape, forms(noun)))})\b", re.IGNORECASE)
        return np.array([sum(bool(word.search(c)) for c in each) for each in self.captions])


def forms(noun: str) -> tuple[str, ...]:
    """Return an English noun and its plural."""
    if noun in _IRREGULAR:
        return noun, _IRREGULAR[noun]
    if noun.endswith("y") and noun[-2:-1] not in tuple("aeiou"):
        return noun, f"{noun[:-1]}ies"
    if noun.endswith(("s", "x", "ch", "sh")):
        return noun, f"{noun}es"
    return noun, f"{noun}s"


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options `--captions` and `--cache`."""
    parser.add_argument(
        "--captions",
        metavar="FILE",
        help="pictures with captions in the format of `pixtrieve evaluate`; by default the "
        "development split in PIXTRIEVE_DATA",
    )
    parser.add_argument(
        "--cache",
        default=os.path.join(tempfile.gettempdir(), "pixtrieve-benchmarks"),
        help="folder for vectors, which later runs reuse (%(default)s)",
    )


def named(arguments: argparse.Namespace, encoder: Encoder) -> Named:
    """Return the pictures of `--captions` with their vectors, which the cache folder stores."""
    source = arguments.captions
    if not source:
        data = os.environ.get("PIXTRIEVE_DATA")
        if not data:
            raise BenchmarkError("there are no captions: use --captions FILE or set PIXTRIEVE_DATA")
        source = os.path.join(data, "flickr8k-dev", "captions.jsonl")
    pictures = read_captions(source)
    files = ((os.path.basename(each.file), Path(each.file).read_bytes()) for each in pictures)
    found = encoded("captioned", files, encoder, arguments.cache)
    if len(found.labels) != len(pictures):
        raise BenchmarkError(f"some pictures of {source} cannot be read")
    return Named(found.vectors, tuple(each.captions for each in pictures))


def scenes(encoder: Encoder, cache: str) -> NDArray[np.float32]:
    """Return the vectors (n, dim) of the scenes of `pixtrieve demo`."""
    note("drawing scenes")
    return encoded("scenes", _drawn(SCENES), encoder, cache).vectors


def precision(
    queries: NDArray[np.float32], pictures: NDArray[np.float32], right: NDArray[np.bool_]
) -> tuple[float, NDArray[np.int64]]:
    """Return the mean share of correct pictures among the first ten of (q, dim) queries, and each.

    `right` (n,) marks the correct ones of the first n pictures; later pictures are never correct.
    """
    first = np.argsort(-(queries @ pictures.T), axis=1, kind="stable")[:, :10]
    known = np.concatenate([right, np.zeros(len(pictures) - len(right), bool)])
    return float(known[first].mean()), first


def _drawn(count: int) -> Iterator[tuple[str, bytes]]:
    for number, member in enumerate(scene_set(count, 0, 384)):
        file = io.BytesIO()
        member.scene.image.save(file, "JPEG", quality=92)
        yield f"scene {number}", file.getvalue()


def counted(pictures: Named, nouns: Sequence[str], least: int = 10) -> dict[str, NDArray[np.bool_]]:
    """Return the nouns that at least `least` pictures show, with masks (n,) of these pictures."""
    found = {noun: pictures.naming(noun) >= RIGHT for noun in nouns}
    return {noun: right for noun, right in found.items() if right.sum() >= least}
