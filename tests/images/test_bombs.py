"""Files of a few bytes that claim to be huge: refused, by name, before memory is spent."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pillow_heif
import pytest
from PIL import Image

PROGRAM = """
import resource, sys
from retrieval.images import ReadLimits
from retrieval.images.decoding import read_picture
from retrieval.specs import Preprocessing
p = Preprocessing((224, 224), "shortest", "bicubic", (0, 0, 0), (1, 1, 1))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in sys.argv[1:]:
    found = read_picture(path, p, ReadLimits(), lambda digest: True)
    print(path, getattr(found, "reason", ""), sep="|")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
TOO_MANY = "megapixels, more than the limit of 250 (raise it with --max-megapixels)"


def png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(10**6))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data)


def webp(width: int, height: int) -> bytes:
    file = io.BytesIO()
    frames = [Image.new("RGB", (2, 2), colour) for colour in ("red", "blue")]
    frames[0].save(file, "WEBP", save_all=True, append_images=frames[1:])
    data = bytearray(file.getvalue())
    assert data[12:16] == b"VP8X"
    data[24:30] = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return bytes(data)


def gif(canvas: int, frame: int) -> bytes:
    screen = struct.pack("<HHBBB", canvas, canvas, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    image = b"," + struct.pack("<HHHHB", 0, 0, frame, frame, 0) + b"\x02\x02\x4c\x01\0;"
    return b"GIF89a" + screen + image


def tiff(width: int, height: int, compression: int) -> bytes:
    tags = [
        (256, 4, width), (257, 4, height), (258, 3, 8), (259, 3, compression), (262, 3, 1),
        (273, 4, 8), (277, 3, 1), (278, 4, height), (279, 4, 10),
    ]  # fmt: skip
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + b"\0" * 30


def with_declared_size(data: bytes, size: int) -> bytes:
    """Change the `ispe` box of an AVIF or HEIC file."""
    at = data.index(b"ispe") + 8
    return data[:at] + struct.pack(">II", size, size) + data[at + 8 :]


def avif() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 64)).save(file, "AVIF")
    return with_declared_size(file.getvalue(), 60000)


def heic() -> bytes | None:
    file = io.BytesIO()
    try:
        pillow_heif.from_pillow(Image.new("RGB", (64, 64))).save(file)
    except (RuntimeError, OSError):
        return None  # no HEVC encoder in this build
    return with_declared_size(file.getvalue(), 60000)


def chunk_bombs() -> dict[str, bytes]:
    """Return small PNGs whose text, profile or other chunks unpack to 200 MB."""
    packed = zlib.compress(bytes(2 * 10**8))
    sound = io.BytesIO()
    Image.new("RGB", (24, 16), "red").save(sound, "PNG")
    data, found = sound.getvalue(), {}
    for kind, head in (
        (b"zTXt", b"Comment\0\0"), (b"iCCP", b"profile\0\0"), (b"iTXt", b"Comment\0\1\0\0\0"),
    ):  # fmt: skip
        content = head + packed
        chunk = struct.pack(">I", len(content)) + kind + content
        crc = struct.pack(">I", zlib.crc32(kind + content))
        found[f"{kind.decode()}.png"] = data[:33] + chunk + crc + data[33:]
    return found


def many_pages(count: int) -> bytes:
    """Return a TIFF with one page after the other, all in one place, and a loop at the end."""
    data = tiff(8, 8, 1)
    entries = data[8 : 8 + 2 + 9 * 12]
    found = bytearray(data[:4] + struct.pack("<I", 8))
    for page in range(count):
        following = 8 + (page + 1) * (len(entries) + 4) if page + 1 < count else 8
        found += entries + struct.pack("<I", following)
    return bytes(found)


def many_strips(count: int) -> bytes:
    """Return a TIFF that declares millions of strips, whose places lie beyond its end."""
    tags = [
        (256, 4, 1, 16), (257, 4, 1, count), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1),
        (273, 4, count, 8), (277, 3, 1, 1), (278, 4, 1, 1), (279, 4, count, 8),
    ]  # fmt: skip
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4)


def jpeg2000(size: int, tile: int) -> bytes:
    """Return a codestream that declares a size, in tiles of another size."""
    file = io.BytesIO()
    Image.new("RGB", (64, 64)).save(file, "JPEG2000", no_jp2=True)
    data = bytearray(file.getvalue())
    at = data.index(b"\xff\x51") + 6
    data[at : at + 8] = struct.pack(">II", size, size)
    data[at + 16 : at + 24] = struct.pack(">II", tile, tile)
    return bytes(data)


def animation(frames: int) -> bytes:
    """Return a GIF with many frames; only the first is decoded."""
    whole = gif(1, 1)
    head, frame = whole[:19], whole[19:-1]
    return head + frame * frames + b";"


def mpo(pictures: int) -> bytes:
    """Return a JPEG whose index claims to hold many more pictures."""
    file = io.BytesIO()
    Image.new("RGB", (24, 16), "red").save(
        file, "MPO", save_all=True, append_images=[Image.new("RGB", (24, 16))]
    )
    data = file.getvalue()
    at = data.index(b"\x01\xb0")
    return data[: at + 8] + struct.pack("<I", pictures) + data[at + 12 :]


@pytest.mark.skipif(sys.platform != "linux", reason="reads ru_maxrss in kilobytes")
def test_bombs_are_refused_in_little_memory(tmp_path: Path) -> None:
    bombs = {
        "a.png": png(60000, 60000),
        "a.webp": webp(16383, 16383),
        "canvas.gif": gif(65535, 1),
        "frame.gif": gif(1, 65535),
        "a.tiff": tiff(100000, 100000, 1),
        "lzw.tiff": tiff(100000, 100000, 5),
        "a.bmp": b"BM" + bytes(12) + struct.pack("<IiiHHI", 40, 60000, 60000, 1, 24, 0) + bytes(20),
        "a.ppm": b"P6 60000 60000 255\n" + bytes(100),
        "a.avif": avif(),
        "a.heic": heic(),
    }
    reasons = answers(tmp_path, {name: data for name, data in bombs.items() if data is not None})
    assert {name for name, reason in reasons.items() if not reason.endswith(TOO_MANY)} <= {
        "frame.gif", "a.avif", "a.heic"  # their libraries or plugins refuse first
    }  # fmt: skip
    assert "a.png" in reasons


@pytest.mark.skipif(sys.platform != "linux", reason="reads ru_maxrss in kilobytes")
def test_what_is_not_needed_of_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    harmless = {
        **chunk_bombs(), "pages.tiff": many_pages(50_000), "frames.gif": animation(10**5),
        "index.mpo": mpo(10**8),
    }  # fmt: skip
    damaged = {
        "strips.tiff": many_strips(10**8), "a.j2k": jpeg2000(60000, 60000),
        "tiles.j2k": jpeg2000(4000, 1),
    }  # fmt: skip
    reasons = answers(tmp_path, harmless | damaged)
    assert {name for name, reason in reasons.items() if reason} == set(damaged)


def answers(folder: Path, bombs: dict[str, bytes]) -> dict[str, str]:
    """Return the reasons why bombs are refused, "" for a picture; check the memory it takes."""
    for name, data in bombs.items():
        (folder / name).write_bytes(data)
    paths = [str(folder / name) for name in bombs]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *paths], capture_output=True, text=True, check=True
    )
    *lines, kilobytes = done.stdout.splitlines()
    assert int(kilobytes) < 60_000
    assert done.stderr == ""
    return {line.rpartition("/")[2].split("|")[0]: line.split("|")[1] for line in lines}
