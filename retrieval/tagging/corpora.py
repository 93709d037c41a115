"""A corpus: texts, each with its language and perhaps the picture that it describes.

A corpus is a file of JSON lines or plain lines. A JSON line is `{"text": …, "lang": "de"}`, or a
picture with captions as `evaluate` reads them: `{"file": …, "captions": […], "captions_ml":
{"de": […], "fr_translated": […]}}`. Texts of one row have the same meaning. Texts are encoded once:
the user's cache keeps the vectors, by the file's content and the model's fingerprint.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.encoders import Encoder
from retrieval.encoders.models.cache import user_cache
from retrieval.errors import QueryError
from retrieval.images.plain_text import text_of
from retrieval.query.spelling import DiskSpelling
from retrieval.vectors import STORED
from retrieval.whole_file import open_regular, sealed, unsealed, whole_file

ENGLISH = "en"

_TEXTS_AT_ONCE = 256
_TRANSLATED = "_translated"


@dataclass(frozen=True, slots=True)
class CorpusText:
    """A text of a corpus. `row` counts from 0; `file` is the picture's path, or ""."""

    text: str
    lang: str
    row: int
    file: str = ""


@dataclass(frozen=True, slots=True)
class Corpus:
    """Texts, at least one, and a digest of the file that they come from."""

    texts: tuple[CorpusText, ...]
    digest: str


def read_corpus(source: str | None = None) -> Corpus:
    """Read a corpus; without a source, the built-in one: everyday things, in English.

    Raises QueryError, which names the file and the invalid line.
    """
    if source is None:
        data = resources.files("retrieval.encoders.texts").joinpath("everyday.txt").read_bytes()
        source = "everyday.txt"
    else:
        try:
            with open(source, "rb") as file:
                data = file.read()
        except OSError as error:
            raise QueryError(
                f"{source} cannot be read: {error.strerror}", "check the path of the corpus"
            ) from error
    lines = text_of(data).split("\n")
    texts = tuple(_texts(source, lines))
    if not texts:
        raise QueryError(
            f"{source} has no texts",
            'write one text per line, or JSON lines like {"text": "ein Hund", "lang": "de"}',
        )
    return Corpus(texts, hashlib.sha256(data).hexdigest())


def encode_corpus(corpus: Corpus, encoder: Encoder) -> NDArray[np.float32]:
    """Return the unit vectors (n, dim) of a corpus, from the user's cache if possible."""
    folder = os.path.join(user_cache(), "pixtrieve", "corpora")
    name = f"{corpus.digest[:24]}-{encoder.spec.fingerprint[:16]}.f16"
    path = os.path.join(folder, name)
    shape = (len(corpus.texts), encoder.spec.dim)
    with suppress(OSError), open_regular(path) as file:
        content = unsealed(file.read())
        if content is not None and len(content) == shape[0] * shape[1] * STORED.itemsize:
            return np.frombuffer(content, STORED).reshape(shape).astype(np.float32)
    texts = [entry.text for entry in corpus.texts]
    vectors = np.concatenate(
        [
            encoder.encode_texts(texts[start : start + _TEXTS_AT_ONCE])
            for start in range(0, len(texts), _TEXTS_AT_ONCE)
        ]
    ).astype(STORED)
    # If the cache cannot be written, the texts are encoded again next time.
    with suppress(OSError):
        os.makedirs(folder, exist_ok=True)
        with whole_file(path) as file:
            file.write(sealed(vectors.tobytes()))
    return vectors.astype(np.float32)


def languages(corpus: Corpus) -> tuple[str, ...]:
    """Return the languages of a corpus's texts, in alphabetical order."""
    return tuple(sorted({entry.lang for entry in corpus.texts}))


def captions_by_language(row: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return a row's captions by language; ValueError when the row is invalid.

    `de_translated` counts as "de", after the captions that people wrote in German.
    """
    found: dict[str, tuple[str, ...]] = {}
    named = {ENGLISH: row.get("captions", []), **row.get("captions_ml", {})}
    for name, texts in named.items():
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise ValueError(name)
        if texts:
            lang = name.removesuffix(_TRANSLATED)
            found[lang] = (*found.get(lang, ()), *texts)
    return found


def _texts(source: str, lines: Sequence[str]) -> Iterator[CorpusText]:
    spelling = DiskSpelling()
    for row, line in enumerate(map(str.strip, lines)):
        if not line.startswith("{"):
            if line and not line.startswith("#"):
                yield CorpusText(line, ENGLISH, row)
            continue
        try:
            fields = json.loads(line)
            texts = captions_by_language(fields)
            if "text" in fields:
                texts = {str(fields.get("lang", ENGLISH)): (fields["text"],)}
            file = fields.get("file", "")
            folder = os.path.dirname(os.path.abspath(source)) if file else ""
            path = spelling.of(os.path.join(folder, file)) if file else ""
            entries = [
                CorpusText(text.strip(), lang, row, path) for lang in texts for text in texts[lang]
            ]
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise QueryError(
                f"{source}, line {row + 1}: not a text of a corpus",
                'each line is text, or JSON like {"text": "ein Hund am Strand", "lang": "de"}',
            ) from error
        yield from (each for each in entries if each.text)
