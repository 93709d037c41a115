"""Makes small videos of plain colours, one scene after another."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

COLOURS = {
    "red": (230, 20, 20),
    "green": (20, 200, 20),
    "blue": (20, 20, 230),
    "yellow": (220, 220, 20),
    "black": (0, 0, 0),
    "white": (250, 250, 250),
}
CODECS = {
    ".mp4": "libx264",
    ".mov": "libx264",
    ".mkv": "libx264",
    ".webm": "libvpx",
    ".avi": "mpeg4",
    ".3gp": "mpeg4",
}
RATE = 10


def make_video(
    path: Path,
    scenes: Sequence[tuple[str, float]],
    *,
    size: tuple[int, int] = (96, 64),
    metadata: Mapping[str, str] | None = None,
    muxer: Mapping[str, str] | None = None,
    **options: str,
) -> Path:
    """Write a video of colours, each shown for some seconds, in the container of the extension.

    `options` are the codec's, `muxer` those of the container.
    """
    frames = [
        (np.full((size[1], size[0], 3), COLOURS[colour], np.uint8), round(seconds * RATE))
        for colour, seconds in scenes
    ]
    return write_frames(path, frames, metadata, muxer, **options)


def write_frames(
    path: Path,
    frames: Sequence[tuple[NDArray[np.uint8], int]],
    metadata: Mapping[str, str] | None = None,
    muxer: Mapping[str, str] | None = None,
    **options: str,
) -> Path:
    """Write a video of (H, W, 3) pictures, each shown for so many frames."""
    with av.open(str(path), "w", container_options=dict(muxer or {})) as container:
        container.metadata.update(metadata or {})
        stream = container.add_stream(CODECS[path.suffix], rate=RATE)
        assert isinstance(stream, av.VideoStream)
        stream.height, stream.width = frames[0][0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.options = dict(options)
        for pixels, count in frames:
            for _ in range(count):
                for packet in stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")):
                    container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


def turn_clockwise(path: Path) -> None:
    """Tell players to turn an MP4 by 90° clockwise, as phones that are held upright do."""
    data = bytearray(path.read_bytes())
    matrix = data.index(b"tkhd") + 44  # ISO/IEC 14496-12, 8.3.2
    struct.pack_into(">9i", data, matrix, 0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000)
    path.write_bytes(data)
