"""Mutations for fuzzing: of bytes, texts, JSON values and PNG chunks; and random filters."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

NUMBERS: tuple[int, ...] = (
    0,
    1,
    2,
    7,
    8,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0x8000,
    0xFFFF,
    0x7FFFFFFF,
    0x80000000,
)
NUMBERS += (0xFFFFFFFF, 0xFFFFFFFE, 2**62, 2**63, 2**64 - 1)
TEXTS = (
    "", " ", "\0", "\n", "\r", "\t", "'", '"', "\\", "%", "_", "*", "?", "(", ")", "[", "]", "#",
    "é", "e\u0301", "ß", "\u0130", "\u0131", "\U0001d4b3", "👩\u200d👧", "落日", "\u202e", "\u200b",
    "\ufeff", "\udc80", "\ud800", "\uffff", "\u2028", "NaN", "1e999", "-0", "9" * 400, "a" * 3000,
    "../..", "~", "~nobody", "/", "{", "}", "<", "&amp;", "--", ";", "\x7f", "\x1b[31m",
)  # fmt: skip


def mutated(random: Random, data: bytes, others: Sequence[bytes] = ()) -> bytes:
    """Return bytes with one to six changes: bits, numbers, pieces gone, doubled or from others."""
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 3, 6))):
        at = random.randrange(len(changed) + 1)
        size = random.choice((1, 2, 4, 8, 16, 64, 512))
        match random.randrange(9):
            case 0 if at < len(changed):
                changed[at] ^= 1 << random.randrange(8)
            case 1 if at < len(changed):
                changed[at] = random.choice((0, 1, 0x7F, 0x80, 0xFF, random.randrange(256)))
            case 2:
                del changed[at : at + size]
            case 3:
                changed[at:at] = random.randbytes(size)
            case 4:
                changed[at:at] = changed[at : at + size]
            case 5:
                del changed[at:]
            case 6:
                number = random.choice((*NUMBERS, len(data), len(data) - at))
                width, order = random.choice((1, 2, 4, 8)), random.choice(("little", "big"))
                changed[at : at + width] = (number % 256**width).to_bytes(
                    width, "little" if order == "little" else "big"
                )
            case 7 if others:
                other = random.choice(others)
                start = random.randrange(len(other) + 1)
                changed[at : at + size] = other[start : start + size]
            case _:
                changed[at : at + size] = bytes(size)
    return bytes(changed)


def mutated_text(random: Random, text: str, pieces: Sequence[str]) -> str:
    """Return a text with pieces put in, cut out, doubled or repeated."""
    for _ in range(random.choice((1, 1, 2, 3, 5))):
        at = random.randrange(len(text) + 1)
        size = random.choice((1, 2, 5, 20))
        match random.randrange(6):
            case 0:
                text = text[:at] + text[at + size :]
            case 1:
                text = text[:at] + text[at : at + size] * 2 + text[at + size :]
            case 2:
                text = text[:at] + random.choice(TEXTS) + text[at:]
            case 3:
                text = (
                    text[:at] + chr(random.choice((random.randrange(0x80), 0x100 + at))) + text[at:]
                )
            case 4:
                text = text[:at] + random.choice(pieces) * random.choice((1, 1, 2, 50)) + text[at:]
            case _:
                text = text[:at] + " " + random.choice(pieces) + " " + text[at:]
    return text


def strange(random: Random) -> Any:
    """Return a JSON value that few programs expect."""
    nested: Any = []
    for _ in range(random.choice((1, 50))):
        nested = [nested]
    return random.choice(
        (
            *(None, True, False, 0, 1, -1, 0.5, -0.0, 2**31, 2**63, 2**70, 1e308, float("nan")),
            *(float("inf"), "", "x", [], {}, [[]], [None], {"a": 1}, [1, 2, 3], nested),
            *(random.choice(TEXTS), random.choice(NUMBERS), -random.choice(NUMBERS)),
        )
    )


def mutated_json(random: Random, value: Any) -> Any:
    """Return a JSON value with one to three nodes replaced, removed, renamed or added."""
    value = json.loads(json.dumps(value))
    for _ in range(random.choice((1, 1, 2, 3))):
        places = list(_places(value))
        if not places:
            return strange(random)
        inside, key = random.choice(places)
        match random.randrange(5):
            case 0:
                del inside[key]
            case 1 if isinstance(inside, dict):
                inside[random.choice(TEXTS)] = inside.pop(key)
            case 2 if isinstance(inside, list):
                inside.append(strange(random))
            case _:
                inside[key] = strange(random)
    return value if random.random() < 0.97 else strange(random)


def _places(value: Any) -> Any:
    keys: Any = ()
    if isinstance(value, dict):
        keys = list(value)
    elif isinstance(value, list):
        keys = range(len(value))
    for key in keys:
        yield value, key
        yield from _places(value[key])


def written_json(random: Random, value: Any) -> bytes:
    """Return a mutated value as JSON, now and then with mutated bytes, too."""
    text = json.dumps(mutated_json(random, value), ensure_ascii=random.random() < 0.9)
    data = text.encode("utf-8", "surrogatepass")
    return mutated(random, data) if random.random() < 0.15 else data


def mutated_png(random: Random, data: bytes) -> bytes:
    """Return a PNG with one chunk changed, doubled or gone, and with right checksums."""
    chunks = png_chunks(data)
    at = random.randrange(len(chunks))
    kind, content = chunks[at]
    match random.randrange(5):
        case 0:
            del chunks[at]
        case 1:
            chunks.insert(random.randrange(len(chunks) + 1), (kind, content))
        case 2:
            name = random.choice((b"tEXt", b"zTXt", b"iTXt", b"iCCP", b"eXIf", b"PLTE", b"tRNS"))
            chunks.insert(1, (name, random.choice((content, b"a\0\0" + zlib.compress(content)))))
        case _:
            chunks[at] = kind, mutated(random, content)
    return png_of(chunks)


def png_chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """Return the kinds and contents of a PNG's chunks."""
    found, at = [], 8
    while at < len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        found.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += 12 + length
    return found


def png_of(chunks: Sequence[tuple[bytes, bytes]]) -> bytes:
    """Return a PNG of chunks, with their lengths and checksums."""
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )


Choice = Callable[[Random], str]

_FIELDS = (
    "date", "taken", "camera", "lens", "iso", "aperture", "exposure", "width", "height",
    "megapixels", "size", "format", "path", "name", "folder", "gps", "tag", "text", "caption",
    "latitude", "mtime", "id", "nothing",
)  # fmt: skip
_VALUES = (
    "png", "'a b'", '"x"', "2023", "2023-05", "2023-02-30", "2023-05-17", "0", "-1", "1e9", "3 MB",
    "10 km", "1/60", "f/2.8", "'*a*'", "'?*?*?*?*?*b'", "''", "'it''s'", "99999999999999999999",
    "2023-99", "0000", "nan", "inf", "40,-10", "'trips/'", "'..'", "'*" * 20 + "'",
)  # fmt: skip
_TESTS = ("=", "!=", "<", "<=", ">", ">=", "~", "in", "not in", "near", "within", "has", "==", "=>")


def random_filter(random: Random, depth: int = 0) -> str:
    """Return a filter that is written as filters are, mostly a valid one."""
    match random.randrange(9 if depth < 6 else 5):
        case 0:
            return f"has {random.choice(_FIELDS)}"
        case 1:
            values = ", ".join(random.choices(_VALUES, k=random.choice((1, 2, 5))))
            return f"{random.choice(_FIELDS)} {random.choice(('in', 'not in'))} ({values})"
        case 2:
            place = (
                f"{random.uniform(-100, 100):.{random.randrange(4)}f},{random.uniform(-200, 200)}"
            )
            unit = random.choice(("km", "m", "mi", "", "lightyears"))
            return f"gps near {place} within {random.choice(NUMBERS)} {unit}"
        case 5 | 6:
            joint = random.choice((" and ", " or "))
            parts = [random_filter(random, depth + 1) for _ in range(random.choice((2, 2, 3)))]
            return joint.join(parts)
        case 7:
            return f"not {random_filter(random, depth + 1)}"
        case 8:
            return f"({random_filter(random, depth + 1)})"
        case _:
            test = random.choice(_TESTS) if random.random() < 0.3 else random.choice(_TESTS[:7])
            return f"{random.choice(_FIELDS)} {test} {random.choice(_VALUES)}"
