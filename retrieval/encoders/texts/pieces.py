"""A model's own tokenizer (such as SigLIP's) without transformers and open_clip, which load torch.

The `tokenizers` library, which transformers itself uses, runs the tokenizer's files. An export
uses it only if it gives the same ids as open_clip's tokenizer on hard texts: see `exporting`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.encoders.texts.bpe import CLEANING
from retrieval.errors import MissingExtra

_PIECES = "tokenizer.json"
_SETTINGS = "tokenizer_config.json"


class PieceTokenizer:
    """Converts texts to rows of token ids of one length, padded and cut as its files specify.

    `files` are the tokenizer's files, `clean` is one of `bpe.CLEANING`. Raises ValueError when
    the files are incomplete, MissingExtra when `tokenizers` is not installed.
    """

    def __init__(self, files: Sequence[str], context_length: int, clean: str) -> None:
        try:
            from tokenizers import Tokenizer
        except ImportError as error:
            raise MissingExtra("tokenizers", "transformers", "the model's tokenizer") from error
        paths = {os.path.basename(path): path for path in files}
        if _PIECES not in paths:
            raise ValueError(f"the tokenizer has no {_PIECES}")
        settings = _settings(paths.get(_SETTINGS))
        self._length = context_length
        self._clean = CLEANING[clean]
        self._tokenizer = Tokenizer.from_file(paths[_PIECES])
        padding = _content(settings.get("pad_token"))
        number = self._tokenizer.token_to_id(padding) if padding else None
        if number is None:
            raise ValueError(f"{_SETTINGS} names no padding token")
        self._tokenizer.enable_padding(
            direction=settings.get("padding_side", "right"),
            pad_id=number,
            pad_token=padding,
            length=context_length,
        )
        self._tokenizer.enable_truncation(
            context_length, direction=settings.get("truncation_side", "right")
        )

    def __call__(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Return (n, context_length) ids."""
        # One by one, because the library's threads cause warnings when the process forks.
        rows = [self._tokenizer.encode(self._clean(text)).ids for text in texts]
        return np.array(rows, np.int64).reshape(len(rows), self._length)


def _settings(path: str | None) -> dict[str, Any]:
    if path is None:
        return {}
    with open(path, encoding="utf-8") as file:
        settings = json.load(file)
    if not isinstance(settings, dict):
        raise ValueError(f"{path} is not an object")  # noqa: TRY004 - content, not a type error
    return settings


def _content(token: Any) -> str:
    """Return a token's text, from a string or from an object with its properties."""
    return str(token.get("content", "")) if isinstance(token, dict) else str(token or "")
