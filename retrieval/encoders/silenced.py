"""Suppress the log messages and warnings of model libraries while they load."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator

_TALKATIVE = ("open_clip", "timm", "huggingface_hub", "transformers", "httpx", "httpx2", "torch")


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """Suppress logging and warnings of open_clip, timm and the hub; errors still raise.

    open_clip logs with `logging.info(…)`, which uses the root logger and would even install a
    handler there. A filter on the root logger stops exactly these records.
    """
    root, placeholder = logging.getLogger(), logging.NullHandler()
    levels = {name: logging.getLogger(name).level for name in _TALKATIVE}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        root.addFilter(_nothing)
        root.addHandler(placeholder)  # prevents logging.warning() from calling basicConfig()
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
