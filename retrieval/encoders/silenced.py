"""Keeps other people's libraries from talking on our screen while they load."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator

_TALKATIVE = ("open_clip", "timm", "huggingface_hub", "transformers", "httpx", "httpx2", "torch")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence open_clip, timm and the hub: logging and warnings (their errors still raise).

    open_clip logs with `logging.info(…)`, that is on the root logger itself, which would even
    install a handler there; a filter on it stops exactly those records and nobody else's.
    """
    root, placeholder = logging.getLogger(), logging.NullHandler()
    levels = {name: logging.getLogger(name).level for name in _TALKATIVE}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        root.addFilter(_nothing)
        root.addHandler(placeholder)  # so that logging.warning() calls no basicConfig()
        for name in _TALKATIVE:
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        try:
            yield
        finally:
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)
            root.removeHandler(placeholder)
            root.removeFilter(_nothing)


def _nothing(_record: logging.LogRecord) -> bool:
    return False
