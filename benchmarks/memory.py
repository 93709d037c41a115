"""Peak memory of indexing N and 10 N pictures: it should not grow with their number.

    python benchmarks/memory.py [N]

The pictures are 12-megapixel JPEGs of different content; the model is a stand-in of 512 dimensions,
so that what is measured is decoding, the catalogue and the vector cache, without the share of a
real model, which is the same for any number of pictures. Each run is a process of its own.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

CHILD = """
import resource, sys
sys.path.insert(0, {here!r})
from standin import StandIn
from retrieval import Library
with Library.create(sys.argv[1], StandIn(512, 224)) as library:
    done = library.add(sys.argv[2])
    assert done.tally.encoded == int(sys.argv[3]), done
    library.search("anything")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def picture() -> bytes:
    """Return a JPEG of 4000 × 3000 pixels."""
    small = np.random.default_rng(0).integers(0, 255, (30, 40, 3), np.uint8)
    out = io.BytesIO()
    Image.fromarray(small).resize((4000, 3000)).save(out, "JPEG", quality=60)
    return out.getvalue()


def peak_mb(count: int, jpeg: bytes) -> float:
    """Return the peak resident size of indexing `count` pictures, in MB."""
    with tempfile.TemporaryDirectory() as folder:
        pictures = Path(folder) / "pictures"
        pictures.mkdir()
        for number in range(count):
            # Bytes past the end of the picture make the content another one.
            (pictures / f"{number:06}.jpg").write_bytes(jpeg + number.to_bytes(4, "big"))
        code = CHILD.format(here=str(Path(__file__).parent))
        command = [sys.executable, "-c", code, f"{folder}/library", str(pictures), str(count)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    return int(done.stdout) / 1024


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    jpeg = picture()
    one, ten = peak_mb(count, jpeg), peak_mb(10 * count, jpeg)
    print(f"{count:,} pictures: {one:.0f} MB; {10 * count:,}: {ten:.0f} MB; ratio {ten / one:.2f}")


if __name__ == "__main__":
    main()
