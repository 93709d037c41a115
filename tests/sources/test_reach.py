"""Where the rows of a table may lead."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from support.data_sets import encode, foreign, merge, parquet, png, tar
from support.fakes import FakeEncoder

from retrieval import Library
from retrieval.errors import PictureError
from retrieval.images import connections, download
from retrieval.images.sources import Columns, storage, web_client
from retrieval.images.sources.rows import is_public_only, item_at, why_refused
from retrieval.indexing.shards.running import EncodeProgress

fsspec = pytest.importorskip("fsspec")

Web = tuple[str, dict[str, bytes]]
TRUSTED = Columns(any_address=True)


def reasons(state: EncodeProgress) -> list[str]:
    return [trouble.reason for trouble in state.troubles]


@pytest.mark.parametrize("kind", ["list.txt", "list.csv", "list.parquet"])
def test_rows_do_not_lead_into_private_networks(tmp_path: Path, web: Web, kind: str) -> None:
    server, pages = web
    pages["/a.png"] = png("red")
    rows = [{"url": f"{server}/a.png"}]
    if kind.endswith("parquet"):
        table = parquet(tmp_path / kind, rows)
    else:
        table = tmp_path / kind
        table.write_text(
            "".join(f"{line}\n" for line in (*["url"][: ".csv" in kind], rows[0]["url"]))
        )
    state = encode(FakeEncoder(), tmp_path / "out", table)
    assert (state.pictures, len(state.troubles)) == (0, 1)
    assert "private network" in reasons(state)[0]
    assert "--any-address" in reasons(state)[0]
    assert encode(FakeEncoder(), tmp_path / "out", table, columns=TRUSTED).pictures == 1


def test_rows_of_clip_retrieval_neither(tmp_path: Path, library: Library, web: Web) -> None:
    server, pages = web
    pages["/a.png"] = png("red")
    pages["/a.tar"] = tar(tmp_path / "a.tar", {"x.png": png("red")}).read_bytes()
    rows: list[dict[str, object]] = [
        {"image_path": f"{server}/{name}"} for name in ("a.png", "a.tar/x.png", "b.png")
    ]
    rows[2] = {"image_path": "file:///etc/passwd"}
    place = foreign(tmp_path / "clip", rows)
    refused = [trouble.reason for trouble in merge(library, place).problems]
    assert len(refused) == 3
    assert all("--any-address" in each for each in refused)
    *_, last = library.iter_import(place, any_address=True)
    assert last.tally.encoded >= 1


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("127.0.0.1", False), ("10.1.2.3", False), ("192.168.0.1", False), ("172.16.0.1", False),
        ("169.254.169.254", False), ("0.0.0.0", False), ("100.64.0.1", False), ("::1", False),
        ("fe80::1%eth0", False), ("fd00::1", False), ("::ffff:10.0.0.1", False),
        ("224.0.0.1", False), ("64:ff9b::7f00:1", False), ("2002:7f00:1::", False),
        ("::ffff:8.8.8.8", True),
        ("8.8.8.8", True), ("2606:4700::1111", True), ("64:ff9b::808:808", True),
    ],
)  # fmt: skip
def test_what_is_public(address: str, public: bool) -> None:
    assert connections.is_public(address) is public


def test_what_rows_may_name() -> None:
    plain, s3, web = "/lists", "s3://bucket/lists", "https://example.com"
    for target, folder, may in (
        ("https://example.com/a.png", plain, True),
        ("a.png", s3, True),
        ("s3://bucket/a.png", s3, True),
        ("s3://bucket/a.png", plain, False),
        ("gs://bucket/a.png", s3, False),
        ("file:///etc/passwd", plain, False),
        ("FILE:///etc/passwd", web, False),
    ):
        assert (why_refused(target, folder, Columns()) == "") is may, target
    assert why_refused("s3://bucket/a.png", plain, TRUSTED) == ""
    assert "this machine" in why_refused("file:///etc/passwd", web, TRUSTED)


def test_who_owns_a_public_name_does_not_lead_it_into_a_private_network() -> None:
    """A name can lead to the public internet for the table and elsewhere for its rows."""

    def public_only(folder: str, target: str) -> bool:
        item = item_at(target, folder, 0)
        assert item is not None
        return is_public_only(item, folder, Columns())

    assert public_only("https://example.com/lists", "https://example.com/a.png")
    assert public_only("https://example.com/lists", "a.png")
    assert public_only("http://192.168.0.2/lists", "http://192.168.0.3/a.png")
    assert public_only("http://192.168.0.2/lists", "http://192.168.0.2:81/a.png")
    for server in ("192.168.0.2:80", "[fd00::1]", "nas", "nas.local", "localhost:8080"):
        assert not public_only(f"http://{server}/lists", "a.png"), server


def test_a_chain_of_addresses_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(png("red"))
    with pytest.raises(PictureError, match="::"):
        storage.read_object(f"simplecache://::file://{secret}")


def test_a_table_on_the_web_may_name_what_lies_beside_it(tmp_path: Path, web: Web) -> None:
    pytest.importorskip("aiohttp")
    server, pages = web
    elsewhere = server.replace("127.0.0.1", "localhost")
    pages |= {"/p/red.png": png("red"), "/b.png": png("blue")}
    pages["/p/list.txt"] = f"red.png\n{elsewhere}/b.png\nfile:///etc/passwd\n".encode()
    state = encode(FakeEncoder(), tmp_path / "out", f"{server}/p/list.txt")
    assert state.pictures == 1
    assert sorted("private" in each for each in reasons(state)) == [False, True]


@contextmanager
def answering(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """A web server that answers as a function does; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def do_HEAD(self) -> None:
            answer(self)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=partial(server.serve_forever, 0.01))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _redirect(target: str, handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(302)
    handler.send_header("location", target)
    handler.send_header("content-length", "0")
    handler.end_headers()


@pytest.mark.parametrize("public_only", [True, False])
def test_a_redirect_does_not_lead_from_the_web_into_a_private_network(
    web: Web, monkeypatch: pytest.MonkeyPatch, public_only: bool
) -> None:
    server, pages = web
    pages["/a.png"] = png("red")

    with answering(partial(_redirect, f"{server}/a.png")) as first:
        assert download.download(f"{first}/x.png") == png("red")  # all within this machine
        kinds = iter([True, False])
        monkeypatch.setattr(connections, "is_public", lambda _: next(kinds))
        with pytest.raises(PictureError, match="private network"):
            download.download(f"{first}/x.png", public_only=public_only)


def test_nor_does_the_redirect_of_an_archive(
    tmp_path: Path, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("aiohttp")
    server, pages = web
    pages["/a.tar"] = tar(tmp_path / "a.tar", {"x.png": png("red")}).read_bytes()
    public: list[str] = []

    async def is_public_host(address: str) -> bool:
        return any(address.startswith(each) for each in public)

    monkeypatch.setattr(web_client, "_is_public_host", is_public_host)
    with answering(partial(_redirect, f"{server}/a.tar")) as first:
        state = encode(FakeEncoder(), tmp_path / "out", f"{first}/a.tar")
        assert state.pictures == 1  # all within this machine
        public.append(first)
        state = encode(FakeEncoder(), tmp_path / "other", f"{first}/a.tar")
        assert (state.pictures, len(state.failures)) == (0, 1)


def test_a_proxy_does_not_hide_where_an_address_leads(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, pages = web
    pages["http://localhost/a.png"] = png("red")
    monkeypatch.setenv("http_proxy", server)
    monkeypatch.setenv("https_proxy", server)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert download.download("http://localhost/a.png") == png("red")
    for address in ("http://localhost/a.png", "https://localhost/a", "http://127.0.0.%31/a.png"):
        with pytest.raises(PictureError, match="private network"):
            download.download(address, public_only=True)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.%31", "2130706433", "127.1"])
def test_no_spelling_of_a_host_hides_where_it_leads(web: Web, host: str) -> None:
    server, pages = web
    pages["/a.png"] = png("red")
    with pytest.raises(PictureError, match="private network"):
        download.download(f"{server.replace('127.0.0.1', host)}/a.png", public_only=True)
