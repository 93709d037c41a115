"""Messages between a process and its workers: a JSON object, and raw bytes that belong to it."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Any

PIPE_BYTES = 2**20
"""The size of pipes and buffers: a usual picture goes through in one piece."""

_MOST_BYTES = 2**30
_LENGTHS = struct.Struct("<IQ")


@dataclass(frozen=True, slots=True)
class Message:
    """A message that was received; `data` is a buffer of its own."""

    facts: dict[str, Any]
    data: bytearray


def send(stream: IO[bytes], facts: Mapping[str, Any], *parts: bytes | memoryview) -> None:
    """Write a message whose bytes are the given parts; raises OSError if the reader is gone.

    `facts` are JSON values; a `str` may have lone surrogates, as paths do.
    """
    text = json.dumps(facts).encode("ascii")
    stream.write(_LENGTHS.pack(len(text), sum(len(part) for part in parts)) + text)
    for part in parts:
        stream.write(part)
    stream.flush()


def receive(stream: IO[bytes]) -> Message | None:
    """Read a message; None if the stream ends, also in the middle of one."""
    head = stream.read(_LENGTHS.size)
    if len(head) < _LENGTHS.size:
        return None
    length, size = _LENGTHS.unpack(head)
    if size > _MOST_BYTES:  # not a worker's message any more
        return None
    text = stream.read(length)
    data = bytearray(size)
    if len(text) < length or not _filled(stream, data):
        return None
    return Message(json.loads(text), data)


def _filled(stream: IO[bytes], data: bytearray) -> bool:
    """Fill a buffer from a stream; tell whether the stream had enough."""
    rest = memoryview(data)
    while rest:
        count = stream.readinto(rest)  # type: ignore[attr-defined]
        if not count:
            return False
        rest = rest[count:]
    return True
