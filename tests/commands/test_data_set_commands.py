"""`encode`, `import` and `export` to a folder, as a person runs them."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import click
import pytest
from support.command_line import Run
from support.data_sets import parquet, png, tar

from retrieval.images.formats import named_as

COLOURS = {"0001": (255, 0, 0), "0002": (0, 255, 0), "0003": (0, 0, 255)}


def test_the_commands(run: Run, tmp_path: Path) -> None:
    tar(tmp_path / "0.tar", {f"{key}.png": png(rgb) for key, rgb in COLOURS.items()})
    tar(tmp_path / "1.tar", {"bad.png": b"no picture", "grey.png": png("grey")})
    done = run("encode", "{0..1}.tar", "out", "--model", "fast", "--shard-size", "2")
    assert (done.code, "4 pictures" in done.out) == (0, True)
    assert "bad.png" in done.out
    done = run("import", "out", "--library", "lib", "--model", "fast")
    assert (done.code, "4 new pictures" in done.out) == (0, True)
    assert "1.tar/bad.png" in run("status", "--problems", "--library", "lib").out
    assert "0.tar/0001.png" in run("search", "red", "--library", "lib", "-k", "1").out
    assert run("export", "all", "--library", "lib").code == 0
    assert run("import", "all", "--library", "lib2").code == 2  # no model is named
    assert run("import", "all", "--library", "lib2", "--model", "fast").code == 0
    done = run("encode", "nothing.tar", "out")
    assert (done.code, "nothing.tar" in done.err) == (1, True)


def test_a_picture_in_an_archive_is_opened_as_the_picture_that_it_is(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    old, other = temporary / "pixtrieve-open-old", temporary / "pixtrieve-other"
    for folder in (old, other):
        folder.mkdir(parents=True)
        (folder / "x.png").write_bytes(b"x")
        os.utime(folder, (1_600_000_000, 1_600_000_000))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    opened: list[Path] = []

    def launch(path: str, **_: object) -> int:
        opened.append(Path(path))
        return 0

    monkeypatch.setattr(click, "launch", launch)
    rows = [{"image": {"bytes": png(COLOURS["0001"]), "path": "run.exe"}}]
    parquet(tmp_path / "a.parquet", rows)
    run("encode", "a.parquet", "out", "--model", "fast")
    run("import", "out", "--library", "lib", "--model", "fast")
    run("search", "red", "--library", "lib")
    for _ in range(2):
        assert run("open", "1", "--library", "lib").code == 0
    assert [path.name for path in opened] == ["run.exe.png"] * 2
    assert opened[0].read_bytes() == png(COLOURS["0001"])
    assert not old.exists()
    assert other.exists()
    parquet(tmp_path / "a.parquet", [{"image": {"bytes": b"MZ no picture", "path": "run.exe"}}])
    refused = run("open", "1", "--library", "lib")
    assert (refused.code, "no picture any more" in refused.err) == (1, True)
    assert len(opened) == 2


@pytest.mark.parametrize(
    ("name", "kind", "wanted"),
    [
        ("a.jpeg", "JPEG", "a.jpeg"), ("a.JPG", "JPEG", "a.JPG"), ("a.png", "JPEG", "a.jpg"),
        ("a", "PNG", "a.png"), ("a.exe", "GIF", "a.exe.gif"), ("a.nef", "TIFF", "a.nef"),
        (".png", "PNG", ".png.png"), ("a.b.psd", "WEBP", "a.b.webp"),
    ],
)  # fmt: skip
def test_names_by_format(name: str, kind: str, wanted: str) -> None:
    assert named_as(name, kind) == wanted
