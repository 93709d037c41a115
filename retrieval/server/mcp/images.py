"""Pictures in a form that assistants take: JPEG, which all of them know, as WebP is not."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence
from io import BytesIO

from mcp.types import ContentBlock, ImageContent, TextContent

from retrieval.catalogue import ImageRow
from retrieval.errors import PictureError
from retrieval.images.thumbnails import thumbnail_of
from retrieval.server import picture_files

JPEG = "image/jpeg"
KEPT_SIDE = 512
"""Up to this side they are made of the thumbnail that the page shows, too, and that is kept."""


def as_jpeg(image: ImageRow, side: int, folder: str) -> bytes:
    """Return a JPEG, neither side longer than `side` pixels, with nothing in it but the picture.

    Raises PictureError when no file has the bytes that were indexed any more.
    """
    small = side <= KEPT_SIDE
    data = (
        picture_files.thumbnail(image, KEPT_SIDE, folder)
        if small
        else picture_files.original(image)
    )
    return thumbnail_of(BytesIO(data), side, kind="JPEG")


async def seen(images: Sequence[ImageRow], side: int, folder: str) -> list[ContentBlock]:
    """Return pictures, each behind a line with its id; a reason in words for one that is gone."""
    made = await asyncio.gather(
        *(asyncio.to_thread(as_jpeg, image, side, folder) for image in images),
        return_exceptions=True,
    )
    blocks: list[ContentBlock] = []
    for image, data in zip(images, made, strict=True):
        if isinstance(data, bytes):
            blocks.append(TextContent(text=f"#{image.id}:"))
            blocks.append(ImageContent(data=encoded(data), mime_type=JPEG))
        elif isinstance(data, PictureError):
            blocks.append(TextContent(text=f"#{image.id} is not shown: {data.message}"))
        else:
            raise data
    return blocks


def encoded(data: bytes) -> str:
    """Return bytes as the protocol carries them."""
    return base64.b64encode(data).decode("ascii")
