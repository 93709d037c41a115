"""What somebody would try who means harm; each test fails without the defence it is about."""

from __future__ import annotations

import asyncio
import hmac
import io
import json
import os
import socket
import struct
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zipfile import ZipFile

import pytest
from support.fakes import FakeEncoder
from support.painting import paint

from retrieval import Library

pytest.importorskip("fastapi")
from fastapi.testclient import TestClient
from support.api_client import HOST, RULES, Client, numbers

from retrieval.server import guard, picture_files

TOKEN = "s3cret-token.of~the_house"
GUARDED = guard.Rules(frozenset({HOST}), TOKEN)
KINDS = {"kind": "zip", "image_id": "1"}


def operations(asking: TestClient) -> list[tuple[str, str]]:
    """Return the method and address of everything there is, the page and assistants included."""
    paths = asking.get("/api/openapi.json", headers=bearer(TOKEN)).json()["paths"]
    described = [
        (method.upper(), path.format_map(KINDS)) for path, of in paths.items() for method in of
    ]
    assert len(described) > 20
    page = [("GET", path) for path in ("/", "/app.js", "/style.css", "/api/openapi.json")]
    return [*described, *page, ("POST", "/mcp"), ("GET", "/nowhere"), ("OPTIONS", "/api/search")]


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


# Who may ask


def test_everything_is_behind_the_host_and_the_token(client: Client) -> None:
    asking = client(GUARDED)
    for method, path in operations(asking):
        rebound = {"host": "evil.example", **bearer(TOKEN)}
        assert asking.request(method, path, headers=rebound).status_code == 421, path
        for headers in ({}, bearer("wrong"), {"cookie": "pixtrieve=wrong"}):
            assert asking.request(method, path, headers=headers).status_code == 401, path


@pytest.mark.parametrize(
    "host",
    [
        "localhost.:8090",
        "localhost:8091",
        "localhost:8090@evil.example",
        "user:pass@localhost:8090",
        "evil.example:8090",
        "localhost:8090.evil.example",
        "localhost:8090, evil.example",
        "[::1]:8090",
        "127.0.0.1:8090",
        " ",
    ],
)
def test_only_the_very_name_is_answered(client: Client, host: str) -> None:
    assert client().get("/api/status", headers={"host": host}).status_code == 421


def test_a_name_may_be_shouted(client: Client) -> None:
    assert client().get("/api/status", headers={"host": "LOCALHOST:8090"}).status_code == 200


@pytest.mark.parametrize("hosts", [[HOST, HOST], [HOST, "evil.example"], ["evil.example", HOST]])
def test_one_host_is_named_once(client: Client, hosts: list[str]) -> None:
    asking = client()
    request = asking.build_request("GET", "/api/status")
    others = [(name, value) for name, value in request.headers.raw if name.lower() != b"host"]
    request.headers = type(request.headers)([*((b"host", h.encode()) for h in hosts), *others])
    assert asking.send(request).status_code == 421


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"},
        {"sec-fetch-site": "same-site", "sec-fetch-mode": "cors"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": f"http://{HOST}.evil.example"},
        {"origin": f"http://user@{HOST}"},
    ],
)
def test_other_pages_neither_read_nor_begin_anything(
    client: Client, headers: dict[str, str]
) -> None:
    """An <img> elsewhere could tell by its size what is here, or have duplicates looked for."""
    asking = client()
    for method, path in operations(asking):
        if path != "/":
            assert asking.request(method, path, headers=headers).status_code == 403, path


def test_a_link_elsewhere_leads_to_the_page_and_nothing_is_framed(client: Client) -> None:
    asking = client()
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    page = asking.get("/", headers=link)
    assert page.status_code == 200
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert asking.post("/", headers=link).status_code == 403
    embedded = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}
    assert asking.get("/", headers=embedded).status_code == 403


def test_no_answer_lets_other_origins_read_it(client: Client) -> None:
    asking = client()
    for method, path in operations(asking):
        answer = asking.request(method, path)
        assert not [name for name in answer.headers if name.startswith("access-control-")], path
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["x-content-type-options"] == "nosniff"
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert not [word for word in ("unsafe", "*", "http:", "data:") if word in policy]


def test_what_is_private_is_kept_by_no_proxy(client: Client) -> None:
    asking = client()
    for path in ("/api/status", "/api/search?q=red", "/api/pictures/1", "/nowhere"):
        assert asking.get(path).headers["cache-control"] == "no-store"
    assert asking.get("/api/pictures/1/image").headers["cache-control"].startswith("private")


def test_web_sockets_are_closed_before_anything_hears_of_them() -> None:
    sent: list[Any] = []

    async def application(*_: Any) -> None:
        sent.append("it was asked")

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message["type"])

    scope = {"type": "websocket", "path": "/api/status", "headers": [(b"host", HOST.encode())]}
    asyncio.run(guard.Guard(application, RULES)(scope, receive, send))
    assert sent == ["websocket.close"]


# The token


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": TOKEN},
        {"authorization": f"Basic {TOKEN}"},
        {"authorization": f"Bearer {TOKEN}x"},
        {"authorization": f"Bearer {TOKEN[:-1]}"},
        {"authorization": f"Bearer {TOKEN.upper()}"},
        {b"authorization": "Bearer \xff\xfe".encode("latin-1")},
        {b"authorization": "Bearer €".encode()},
        {"authorization": "Bearer " + "x" * 60_000},
        {"cookie": f"other={TOKEN}"},
        {"cookie": f"Pixtrieve={TOKEN}"},
        {"cookie": f"pixtrieve.={TOKEN}"},
        {"cookie": f'pixtrieve="{TOKEN}"'},
        {"cookie": "pixtrieve=" + "x" * 60_000},
        {b"cookie": b"pixtrieve=\xff"},
        {"x-token": TOKEN, "referer": f"http://{HOST}/?token={TOKEN}"},
    ],
)
def test_nothing_but_the_token_in_its_place_lets_in(
    client: Client, headers: dict[str, str] | dict[bytes, bytes]
) -> None:
    assert client(GUARDED).get("/api/status", headers=headers).status_code == 401


@pytest.mark.parametrize(
    "query", ["token=%ff", "token=%e2%82%ac", "token=a%0d%0aSet-Cookie:%20x=1", "token=a;b"]
)
def test_a_wrong_token_in_the_address_never_becomes_a_cookie(client: Client, query: str) -> None:
    asking = client(GUARDED)
    assert asking.get(f"/?{query}").status_code == 401
    known = asking.get(f"/?{query}", headers=bearer(TOKEN), follow_redirects=False)
    assert known.status_code == 200
    assert "set-cookie" not in known.headers


@pytest.mark.parametrize(
    "others", ["a=b; weird[1]={x}", "\x7f", '"', "pixtrieve=stale", "=; ;;", "pixtrieve"]
)
def test_cookies_of_other_servers_here_do_not_lock_out(client: Client, others: str) -> None:
    asking = client(GUARDED)
    for cookie in (f"{others}; pixtrieve={TOKEN}", f"pixtrieve={TOKEN}; {others}"):
        assert asking.get("/api/status", headers={"cookie": cookie}).status_code == 200


def test_the_token_is_compared_in_constant_time(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[bytes] = []
    compare = hmac.compare_digest

    def counted(offered: bytes, token: bytes) -> bool:
        compared.append(offered)
        return compare(offered, token)

    asking = client(GUARDED)
    monkeypatch.setattr(hmac, "compare_digest", counted)
    assert asking.get("/api/status", headers=bearer(TOKEN)).status_code == 200
    assert asking.get("/api/status", headers={"cookie": f"pixtrieve={TOKEN}"}).status_code == 200
    assert compared.count(TOKEN.encode()) == 2


def test_the_cookie_is_for_this_page_alone_and_goes_by_tls_where_that_is(client: Client) -> None:
    asking = client(GUARDED)
    address = f"/?token={TOKEN}"
    plain = asking.get(address, follow_redirects=False).headers["set-cookie"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(plain.split("; "))
    assert "Domain" not in plain
    assert "Secure" not in plain
    secure = asking.get(f"https://{HOST}{address}", follow_redirects=False)
    assert "Secure" in secure.headers["set-cookie"].split("; ")


def test_the_token_is_in_no_answer_and_no_log(
    client: Client, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG")
    asking = client(GUARDED)
    for method, path in operations(asking):
        answer = asking.request(method, path, headers=bearer(TOKEN))
        assert TOKEN not in answer.text, path
        assert TOKEN not in str(answer.headers), path
    welcome = asking.get("/", params={"token": TOKEN}, follow_redirects=False)
    assert welcome.headers["location"] == "/"  # the address bar and the Referer lose it
    assert welcome.headers["referrer-policy"] == "same-origin"
    assert TOKEN not in welcome.text
    ours = [record for record in caplog.records if not record.name.startswith("httpx")]
    assert TOKEN not in "".join(record.getMessage() for record in ours)
    assert TOKEN not in "".join(capfd.readouterr())


# Files


@pytest.fixture
def opened() -> Iterator[list[str]]:
    """Every path that this process opens, or runs, while a test asks."""
    found: list[str] = []
    listening = [True]

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if listening and event in ("open", "os.listdir", "os.scandir", "subprocess.Popen"):
            found.append(os.fsdecode(arguments[0]) if not isinstance(arguments[0], int) else "")

    sys.addaudithook(hook)  # for ever, so it is made deaf
    yield found
    listening.clear()


def test_no_path_in_any_parameter_is_opened(
    client: Client, tmp_path: Path, opened: list[str]
) -> None:
    secret = tmp_path / "secret-of-others.png"
    paint(secret, "white")
    asking = client()
    written = [f(str(secret)) for f in (str, quote, lambda p: quote(quote(p, safe=""), safe=""))]
    written += [f"{secret}\0", f"file://{secret}", f"./../{secret.name}", f"~/../..{secret}"]
    json_fields = ("name", "labels", "like", "groups")
    opened.clear()
    for path in written:
        for method, address in operations(asking):
            for name in ("q", "where", "name", "side", "version", "sort", "limit", "path"):
                asking.request(method, address, params={name: path})
            if method == "POST":
                asking.post(address, json=dict.fromkeys(json_fields, path))
                asking.post(address, json={f: [path] for f in json_fields} | {"name": path})
                asking.post(address, data={"ids": path})
        for address in ("/{}", "/api/pictures/{}/image", "/api/download/{}", "/api/export/{}"):
            asking.get(address.format(quote(path)))
            asking.get(address.format(quote(path, safe="")))
    assert opened, "nothing was heard"
    assert not [path for path in opened if secret.name in path]
    (tmp_path / "pictures/red.png").read_bytes()
    assert "red.png" in opened[-1]


def ask_for_red(asking: TestClient) -> list[Any]:
    number = numbers(asking)["pictures/red.png"]
    return [asking.get(f"/api/pictures/{number}/{what}") for what in ("image", "thumbnail")]


@pytest.mark.parametrize("what", ["pipe", "device", "folder", "socket"])
def test_what_is_no_file_in_a_picture_s_place_holds_nobody_up(
    client: Client, pictures: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    red = pictures / "red.png"
    red.unlink()
    if what == "pipe":
        os.mkfifo(red)
    elif what == "device":
        red.symlink_to("/dev/zero")
    elif what == "folder":
        red.mkdir()
    else:
        with socket.socket(socket.AF_UNIX) as listening:
            monkeypatch.chdir(pictures)  # the name of a socket may not be long
            listening.bind("red.png")
    for answer in ask_for_red(client()):
        assert answer.status_code == 422
        assert "cannot be shown" in answer.json()["error"]
        if what in ("pipe", "device"):
            assert "no file of a picture any more" in answer.json()["error"]


def test_a_folder_swapped_for_a_link_leads_nowhere(
    client: Client, pictures: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    paint(other / "blue.png", "white")
    asking = client()
    number = numbers(asking)["deep/blue.png"]
    os.rename(pictures / "deep", tmp_path / "moved")
    (pictures / "deep").symlink_to(other)
    for what in ("image", "thumbnail"):
        assert asking.get(f"/api/pictures/{number}/{what}").status_code == 422
    taken = asking.post("/api/download/zip", data={"ids": str(number)})
    with ZipFile(io.BytesIO(taken.content)) as archive:
        assert archive.namelist() == ["left out.txt"]


def test_an_exchanged_file_is_compared_and_never_sent(
    client: Client, pictures: Path, tmp_path: Path
) -> None:
    """Of the same size, so that its hash alone tells it."""
    secret = tmp_path / "secret"
    secret.write_bytes(b"s" * (pictures / "red.png").stat().st_size)
    (pictures / "red.png").unlink()
    (pictures / "red.png").symlink_to(secret)
    for answer in ask_for_red(client()):
        assert answer.status_code == 422
        assert b"ssss" not in answer.content


def test_a_large_file_in_a_picture_s_place_is_not_read(
    client: Client, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Unread(io.BytesIO):
        def __init__(self, path: str) -> None:
            self._file = open(path, "rb")  # noqa: SIM115 closed below

        def fileno(self) -> int:
            return self._file.fileno()

        def read(self, *_: Any) -> bytes:
            raise AssertionError("it was read")

        def close(self) -> None:
            self._file.close()

    (pictures / "red.png").write_bytes(b"x" * 10_000)
    monkeypatch.setattr(picture_files, "open_file", Unread)
    for answer in ask_for_red(client()):
        assert answer.status_code == 422


@pytest.mark.parametrize("what", ["link", "dangling", "folder", "pipe"])
def test_a_thumbnail_is_neither_read_nor_written_through_a_link(
    client: Client, folder: str, tmp_path: Path, what: str
) -> None:
    asking = client()
    first = ask_for_red(asking)[1]
    (kept,) = Path(folder, "thumbnails").rglob("*.webp")
    kept.unlink()
    secret = tmp_path / "secret"
    if what == "link":
        secret.write_bytes(b"secret")
    if what == "folder":
        kept.mkdir()
    elif what == "pipe":
        os.mkfifo(kept)
    else:
        kept.symlink_to(secret)
    assert ask_for_red(asking)[1].content == first.content
    assert secret.exists() == (what == "link")
    assert what != "link" or secret.read_bytes() == b"secret"


# Uploads


def png(width: int, height: int) -> bytes:
    """A small file that says it is a large picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = (
        chunk(b"IHDR", header),
        chunk(b"IDAT", zlib.compress(bytes(1000))),
        chunk(b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def test_a_small_upload_that_would_fill_the_memory_is_refused(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import PngImagePlugin

    def decoded(*_: Any) -> None:
        raise AssertionError("its pixels were asked for")

    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", decoded)
    answer = client().post("/api/search", content=png(50_000, 50_000))
    assert answer.status_code == 422
    assert "megapixels" in answer.json()["error"]


@pytest.mark.parametrize(
    "data",
    [
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n",
        b"%PDF-1.4\n1 0 obj\n",
        b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>",
        b"push graphic-context\nfill 'url(https://example.com/x\"|ls \"-la)'\npop graphic-context",
    ],
)
def test_an_upload_runs_no_program(client: Client, data: bytes, opened: list[str]) -> None:
    asking = client()
    opened.clear()
    assert asking.post("/api/search", content=data).status_code == 422
    assert not [path for path in opened if "gs" in os.path.basename(path) or "passwd" in path]


@pytest.mark.parametrize("length", ["-1", "x", "1e3", "0x10", "", "٣", "9" * 30, "9" * 5000])
def test_a_length_that_is_none_is_refused(client: Client, length: str) -> None:
    headers = {b"content-length": length.encode()}
    answer = client().post("/api/search", content=b"x", headers=headers)
    assert answer.status_code == 413


def test_a_body_longer_than_it_said_is_cut_off(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "MOST_UPLOAD", 1000)
    answer = client().post("/api/search", content=b"x" * 5000, headers={"content-length": "10"})
    assert answer.status_code == 413


def test_a_form_is_not_taken_apart_before_it_is_measured(client: Client) -> None:
    body = b"ids=1" + b"&a=" * 1_000_000
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = client().post("/api/download/txt", content=body, headers=headers)
    assert answer.status_code == 422
    assert "too long" in answer.json()["error"]


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 1_000_000,
        b'{"name": "x\\ud800", "like": [1]}',
        b'{"name": "x", "like": [NaN]}',
        b'{"name": "x", "like": [1e999]}',
        b'{"name": "x", "like": [' + b"9" * 5000 + b"]}",
        b'{"name": {"\\udfff": 1}}',
        b"\xff\xfe\x00",
    ],
)
def test_json_that_is_hard_to_answer_is_answered(client: Client, body: bytes) -> None:
    headers = {"content-type": "application/json"}
    for address in ("/api/concepts", "/api/labels"):
        answer = client().post(address, content=body, headers=headers)
        assert answer.status_code in (400, 422)
        json.loads(answer.content, parse_constant=pytest.fail)


def test_a_filter_cannot_be_nested_for_ever(client: Client) -> None:
    asking = client()
    for where in ("(" * 900 + "width > 0" + ")" * 900, "not " * 490 + "width > 0", "(" * 2000):
        assert asking.get("/api/search", params={"where": where}).status_code == 422


# What others may have named their files


def test_names_in_a_zip_stay_in_its_folder(
    client: Client, folder: str, encoder: FakeEncoder, pictures: Path
) -> None:
    for number, name in enumerate(("x\\..\\..\\evil", "C:evil", "new\nline", "-rf", "<b>")):
        paint(pictures / f"{name}.png", (10 * number, 200, 100))
    with Library.open(folder, encoder) as library:
        library.add(pictures)
    asking = client()
    ids = ",".join(map(str, numbers(asking).values()))
    with ZipFile(io.BytesIO(asking.post("/api/download/zip", data={"ids": ids}).content)) as taken:
        assert len(taken.namelist()) == 39
        for name in taken.namelist():
            assert not set(name) & set('/\\:\n<>"|?*')
            assert name not in (".", "..")


# Over the wire


@pytest.mark.parametrize(
    "request_head",
    [
        "GET /api/status HTTP/1.1\r\nHost: HERE\r\nHost: evil.example",
        "GET /api/status HTTP/1.1",
        "GET /api/status HTTP/1.0",
        "GET http://evil.example/api/status HTTP/1.1\r\nHost: HERE",
        "GET http://HERE/api/status HTTP/1.1\r\nHost: evil.example",
        "GET //evil.example/..%2f..%2fetc/passwd HTTP/1.1\r\nHost: HERE",
        "GET /../../../../etc/passwd HTTP/1.1\r\nHost: HERE",
        "get /api/status HTTP/1.1\r\nHost: HERE",
        "TRACE / HTTP/1.1\r\nHost: HERE",
        "CONNECT evil.example:80 HTTP/1.1\r\nHost: HERE",
        "POST /api/search HTTP/1.1\r\nHost: HERE\r\nContent-Length: -1",
        "POST /api/search HTTP/1.1\r\nHost: HERE\r\nContent-Length: 99999999999",
        "POST /api/search HTTP/1.1\r\nHost: HERE\r\nContent-Length: 1\r\nContent-Length: 2",
    ],
)
def test_odd_requests_are_refused_and_said_so_quickly(address: str, request_head: str) -> None:
    here = address.removeprefix("http://")
    with socket.create_connection(
        (here.split(":")[0], int(here.split(":")[1])), timeout=20
    ) as asking:
        asking.sendall(request_head.replace("HERE", here).encode() + b"\r\n\r\n")
        answer = asking.recv(65_536)
    assert answer.startswith(b"HTTP/1.1 4"), answer
    assert b"root:" not in answer


def test_an_endless_upload_is_cut_off(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "MOST_UPLOAD", 100_000)
    here = address.removeprefix("http://")
    head = f"POST /api/search HTTP/1.1\r\nHost: {here}\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection(
        (here.split(":")[0], int(here.split(":")[1])), timeout=20
    ) as asking:
        asking.sendall(head.encode())
        with suppress(ConnectionError):
            for _ in range(20):
                asking.sendall(b"2710\r\n" + bytes(10_000) + b"\r\n")
        assert asking.recv(65_536).startswith(b"HTTP/1.1 413")


def test_no_secret_is_logged_when_the_server_itself_fails(
    folder: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    uvicorn = pytest.importorskip("uvicorn")
    from retrieval.server.app import create_app

    def fails(*_: Any) -> None:
        raise RuntimeError("it broke")

    monkeypatch.setattr(picture_files, "thumbnail", fails)
    app = create_app(folder, "auto", guard.Rules(frozenset({"here"}), TOKEN))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", access_log=False))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    place = server.servers[0].sockets[0].getsockname()
    known = f"Host: here\r\nCookie: pixtrieve={TOKEN}\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
    for path in ("/api/pictures/1/thumbnail", f"/?token={TOKEN}", f"/\x01?token={TOKEN}"):
        with socket.create_connection(place, timeout=20) as asking:
            asking.sendall(f"GET {path} HTTP/1.1\r\n{known}".encode())
            answer = asking.recv(65_536)
        assert b"it broke" not in answer
    server.should_exit = True
    thread.join()
    logged = "".join(capfd.readouterr())
    assert "it broke" in logged
    assert TOKEN not in logged
