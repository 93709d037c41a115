"""A training folder in miniature: every shard the trainer reads, with a handful of items each."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from retrieval.pocket.train.pictures import Amounts
from retrieval.pocket.train.recipe import Heads, Imitation, Recipe, Together, Tuning
from retrieval.pocket.train.towers import Shape

HUES = {"red": (210, 40, 40), "green": (40, 180, 60), "blue": (40, 70, 210)}


def picture(colour: str, size: int, seed: int) -> bytes:
    rng = np.random.default_rng(seed)
    noise = rng.normal(0, 20, (size, size, 3)) + np.array(HUES[colour])
    buffer = io.BytesIO()
    Image.fromarray(noise.clip(0, 255).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def write_tar(path: Path, rows: list[dict[str, Any]], size: int) -> None:
    with tarfile.open(path, "w") as tar:
        members = [("manifest.jsonl", "\n".join(map(json.dumps, rows)).encode())]
        members += [(row["file"], picture(row["hue"], size, i)) for i, row in enumerate(rows)]
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def write_bin(path: Path, rows: list[dict[str, Any]], size: int) -> None:
    blobs = [picture(row["hue"], size, i) for i, row in enumerate(rows)]
    path.write_bytes(b"".join(blobs))
    offset = 0
    for row, blob in zip(rows, blobs, strict=True):
        row["off"], row["len"] = offset, len(blob)
        offset += len(blob)
    path.with_suffix(".jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_gz(path: Path, rows: list[dict[str, Any]]) -> None:
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
    write_tar(train / "flickr8k_train_224.tar", captioned, 24)
    foreign = [
        {"file": row["file"], "captions_ml": {"de": ["eine Wand"], "fr_translated": ["un mur"]}}
        for row in captioned
    ]
    write_gz(train / "flickr8k_train_captions_ml.jsonl.gz", foreign)
    for name, split in (("mini_imagenet_train_84", "train"), ("caltech101_112", "train")):
        rows = [
            {"label": f"{hue} thing", "synonyms": [f"{hue} thing", hue], "hue": hue, "split": split}
            for hue in hues
        ]
        write_bin(train / f"{name}.bin", rows, 20)
    emoji = [{"label": h, "keywords": [h], "names": {"de": [f"{h} auf Deutsch"]}} for h in HUES]
    write_gz(train / "emoji_names.jsonl.gz", emoji)
    for name in ("flickr30k_captions", "coco_val2017_captions"):
        write_gz(train / f"{name}.jsonl.gz", [{"en": captions(hue)} for hue in hues])
    for i, hue in enumerate(hues):
        (dev / f"{i}.png").write_bytes(picture(hue, 24, 99))
    lines = "".join(
        json.dumps({**row, "file": f"images/{row['file']}"}) + "\n" for row in captioned
    )
    (dev.parent / "captions.jsonl").write_text(lines)
    return data


@pytest.fixture(scope="session")
def dictionary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two nouns, a verb and an adjective in WordNet's own format."""
    folder = tmp_path_factory.mktemp("dict")
    head = "  1 This software and database is being provided to you\n"
    nouns = (
        "02084071 05 n 03 dog 0 domestic_dog 0 Canis_familiaris 0 001 @ 02083346 n 0000 "
        '| a member of the genus Canis; "the dog barked all night"  \n'
        "02084072 05 n 01 wall 0 000 | an upright thing  \n"
    )
    (folder / "data.noun").write_text(head + nouns)
    (folder / "data.verb").write_text(head + "00001740 29 v 01 breathe 0 000 00 | draw air  \n")
    (folder / "data.adj").write_text(head + "00001740 00 a 01 able(p) 0 000 | having power  \n")
    (folder / "data.adv").write_text(head)
    (folder / "index.sense").write_text(
        "dog%1:05:00:: 02084071 1 42\nwall%1:06:00:: 02084072 1 0\n"
    )
    return folder


@pytest.fixture(scope="session")
def tiny_recipe() -> Recipe:
    """All stages and losses, a few steps each, with towers as small as they get."""
    return Recipe(
        languages=("de", "fr"),
        shape=Shape(
            backbone="tf_efficientnet_lite0",
            image_size=64,
            dim=16,
            text_width=32,
            text_heads=2,
            text_layers=1,
            context=32,
        ),
        amounts=Amounts(scenes=16, per_caltech_class=2, per_imagenet_class=2),
        heads=Heads(steps=3, photographs=8, scenes=8, caltech=4, mini_imagenet=4),
        tuning=(Tuning(steps=3, photographs=6, scenes=8, caltech=2, mini_imagenet=4),),
        imitation=replace(Imitation(), steps=3, texts=32),
        together=replace(Together(), steps=3, captions=8, keywords=4, classes=2, scenes=4),
    )
