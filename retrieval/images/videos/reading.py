"""Reads a video: its facts, the frames of its moments, a frame at a time.

FFmpeg sees the bytes of the open file alone, through the demuxer of the container that its first
bytes name; no path and no address. Run it in a worker process (`images.isolation`): a container
can hold anything.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

from PIL import Image

from retrieval.errors import PictureError
from retrieval.images import ReadLimits
from retrieval.images.budget import admit
from retrieval.images.videos.containers import MISSING, can_read, demuxer_of
from retrieval.images.videos.sampling import Novelty, Plan, step_of
from retrieval.images.videos.told import facts_told, words_told
from retrieval.query.fields import Facts

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

NO_VIDEO = "it has no moving pictures that can be decoded"
DAMAGED = "damaged video, or an unsupported kind of it; copy the file again or save it again as MP4"
_MOST_SIDE = 1024
"""Frames are scaled down to this, as long as both sides stay at least twice what is wanted."""

_MOST_PART_BYTES = 16 * 2**20
_MOST_PACKETS = 256
"""Packets between two key frames are decoded in parts of about so many, of so many bytes."""

_SHARE_FOR_ALL = 0.5
"""The share of the time limit after which only key frames are decoded."""

_SHARE = 0.8
"""The share of the time limit after which a video is taken as far as it was read."""

_MOST_DURATION_S = 1e6
_LEAST_DURATION_S = 0.001  # of a single frame: what has a duration is a video
_TURNS = {
    90: Image.Transpose.ROTATE_90,
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_270,
}


@dataclass(frozen=True, slots=True)
class Frame:
    """An upright RGB frame, and the second at which it is shown."""

    seconds: float
    picture: Image.Image


@dataclass(slots=True)
class _Group:
    """Packets from a key frame on, or a part of them: shown from `begin` until `end`."""

    packets: list[Packet[VideoStream]] = field(default_factory=list)
    begin: float = 0.0
    end: float = 0.0
    is_first: bool = True
    is_last: bool = True
    _bytes: int = 0

    def add(self, packet: Packet[VideoStream]) -> None:
        self.packets.append(packet)
        self._bytes += packet.size

    @property
    def is_full(self) -> bool:
        return self._bytes > _MOST_PART_BYTES or len(self.packets) >= _MOST_PACKETS


class Video:
    """An open video; `format` is as in `Facts`, `words` are the texts in it.

    `most_s` are the seconds that reading may take. `duration` is in seconds; while it is unknown,
    it is the end of what was read.
    """

    def __init__(
        self, container: InputContainer, format_name: str, limits: ReadLimits, most_s: float
    ) -> None:
        self.format = format_name
        self._container, self._limits = container, limits
        self._began, self.most_s = time.monotonic(), most_s
        self._stream: VideoStream = container.streams.video[0]
        self._start = float((self._stream.start_time or 0) * (self._stream.time_base or 0))
        self.duration = self._duration()
        self.words = words_told(self._metadata())

    def facts(self, frame: Image.Image, size: tuple[int, int]) -> Facts:
        """Return the facts of the video, of which `frame` is one, at the full size `size`."""
        upright = frame.width > frame.height
        width, height = size if (size[0] > size[1]) == upright else (size[1], size[0])
        return Facts(
            format=self.format,
            width=width,
            height=height,
            duration=round(max(self.duration, _LEAST_DURATION_S), 3),
            **facts_told(self._metadata()),
        )

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the decoded frames, before rotation, pixels made square."""
        width, height = self._stream.width, self._stream.height
        ratio = self._stream.sample_aspect_ratio
        if ratio and 0.1 < float(ratio) < 10:
            width = max(1, round(width * float(ratio)))
        return width, height

    def moments(self, least: int) -> Iterator[Frame]:
        """Yield the frames that begin something new, in order; sides at least twice `least`.

        A video without a single frame that can be decoded yields nothing. Damage ends it: the
        frames before are good.
        """
        # A recording that was never closed does not say how long it is.
        plan, novelty = Plan(step_of(self.duration)), Novelty()
        for frame in self._sampled(plan):
            picture = self._upright(frame, least)
            if novelty.is_new(picture):
                yield Frame(self._seconds(frame.pts), picture)

    def frame_at(self, seconds: float, least: int) -> Frame | None:
        """Return the frame that is shown at a time, or the last before the end; None if none is."""
        wanted = min(max(seconds, 0.0), max(self.duration - 0.05, 0.0) or seconds)
        stream, found = self._stream, None
        with suppress(*_errors()):
            if wanted > 0 and stream.time_base:
                offset = int((wanted + self._start) / stream.time_base)
                self._container.seek(offset, stream=stream)
            for frame in self._container.decode(stream):
                if frame.pts is None or self._is_over(_SHARE):
                    continue
                if found is not None and self._seconds(frame.pts) > wanted + 1e-3:
                    break
                found = frame
        if found is None:
            return None
        return Frame(self._seconds(found.pts), self._upright(found, least))

    def _sampled(self, plan: Plan) -> Iterator[VideoFrame]:
        for group in self._groups():
            begin = group.begin
            times = list(plan.wanted(begin, max(group.end, begin + 1e-6)))
            if self._is_over(_SHARE):
                return
            if self._is_over(_SHARE_FOR_ALL):
                times = times[:1] if group.is_first else []
            yield from self._decoded(group, times)

    def _groups(self) -> Iterator[_Group]:
        """Yield the packets from each key frame to the next, in parts if there are many."""
        group = _Group()
        last = 0.0
        with suppress(*_errors()):
            for packet in self._container.demux(self._stream):
                if not packet.size:  # the end
                    continue
                at = last if packet.pts is None else self._seconds(packet.pts)
                last = max(last, at)
                self.duration = max(self.duration, last)
                if group.packets and (packet.is_keyframe or group.is_full):
                    group.end, group.is_last = at, packet.is_keyframe
                    yield group
                    group = _Group(is_first=packet.is_keyframe)
                if group.packets or packet.is_keyframe or not group.is_first:
                    group.begin = group.begin if group.packets else at
                    group.add(packet)
        if group.packets:
            group.end = self.duration
            yield group

    def _decoded(self, group: _Group, times: list[float]) -> Iterator[VideoFrame]:
        """Decode a group until the last wanted time; yield the frames shown at these times.

        A part that is continued is decoded completely, because the next one builds on it.
        """
        context = self._stream.codec_context
        with suppress(*_errors()):
            if group.is_first:
                context.flush_buffers()
            for packet in (*group.packets, *((None,) if group.is_last else ())):
                if not times and group.is_last:
                    break
                for frame in context.decode(packet):
                    at = self._seconds(frame.pts)
                    if times and at + 1e-3 >= times[0] and self._fits(frame):
                        times = [each for each in times if each > at + 1e-3]
                        yield frame
                if self._is_over(_SHARE):
                    return

    @property
    def is_late(self) -> bool:
        """Whether reading ended because its time was up."""
        return self._is_over(_SHARE)

    def _fits(self, frame: VideoFrame) -> bool:
        """Tell whether a frame is no larger than the limit: its size may change on the way."""
        return frame.width * frame.height <= self._limits.max_megapixels * 1e6

    def _seconds(self, pts: int | None) -> float:
        base = self._stream.time_base
        seconds = float((pts or 0) * base) - self._start if base else 0.0
        return min(max(seconds, 0.0), _MOST_DURATION_S)

    def _is_over(self, share: float) -> bool:
        return time.monotonic() - self._began > share * self.most_s

    def _duration(self) -> float:
        found = 0.0
        if self._container.duration:
            found = self._container.duration / 1e6
        elif self._stream.duration and self._stream.time_base:
            found = float(self._stream.duration * self._stream.time_base)
        return found if 0 < found < _MOST_DURATION_S else 0.0

    def _metadata(self) -> dict[str, str]:
        return {**self._stream.metadata, **self._container.metadata}

    def _upright(self, frame: VideoFrame, least: int) -> Image.Image:
        """Return a frame as an upright RGB picture, scaled down if it is much larger."""
        same = (frame.width, frame.height) == (self._stream.width, self._stream.height)
        width, height = self.size if same else (frame.width, frame.height)
        scale = max(1.0, min(min(width, height) / (2 * least), max(width, height) / _MOST_SIDE))
        small = frame.reformat(
            max(2, round(width / scale)), max(2, round(height / scale)), "rgb24", None, None, "AREA"
        )
        picture = Image.fromarray(small.to_ndarray())
        turn = _TURNS.get(round(frame.rotation) % 360)
        return picture if turn is None else picture.transpose(turn)


@contextmanager
def open_video(
    file: IO[bytes], format_name: str, limits: ReadLimits, held: ExitStack
) -> Iterator[Video]:
    """Open a video of a format of `containers`; raises PictureError with the reason.

    `held` holds the share of the memory budget that decoding needs.
    """
    if not can_read():
        raise PictureError(MISSING)
    import av

    most_s = limits.seconds_for(file.seek(0, os.SEEK_END))
    file.seek(0)
    try:
        container = av.open(file, "r", format=demuxer_of(format_name), metadata_errors="replace")
    except _errors() as error:
        raise PictureError(DAMAGED) from error
    with container:
        streams = container.streams.video
        if not streams or not streams[0].codec_context or not streams[0].width:
            raise PictureError(NO_VIDEO)
        stream: Any = streams[0]
        size = stream.width, stream.height
        admit(size[0] * size[1], size, limits, held)
        stream.codec_context.thread_count = 1  # worker processes share the processor
        yield Video(container, format_name, limits, most_s)


def _errors() -> tuple[type[Exception], ...]:
    """Return what PyAV raises for damaged files."""
    from av.error import FFmpegError

    return (FFmpegError, ValueError, OverflowError, EOFError, AttributeError)
