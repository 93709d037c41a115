"""Reads pictures with captions from a file, encodes both, and evaluates a model on them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from retrieval.encoders import Encoder
from retrieval.errors import PictureError, QueryError
from retrieval.evaluation.metrics import Evaluation, evaluate
from retrieval.images import Problem, ReadLimits
from retrieval.images.isolation.pictures import read_picture
from retrieval.images.plain_text import decoded
from retrieval.indexing.calibration import calibrate, pictures_wanted
from retrieval.indexing.progress import IndexOptions
from retrieval.indexing.read_ahead import read_ahead
from retrieval.query.spelling import DiskSpelling
from retrieval.tagging.corpora import ENGLISH, captions_by_language
from retrieval.vectors import as_stored

_TEXTS_AT_ONCE = 256
_EXAMPLE = 'write lines like {"file": "a.jpg", "captions": ["a dog on a beach"]}'


@dataclass(frozen=True, slots=True)
class CaptionedPicture:
    """A picture's file and its captions, at least one."""

    file: str
    captions: tuple[str, ...]


def read_captions(source: str, lang: str = ENGLISH) -> list[CaptionedPicture]:
    """Read JSON lines `{"file": …, "captions": […]}`; other keys are ignored.

    Captions in a language other than English come from `"captions_ml": {lang: […]}`; pictures
    without captions in it are left out. Files are relative to the folder of `source`; a picture
    may have several lines. Raises QueryError, which names the file and the invalid line.
    """
    try:
        with open(source, "rb") as opened:
            lines = decoded(opened.read()).split("\n")
    except OSError as error:
        raise QueryError(f"{source} cannot be read: {error}", "check the path") from error
    folder = os.path.dirname(os.path.abspath(source))
    pictures: dict[str, tuple[str, ...]] = {}
    languages: set[str] = set()
    spelling = DiskSpelling()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            file, by_lang = row["file"], captions_by_language(row)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise _bad_line(source, number) from error
        captions = by_lang.get(lang, ())
        if not isinstance(file, str) or (lang == ENGLISH and not captions):
            raise _bad_line(source, number)
        languages.update(by_lang)
        path = spelling.of(os.path.join(folder, file))
        if captions:
            pictures[path] = (*pictures.get(path, ()), *captions)
    if not pictures:
        known = ", ".join(sorted(languages))
        raise QueryError(
            f"{source} has no captions" + (f" in “{lang}”" if known else ""),
            f"its languages: {known}" if known else _EXAMPLE,
        )
    return [CaptionedPicture(path, captions) for path, captions in pictures.items()]


def evaluate_pictures(
    pictures: Sequence[CaptionedPicture],
    encoder: Encoder,
    known: Callable[[bytes], NDArray[np.float32] | None],
    options: IndexOptions,
    progress: Callable[[int], None],
) -> Evaluation:
    """Encode pictures and captions, and measure how well they find each other.

    `known(sha256)` may return a stored vector (dim,), which saves encoding; new vectors are
    rounded like stored ones. `progress` is called with the number of pictures done. Raises
    PictureError for a picture that cannot be read, because all pictures must take part.
    """
    if wanted := pictures_wanted(encoder):
        calibrate(encoder, lambda: (picture.file for picture in pictures), wanted, options)
    images = _encode_images(pictures, encoder, known, options, progress)
    texts = [text for picture in pictures for text in picture.captions]
    captions = [
        encoder.encode_texts(texts[start : start + _TEXTS_AT_ONCE])
        for start in range(0, len(texts), _TEXTS_AT_ONCE)
    ]
    owner = np.repeat(np.arange(len(pictures)), [len(p.captions) for p in pictures])
    return evaluate(images, np.concatenate(captions), owner)


def _encode_images(
    pictures: Sequence[CaptionedPicture],
    encoder: Encoder,
    known: Callable[[bytes], NDArray[np.float32] | None],
    options: IndexOptions,
    progress: Callable[[int], None],
) -> NDArray[np.float32]:
    vectors = np.zeros((len(pictures), encoder.spec.dim), np.float32)
    rows: list[int] = []
    pixels: list[NDArray[np.uint8]] = []

    def encode_waiting() -> None:
        if pixels:
            vectors[rows] = as_stored(encoder.encode_images(np.stack(pixels)))
            rows.clear()
            pixels.clear()

    read = partial(_read, encoder=encoder, known=known, limits=options.limits)
    batch_size = options.batch_size or encoder.batch_size
    results = read_ahead(
        read, pictures, threads=options.threads, depth=lambda: 2 * batch_size + options.threads
    )
    for row, (_, (vector, picture)) in enumerate(results):
        if picture is None:
            vectors[row] = vector
        else:
            rows.append(row)
            pixels.append(picture)
        if len(pixels) == batch_size:
            encode_waiting()
        progress(row + 1)
    encode_waiting()
    return vectors


def _read(
    picture: CaptionedPicture,
    encoder: Encoder,
    known: Callable[[bytes], NDArray[np.float32] | None],
    limits: ReadLimits,
) -> tuple[NDArray[np.float32] | None, NDArray[np.uint8] | None]:
    """Return the picture's vector (dim,) if it is known, else its pixels (H, W, 3)."""
    vector: NDArray[np.float32] | None = None

    def wanted(sha256: bytes) -> bool:
        nonlocal vector
        vector = known(sha256)
        return vector is None

    result = read_picture(picture.file, encoder.spec.preprocessing, limits, wanted)
    if isinstance(result, Problem):
        raise PictureError(
            f"{picture.file} cannot be used: {result.reason}",
            "repair the file or remove its line from the captions",
        )
    return vector, result.pixels


def _bad_line(source: str, number: int) -> QueryError:
    return QueryError(
        f"{source}, line {number}: not a picture with captions",
        _EXAMPLE,
    )
