"""How long `pixtrieve index` takes over N files that have not changed, as a whole process.

    python benchmarks/rescan.py [N]

Makes N one-pixel pictures of different content in a temporary folder, indexes them with a stand-in
model (nothing is encoded in what is timed), then times the command again, A B A B, beside a
`find -printf` over the same tree, which is what the file system itself costs.
"""

from __future__ import annotations

import os
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

from standin import StandIn

from retrieval import Library

RUNS = 5


def pixel(number: int) -> bytes:
    """Return a PNG of one pixel that no other number gives."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(b"\0" + number.to_bytes(3, "big")))
    return b"\x89PNG\r\n\x1a\n" + header + body + chunk(b"IEND", b"")


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    with tempfile.TemporaryDirectory() as folder:
        pictures, library = Path(folder) / "pictures", str(Path(folder) / "library")
        for number in range(count):
            path = pictures / f"{number // 1000:04}" / f"{number:08}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(pixel(number))
        with Library.create(library, StandIn(8, 8)) as made:
            made.add(pictures)
        ours = [sys.executable, "-m", "retrieval", "index", "--library", library]
        find = ["find", str(pictures), "-type", "f", "-printf", "%s %T@ %p\\n"]
        times: dict[str, list[float]] = {"index": [], "find": []}
        for _ in range(RUNS):
            for name, command in (("index", ours), ("find", find)):
                started = time.perf_counter()
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
                times[name].append(time.perf_counter() - started)
    index, find_time = (statistics.median(times[name]) for name in ("index", "find"))
    load = os.getloadavg()[0]
    print(f"{count:,} unchanged files, median of {RUNS}, load {load:.1f}")
    print(f"pixtrieve index  {index:6.2f} s")
    print(f"find -printf     {find_time:6.2f} s  (ratio {index / find_time:.1f})")


if __name__ == "__main__":
    main()
