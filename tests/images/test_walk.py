from __future__ import annotations

import inspect
import os
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from retrieval.images import FoundFile, OtherFile, Unreadable, reasons
from retrieval.images.discovery import folders, stat_file, walk
from retrieval.images.globs import Exclusions

needs_posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX links and names")


def put(root: Path, *paths: str) -> None:
    for path in paths:
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"12345")


def paths(found: Iterable[object]) -> list[str]:
    items = [item for item in found if not isinstance(item, OtherFile)]
    files = [item for item in items if isinstance(item, FoundFile)]
    assert files == items
    return [item.path for item in files]


def test_pictures_are_found_with_size_and_time_in_the_order_of_names(tmp_path: Path) -> None:
    put(tmp_path, "b.jpg", "a.JPG", "z/c.png", "m/n/d.heic", "notes.txt", "noextension", "m.webp")
    os.utime(tmp_path / "b.jpg", ns=(1, 1_600_000_000_123_456_789))
    found = list(walk(str(tmp_path)))
    assert paths(found) == ["a.JPG", "b.jpg", "m.webp", "m/n/d.heic", "z/c.png"]
    others = [item.path for item in found if isinstance(item, OtherFile)]
    assert others == ["noextension", "notes.txt"]
    assert found[1] == FoundFile("b.jpg", 5, (tmp_path / "b.jpg").stat().st_mtime_ns)


def test_unsupported_pictures_say_why(tmp_path: Path) -> None:
    put(tmp_path, "a.psd", "b.CRW", "b.CR2", "c.svg", "d.pdf")
    assert [f.unsupported for f in walk(str(tmp_path)) if isinstance(f, FoundFile)] == [
        "Photoshop (PSD) files are not supported",
        "",
        "camera raw (CRW) files are not supported",
        "SVG files are not supported",
    ]


def test_hidden_and_junk_are_skipped(tmp_path: Path) -> None:
    put(
        tmp_path,
        "x.jpg",
        ".hidden.jpg",
        "._x.jpg",
        ".git/x.jpg",
        ".Trash-1000/x.jpg",
        "@eaDir/x.jpg",
        "#recycle/x.jpg",
        "$RECYCLE.BIN/x.jpg",
        "System Volume Information/x.jpg",
        "code/node_modules/x.png",
        "lost+found/x.jpg",
        "Catalog Previews.lrdata/x.jpg",
        "Photos Library.photoslibrary/originals/0/x.heic",
        "Photos Library.photoslibrary/resources/derivatives/x.jpg",
    )
    assert paths(walk(str(tmp_path))) == [
        "x.jpg",
        "Photos Library.photoslibrary/originals/0/x.heic",
    ]


def test_the_root_may_have_any_name(tmp_path: Path) -> None:
    put(tmp_path, ".hidden/a.jpg", "node_modules/b.jpg", "X.photoslibrary/originals/c.jpg")
    assert paths(walk(str(tmp_path / ".hidden"))) == ["a.jpg"]
    assert paths(walk(str(tmp_path / "node_modules") + os.sep)) == ["b.jpg"]
    assert paths(walk(str(tmp_path / "X.photoslibrary"))) == ["originals/c.jpg"]


def test_below_restricts_and_keeps_paths_relative_to_the_root(tmp_path: Path) -> None:
    put(tmp_path, "a/b/c.jpg", "a/d.jpg", "e.jpg", "a/.h/f.jpg")
    root = str(tmp_path)
    assert paths(walk(root, below="a")) == ["a/d.jpg", "a/b/c.jpg"]
    assert paths(walk(root, below="./a/b/")) == ["a/b/c.jpg"]
    assert paths(walk(root, below="a/d.jpg")) == ["a/d.jpg"]
    assert paths(walk(root, below="a/.h")) == []
    assert paths(walk(root, below="a/b", exclude=["a"])) == []
    assert paths(walk(root, below=".")) == paths(walk(root))


def test_exclude_prunes(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg", "a.png", "raw/x.jpg", "b/raw/x.jpg", "b/private/deep/y.jpg")
    got = paths(walk(str(tmp_path), exclude=["*.png", "raw/**", "private"]))
    assert got == ["a.jpg", "b/raw/x.jpg"]


def test_what_is_missing_is_unreadable_and_not_gone(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing")
    assert list(walk(missing)) == [Unreadable("", "no such file or folder")]
    assert list(walk(str(tmp_path), below="x")) == [], "the root is there, so this is gone"
    put(tmp_path, "a.jpg")
    assert list(walk(str(tmp_path / "a.jpg"))) == [Unreadable("", reasons.NOT_A_FOLDER)]


def test_a_folder_that_cannot_be_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "a/x.jpg", "b/x.jpg", "c/x.jpg")
    listed = os.scandir

    def scandir(path: str) -> object:
        if os.path.basename(path) == "b":
            raise PermissionError(13, "Permission denied", path)
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert list(walk(str(tmp_path)))[1] == Unreadable("b", "permission denied")
    assert len(list(walk(str(tmp_path)))) == 3


def test_a_folder_that_vanishes_during_the_walk(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg", "b/x.jpg")
    found = walk(str(tmp_path))
    next(found)
    (tmp_path / "b/x.jpg").unlink()
    (tmp_path / "b").rmdir()
    assert list(found) == [Unreadable("b", "no such file or folder")]


@needs_posix
def test_links_to_folders_come_last_and_loops_end(tmp_path: Path) -> None:
    put(tmp_path, "z/real/x.jpg", "y.jpg")
    (tmp_path / "a_link").symlink_to("z")
    (tmp_path / "z/loop").symlink_to("..")
    (tmp_path / "z/self").symlink_to("self")
    assert list(walk(str(tmp_path))) == [
        *(f for f in walk(str(tmp_path)) if isinstance(f, FoundFile) and f.path == "y.jpg"),
        Unreadable("z/self", reasons.BROKEN_LINK),
        stat_file(str(tmp_path), "z/real/x.jpg"),
    ]


@needs_posix
def test_links_out_of_the_tree_are_followed_once(tmp_path: Path) -> None:
    put(tmp_path, "out/x.jpg", "root/a.jpg")
    root = tmp_path / "root"
    (root / "first").symlink_to(tmp_path / "out")
    (root / "second").symlink_to(tmp_path / "out")
    (root / "file.jpg").symlink_to(tmp_path / "out/x.jpg")
    assert paths(walk(str(root))) == ["a.jpg", "file.jpg", "first/x.jpg"]


@needs_posix
def test_a_broken_link_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "drive").symlink_to(tmp_path / "not plugged in")
    expected = Unreadable("drive", reasons.BROKEN_LINK, link=True)
    root = str(tmp_path)
    assert list(walk(root)) == [expected]
    assert stat_file(root, "drive/x.jpg") == expected
    (tmp_path / "x.jpg").symlink_to(tmp_path / "gone.jpg")
    assert stat_file(root, "x.jpg") in list(walk(root))


@needs_posix
def test_only_regular_files_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "device.jpg").symlink_to("/dev/zero")
    monkeypatch.chdir(tmp_path)  # a socket's path must be short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket.jpg")
        assert list(walk(str(tmp_path))) == []
        assert stat_file(str(tmp_path), "pipe.jpg") is None


@needs_posix
@pytest.mark.skipif(sys.platform == "darwin", reason="macOS refuses names that are not UTF-8")
def test_strange_names(tmp_path: Path) -> None:
    names = [b"\xff\xfe caf\xe9.jpg", b"new\nline.jpg", b" .jpg", "日本.jpg".encode()]
    names.append(b"n" * 251 + b".jpg")
    for name in names:
        with open(os.path.join(os.fsencode(tmp_path), name), "wb"):
            pass
    found = paths(walk(str(tmp_path)))
    assert sorted(os.fsencode(path) for path in found) == sorted(names)
    for path in found:
        assert isinstance(stat_file(str(tmp_path), path), FoundFile)


def test_a_deep_tree_needs_no_recursion(tmp_path: Path) -> None:
    put(tmp_path, "d/" * 200 + "x.jpg")
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack()) + 100)
    try:
        found = paths(walk(str(tmp_path)))
    finally:
        sys.setrecursionlimit(limit)
    assert found == ["d/" * 200 + "x.jpg"]


def test_no_file_is_opened(tmp_path: Path) -> None:
    put(tmp_path, *(f"{n % 7}/{n}.jpg" for n in range(50)))
    watching = (
        "import sys\n"
        "from retrieval.images.discovery import walk\n"
        "def hook(event, args):\n"
        "    if event == 'open': raise SystemExit(f'opened {args[0]}')\n"
        "sys.addaudithook(hook)\n"
        "print(len(list(walk(sys.argv[1]))))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", watching, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("50\n", "")


def test_stat_file(tmp_path: Path) -> None:
    put(tmp_path, "a/b.jpg", "a/c.txt", "a/d.psd")
    root = str(tmp_path)
    assert list(walk(root, below="a/b.jpg")) == [stat_file(root, "a/b.jpg")]
    assert isinstance(stat_file(root, "a/c.txt"), OtherFile)
    assert stat_file(root, "a/gone.jpg") is None
    assert stat_file(root, "a/b.jpg/x.jpg") is None
    assert stat_file(root, "a") is None
    assert stat_file(root, "") is None
    assert stat_file(root, ".git/b.jpg") is None
    unsupported = stat_file(root, "a/d.psd")
    assert isinstance(unsupported, FoundFile)
    assert unsupported.unsupported
    assert stat_file(root + "x", "a/b.jpg") == Unreadable("", "no such file or folder")


def test_the_folders_that_a_walk_goes_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(
        tmp_path,
        *("x.jpg", "a/x.jpg", "a/raw/x.jpg", "a/empty/deep/notes.txt", "b/x.jpg", "closed/x.jpg"),
        *(".git/x.jpg", "@eaDir/x.jpg", "other/x.jpg"),
    )

    def below(start: str = "") -> list[str]:
        return list(folders(str(tmp_path), Exclusions(["raw"]), below=start, skip={"other"}))

    assert below() == ["", "closed", "b", "a", "a/empty", "a/empty/deep"]
    assert below("a/empty") == ["a/empty", "a/empty/deep"]
    assert below("a/raw") == below(".git") == below("other") == below("nowhere") == []
    real = os.scandir

    def refuse(path: str) -> AbstractContextManager[Iterator[os.DirEntry[str]]]:
        if os.fspath(path) == str(tmp_path / "closed"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr("os.scandir", refuse)
    assert below() == ["", "b", "a", "a/empty", "a/empty/deep"]


@needs_posix
def test_folders_behind_links_come_last_and_each_once(tmp_path: Path) -> None:
    put(tmp_path, "p/deep/x.jpg", "elsewhere/far/x.jpg")
    os.symlink(tmp_path / "p/deep", tmp_path / "p/again")
    os.symlink(tmp_path / "p", tmp_path / "p/deep/loop")
    os.symlink(tmp_path / "elsewhere", tmp_path / "p/a link")
    found = list(folders(str(tmp_path / "p"), Exclusions([])))
    assert found == ["", "deep", "a link", "a link/far"]
