"""The command line, in this process, with an encoder one can compute by hand."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.command_line import OWN_LIBRARY, Run
from support.fakes import FakeEncoder
from support.painting import paint

from retrieval.images import Picture, Problem, ReadLimits
from retrieval.images.decoding import read_picture
from retrieval.specs import Preprocessing


def test_index_says_what_it_did(run: Run, pictures: Path) -> None:
    (pictures / "bad.jpg").write_bytes(b"no picture")
    (pictures / "a.psd").write_bytes(b"x")
    done = run("index", pictures, "--model", "fast")
    assert done.code == 0
    assert done.out.startswith("Indexed 4 new pictures in ")
    assert "(1 damaged, 1 unsupported)" in done.out
    assert "bad.jpg: not a picture" in done.out
    assert "pixtrieve status --problems" in done.out
    assert "4 pictures in 4 files" in done.out
    assert done.err == ""
    again = run("index")
    assert "6 unchanged" in again.out
    assert "bad.jpg" not in again.out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("search", "red", "--library", "nowhere"), 1, "no library in"),
        (("status", "--library", "nowhere"), 1, "pixtrieve index FOLDER"),
        (("search",), 2, "--image FILE"),
        (("search", "red", "--image", "a.jpg"), 1, "a.jpg cannot be used: no such file"),
        (("search", "red", "--weight", "2,1"), 2, "2 numbers for 1 term"),
        (("search", "red", "--weight", "heavy"), 2, "not a list of numbers"),
        (("search", "red", "--weight", "-1"), 2, "not between"),
        (("search", "red + "), 1, "a term of the query is empty"),
        (("search", "--not", "red"), 2, "--image FILE"),
        (("search", "#99"), 1, "no picture #99"),
        (("search", "--image", "missing.jpg"), 1, "missing.jpg cannot be used: no such file"),
        (("search", "red", "-k", "0"), 2, "range"),
        (("index", "nowhere"), 1, "nowhere does not exist"),
        (("index", "--library", "new"), 2, "Name the folders to index"),
        (("remove", "nowhere"), 1, "nothing at or below"),
        (("export", "a.txt"), 2, "must end in .npz or .parquet"),
        (("export", "nowhere/a.npz"), 1, "nowhere/a.npz"),
        (("evaluate", "missing.jsonl"), 1, "missing.jsonl cannot be read"),
        (("search", "red", "--html", "nowhere/a.html"), 1, "nowhere/a.html"),
        (("nonsense",), 2, "No such command"),
    ],
)
def test_mistakes_are_named(
    run: Run, indexed: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    done = run(*arguments)
    assert (done.code, done.out if "--html" not in arguments else "") == (code, "")
    assert said in done.err
    assert "Traceback" not in done.err


def test_a_pattern_of_the_shell_may_name_other_files_too(run: Run, pictures: Path) -> None:
    (pictures / "clip.mp3").write_bytes(b"film")
    done = run("index", *sorted(pictures.iterdir()), "--model", "fast")
    assert (done.code, done.err) == (0, "")
    assert "Indexed 4 new pictures" in done.out
    assert "clip.mp3: not a picture file; skipped" in done.out


def test_a_wrong_path_makes_no_library(run: Run, tmp_path: Path) -> None:
    done = run("index", "nowhere", "--model", "fast")
    assert (done.code, "nowhere does not exist" in done.err) == (1, True)
    assert not (tmp_path / OWN_LIBRARY).exists()


def test_status_says_how_the_library_is_searched(run: Run, indexed: Path) -> None:
    assert "Search:    exact, chosen automatically" in run("status").out
    assert run("index", "--index", "ivf").code == 0
    assert "Search:    approximate, in clusters (ivf)" in run("status").out
    facts = json.loads(run("status", "--json").out)["index"]
    assert (facts["wanted"], facts["kind"]) == ("ivf", "ivf")
    assert facts["measured"]["recall_texts"] == 1
    assert run("index", "--index", "magic").code == 2


def test_status_and_problems(run: Run, indexed: Path) -> None:
    (indexed / "bad.jpg").write_bytes(b"no picture")
    run("index")
    out = run("status").out
    assert "4 in 4 files" in out
    assert "1 damaged" in out
    assert str(indexed) in out
    assert "bad.jpg: not a picture" in run("status", "--problems").out
    facts = json.loads(run("status", "--problems", "--json").out)
    assert (facts["images"], facts["damaged"], facts["model"]["dim"]) == (4, 1, 4)
    assert facts["problems"][0]["path"] == str(indexed / "bad.jpg")
    os.remove(indexed / "bad.jpg")
    run("index")
    assert "No problems" in run("status", "--problems").out


def test_remove(run: Run, indexed: Path) -> None:
    assert "2 files" in run("remove", indexed / "deep").out
    assert len(json.loads(run("search", "red", "--json").out)["hits"]) == 2


def test_export(run: Run, indexed: Path, tmp_path: Path) -> None:
    shutil.copy(indexed / "red.png", indexed / "copy.png")
    run("index")
    assert "5 files" in run("export", "all.npz").out
    assert run("export", "all.parquet").code == 0
    with np.load(tmp_path / "all.npz") as npz:
        assert npz["embeddings"].shape == (5, 4)
        assert npz["embeddings"].dtype == np.float16
        paths = npz["path"].tolist()
        assert str(indexed / "copy.png") in paths
        red = npz["embeddings"][paths.index(str(indexed / "red.png"))].astype(np.float32)
        assert str(npz["fingerprint"]) == "fake-1"
    np.testing.assert_allclose(red, FakeEncoder().encode_texts(["red"])[0], atol=2e-3)
    import pyarrow.parquet as pq

    table = pq.read_table(tmp_path / "all.parquet")
    assert table.column("path").to_pylist() == paths
    row = paths.index(str(indexed / "red.png"))
    np.testing.assert_array_equal(np.array(table.column("embedding")[row].as_py(), "f4"), red)
    assert table.schema.metadata[b"fingerprint"] == b"fake-1"


def test_evaluate(run: Run, indexed: Path, tmp_path: Path) -> None:
    lines = [
        {"file": str(indexed / f"{c}.png"), "captions": [c, f"a {c} thing"]}
        for c in ("red", "green")
    ]
    (tmp_path / "c.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    found = json.loads(run("evaluate", "c.jsonl", "--json").out)
    assert found["text_to_image"] == {
        "R@1": 1.0,
        "R@5": 1.0,
        "R@10": 1.0,
        "MedR": 1.0,
        "MRR": 1.0,
        "nDCG@10": 1.0,
    }
    assert (found["images"], found["captions"], found["model"]) == (2, 4, "fake")
    assert found["chance"]["text_to_image"]["R@1"] == 0.5
    direct = json.loads(run("evaluate", "c.jsonl", "--json", "--model", "fast").out)
    assert direct["image_to_text"] == found["image_to_text"]
    assert "text→image" in run("evaluate", "c.jsonl").out
    (indexed / "red.png").write_bytes(b"x")
    broken = run("evaluate", "c.jsonl")
    assert broken.code == 1
    assert "red.png cannot be used" in broken.err


def test_exact_decoding_is_for_what_is_encoded_now(
    run: Run, indexed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []

    def read(
        path: str, how: Preprocessing, limits: ReadLimits, wanted: Callable[[bytes], bool]
    ) -> Picture | Problem:
        asked.append(limits.exact)
        return read_picture(path, how, limits, wanted)

    for module in ("indexing.read_file", "evaluation.captions"):
        monkeypatch.setattr(f"retrieval.{module}.read_picture", read)
    assert "4 unchanged" in run("index", indexed, "--exact-decode").out
    assert asked == []
    paint(indexed / "white.png", "white")
    assert "Indexed 1 new" in run("index", indexed, "--exact-decode").out
    (tmp_path / "c.jsonl").write_text('{"file": "pictures/red.png", "captions": ["red"]}\n')
    for options in (["--exact-decode"], []):
        assert run("evaluate", "c.jsonl", "--model", "fast", *options).code == 0
    assert asked == [True, True, False]


def test_help_and_version(run: Run) -> None:
    out = run("--help").out
    for command in ("index", "search", "status", "remove", "export", "evaluate", "models"):
        assert command in out
        assert run(command, "--help").code == 0
    for option in ("-V", "--version"):
        assert run(option).out.startswith("pixtrieve, version")


def test_demo(run: Run, tmp_path: Path) -> None:
    done = run("demo", "d", "--count", "20")
    assert done.code == 0, done.err
    assert "Drawing 20 scenes" in done.out
    assert "Indexed 20 new pictures" in done.out
    assert "pictures like scene-011.jpg" in done.out
    assert "20 full captions" in done.out
    assert done.out.split("by chance")[1].split()[:2] == ["5.0%", "25.0%"]
    page = (tmp_path / "d/answers.html").read_text("utf-8")
    assert page.count("<section>") == 8
    again = run("demo", "d", "--count", "20")
    assert "20 unchanged" in again.out or "20 moved or copied" in again.out
    (tmp_path / "d/mine.txt").write_text("x")
    assert run("demo", "d").code == 2
