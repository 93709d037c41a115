"""How long a server may take, and how much it may send."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from support.data_sets import encode, json_lines, png, tar
from support.fakes import FakeEncoder

from retrieval.errors import PictureError, SourceError
from retrieval.images import download
from retrieval.images.sources import deadlines, storage, tars
from retrieval.indexing.shards.running import EncodeProgress

fsspec = pytest.importorskip("fsspec")


def reasons(state: EncodeProgress) -> list[str]:
    return [trouble.reason for trouble in state.troubles]


@pytest.mark.parametrize("begin", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_a_server_that_drips_its_header_or_its_answer(
    begin: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "_MOST_S", 0.3)
    ended = Event()
    server = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(begin)
            try:
                while not ended.wait(0.02):
                    connection.sendall(b"x")
            except OSError:
                pass

    thread = Thread(target=drip)
    thread.start()
    with pytest.raises(PictureError, match="takes longer"):
        download.download(f"http://127.0.0.1:{server.getsockname()[1]}/slow.png")
    ended.set()
    thread.join()
    server.close()


@pytest.fixture
def drawer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, bytes], str]]:
    """A storage that never ends to send objects with "slow" in their names."""
    from fsspec.implementations.memory import MemoryFileSystem

    ended = Event()

    class Slow(MemoryFileSystem):  # type: ignore[misc]
        protocol = "slow"
        store: dict[str, Any] = {}  # noqa: RUF012
        pseudo_dirs = [""]  # noqa: RUF012

        @classmethod
        def _strip_protocol(cls, path: str) -> str:
            return super()._strip_protocol(path.replace("slow://", "memory://"))  # type: ignore[no-any-return]

        def _open(self, path: str, *rest: Any, **how: Any) -> Any:
            file = super()._open(path, *rest, **how)
            if "slow" in path and "r" in (rest[0] if rest else how.get("mode", "rb")):
                file.read = lambda *_: ended.wait(60) and b""
            return file

    fsspec.register_implementation("slow", Slow, clobber=True)
    monkeypatch.setattr(deadlines, "ANSWER_S", 0.2)
    monkeypatch.setattr(deadlines, "_LEAST_PACE", 2**30)
    monkeypatch.setattr(storage, "ANSWER_S", 0.2)

    def put(key: str, data: bytes) -> str:
        fsspec.filesystem("slow").pipe_file(f"/{key}", data)
        return f"slow://{key}"

    yield put
    ended.set()


def test_a_storage_that_is_slow_costs_one_picture_or_one_archive(
    tmp_path: Path, drawer: Callable[[str, bytes], str]
) -> None:
    drawer("p/a.png", png("red"))
    drawer("p/slow.png", png("red"))
    archive = tar(tmp_path / "a.tar", {"x.png": png("blue")}).read_bytes()
    good, slow = drawer("t/a.tar", archive), drawer("t/slow.tar", archive)
    table = drawer(
        "l/a.jsonl", json_lines(tmp_path / "l", [{"url": "slow://p/a.png"}]).read_bytes()
    )
    state = encode(FakeEncoder(), tmp_path / "out", "slow://p", slow, good, table)
    assert state.pictures == 3
    assert ["takes longer" in each for each in reasons(state)] == [True]
    ((source, reason),) = [(each.source, each.reason) for each in state.failures]
    assert source == slow
    assert "takes longer" in reason


def test_a_remote_tar_that_never_ends_fills_no_disk(
    tmp_path: Path, drawer: Callable[[str, bytes], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tars, "MOST_COPIED", 2000)
    small = drawer("t/b.tar", png("red"))
    with tars.opened(small, whole=True):
        pass
    large = drawer("t/c.tar", bytes(2001))
    with pytest.raises(SourceError, match="larger than"), tars.opened(large, whole=True):
        pass
