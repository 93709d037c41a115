"""Who may ask: what somebody would try who means harm. Each test fails without its defence."""

from __future__ import annotations

import asyncio
import hmac
import socket
from typing import Any

import pytest
from support.waiting import WAIT_S

pytest.importorskip("fastapi")
from support.api_client import GUARDED, HOST, RULES, TOKEN, Client, bearer, operations

from retrieval.server import guard, picture_files


def test_everything_is_behind_the_host_and_the_token(client: Client) -> None:
    api = client(GUARDED)
    for method, path in operations(api):
        rebound = {"host": "evil.example", **bearer(TOKEN)}
        assert api.request(method, path, headers=rebound).status_code == 421, path
        for headers in ({}, bearer("wrong"), {"cookie": "pixtrieve=wrong"}):
            assert api.request(method, path, headers=headers).status_code == 401, path


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
    api = client()
    request = api.build_request("GET", "/api/status")
    others = [(name, value) for name, value in request.headers.raw if name.lower() != b"host"]
    request.headers = type(request.headers)([*((b"host", h.encode()) for h in hosts), *others])
    assert api.send(request).status_code == 421


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
    api = client()
    for method, path in operations(api):
        if path != "/":
            assert api.request(method, path, headers=headers).status_code == 403, path


def test_a_link_elsewhere_leads_to_the_page_and_nothing_is_framed(client: Client) -> None:
    api = client()
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    page = api.get("/", headers=link)
    assert page.status_code == 200
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert api.post("/", headers=link).status_code == 403
    embedded = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}
    assert api.get("/", headers=embedded).status_code == 403


def test_no_answer_lets_other_origins_read_it(client: Client) -> None:
    api = client()
    for method, path in operations(api):
        answer = api.request(method, path)
        assert not [name for name in answer.headers if name.startswith("access-control-")], path
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["x-content-type-options"] == "nosniff"
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert not [word for word in ("unsafe", "*", "http:", "data:") if word in policy]


def test_what_is_private_is_kept_by_no_proxy(client: Client) -> None:
    api = client()
    for path in ("/api/status", "/api/search?q=red", "/api/pictures/1", "/nowhere"):
        assert api.get(path).headers["cache-control"] == "no-store"
    assert api.get("/api/pictures/1/image").headers["cache-control"].startswith("private")


def test_web_sockets_are_closed_before_the_application_sees_them() -> None:
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
    api = client(GUARDED)
    assert api.get(f"/?{query}").status_code == 401
    known = api.get(f"/?{query}", headers=bearer(TOKEN), follow_redirects=False)
    assert known.status_code == 200
    assert "set-cookie" not in known.headers


@pytest.mark.parametrize(
    "others", ["a=b; weird[1]={x}", "\x7f", '"', "pixtrieve=stale", "=; ;;", "pixtrieve"]
)
def test_cookies_of_other_servers_here_do_not_lock_out(client: Client, others: str) -> None:
    api = client(GUARDED)
    for cookie in (f"{others}; pixtrieve={TOKEN}", f"pixtrieve={TOKEN}; {others}"):
        assert api.get("/api/status", headers={"cookie": cookie}).status_code == 200


def test_the_token_is_compared_in_constant_time(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[bytes] = []
    compare = hmac.compare_digest

    def counted(offered: bytes, token: bytes) -> bool:
        compared.append(offered)
        return compare(offered, token)

    api = client(GUARDED)
    monkeypatch.setattr(hmac, "compare_digest", counted)
    assert api.get("/api/status", headers=bearer(TOKEN)).status_code == 200
    assert api.get("/api/status", headers={"cookie": f"pixtrieve={TOKEN}"}).status_code == 200
    assert compared.count(TOKEN.encode()) == 2


def test_the_cookie_is_for_this_page_alone_and_goes_by_tls_where_that_is(client: Client) -> None:
    api = client(GUARDED)
    address = f"/?token={TOKEN}"
    plain = api.get(address, follow_redirects=False).headers["set-cookie"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(plain.split("; "))
    assert "Domain" not in plain
    assert "Secure" not in plain
    secure = api.get(f"https://{HOST}{address}", follow_redirects=False)
    assert "Secure" in secure.headers["set-cookie"].split("; ")


def test_the_token_is_in_no_answer_and_no_log(
    client: Client, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG")
    api = client(GUARDED)
    for method, path in operations(api):
        answer = api.request(method, path, headers=bearer(TOKEN))
        assert TOKEN not in answer.text, path
        assert TOKEN not in str(answer.headers), path
    welcome = api.get("/", params={"token": TOKEN}, follow_redirects=False)
    assert welcome.headers["location"] == "/"  # the address bar and the Referer lose it
    assert welcome.headers["referrer-policy"] == "same-origin"
    assert TOKEN not in welcome.text
    ours = [record for record in caplog.records if not record.name.startswith("httpx")]
    assert TOKEN not in "".join(record.getMessage() for record in ours)
    assert TOKEN not in "".join(capfd.readouterr())


def test_no_secret_is_logged_when_the_server_itself_fails(
    folder: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("uvicorn")
    from support.serving import free_port, served

    from retrieval.server.app import create_app

    def fails(*_: Any) -> None:
        raise RuntimeError("it broke")

    monkeypatch.setattr(picture_files, "thumbnail", fails)
    app = create_app(folder, "auto", guard.Rules(frozenset({"here"}), TOKEN))
    port = free_port()
    known = f"Host: here\r\nCookie: pixtrieve={TOKEN}\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
    with served(app, port, access_log=False):
        for path in ("/api/pictures/1/thumbnail", f"/?token={TOKEN}", f"/\x01?token={TOKEN}"):
            with socket.create_connection(("127.0.0.1", port), timeout=WAIT_S) as api:
                api.sendall(f"GET {path} HTTP/1.1\r\n{known}".encode())
                answer = api.recv(65_536)
            assert b"it broke" not in answer
    logged = "".join(capfd.readouterr())
    assert "it broke" in logged
    assert TOKEN not in logged
