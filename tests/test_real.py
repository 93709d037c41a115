"""The whole program with a real model on real pictures (PIXTRIEVE_DATA), beside plain open_clip."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.mended import whole_pixels

from retrieval import Library

pytestmark = pytest.mark.slow


def pixtrieve(*arguments: str | os.PathLike[str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "retrieval", *(os.fspath(a) for a in arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def prototype(shared_data: Path) -> Path:
    folder = shared_data.parent / "models/pocket-prototype"
    if not folder.is_dir():
        pytest.skip("there is no models/pocket-prototype beside the shared data")
    return folder


@pytest.fixture(scope="module")
def flickr(shared_data: Path, prototype: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of the Flickr8k development photographs."""
    library = tmp_path_factory.mktemp("flickr") / "library"
    images = shared_data / "flickr8k-dev/images"
    done = pixtrieve("index", images, "--library", library, "--model", f"local-dir:{prototype}")
    assert done.returncode == 0, done.stderr
    assert "Indexed 1,000 new" in done.stdout
    return library


def plain_open_clip(prototype: Path, captions: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return image and text vectors, and which image each text belongs to, the plain way."""
    import open_clip
    import torch
    from PIL import Image

    model, preprocess = open_clip.create_model_from_pretrained(f"local-dir:{prototype}")
    model.eval()
    tokenize = open_clip.get_tokenizer(f"local-dir:{prototype}")
    rows = [json.loads(line) for line in captions.read_text("utf-8").splitlines()]
    files = [captions.parent / row["file"] for row in rows]
    texts = [text for row in rows for text in row["captions"]]
    with torch.inference_mode():
        images = torch.cat(
            [
                model.encode_image(
                    torch.stack([preprocess(Image.open(f)) for f in files[i : i + 100]])
                )
                for i in range(0, len(files), 100)
            ]
        )
        words = torch.cat(
            [model.encode_text(tokenize(texts[i : i + 500])) for i in range(0, len(texts), 500)]
        )
    owner = np.repeat(np.arange(len(rows)), [len(row["captions"]) for row in rows])
    unit = torch.nn.functional.normalize
    return unit(images, dim=-1).numpy(), unit(words, dim=-1).numpy(), owner


def test_evaluate_equals_plain_open_clip(flickr: Path, shared_data: Path, prototype: Path) -> None:
    captions = shared_data / "flickr8k-dev/captions.jsonl"
    done = pixtrieve("evaluate", captions, "--library", flickr, "--json")
    assert done.returncode == 0, done.stderr
    measured = json.loads(done.stdout)
    images, words, owner = plain_open_clip(prototype, captions)
    scores = words @ images.T
    ranks = (scores > scores[np.arange(len(owner)), owner][:, None]).sum(axis=1) + 1
    best = np.array(
        [(scores.T[i] > scores.T[i][owner == i].max()).sum() + 1 for i in range(len(images))]
    )
    for k in (1, 5, 10):
        assert measured["text_to_image"][f"R@{k}"] == pytest.approx((ranks <= k).mean(), abs=1e-3)
        assert measured["image_to_text"][f"R@{k}"] == pytest.approx((best <= k).mean(), abs=1e-3)
    assert measured["text_to_image"]["R@10"] > 0.2

    with Library.open(flickr) as library:
        stored = {row.paths[0]: np.frombuffer(blob, "<f2") for row, blob in library.images()}
    rows = [json.loads(line) for line in captions.read_text("utf-8").splitlines()]
    for row, vector in zip(rows, images, strict=True):
        own = stored[str(captions.parent / row["file"])].astype(np.float32)
        assert own @ vector / np.linalg.norm(own) > 0.9999


def test_searching_the_photographs(flickr: Path, shared_data: Path, tmp_path: Path) -> None:
    done = pixtrieve("search", "two dogs playing in the snow", "--library", flickr, "--json")
    found = json.loads(done.stdout)
    assert done.stderr == ""
    assert [hit["rank"] for hit in found["hits"]] == list(range(1, 11))
    scores = [hit["score"] for hit in found["hits"]]
    assert scores == sorted(scores, reverse=True)
    example = found["hits"][0]["path"]
    similar = pixtrieve("search", "--image", example, "--library", flickr, "--paths", "-k", "5")
    assert example not in similar.stdout.splitlines()
    assert len(similar.stdout.splitlines()) == 5
    os.remove(next((flickr / "cache").iterdir()))
    again = pixtrieve("search", "two dogs playing in the snow", "--library", flickr, "--json")
    assert json.loads(again.stdout)["hits"] == found["hits"]


def test_a_folder_of_hostile_files(shared_data: Path, prototype: Path, tmp_path: Path) -> None:
    robust = shared_data / "robust"
    done = pixtrieve(
        "index", robust, "--library", tmp_path / "l", "--model", f"local-dir:{prototype}"
    )
    assert done.returncode == 0
    spoken = [line for line in done.stderr.splitlines() if not line.startswith("Preparing ")]
    assert spoken == [], "no library speaks up"
    problems = pixtrieve("status", "--problems", "--json", "--library", tmp_path / "l")
    named = {row["path"] for row in json.loads(problems.stdout)["problems"]}
    with Library.open(tmp_path / "l") as library:
        indexed = {path for row, _ in library.images() for path in row.paths}
    from retrieval.images.formats import unsupported_reason

    for line in (robust / "manifest.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        path, support = str(robust / row["file"]), unsupported_reason(os.path.basename(row["file"]))
        if support == "" and row["decodes"]:
            assert path in indexed, row
        elif support == "" and path in indexed:  # Pillow refuses it over its metadata
            assert whole_pixels(path) is not None, row
        elif support is not None:
            assert path in named, row
            assert path not in indexed, row
    assert not indexed & named


def test_a_model_that_is_not_here_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    done = pixtrieve("index", tmp_path / "p", "--library", tmp_path / "l", "--model", "fast")
    if done.returncode == 0:
        pytest.skip("the model is on this machine's disk")
    assert "is not on disk" in done.stderr
    assert "pixtrieve models fetch" in done.stderr
    assert "local-dir:" in done.stderr
    assert not (tmp_path / "l").exists()
