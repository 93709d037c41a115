"""Looks into files whose names do not tell whether they are pictures."""

from __future__ import annotations

import os
import stat

from retrieval.images.decoding import open_file
from retrieval.images.formats import unsupported_reason
from retrieval.images.opening import HEAD_BYTES, is_picture_head


def is_picture(path: str) -> bool:
    """Tell by a file's first bytes, not by its name, whether it is a picture. Raises OSError."""
    with open_file(path) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return False
        return is_picture_head(os.read(file.fileno(), HEAD_BYTES))


def may_be_picture(path: str) -> bool:
    """Tell by its name, or else by its first bytes, whether a file is a picture.

    A picture that cannot be read, or whose format is not supported, is one by its name alone.
    """
    if unsupported_reason(os.path.basename(path)) is not None:
        return True
    try:
        return is_picture(path)
    except OSError:
        return False
