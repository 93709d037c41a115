"""Files that commands write for the user: whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.command_line import Done, Run
from support.full_disks import files_of_at_most
from support.painting import paint

LIMIT = 3000
"""Bytes: less than each file has, and more than a command prints."""


@pytest.mark.parametrize(
    "command",
    [
        ("export", "{}/out.npz"),
        ("export", "{}/out.parquet"),
        ("map", "{}/out.csv"),
        ("map", "{}/out.json"),
        ("search", "red", "--html", "{}/out.html"),
    ],
)
def test_no_file_is_left_half(
    command: tuple[str, ...],
    run: Run,
    indexed: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for number in range(40):
        paint(indexed / f"{number}.png", (number, 90, 5 * number))
    assert run("index").code == 0
    (tmp_path / "out").mkdir()
    arguments = [part.format(tmp_path / "out") for part in command]
    assert run(*arguments).code == 0
    (path,) = (tmp_path / "out").iterdir()
    before = path.read_bytes()
    done = _limited(run, LIMIT, *arguments)
    assert done.code == 1
    assert path.name in done.err
    assert "disk space" in done.err
    assert path.read_bytes() == before
    path.unlink()
    assert _limited(run, LIMIT, *arguments).code == 1
    assert not list((tmp_path / "out").iterdir())


def _limited(run: Run, size: int, *arguments: str) -> Done:
    with files_of_at_most(size):
        return run(*arguments)


def test_a_device_stays_a_device(run: Run, indexed: Path) -> None:
    assert run("search", "red", "--html", os.devnull).code == 0
    assert not Path(os.devnull).is_file()


def test_the_target_of_a_link_that_the_user_names_is_written(
    run: Run, indexed: Path, tmp_path: Path
) -> None:
    (tmp_path / "kept.html").write_text("old")
    (tmp_path / "link.html").symlink_to("kept.html")
    assert run("search", "red", "--html", "link.html").code == 0
    assert (tmp_path / "link.html").is_symlink()
    assert "<html" in (tmp_path / "kept.html").read_text()


def test_a_map_is_exported_though_it_cannot_be_stored(
    run: Run, indexed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    cache = tmp_path / "own-library" / "cache"
    for path in cache.iterdir():
        path.unlink()
    cache.rmdir()
    cache.write_text("a file, so nothing can be written below it")
    done = run("map", "places.csv")
    assert done.code == 0
    assert len((tmp_path / "places.csv").read_text().splitlines()) == 5
    assert "Warning" in done.err
    assert "map.npz" in done.err
