"""`pixtrieve store`, and `pixtrieve index --store`."""

from __future__ import annotations

import json
from pathlib import Path

from support.command_line import Run


def test_a_library_uses_its_own_files_at_first(run: Run, indexed: Path) -> None:
    assert indexed.is_dir()
    assert run("store").out == "The library searches its own files (faiss).\n"
    assert json.loads(run("status", "--json").out)["store"] == "faiss"
    done = run("store", "sync")
    assert done.code == 1
    assert "pixtrieve store use milvus:" in done.err
    assert run("store", "use", "milvus:localhost").code == 1
    assert run("store", "use", "milvus:x.db", "--delete").code == 2


def test_a_library_moves_to_a_server_and_back(run: Run, indexed: Path, tmp_path: Path) -> None:
    right = run("search", "red").out
    done = run("index", indexed, "--store", "milvus:lite.db")
    assert done.code == 0, done.err
    assert "fork" not in done.err
    place = f"milvus:{tmp_path / 'lite.db'}"
    assert json.loads(run("store", "--json").out) == {
        "address": place, "left": [], "rows": 4, "current": True, "error": ""
    }  # fmt: skip
    assert run("store").out.endswith("It has 4 pictures: all are there.\n")
    assert f"Store:     {place}." in run("status").out
    assert run("search", "red").out == right
    assert run("store", "sync").out == "The vector server has 4 pictures.\n"
    assert "4 vectors" in run("store", "snapshot", "v.parquet").out
    assert run("store", "snapshot", "v.parquet").code == 1
    assert run("store", "snapshot", "v.parquet", "--replace").code == 0
    done = run("store", "use", "faiss", "--from", "v.parquet")
    assert "Read 4 vectors from" in done.out
    assert run("search", "red").out == right
    assert run("store", "use", "milvus:lite.db").code == 0
    assert run("store", "use", "faiss", "--delete").out == (
        f"Deleted the library's vectors from {place}.\nThe library searches faiss.\n"
    )
    assert run("search", "red").out == right
    assert run("store", "use", "faiss", "--delete").code == 1


def test_a_copy_that_was_left_on_a_server_is_named_and_can_be_deleted(
    run: Run, indexed: Path, tmp_path: Path
) -> None:
    assert run("store", "use", "milvus:lite.db").code == 0
    assert run("store", "use", "faiss").code == 0
    place = f"milvus:{tmp_path / 'lite.db'}"
    assert f"{place} still has a copy" in run("store").out
    assert json.loads(run("store", "--json").out)["left"] == [place]
    assert run("store", "use", "milvus:lite.db").code == 0
    assert json.loads(run("store", "--json").out)["left"] == []
    assert run("store", "use", "faiss").code == 0
    assert f"from {place}" in run("store", "use", "faiss", "--delete").out
    assert run("store").out == "The library searches its own files (faiss).\n"
