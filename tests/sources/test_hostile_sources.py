"""Archives and lists that want to do harm, or are broken: a reason, and the rest goes on."""

from __future__ import annotations

import gzip
import io
import random
import socket
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.data_sets import encode, json_lines, merge, parquet, png, tar, zipped
from support.fakes import FakeEncoder

from retrieval import Library
from retrieval.errors import SourceError
from retrieval.images import download
from retrieval.images.sources import Columns, Flaw, tars
from retrieval.images.sources.members import plain_name, why_unsafe
from retrieval.images.sources.rows import about_of, is_public_only, item_at, why_refused

Imported = Callable[..., Library]

BAD_NAMES = ["../../etc/passwd.png", "/etc/x.png", "a/../../b.png", "a//b.png", "C:/x.png"]


@pytest.mark.parametrize(("name", "write"), [("a.tar", tar), ("a.zip", zipped)])
def test_names_that_lead_out_of_an_archive_are_left_out(
    tmp_path: Path, imported: Imported, name: str, write: Callable[..., Path]
) -> None:
    members = {each: png("red") for each in BAD_NAMES} | {"./good.png": png("blue")}
    if name.endswith(".zip"):
        members["good.png"] = members.pop("./good.png")
    archive = write(tmp_path / name, members)
    library = imported(archive)
    assert [hit.path for hit in library.search("red")] == [f"{archive}/good.png"]
    assert list(library.problems()) == []  # they are no files that a path could name
    last = merge(library, tmp_path / "out")
    assert len(last.problems) == len(BAD_NAMES)
    assert "leads out" in last.problems[0].reason


def test_a_zip_with_a_member_without_a_name(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", {"x.png": png("red"), "y.png": png("blue")})
    data = archive.read_bytes()
    at = data.rindex(b"y.png") - 46 + 28  # the length of its name in the directory
    archive.write_bytes(data[:at] + struct.pack("<HHH", 0, 0, 5) + data[at + 6 :])
    state = encode(FakeEncoder(), tmp_path / "out", archive)
    assert (state.pictures, state.problems) == (1, 1)
    assert "no name" in state.troubles[0].reason


def test_a_compressed_tar_that_ends_within_a_text(tmp_path: Path) -> None:
    noise = bytes(random.Random(0).randbytes(9000))
    archive = tar(tmp_path / "a.tar.gz", {"x.png": png("red"), "x.txt": noise}, "w:gz")
    archive.write_bytes(archive.read_bytes()[:-5000])
    state = encode(FakeEncoder(), tmp_path / "out", archive)
    assert state.pictures == 1
    assert "cut short" in state.troubles[0].reason


@given(st.text(max_size=30))
def test_no_safe_name_leaves_its_folder(name: str) -> None:
    name = plain_name(name)
    if not why_unsafe(name):
        assert Path("/a/b.tar", name).as_posix() == f"/a/b.tar/{name}"
        assert ".." not in name.split("/")


@given(st.binary(max_size=200))
def test_json_beside_a_picture_never_raises(data: bytes) -> None:
    about_of(data, Columns())
    about_of(b'{"caption": ' + data + b"}", Columns())


@given(st.sampled_from(["", "https://", "https://[", "s3://"]), st.text(max_size=60))
def test_lines_of_a_list_never_raise(begin: str, line: str) -> None:
    for folder in ("/a", "https://example.com/lists"):
        item = item_at(begin + line, folder, 0)
        why_refused(begin + line, folder, Columns())
        assert item is None or item.path
        assert item is None or is_public_only(item, folder, Columns())


def test_a_tar_that_is_cut_short_gives_what_is_before(tmp_path: Path, imported: Imported) -> None:
    whole = tar(tmp_path / "b.tar", {f"{n}.png": png((n, 9, 9)) for n in range(9)})
    data = whole.read_bytes()
    whole.write_bytes(data[: 6 * 1024 + 512 + 40])
    other = tar(tmp_path / "c.tar", {"x.png": png("blue")})
    library = imported(whole, other)
    found = {hit.path for hit in library.search("red", 99)}
    assert f"{other}/x.png" in found
    assert f"{whole}/0.png" in found
    assert len(found) < 9
    assert any("cut short" in each.reason for each in merge(library, tmp_path / "out").problems)


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "a.zip", "a.parquet"])
def test_files_that_are_no_archives(tmp_path: Path, imported: Imported, name: str) -> None:
    (tmp_path / name).write_bytes(b"\x1f\x8b" + bytes(range(256)) * 40)
    other = tar(tmp_path / "good.tar", {"x.png": png("blue")})
    state = encode(FakeEncoder(), tmp_path / "out", tmp_path / name, other)
    assert state.pictures == 1
    assert len(state.failures) + len(state.troubles) == 1


def test_links_devices_and_sparse_files_in_a_tar_are_no_pictures(
    tmp_path: Path, imported: Imported
) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        for number, kind in enumerate(
            (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE)
        ):
            info = tarfile.TarInfo(f"{number}.png")
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        info = tarfile.TarInfo("x.png")
        info.size = len(png("red"))
        archive.addfile(info, io.BytesIO(png("red")))
    assert [hit.path for hit in imported(path).search("red")] == [f"{path}/x.png"]


def test_a_header_cannot_ask_for_memory(tmp_path: Path) -> None:
    info = tarfile.TarInfo("pax")
    info.type, info.size = tarfile.XHDTYPE, 2**33
    with gzip.open(tmp_path / "a.tar.gz", "wb", compresslevel=1) as file:
        file.write(info.tobuf())
        file.write(bytes(2**20))
    with tars.opened(str(tmp_path / "a.tar.gz")) as archive:
        assert [type(each) for each in archive.items()] == [Flaw]


def test_a_tar_that_unpacks_to_far_more_than_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tars, "ONE_PIECE", 2**20)
    members = {"a.bin": bytes(2**23), "b.png": png("red")}
    for order in (members, {"b.png": members["b.png"], "a.bin": members["a.bin"]}):
        path = tar(tmp_path / "a.tar.gz", order, "w:gz")
        with tars.opened(str(path)) as archive:
            *before, flaw = archive.items()
            assert archive.stream.tell() < 2**20  # nothing was unpacked to find the next header
        assert isinstance(flaw, Flaw)
        assert "far more" in flaw.reason
        assert len(before) == (order is not members)


def test_members_that_claim_or_hold_too_much(tmp_path: Path, imported: Imported) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("zeros.png", "w", force_zip64=True) as file:
            for _ in range(257):
                file.write(bytes(2**20))
        archive.writestr("x.png", png("red"))
        archive.writestr("wrong.png", png("blue"))
    data = path.read_bytes()
    at = data.rindex(b"wrong.png") - 46 + 16  # its checksum in the directory
    path.write_bytes(data[:at] + struct.pack("<I", 1) + data[at + 4 :])
    library = imported(path)
    assert [hit.path for hit in library.search("red")] == [f"{path}/x.png"]
    reasons = {Path(each.path).name: each.reason for each in library.problems()}
    assert "MB" in reasons["zeros.png"]
    assert "damaged" in reasons["wrong.png"]


def test_rows_with_strange_values(tmp_path: Path, imported: Imported) -> None:
    rows = [
        {"URL": "https://\0", "TEXT": "a\0b\ud800c".encode("utf-8", "replace").decode()},
        {"URL": "file:///etc/passwd", "TEXT": "x"},
        {"URL": "https://[a/x.png", "TEXT": "no address at all"},
        {"URL": "not there.png", "TEXT": "\x1b[31mred"},
    ]
    file = parquet(tmp_path / "a.parquet", rows)
    lines = json_lines(tmp_path / "b.jsonl", [{"url": 7}, {"file_name": "../x.png", "n": 1e999}])
    library = imported(file, lines)
    assert library.status().counts.files == 0
    assert library.status().counts.problems >= 2


def test_a_server_that_sends_a_byte_now_and_then(
    tmp_path: Path, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "_MOST_S", 0.3)
    server = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            try:
                for _ in range(10_000):
                    connection.sendall(b"x")
                    ended.wait(0.02)
            except OSError:
                pass

    import threading

    ended = threading.Event()
    thread = Thread(target=drip)
    thread.start()
    (tmp_path / "list.txt").write_text(f"http://127.0.0.1:{server.getsockname()[1]}/slow.png\n")
    trusted = Columns(any_address=True)
    state = encode(FakeEncoder(), tmp_path / "out", tmp_path / "list.txt", columns=trusted)
    ended.set()
    thread.join()
    server.close()
    assert state.problems == 1
    assert "takes longer" in state.troubles[0].reason


def test_other_files_are_never_mixed_with_shards(tmp_path: Path, pictures: Path) -> None:
    with pytest.raises(SourceError, match="other files"):
        encode(FakeEncoder(), pictures, pictures)
