"""Measure the time that scaled decoding saves and its cost in cosine, against exact decoding.

    python benchmarks/decoding.py [--count N] [--rounds N] [--pictures DIR] [--only JPEG]

Photographs of 12 megapixels and web pictures are drawn (or taken from DIR) and written in several
formats. Each is decoded and resampled from memory for two models, alternately exact and scaled.
Milliseconds are processor time, which other programs on the machine hardly affect. The cosine is
between a picture's two vectors, for the built-in model and for open_clip's ViT-B-32-256 with
random weights. The latter means less, because an untrained network ignores details.

Further tables give the stages of the time, and the rates with several threads.
"""

from __future__ import annotations

import hashlib
import io
import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

import numpy as np
import pillow_heif
from bench import ARCHITECTURE, Machine, begin, interleaved, note, options, print_table
from numpy.typing import NDArray
from pictures import photographs, web_pictures
from PIL import Image

from retrieval import Preprocessing, ReadLimits
from retrieval.encoders import open_encoder
from retrieval.images.decoding import decode
from retrieval.images.reasons import Reading
from retrieval.images.rendering import render
from retrieval.images.resizing import resize, scaled_size

_LIMITS = {"exact": ReadLimits(exact=True), "scaled": ReadLimits()}
_SMALL = 224
_THREADS = (1, 2, 4)

Encode = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Kind:
    """Pictures of one format and size, each as the bytes of its file."""

    name: str
    files: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Model:
    """A model, its preprocessing and its image encoder."""

    name: str
    preprocessing: Preprocessing
    encode: Encode


def kinds(photos: Sequence[bytes], web: Sequence[bytes], only: str) -> list[Kind]:
    """Return the pictures in all formats to measure; names include their size."""
    makers: dict[str, Callable[[], Sequence[bytes]]] = {
        "JPEG, large": lambda: photos,
        "JPEG, web": lambda: web,
        f"JPEG, {_SMALL} × {_SMALL}": lambda: [_small(data) for data in web],
        "progressive JPEG, large": lambda: _again(photos, "JPEG", quality=92, progressive=True),
        "JPEG 2000, large": lambda: _again(
            photos, "JPEG2000", irreversible=True, quality_layers=[12]
        ),
        "PNG, large": lambda: _again(photos, "PNG", compress_level=1),
        "WebP, large": lambda: _again(photos, "WEBP", quality=85, method=0),
        "HEIC, large": lambda: [_heic(data) for data in photos],
    }
    return [Kind(name, make()) for name, make in makers.items() if name.startswith(only)]


def _again(photos: Sequence[bytes], format_name: str, **how: object) -> list[bytes]:
    note(f"writing {format_name}")
    return [_saved(Image.open(io.BytesIO(data)), format_name, **how) for data in photos]


def _saved(picture: Image.Image, format_name: str, **how: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, format_name, **how)
    return out.getvalue()


def _small(data: bytes) -> bytes:
    return _saved(Image.open(io.BytesIO(data)).resize((_SMALL, _SMALL)), "JPEG", quality=88)


def _heic(data: bytes) -> bytes:
    out = io.BytesIO()
    picture = pillow_heif.from_pillow(Image.open(io.BytesIO(data)))
    picture.save(out, quality=70, enc_params={"preset": "ultrafast"})
    return out.getvalue()


def models() -> Iterator[Model]:
    """Yield the built-in model and one with random weights."""
    pocket = open_encoder("pocket", device="torch")
    yield Model("pocket, 112 px", pocket.spec.preprocessing, pocket.encode_images)
    how = Preprocessing((256, 256), "shortest", "bicubic", (0.48, 0.46, 0.41), (0.27, 0.26, 0.28))
    yield Model("random ViT-B-32, 256 px", how, _random_encoder(how))


def _random_encoder(how: Preprocessing) -> Encode:
    import open_clip
    import torch

    torch.manual_seed(0)
    model = open_clip.create_model(ARCHITECTURE).eval()

    def encode(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        mean, std = (np.array(each, np.float32) for each in (how.mean, how.std))
        levels = (pixels / np.float32(255) - mean) / std
        with torch.no_grad():
            rows = model.encode_image(torch.from_numpy(levels.transpose(0, 3, 1, 2)))
            return torch.nn.functional.normalize(rows.double(), dim=-1).numpy()

    return encode


def pixels_of(kind: Kind, model: Model, limits: ReadLimits) -> NDArray[np.uint8]:
    """Decode and resample all pictures of a kind to (n, H, W, 3)."""
    return np.stack([decode(io.BytesIO(f), model.preprocessing, limits)[0] for f in kind.files])


def measured(kind: Kind, model: Model, rounds: int) -> list[str]:
    """Return a row of the table: the times of exact and scaled decoding, and their cosines."""

    def timed(limits: ReadLimits) -> float:
        started = time.process_time()
        pixels_of(kind, model, limits)
        return (time.process_time() - started) / len(kind.files) * 1000

    runs = interleaved(rounds, {how: partial(timed, limits) for how, limits in _LIMITS.items()})
    exact, scaled = (statistics.median(runs[how]) for how in ("exact", "scaled"))
    one, other = (model.encode(pixels_of(kind, model, limits)) for limits in _LIMITS.values())
    cosines = (one.astype(np.float64) * other).sum(axis=1)
    return [
        kind.name, model.name, f"{exact:.1f}", f"{scaled:.1f}", f"{exact / scaled:.2f} ×",
        f"{cosines.min():.5f}", f"{cosines.mean():.5f}",
    ]  # fmt: skip


def stages(kind: Kind, model: Model, how: str, rounds: int) -> list[str]:
    """Return a row: milliseconds per picture for the hash, the decoder and resampling."""
    limits = _LIMITS[how]
    target = partial(scaled_size, preprocessing=model.preprocessing)

    def once() -> tuple[float, float, float]:
        spent = np.zeros(3)
        for data in kind.files:
            marks = [time.process_time()]
            hashlib.sha256(data).digest()
            marks.append(time.process_time())
            with ExitStack() as held:
                got = render(io.BytesIO(data), limits, target, held, Reading())
                marks.append(time.process_time())
                resize(got.picture, model.preprocessing, got.frame, exact=limits.exact)
            marks.append(time.process_time())
            spent += np.diff(marks)
        hashed, decoded, resized = spent / len(kind.files) * 1000
        return hashed, decoded, resized

    runs = [once() for _ in range(rounds)]
    medians = [statistics.median(column) for column in zip(*runs, strict=True)]
    shares = [f"{ms:.1f} ({100 * ms / sum(medians):.0f} %)" for ms in medians]
    return [kind.name, model.name, how, *shares]


def threads(kind: Kind, model: Model, rounds: int) -> list[str]:
    """Return a row: pictures per second with 1, 2 and 4 threads, as far as the GIL permits."""
    work = list(kind.files) * max(1, 200 // len(kind.files) if "web" in kind.name else 2)

    def rate(count: int) -> float:
        started = time.perf_counter()
        with ThreadPoolExecutor(count) as pool:
            how, limits = model.preprocessing, _LIMITS["scaled"]
            list(pool.map(lambda data: decode(io.BytesIO(data), how, limits)[0], work))
        return len(work) / (time.perf_counter() - started)

    runs = interleaved(rounds, {str(count): partial(rate, count) for count in _THREADS})
    return [kind.name, model.name, *(f"{statistics.median(run):.0f}" for run in runs.values())]


def main() -> None:
    """Measure and print the tables."""
    parser = options(__doc__)
    parser.add_argument("--count", type=int, default=12, help="pictures of each kind (%(default)s)")
    parser.add_argument("--pictures", metavar="DIR", help="JPEGs to use as the large ones")
    parser.add_argument("--only", default="", help="only kinds whose names begin with this")
    arguments = begin(parser)
    machine = Machine()
    photos = arguments.pictures or photographs(arguments.cache, arguments.count)
    web = web_pictures(arguments.cache, arguments.count)
    photo_files, web_files = (_read(folder, arguments.count) for folder in (photos, web))
    all_kinds = kinds(photo_files, web_files, arguments.only)
    all_models = list(models())
    rows = [measured(kind, model, arguments.rounds) for kind in all_kinds for model in all_models]
    head = ["picture", "model", "exact ms", "scaled ms", "ratio", "least cosine", "mean cosine"]
    print_table("Decoding and resampling a picture: milliseconds of processor time", head, rows)
    two = [kind for kind in all_kinds if kind.name in ("JPEG, large", f"JPEG, {_SMALL} × {_SMALL}")]
    spent = [
        stages(kind, model, how, arguments.rounds)
        for kind in two
        for model in all_models
        for how in _LIMITS
    ]
    head = ["picture", "model", "", "hash", "decode", "resample"]
    print_table("The stages, in milliseconds", head, spent)
    head = ["picture", "model", *(f"{n} thread{'s' * (n > 1)}" for n in _THREADS)]
    shared = [threads(kind, all_models[0], arguments.rounds) for kind in all_kinds[:2]]
    print_table("Pictures per second", head, shared)
    print(
        f"\n{arguments.count} pictures of each kind, median of {arguments.rounds}; {machine.line()}"
    )


def _read(folder: str, count: int) -> list[bytes]:
    names = sorted(n for n in os.listdir(folder) if n.lower().endswith((".jpg", ".jpeg")))
    files = []
    for name in names[:count]:
        with open(os.path.join(folder, name), "rb") as file:
            files.append(file.read())
    return files


if __name__ == "__main__":
    main()
