"""Keep the decoders' own chatter off the screen; whatever matters becomes a Problem.

Three things talk while a strange file is read, and each is silenced in its own way:

- Python warnings. `warnings.catch_warnings` swaps one process-wide list, so two threads that use
  it restore each other's state (and before Python 3.14 there is no other kind). Instead ONE filter
  is put in front and stays: its category claims to be the parent of every warning, but only in a
  thread that is inside `quietly()`. Warnings of the rest of the process are untouched.
- Pillow's loggers. Without any handler Python prints errors to stderr; a NullHandler is the
  documented way to stop that, and whoever configures logging still gets the records.
- libtiff, which prints from C. Its handlers are set to none, for the process, once.
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
def quietly() -> Iterator[None]:
    """Let no warning, log line or C message of a decoder out of this thread."""
    # Somebody else's catch_warnings may have dropped or covered the filter since the last time.
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
    """Take away libtiff's printing handlers.

    The library is reached through Pillow's own extension, which is linked to it. Where it is
    linked statically (Windows) the names are not exported, and its messages stay as they are.
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
