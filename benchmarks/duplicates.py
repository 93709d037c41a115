"""Measure recall and precision of `pixtrieve duplicates` on changed copies of pictures.

    python benchmarks/duplicates.py [--pictures DIR] [--model NAME] [--count N]

This indexes up to --count pictures of a folder (PIXTRIEVE_DATA's flickr8k-dev, or else drawn
scenes). For each kind of change, every fifth picture is changed, compressed (JPEG, quality 88
unless the change is the quality) and also indexed; then the groups are evaluated, with the default
threshold. Recall is the share of changed copies that are in a group with their original. Precision
is the share of redundant files that are a copy of the kept file.

The thresholds were chosen by the last columns: the likeness to the original that 90 % of the copies
reach (`retrieval.duplicates.alignment`), and the number of 255 signs in which 90 % of them differ
at most (`retrieval.duplicates.perceptual_hash`). The last row is for each picture's nearest other
by the model's vectors: the likeness that 1 % of them reach, and the least number of different
signs.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO

import numpy as np
from bench import Machine, note, print_table
from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

from retrieval import Library
from retrieval.duplicates.alignment import part_correlation
from retrieval.duplicates.perceptual_hash import Pairs, PerceptualHashes, Thumbnails
from retrieval.images.luma_thumbnail import SIDE, make_luma_thumbnail
from retrieval.images.scaling import Frame
from retrieval.scenes.dataset import draw_scenes
from retrieval.vectors import from_blobs

Change = Callable[[Image.Image, random.Random], Image.Image]
_EVERY = 5
_QUALITY = 88
_T = Image.Transpose


def crop(share: float) -> Change:
    """Crop a share of each side's length, at a random place."""

    def change(picture: Image.Image, chance: random.Random) -> Image.Image:
        width, height = (round(side * (1 - share)) for side in picture.size)
        left, top = (
            chance.randint(0, picture.width - width),
            chance.randint(0, picture.height - height),
        )
        return picture.crop((left, top, left + width, top + height))

    return change


def scale(by: float) -> Change:
    """Scale the size by a factor."""
    return lambda picture, _: picture.resize(
        (max(1, round(picture.width * by)), max(1, round(picture.height * by))),
        Image.Resampling.LANCZOS,
    )


def turn(how: Image.Transpose) -> Change:
    """Rotate or mirror."""
    return lambda picture, _: picture.transpose(how)


def tilt(degrees: float) -> Change:
    """Straighten the horizon: rotate slightly and crop the empty corners."""

    def change(picture: Image.Image, _: random.Random) -> Image.Image:
        angle = np.radians(degrees)
        share = 1 - 1 / (np.cos(angle) + np.sin(angle))
        across, down = (int(np.ceil(side * share / 2)) for side in picture.size)
        turned = picture.rotate(degrees, Image.Resampling.BICUBIC)
        return turned.crop((across, down, picture.width - across, picture.height - down))

    return change


def watermark(picture: Image.Image, _: random.Random) -> Image.Image:
    """Write a text over a corner."""
    marked = picture.copy()
    font = ImageFont.load_default(picture.height / 9)
    at = picture.width * 0.55, picture.height * 0.85
    ImageDraw.Draw(marked, "RGBA").text(at, "© photo", (255, 255, 255, 200), font)
    return marked


def border(share: float) -> Change:
    """Add a white border."""
    return lambda picture, _: ImageOps.expand(picture, round(picture.width * share), "white")


def screenshot(picture: Image.Image, chance: random.Random) -> Image.Image:
    """Crop and scale."""
    return scale(0.7)(crop(0.05)(picture, chance), chance)


def _same(picture: Image.Image, _: random.Random) -> Image.Image:
    return picture


CHANGES: dict[str, tuple[Change, int]] = {
    "resized to a half": (scale(0.5), _QUALITY),
    "resized to a quarter": (scale(0.25), _QUALITY),
    "JPEG quality 90": (_same, 90),
    "JPEG quality 60": (_same, 60),
    "JPEG quality 30": (_same, 30),
    "cropped by 5 %": (crop(0.05), _QUALITY),
    "cropped by 10 %": (crop(0.10), _QUALITY),
    "cropped by 15 %": (crop(0.15), _QUALITY),
    "cropped by 25 %": (crop(0.25), _QUALITY),
    "rotated by 90°": (turn(_T.ROTATE_90), _QUALITY),
    "rotated by 180°": (turn(_T.ROTATE_180), _QUALITY),
    "rotated by 270°": (turn(_T.ROTATE_270), _QUALITY),
    "mirrored": (turn(_T.FLIP_LEFT_RIGHT), _QUALITY),
    "tilted by 2°": (tilt(2), _QUALITY),
    "tilted by 5°": (tilt(5), _QUALITY),
    "darker by 30 %": (lambda p, _: ImageEnhance.Brightness(p).enhance(0.7), _QUALITY),
    "brighter by 30 %": (lambda p, _: ImageEnhance.Brightness(p).enhance(1.3), _QUALITY),
    "grey": (lambda p, _: ImageOps.grayscale(p).convert("RGB"), _QUALITY),
    "watermark": (watermark, _QUALITY),
    "white border of 5 %": (border(0.05), _QUALITY),
    "screenshot: crop, scale, q50": (screenshot, 50),
}


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pictures", metavar="DIR", help="a folder of different pictures")
    parser.add_argument("--model", default="pocket", help="(%(default)s)")
    parser.add_argument("--count", type=int, default=1000, help="number of pictures (%(default)s)")
    arguments = parser.parse_args()
    machine = Machine()
    with tempfile.TemporaryDirectory() as here:
        originals = base_pictures(arguments.pictures, arguments.count, os.path.join(here, "base"))
        rows = measured(originals, arguments.model, here)
        print_table(
            f"{len(originals):,} pictures, a fifth of them changed; model {arguments.model}; "
            + machine.line(),
            ("change", "recall", "precision", "likeness", "signs"),
            rows,
        )


def base_pictures(folder: str | None, count: int, target: str) -> dict[str, Image.Image]:
    """Return pictures by name, after writing them to the folder `target`."""
    data = os.environ.get("PIXTRIEVE_DATA")
    if folder is None and data:
        folder = os.path.join(data, "flickr8k-dev", "images")
    if folder is None:
        folder = target + "-drawn"
        note(f"drawing {count} scenes")
        list(draw_scenes(folder, count, 1))
    os.mkdir(target)
    pictures = {}
    for name in sorted(os.listdir(folder))[:count]:
        with Image.open(os.path.join(folder, name)) as picture:
            stem = os.path.splitext(name)[0]
            pictures[stem] = picture.convert("RGB")
        pictures[stem].save(os.path.join(target, f"{stem}.png"))
    return pictures


def measured(originals: dict[str, Image.Image], model: str, here: str) -> Iterator[Sequence[str]]:
    """Yield the rows of the table."""
    chosen = list(originals)[::_EVERY]
    with Library.create(os.path.join(here, "library"), model, device="cpu") as library:
        library.add(os.path.join(here, "base"))
        neighbours = nearest_others(library, originals)
        alone = pairs_found(library)
        note(f"{len(alone)} redundant files among the originals")
        for number, (name, (change, quality)) in enumerate(CHANGES.items()):
            note(f"{number + 1} of {len(CHANGES)}: {name}")
            chance = random.Random(number)
            changed = {
                stem: compressed(change(originals[stem], chance), quality) for stem in chosen
            }
            folder = os.path.join(here, f"changed {number}")
            os.mkdir(folder)
            for stem, data in changed.items():
                with open(os.path.join(folder, f"{stem}.jpg"), "wb") as file:
                    file.write(data)
            library.add(folder)
            pairs = pairs_found(library)
            library.remove(folder)
            right = sum(kept == other for kept, other in pairs)
            yield (
                name,
                f"{right / len(chosen):.1%}",
                f"{right / max(len(pairs), 1):.1%}",
                *distances(originals, changed),
            )
    yield ("the nearest other picture", "", "", *neighbours)


def pairs_found(library: Library) -> list[tuple[str, str]]:
    """Return the names, without suffix, of each redundant file and of the kept one."""
    return [
        (_stem(group.kept.path), _stem(file.path))
        for group in library.duplicates.find("near").groups
        for file in group.redundant
    ]


def distances(originals: dict[str, Image.Image], changed: dict[str, bytes]) -> tuple[str, str]:
    """Return the likeness that 90 % reach and the signs in which 90 % differ at most."""
    copies = thumbnails_of([Image.open(BytesIO(data)) for data in changed.values()])
    whole = thumbnails_of([originals[stem] for stem in changed])
    count = len(copies)
    hashes = PerceptualHashes(np.concatenate([whole, copies]))
    distances, _ = hashes.distances(np.arange(count), np.arange(count, 2 * count))
    return (
        f"{np.quantile(part_correlation(whole, copies), 0.1):.3f}",
        f"{np.quantile(distances, 0.9):.0f}",
    )


def nearest_others(library: Library, originals: dict[str, Image.Image]) -> tuple[str, str]:
    """Return the two figures of the last row for different pictures: see the module's docstring."""
    rows = list(library.images())
    stems = [_stem(image.paths[0]) for image, _ in rows]
    vectors = from_blobs([blob for _, blob in rows], library.model.dim)
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -1)
    thumbnails = thumbnails_of([originals[stem] for stem in stems])
    likeness = part_correlation(thumbnails, thumbnails[cosines.argmax(axis=1)])
    pairs = Pairs(*np.triu_indices(len(stems), 1))
    parts = np.array_split(np.arange(len(pairs.first)), max(len(pairs.first) // 20_000, 1))
    hashes = PerceptualHashes(thumbnails)
    fewest = min(hashes.distances(pairs.first[part], pairs.second[part])[0].min() for part in parts)
    return f"{np.quantile(likeness, 0.99):.3f}", f"{fewest}"


def thumbnails_of(pictures: Sequence[Image.Image]) -> Thumbnails:
    """Return the thumbnails (n, side, side) of pictures."""
    data = b"".join(
        make_luma_thumbnail(each.convert("RGB"), Frame.whole(each.size)) for each in pictures
    )
    return np.frombuffer(data, np.uint8).reshape(-1, SIDE, SIDE)


def compressed(picture: Image.Image, quality: int) -> bytes:
    """Return a picture as JPEG."""
    file = BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return file.getvalue()


def _stem(path: str) -> str:
    return os.path.splitext(os.path.basename(path))[0]


if __name__ == "__main__":
    main()
