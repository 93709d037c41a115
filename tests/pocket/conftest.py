"""A training folder in miniature: every shard the trainer reads, with a handful of items each."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from retrieval.pocket.batches import Augmentation
from retrieval.pocket.model import Shape
from retrieval.pocket.recipe import Recipe, Stage, Weights

HUES = {"red": (210, 40, 40), "green": (40, 180, 60), "blue": (40, 70, 210)}


def picture(colour: str, size: int, seed: int) -> bytes:
    rng = np.random.default_rng(seed)
    noise = rng.normal(0, 20, (size, size, 3)) + np.array(HUES[colour])
    buffer = io.BytesIO()
    Image.fromarray(noise.clip(0, 255).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def write_tar(path: Path, rows: list[dict], size: int) -> None:
    with tarfile.open(path, "w") as tar:
        members = [("manifest.jsonl", "\n".join(map(json.dumps, rows)).encode())]
        members += [(row["file"], picture(row["hue"], size, i)) for i, row in enumerate(rows)]
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def write_bin(path: Path, rows: list[dict], size: int) -> None:
    blobs = [picture(row["hue"], size, i) for i, row in enumerate(rows)]
    path.write_bytes(b"".join(blobs))
    offset = 0
    for row, blob in zip(rows, blobs, strict=True):
        row["off"], row["len"] = offset, len(blob)
        offset += len(blob)
    path.with_suffix(".jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_gz(path: Path, rows: list[dict]) -> None:
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))


def captions(hue: str) -> list[str]:
    return [f"a {hue} wall", f"the wall is {hue}", f"something {hue}", f"{hue} paint", f"all {hue}"]


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("data")
    train, dev = data / "train", data / "flickr8k-dev" / "images"
    train.mkdir()
    dev.mkdir(parents=True)
    hues = list(HUES) * 4
    captioned = [
        {"file": f"{i}.png", "hue": hue, "captions": captions(hue)} for i, hue in enumerate(hues)
    ]
    write_tar(train / "flickr8k_train_144.tar", captioned, 24)
    emoji = [{"file": f"e{i}.png", "hue": h, "label": h, "emoji": h} for i, h in enumerate(HUES)]
    write_tar(train / "emoji_72.tar", emoji, 16)
    for name, split in (
        ("tiny_imagenet_train_64", "train"),
        ("mini_imagenet_train_84", "train"),
        ("mini_imagenet_val_84", "val"),
        ("caltech101_112", "train"),
    ):
        rows = [{"label": f"{hue} thing", "hue": hue, "split": split} for hue in hues]
        write_bin(train / f"{name}.bin", rows, 20)
    write_gz(
        train / "emoji_names.jsonl.gz", [{"emoji": h, "label": h, "keywords": [h]} for h in HUES]
    )
    for name in ("flickr30k_captions", "coco_val2017_captions"):
        write_gz(train / f"{name}.jsonl.gz", [{"en": captions(hue)} for hue in hues])
    for row in captioned:
        row["file"] = f"images/{row['file']}"
        (dev.parent / row["file"]).write_bytes(picture(row["hue"], 24, 99))
    lines = "".join(json.dumps(row) + "\n" for row in captioned)
    (dev.parent / "captions.jsonl").write_text(lines)
    return data


@pytest.fixture(scope="session")
def tiny_recipe() -> Recipe:
    """All kinds of stages and losses, a few steps each, with towers as small as they get."""
    every = Weights(
        text_pairs=1, pictures=1, scenes=1, bank=1, labels=1, prompts=1, names=1, words=1, claims=1
    )
    shares = {"flickr8k": 4, "scenes": 2, "emoji": 1, "tiny_imagenet": 3, "caltech101": 2}
    return Recipe(
        stages=(
            Stage("text", 1, Weights(text_pairs=1), text_groups=6, steps=3),
            Stage(
                "classes", 1, Weights(labels=1), shares={"mini_imagenet": 6}, sizes=(32,), steps=3
            ),
            Stage("names", 1, Weights(all_names=1, keep=1), text_groups=3, steps=2),
            Stage(
                "joint",
                1,
                every,
                Augmentation(mix=0.5),
                shares,
                (32,),
                text_groups=6,
                evaluations=2,
                keep_best=True,
                steps=4,
            ),
        ),
        shape=Shape(
            "regnetx_002", image_size=32, dim=16, text_width=32, text_heads=2, text_layers=1
        ),
        scenes=6,
        words=20,
    )
