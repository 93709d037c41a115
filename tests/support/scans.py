"""Progressive JPEGs with many scans, each of which a decoder passes over the whole picture."""

from __future__ import annotations

import io
import re

from PIL import Image

_MARKER = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])", re.DOTALL)


def repeated_scans(size: tuple[int, int], count: int) -> bytes:
    """Return a progressive JPEG of one colour whose last scan is there `count` times more."""
    file = io.BytesIO()
    Image.new("RGB", size, (200, 30, 30)).save(file, "JPEG", progressive=True)
    data = file.getvalue()
    last = data.rindex(b"\xff\xda")  # an area without detail: a few bytes
    scan = data[last:-2]
    assert not _MARKER.search(scan, 2)
    return data[:-2] + scan * count + data[-2:]
