"""Pictures that Pillow refuses although their pixels are whole, decoded another way."""

from __future__ import annotations

import zlib
from io import BytesIO
from pathlib import Path

from PIL import Image

_PNG = b"\x89PNG\r\n\x1a\n"
_PIXELS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"fdAT", b"IEND")


def whole_pixels(path: str) -> Image.Image | None:
    """Return the picture of a PNG without its metadata, or of a JPEG with an end marker.

    None where the pixels themselves are damaged: then nothing may make a picture of it. Every
    chunk that is left must have the right checksum.
    """
    data = Path(path).read_bytes()
    if data.startswith(_PNG):
        kept = [_PNG]
        at = len(_PNG)
        while at < len(data):
            end = at + 12 + int.from_bytes(data[at : at + 4], "big")
            chunk = data[at:end]
            if chunk[4:8] in _PIXELS:
                if zlib.crc32(chunk[4:-4]) != int.from_bytes(chunk[-4:], "big"):
                    return None
                kept.append(chunk)
            at = end
        data = b"".join(kept)
    elif data.startswith(b"\xff\xd8") and not data.rstrip(b"\0").endswith(b"\xff\xd9"):
        data += b"\xff\xd9"
    else:
        return None
    try:
        picture = Image.open(BytesIO(data))
        picture.load()
    except Exception:  # a damaged file can raise anything
        return None
    return picture
