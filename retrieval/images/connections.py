"""Connections to web servers: within one deadline, and only to the networks that are meant.

A list from elsewhere may name addresses of this machine and of the network around it, and so may a
server that redirects. So what counts is the machine that a connection has reached, not a name.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http.client import HTTPConnection, HTTPSConnection
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from threading import Timer
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    UnknownHandler,
)

from retrieval.errors import PictureError

_NAT64 = IPv6Network("64:ff9b::/96")


class AddressRefusedError(PictureError):
    """An address leads to a network that its list, or the server that redirects, may not name."""


def is_public(address: str) -> bool:
    """Tell whether an IP address is on the public internet; ValueError for other texts."""
    ip = ip_address(address)
    if isinstance(ip, IPv6Address) and (inner := _inner(ip)) is not None:
        return is_public(str(inner))
    return ip.is_global and not ip.is_multicast


def _inner(ip: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address that an IPv6 address stands for, if any."""
    if ip in _NAT64:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour


class Watch:
    """The connections of one download: ended at its deadline, refused where they may not lead.

    With `public_only`, every one must lead to the public internet. Without, the first may lead
    anywhere, but none leads from the public internet back into a private network.
    """

    def __init__(self, *, public_only: bool) -> None:
        self.expired = False
        self._public_only = public_only
        self._sockets: list[socket.socket] = []

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """End the connections after some seconds; `expired` then tells that it was too late."""
        timer = Timer(seconds, self._expire)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def reached(self, connection: socket.socket, *, proxied: bool) -> None:
        """Take note of a connection; raises AddressRefusedError for one that leads astray."""
        self._sockets.append(connection)
        if self.expired:
            raise TimeoutError
        if not proxied:  # a proxy may well be in the private network
            self._judge([connection.getpeername()[0]])

    def named(self, host: str) -> None:
        """Judge the host that a proxy is asked for, as far as its name is known here."""
        try:
            found = {str(each[4][0]) for each in socket.getaddrinfo(host, None)}
        except OSError:
            found = set()
        self._judge(found)

    def _judge(self, reached: Any) -> None:
        if all(is_public(each) for each in reached):
            self._public_only = True  # from here on
        elif self._public_only:
            raise AddressRefusedError(
                "it leads to this machine or into a private network",
                "check the address",
            )

    def _expire(self) -> None:
        self.expired = True
        for each in self._sockets:
            with suppress(OSError):  # it is closed already
                # Not that of an SSL socket, which would change it under the thread that reads.
                socket.socket.shutdown(each, socket.SHUT_RDWR)


def opener(watch: Watch) -> OpenerDirector:
    """Return what opens http and https addresses and follows redirects to such, watched."""
    made = OpenerDirector()
    for handler in (
        ProxyHandler(),
        UnknownHandler(),
        _Http(watch),
        _Https(watch),
        HTTPDefaultErrorHandler(),
        HTTPRedirectHandler(),
        HTTPErrorProcessor(),
    ):
        made.add_handler(handler)
    return made


class _Connection(HTTPConnection):
    def __init__(self, *where: Any, watch: Watch, proxied: bool, **how: Any) -> None:
        super().__init__(*where, **how)
        self._watch, self._proxied = watch, proxied

    def connect(self) -> None:
        super().connect()
        self._watch.reached(self.sock, proxied=self._proxied)


class _SecureConnection(HTTPSConnection, _Connection):
    """HTTPSConnection calls `_Connection.connect` before it greets the server."""


class _Http(HTTPHandler):
    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self._watch = watch

    def http_open(self, request: Request) -> Any:
        return self.do_open(_watched(_Connection, request, self._watch), request)


class _Https(HTTPSHandler):
    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self._watch = watch

    def https_open(self, request: Request) -> Any:
        return self.do_open(_watched(_SecureConnection, request, self._watch), request)


def _watched(kind: type[_Connection], request: Request, watch: Watch) -> Any:
    # For https, a proxy makes a tunnel: only this private attribute tells.
    proxied = request.has_proxy() or bool(getattr(request, "_tunnel_host", None))
    if proxied:
        watch.named(unquote(urlsplit(request.full_url).hostname or ""))
    return partial(kind, watch=watch, proxied=proxied)
