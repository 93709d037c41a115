"""Checks the host, origin, token and size of every request; adds headers to every response."""

from __future__ import annotations

import hmac
import re
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import ClientDisconnect

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = dict[bytes, list[str]]

COOKIE = "pixtrieve"
MOST_UPLOAD = 64 * 2**20

_HEADERS = (
    (
        b"content-security-policy",
        (
            b"default-src 'none'; img-src 'self' blob:; media-src 'self'; style-src 'self'; "
            b"script-src 'self'; "
            b"connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        ),
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),  # with less, a form's origin would be null
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)


@dataclass(frozen=True, slots=True)
class Rules:
    """The host names that the server accepts ("localhost:8090"), and its token ("" for none).

    The token is part of a cookie and a URL, so it may have letters, digits, "-", "_", "." and "~".
    """

    hosts: frozenset[str]
    token: str = ""


_TOO_LONG = (413, f"more than {MOST_UPLOAD // 2**20} MB cannot be uploaded")


class Guard:
    """ASGI middleware around the application.

    Another website can make a browser send requests here: under a host name that it points at
    this machine (the Host header shows it), or from its own origin (Origin and Sec-Fetch-Site
    show it). Even a read reveals whether something exists and may start work, so other websites
    may only link to the page.
    """

    def __init__(self, app: App, rules: Rules) -> None:
        self._app, self._rules = app, rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: Headers = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.lower(), []).append(value.decode("latin-1"))
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await _answer(send, *refusal)
            return
        if self._is_token(_token_in_address(scope)):
            await _answer(send, 303, "", self._remembering(scope))
            return
        if _length(headers) > MOST_UPLOAD:
            await _answer(send, *_TOO_LONG)
            return
        body = _Body(receive, _with_headers(send))
        try:
            await self._app(scope, body.receive, body.send)
        except ClientDisconnect:
            pass  # nobody waits for an answer any more
        except Exception:
            if not body.too_long:
                raise
        if body.too_long and not body.answered:
            await _answer(send, *_TOO_LONG)

    def _refusal(self, scope: Scope, headers: Headers) -> tuple[int, str] | None:
        hosts = [host.lower() for host in headers.get(b"host", ())]
        if len(hosts) != 1 or hosts[0] not in self._rules.hosts:
            return 421, "this server does not accept that host name"
        own = (f"http://{hosts[0]}", f"https://{hosts[0]}")
        strange = any(origin.lower() not in own for origin in headers.get(b"origin", ()))
        elsewhere = not {"cross-site", "same-site"}.isdisjoint(headers.get(b"sec-fetch-site", ()))
        if strange or (elsewhere and not _opens_the_page(scope, headers)):
            return 403, "requests from other websites are not allowed"
        if self._rules.token and not any(map(self._is_token, _offered(scope, headers))):
            return 401, "open the address that pixtrieve serve printed: it contains the token"
        return None

    def _is_token(self, offered: str) -> bool:
        token = self._rules.token
        return bool(token) and hmac.compare_digest(offered.encode(), token.encode())

    def _remembering(self, scope: Scope) -> tuple[tuple[bytes, bytes], ...]:
        secure = "; Secure" if scope.get("scheme") == "https" else ""
        kept = f"HttpOnly; SameSite=Strict; Path=/; Max-Age=31536000{secure}"
        cookie = f"{COOKIE}={self._rules.token}; {kept}"
        return ((b"location", b"/"), (b"set-cookie", cookie.encode("latin-1")))


def _opens_the_page(scope: Scope, headers: Headers) -> bool:
    read = scope["method"] in ("GET", "HEAD") and scope["path"] == "/"
    return read and headers.get(b"sec-fetch-mode") == ["navigate"]


def _offered(scope: Scope, headers: Headers) -> Iterator[str]:
    """Yield every value that may be the token."""
    for authorization in headers.get(b"authorization", ()):
        scheme, _, value = authorization.partition(" ")
        if scheme.lower() == "bearer":
            yield value.strip()
    # Other servers on this machine may set malformed cookies. Parse each cookie by itself, so
    # that these cannot hide ours.
    for cookies in headers.get(b"cookie", ()):
        for cookie in cookies.split(";"):
            name, _, value = cookie.partition("=")
            if name.strip() == COOKIE:
                yield value.strip()
    yield _token_in_address(scope)


def _token_in_address(scope: Scope) -> str:
    """Return the token of `/?token=…`; the guard stores it in a cookie."""
    if scope["path"] != "/":
        return ""
    query: str = scope["query_string"].decode("latin-1")
    return parse_qs(query).get("token", [""])[0]


def _length(headers: Headers) -> int:
    lengths = headers.get(b"content-length", ["0"])
    if len(lengths) != 1 or not re.fullmatch("[0-9]{1,18}", lengths[0]):
        return MOST_UPLOAD + 1
    return int(lengths[0])


class _Body:
    """Stops reading a body that is too long, and drops the application's response to it.

    To the application the client seems to have disconnected.
    """

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive, self._send, self._taken = receive, send, 0
        self.too_long = self.answered = False

    async def receive(self) -> MutableMapping[str, Any]:
        message = await self._receive()
        self._taken += len(message.get("body", b""))
        self.too_long = self.too_long or self._taken > MOST_UPLOAD
        return {"type": "http.disconnect"} if self.too_long else message

    async def send(self, message: MutableMapping[str, Any]) -> None:
        if self.answered or not self.too_long:
            self.answered = True
            await self._send(message)


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            headers = [*message.get("headers", ()), *_HEADERS]
            if all(name.lower() != b"cache-control" for name, _ in headers):
                headers.append((b"cache-control", b"no-store"))
            message = {**message, "headers": headers}
        await send(message)

    return send_with_headers


async def _answer(
    send: Send, status: int, text: str, headers: tuple[tuple[bytes, bytes], ...] = ()
) -> None:
    plain = (b"content-type", b"text/plain; charset=utf-8")
    start = {"type": "http.response.start", "status": status, "headers": [plain, *headers]}
    await _with_headers(send)(start)
    await send({"type": "http.response.body", "body": text.encode()})
