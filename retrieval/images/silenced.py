"""Suppress the messages of decoders; a message that matters becomes a Problem.

Three sources write messages while a damaged file is read:

- Python warnings. `warnings.catch_warnings` swaps one process-wide list, so two threads that use
  it restore each other's state (before Python 3.14 there is no alternative). Instead, one
  permanent filter comes first: its category is the parent of every warning, but only in a thread
  that is inside `silenced()`. Other warnings of the process are unaffected.
- Pillow's loggers. Without a handler, Python prints errors to stderr. A NullHandler is the
  documented way to prevent this; a program that configures logging still gets the records.
- libtiff, which prints from C. Its handlers are removed once for the whole process.
"""

from __future__ import annotations

import ctypes
import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from PIL import _imaging

logging.getLogger("PIL").addHandler(logging.NullHandler())


class _Depth(threading.local):
    value = 0


_depth = _Depth()


class _OnlyWhileReading(type):
    def __subclasscheck__(cls, subclass: type) -> bool:
        return _depth.value > 0


class _AnyWarning(Warning, metaclass=_OnlyWhileReading):
    """The parent of every warning, in a thread that is reading a picture."""


@contextmanager
def silenced() -> Iterator[None]:
    """Suppress the warnings, log lines and C messages of decoders in this thread."""
    # Another thread's catch_warnings may have removed or covered the filter.
    if not warnings.filters or warnings.filters[0][2] is not _AnyWarning:
        warnings.simplefilter("ignore", _AnyWarning)
    silence_libtiff()
    _depth.value += 1
    try:
        yield
    finally:
        _depth.value -= 1


@cache
def silence_libtiff() -> None:
    """Remove libtiff's handlers, which print to stderr.

    The library is reached through Pillow's extension module, which links to it. A statically
    linked libtiff (Windows) does not export the names, so its messages remain.
    """
    try:
        library = ctypes.CDLL(_imaging.__file__)
        for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
            setter = getattr(library, name)
            setter.restype = ctypes.c_void_p
            setter.argtypes = [ctypes.c_void_p]
            setter(None)
    except (OSError, AttributeError, TypeError):
        return
