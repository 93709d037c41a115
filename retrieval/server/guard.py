"""What every request passes: host, origin, token and size; and headers that every answer gets."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

COOKIE = "pixtrieve"
MOST_UPLOAD = 64 * 2**20

_HEADERS = (
    (
        b"content-security-policy",
        (
            b"default-src 'none'; img-src 'self' blob:; style-src 'self'; script-src 'self'; "
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
    """Which hosts the server goes by ("localhost:8090"), and the token it wants ("" for none)."""

    hosts: frozenset[str]
    token: str = ""


_TOO_LONG = (413, f"more than {MOST_UPLOAD // 2**20} MB are not taken")


class Guard:
    """ASGI middleware around the application.

    A page elsewhere may make a browser send requests here: under another name that it let point
    to this machine (the Host shows it), or from its own origin (Origin and Sec-Fetch-Site do).
    """

    def __init__(self, app: App, rules: Rules) -> None:
        self._app, self._rules = app, rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await _answer(send, *refusal)
            return
        if offered := self._token_in_address(scope):
            await _answer(send, 303, "", _remembering(offered))
            return
        if _length(headers) > MOST_UPLOAD:
            await _answer(send, *_TOO_LONG)
            return
        body = _Body(receive, _dressed(send))
        try:
            await self._app(scope, body.receive, body.send)
        except Exception:
            if not body.too_long:
                raise
        if body.too_long and not body.answered:
            await _answer(send, *_TOO_LONG)

    def _refusal(self, scope: Scope, headers: Mapping[bytes, str]) -> tuple[int, str] | None:
        host = headers.get(b"host", "").lower()
        if host not in self._rules.hosts:
            return 421, "this server does not go by that name"
        origin = headers.get(b"origin")
        strange = origin is not None and origin.lower() not in (f"http://{host}", f"https://{host}")
        elsewhere = headers.get(b"sec-fetch-site", "none") in ("cross-site", "same-site")
        if scope["method"] not in ("GET", "HEAD") and (strange or elsewhere):
            return 403, "requests from other pages are not taken"
        if self._rules.token and not self._has_token(scope, headers):
            return 401, "open the address that pixtrieve serve has printed: it holds the token"
        return None

    def _has_token(self, scope: Scope, headers: Mapping[bytes, str]) -> bool:
        offered = [headers.get(b"authorization", "").removeprefix("Bearer ")]
        cookies: SimpleCookie = SimpleCookie()
        try:
            cookies.load(headers.get(b"cookie", ""))
        except CookieError:
            return False
        if COOKIE in cookies:
            offered.append(cookies[COOKIE].value)
        offered.append(self._token_in_address(scope))
        return any(hmac.compare_digest(o.encode(), self._rules.token.encode()) for o in offered)

    def _token_in_address(self, scope: Scope) -> str:
        """Return the token of `/?token=…`, once, to be put into a cookie."""
        if not self._rules.token or scope["path"] != "/":
            return ""
        query: str = scope["query_string"].decode("latin-1")
        return parse_qs(query).get("token", [""])[0]


def _remembering(token: str) -> tuple[tuple[bytes, bytes], ...]:
    cookie = f"{COOKIE}={token}; HttpOnly; SameSite=Strict; Path=/; Max-Age=31536000"
    return ((b"location", b"/"), (b"set-cookie", cookie.encode("latin-1")))


def _length(headers: Mapping[bytes, str]) -> int:
    length = headers.get(b"content-length", "0")
    return int(length) if length.isascii() and length.isdigit() else MOST_UPLOAD + 1


class _Body:
    """Stops a body that is longer than it said; whatever the application answers then is not sent.

    To the application it looks as if the client had gone.
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


def _dressed(send: Send) -> Send:
    async def dressed(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *_HEADERS]}
        await send(message)

    return dressed


async def _answer(
    send: Send, status: int, text: str, headers: tuple[tuple[bytes, bytes], ...] = ()
) -> None:
    plain = (b"content-type", b"text/plain; charset=utf-8")
    start = {"type": "http.response.start", "status": status, "headers": [plain, *headers]}
    await _dressed(send)(start)
    await send({"type": "http.response.body", "body": text.encode()})
