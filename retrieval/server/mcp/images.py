"""Pictures for assistants, as JPEG: all of them accept it, unlike WebP."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence

from mcp.types import ContentBlock, ImageContent, TextContent

from retrieval.catalogue import ImageRow
from retrieval.errors import PictureError
from retrieval.images.isolation.pictures import thumbnail_of
from retrieval.images.videos.containers import is_video
from retrieval.server import picture_files

JPEG = "image/jpeg"
KEPT_SIDE = 512
"""Up to this size, pictures are made from the cached thumbnail that the page also uses."""


def as_jpeg(image: ImageRow, side: int, folder: str) -> bytes:
    """Return a JPEG without metadata, neither side longer than `side` pixels; of a video, a frame.

    Raises PictureError if no file has the indexed bytes any more.
    """
    if side <= KEPT_SIDE:
        data = picture_files.thumbnail(image, KEPT_SIDE, folder)
    elif is_video(image.format):
        data = picture_files.thumbnail(image, picture_files.LARGE_SIDE, folder)
    else:
        data = picture_files.original(image)
    return thumbnail_of(data, side, kind="JPEG").data


async def seen(images: Sequence[ImageRow], side: int, folder: str) -> list[ContentBlock]:
    """Return pictures, each after a line with its id, or the reason why one cannot be shown."""
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
    """Return bytes as base64, as the protocol requires."""
    return base64.b64encode(data).decode("ascii")
