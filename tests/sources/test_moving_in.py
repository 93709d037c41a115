"""Embeddings in clip-retrieval's layout: out, in again, and in from elsewhere."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.data_sets import (
    KEYED_CAPTIONS,
    KEYED_COLOURS,
    contents_of,
    foreign,
    merge,
    png,
    tar,
)
from support.fakes import FakeEncoder

from retrieval import Library
from retrieval.catalogue import export_layout
from retrieval.errors import ModelMismatch, SourceError

Imported = Callable[..., Library]


def test_out_and_in_again(
    tmp_path: Path, library: Library, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (pictures / "red.txt").write_text("a red wall\nof bricks")
    (pictures / "copy.png").write_bytes((pictures / "red.png").read_bytes())
    library.add(pictures)
    monkeypatch.setattr(export_layout, "ROWS_PER_FILE", 2)
    assert library.export_layout(tmp_path / "all") == 5
    for path in pictures.rglob("*.png"):
        path.unlink()  # nothing is read
    encoder = FakeEncoder()
    with Library.create(tmp_path / "other", encoder) as other:
        last = merge(other, tmp_path / "all")
        assert (last.tally.encoded, encoder.images_encoded) == (4, 0)
        before, after = contents_of(library), contents_of(other)
        for row, new in zip(before["vectors"], after["vectors"], strict=True):
            assert row == new
        assert {row[2] for row in before["files"]} == {row[2] for row in after["files"]}
        assert [hit.path for hit in other.search('text:"wall of bricks"')] == [
            hit.path for hit in library.search('text:"wall of bricks"')
        ]
        assert {row[1] for row in after["texts"]} == {"name", "caption"}
        assert [row[1:-4] for row in before["images"]] == [row[1:-4] for row in after["images"]]


def test_from_clip_retrieval_by_paths(tmp_path: Path, library: Library) -> None:
    rows: list[dict[str, object]] = []
    for key, colour in KEYED_COLOURS.items():
        path = tmp_path / f"p/{key[-1]}/{key}.png"
        path.parent.mkdir(parents=True)
        path.write_bytes(png(colour))
        rows.append({"image_path": str(path), "caption": KEYED_CAPTIONS[key], "similarity": 0.5})
    merge(library, foreign(tmp_path / "clip", rows))
    assert library.search("red")[0].path == str(tmp_path / "p/1/0001.png")
    assert library.status().counts.images == 3
    (root,) = library.status().roots
    assert root.path == str(tmp_path / "p")
    library.add()  # the files are indexed like any others
    assert library.status().counts.images == 3
    assert library.search("red")[0].sha256 == hashlib.sha256(png(KEYED_COLOURS["0001"])).hexdigest()


def test_from_clip_retrieval_by_keys_of_a_webdataset(
    tmp_path: Path, library: Library, encoder: FakeEncoder
) -> None:
    archive = tar(
        tmp_path / "0.tar", {f"{key}.png": png(rgb) for key, rgb in KEYED_COLOURS.items()}
    )
    rows: list[dict[str, object]] = [
        {"image_path": key, "caption": KEYED_CAPTIONS[key]} for key in sorted(KEYED_COLOURS)
    ]
    place = foreign(tmp_path / "clip", rows)
    assert len(merge(library, place).problems) == 3  # keys alone are no places
    last = merge(library, place, archive)
    assert last.tally.encoded == 3
    assert library.search("blue")[0].path == f"{archive}/0003.png"


def test_vectors_of_another_model_are_refused(tmp_path: Path, library: Library) -> None:
    archive = tar(
        tmp_path / "0.tar", {f"{key}.png": png(rgb) for key, rgb in KEYED_COLOURS.items()}
    )
    place = foreign(tmp_path / "clip", [{"image_path": key} for key in sorted(KEYED_COLOURS)], -1.0)
    with pytest.raises(ModelMismatch, match="not those of"):
        merge(library, place, archive)
    assert library.status().counts.images == 0


def test_files_that_do_not_belong_together(tmp_path: Path, library: Library) -> None:
    place = foreign(tmp_path / "clip", [{"image_path": key} for key in sorted(KEYED_COLOURS)])
    np.save(place / "img_emb/img_emb_1.npy", np.zeros((5, 4), np.float32))
    with pytest.raises(SourceError, match=r"img_emb_1\.npy"):
        merge(library, place)
    (place / "img_emb/img_emb_1.npy").unlink()
    with pytest.raises(SourceError, match="1 files of vectors"):
        merge(library, place)
    with pytest.raises(SourceError, match="no encoded pictures"):
        merge(library, tmp_path)
