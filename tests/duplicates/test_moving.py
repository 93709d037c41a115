"""Moving redundant files aside and back: whatever happens on the way, no content is ever lost."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.patterns import pattern, save

from retrieval import Library, LibraryError
from retrieval.duplicates.moving import LeftAlone, Moved, is_pending


class Killed(BaseException):
    """The process ends here."""


Contents = dict[str, int]


def contents(*folders: Path) -> Contents:
    """Return how often each content is there."""
    found: Contents = {}
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                found[digest] = found.get(digest, 0) + 1
    return found


@pytest.fixture
def album(tmp_path: Path) -> Path:
    folder = tmp_path / "album"
    for number in range(2):
        save(pattern(number), folder / f"{number}.png")
        save(pattern(number).resize((60, 40)), folder / f"deep/small {number}.png")
        shutil.copy(folder / f"{number}.png", folder / f"copy {number}.png")
    return folder


def move(library: Library, target: Path) -> tuple[list[Moved | LeftAlone], str]:
    duplicates = library.duplicates
    log = duplicates.new_log()
    return list(duplicates.move(duplicates.find().groups, target, log)), log


def test_files_go_aside_and_come_back(library: Library, album: Path, tmp_path: Path) -> None:
    library.add(album)
    before = {path: path.stat().st_mtime_ns for path in album.rglob("*.png")}
    steps, log = move(library, tmp_path / "aside")
    assert all(isinstance(step, Moved) for step in steps)
    assert sorted(path.name for path in album.rglob("*.png")) == ["0.png", "1.png"]
    assert (tmp_path / "aside/album/deep/small 0.png").exists()
    assert library.status().counts.files == 2
    assert library.duplicates.find().groups == ()
    assert library.duplicates.last_log() == log
    back = list(library.duplicates.undo(log))
    assert len(back) == 4
    assert {path: path.stat().st_mtime_ns for path in album.rglob("*.png")} == before
    assert library.add(album).tally.encoded == 0
    assert library.status().counts.files == 6
    assert list(library.duplicates.undo(log)) == []
    with pytest.raises(LibraryError, match="nothing to move back"):
        library.duplicates.last_log()


def test_the_kept_picture_joins_the_albums_of_those_that_go(
    library: Library, album: Path, tmp_path: Path
) -> None:
    """A favourite must not be lost because a larger copy of it was found."""
    library.add(album)
    small = album / "deep/small 1.png"
    library.favourites.add([small])
    library.albums.add("best", [small])
    steps, log = move(library, tmp_path / "aside")
    assert all(isinstance(step, Moved) for step in steps)
    kept = [str(album / "1.png")]
    assert [hit.path for hit in library.favourites.pictures().hits] == kept
    assert [hit.path for hit in library.albums.pictures("best").hits] == kept
    list(library.duplicates.undo(log))
    library.add(album)
    assert str(small) in [hit.path for hit in library.favourites.pictures().hits]


def test_nothing_is_overwritten(library: Library, album: Path, tmp_path: Path) -> None:
    library.add(album)
    taken = tmp_path / "aside/album/copy 0.png"
    taken.parent.mkdir(parents=True)
    taken.write_bytes(b"mine")
    _, log = move(library, tmp_path / "aside")
    assert taken.read_bytes() == b"mine"
    assert (tmp_path / "aside/album/copy 0 (2).png").exists()
    (album / "copy 0.png").write_bytes(b"something new")
    back = list(library.duplicates.undo(log))
    assert (album / "copy 0.png").read_bytes() == b"something new"
    (left,) = [step for step in back if isinstance(step, LeftAlone)]
    assert "differs" in left.reason
    assert (tmp_path / "aside/album/copy 0 (2).png").exists()


def _append(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"x")


def _replace_by_link(path: Path) -> None:
    path.rename(path.with_name("real.png"))
    path.symlink_to("real.png")


def _link_folder(path: Path) -> None:
    path.parent.rename(path.parent.with_name("real"))
    path.parent.symlink_to("real")


@pytest.mark.parametrize(
    ("name", "spoil", "reason"),
    [
        ("copy 0.png", _append, "differs"),
        ("copy 0.png", Path.unlink, "does not exist"),
        ("copy 0.png", _replace_by_link, "link"),
        ("deep/small 0.png", _link_folder, "link"),
    ],
)
def test_a_file_that_is_not_what_was_indexed_stays(
    library: Library,
    album: Path,
    tmp_path: Path,
    name: str,
    spoil: Callable[[Path], None],
    reason: str,
) -> None:
    library.add(album)
    groups = library.duplicates.find().groups
    spoil(album / name)
    before = contents(album)
    steps = list(library.duplicates.move(groups, tmp_path / "aside", str(tmp_path / "log")))
    left = [step for step in steps if isinstance(step, LeftAlone)]
    assert str(album / name) in [step.path for step in left]
    assert all(reason in step.reason for step in left)
    assert contents(album, tmp_path / "aside") == before


def test_when_the_kept_file_is_gone_nothing_of_its_group_is_moved(
    library: Library, album: Path, tmp_path: Path
) -> None:
    library.add(album)
    groups = library.duplicates.find().groups
    (album / "0.png").unlink()
    steps = list(library.duplicates.move(groups, tmp_path / "aside", str(tmp_path / "log")))
    left = [step for step in steps if isinstance(step, LeftAlone)]
    assert {os.path.basename(step.path) for step in left} == {"copy 0.png", "small 0.png"}
    assert all("the file to keep" in step.reason for step in left)
    assert (album / "copy 0.png").exists()


def test_the_kept_file_by_another_name_is_not_moved(
    library: Library, album: Path, tmp_path: Path
) -> None:
    (album / "copy 0.png").unlink()
    os.link(album / "0.png", album / "copy 0.png")
    library.add(album)
    steps, _ = move(library, tmp_path / "aside")
    (left,) = [step for step in steps if isinstance(step, LeftAlone)]
    assert "the same file" in left.reason
    assert (album / "0.png").exists()
    assert (album / "copy 0.png").exists()


def test_an_indexed_folder_is_no_place_for_them(library: Library, album: Path) -> None:
    library.add(album)
    for target in (album, album / "aside"):
        with pytest.raises(LibraryError, match="lies in the indexed folder"):
            move(library, target)
    assert len(list(album.rglob("*.png"))) == 6


def test_a_folder_that_is_not_there_now_takes_nothing_back(
    library: Library, album: Path, tmp_path: Path
) -> None:
    library.add(album)
    _, log = move(library, tmp_path / "aside")
    album.rename(tmp_path / "unplugged")
    back = list(library.duplicates.undo(log))
    assert all(isinstance(step, LeftAlone) and "does not exist" in step.reason for step in back)
    assert not album.exists()
    (tmp_path / "unplugged").rename(album)
    assert all(isinstance(step, Moved) for step in library.duplicates.undo(log))


def test_a_log_must_be_one(library: Library, tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text("[1]\nnonsense\n")
    for name in ("x.jsonl", "y.jsonl"):
        with pytest.raises(LibraryError, match=name):
            list(library.duplicates.undo(tmp_path / name))


@pytest.fixture
def other_file_system(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: str, target: str) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link", source, None, target)

    monkeypatch.setattr("os.link", refuse)


@pytest.mark.usefixtures("other_file_system")
def test_across_file_systems_they_are_copied_and_read_back(
    library: Library, album: Path, tmp_path: Path
) -> None:
    library.add(album)
    before = {path: path.stat().st_mtime_ns for path in album.rglob("*.png")}
    steps, log = move(library, tmp_path / "aside")
    assert sum(isinstance(step, Moved) for step in steps) == 4
    assert sum(isinstance(step, Moved) for step in library.duplicates.undo(log)) == 4
    assert {path: path.stat().st_mtime_ns for path in album.rglob("*.png")} == before


@pytest.mark.usefixtures("other_file_system")
def test_a_copy_that_comes_out_wrong_is_thrown_away(
    library: Library, album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.add(album)
    before = contents(album)

    def half(source: BinaryIO, target: BinaryIO, _: int) -> None:
        target.write(source.read()[:-10])

    monkeypatch.setattr("shutil.copyfileobj", half)
    steps, _ = move(library, tmp_path / "aside")
    assert all(isinstance(step, LeftAlone) and "the copy" in step.reason for step in steps)
    assert contents(album) == before
    assert contents(tmp_path / "aside") == {}


def test_a_file_that_cannot_be_taken_away_stays_at_one_place(
    library: Library, album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.add(album)
    before, real = contents(album), os.unlink

    def refuse(path: str, **options: Any) -> None:
        if str(path).startswith(str(album)):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        real(path, **options)

    monkeypatch.setattr("os.unlink", refuse)
    steps, _ = move(library, tmp_path / "aside")
    assert all(isinstance(step, LeftAlone) and "denied" in step.reason for step in steps)
    assert contents(album) == before
    assert contents(tmp_path / "aside") == {}


@pytest.fixture
def killed_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Return a function that ends the process before or after so many system calls."""
    calls = [0, -1]

    def around(name: str) -> Callable[..., object]:
        real = getattr(os, name)

        def call(*arguments: object, **options: object) -> object:
            calls[0] += 1
            if calls[0] == calls[1]:
                raise Killed
            result = real(*arguments, **options)
            calls[0] += 1
            if calls[0] == calls[1]:
                raise Killed
            return result

        return call

    for name in ("link", "unlink", "fsync", "makedirs"):
        monkeypatch.setattr(f"os.{name}", around(name))

    def at(number: int) -> None:
        calls[:] = [0, number]

    return at


def until_done(steps: Iterator[object]) -> bool:
    """Run to the end; tell whether that was reached."""
    try:
        for _ in steps:
            pass
    except Killed:
        return False
    return True


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(first=st.integers(1, 90), second=st.integers(1, 90), across=st.booleans())
def test_whenever_it_is_killed_nothing_is_lost_and_undo_brings_it_back(
    tmp_path_factory: pytest.TempPathFactory,
    killed_at: Callable[[int], None],
    first: int,
    second: int,
    across: bool,
) -> None:
    from support.fakes import FakeEncoder

    here = tmp_path_factory.mktemp("killed")
    killed_at(-1)
    originals = here / "album"
    for number in range(2):
        save(pattern(number, (60, 40)), originals / f"{number}.png")
        shutil.copy(originals / f"{number}.png", originals / f"copy {number}.png")
        save(pattern(number, (60, 40)).resize((24, 16)), originals / f"deep/{number}.png")
    before = {p: p.read_bytes() for p in originals.rglob("*.png")}
    wanted = set(contents(originals))
    with Library.create(here / "library", FakeEncoder()) as library:
        library.add(originals)
        duplicates = library.duplicates
        groups = duplicates.find().groups
        assert sum(len(each.redundant) for each in groups) == 4
        log = duplicates.new_log()
        with pytest.MonkeyPatch.context() as patch:
            if across:
                patch.setattr("os.link", _refuse_link)
            killed_at(first)
            until_done(duplicates.move(groups, here / "aside", log))
            assert set(contents(originals, here / "aside")) >= wanted
            if os.path.exists(log) and os.path.getsize(log):
                killed_at(second)
                until_done(duplicates.undo(log))
                assert set(contents(originals, here / "aside")) >= wanted
                killed_at(-1)
                assert until_done(duplicates.undo(log))
                assert not is_pending(log)
        killed_at(-1)
    assert {p: p.read_bytes() for p in originals.rglob("*.png")} == before


def _refuse_link(source: str, target: str) -> None:
    raise OSError(errno.EXDEV, "Invalid cross-device link", source, None, target)
