"""Where `pixtrieve serve` listens, under which names, and who may connect."""

from __future__ import annotations

import errno
import re
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

import click

from retrieval.commands.terminal import say

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_TOKEN = re.compile(r"[A-Za-z0-9._~-]{16,200}")


@dataclass(frozen=True, slots=True)
class Listening:
    """The server's address, the names by which others reach it, and the token that they need.

    Without a name or a host that others reach, only this machine can connect, and `token` is "".
    `given` says that the user chose the token.
    """

    host: str
    port: int
    names: tuple[str, ...]
    token: str
    given: bool

    @property
    def is_private(self) -> bool:
        """Whether only this machine can connect."""
        return _is_private(self.host, self.names)

    @property
    def address(self) -> str:
        """The address of the page."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{self.names[0] if self.names else host}:{self.port}/"

    @property
    def hosts(self) -> frozenset[str]:
        """The Host headers that the server accepts."""
        mine = [name for name in (*_LOOPBACK, self.host, *self.names) if name]
        written = [f"[{name}]" if name.count(":") > 1 else name for name in mine]
        return frozenset(each.lower() for name in written for each in (name, f"{name}:{self.port}"))

    def require_free(self) -> None:
        """Raise click.ClickException if this process cannot listen on the port.

        The check comes before an address is printed that belongs to another server.
        """
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        try:
            with socket.create_server((self.host, self.port), family=family):
                pass
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise click.ClickException(
                    f"Port {self.port} is in use by another program, maybe by another pixtrieve "
                    "serve. Stop it, or choose another port with --port."
                ) from error
            if error.errno == errno.EACCES:
                raise click.ClickException(
                    f"There is no permission to listen on port {self.port}. Choose one from 1024 "
                    "on with --port."
                ) from error
            # The server itself reports an address that this machine does not have.

    def announce(self) -> None:
        """Print the address, with a token that the user does not know yet."""
        if self.given:
            say(
                f"Pixtrieve is running at {self.address}?token=… (put your token in place of the "
                "dots)."
            )
        elif self.token:
            say(f"Pixtrieve is running at {self.address}?token={self.token}")
            say("Anyone with this token can connect. It is not shown again.")
        else:
            say(f"Pixtrieve is running at {self.address}")
        say("Press Ctrl-C to stop.")


def listening_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of `Listening`; the command gets it as `listening`."""

    @click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
    @click.option(
        "--port",
        type=click.IntRange(1, 65535),
        default=8090,
        show_default=True,
        help="Port to listen on.",
    )
    @click.option(
        "--name",
        "names",
        metavar="HOST",
        multiple=True,
        help="Name by which other machines reach this one (nas.local, or HOST:PORT behind a "
        "proxy). Repeatable.",
    )
    @click.option(
        "--token",
        metavar="TOKEN",
        envvar="PIXTRIEVE_TOKEN",
        help="Token that clients must send (environment: PIXTRIEVE_TOKEN). Default: a new random "
        "one, where a token is needed.",
    )
    @wraps(command)
    def gathered(
        *arguments: Any,
        host: str,
        port: int,
        names: tuple[str, ...],
        token: str | None,
        **others: Any,
    ) -> Any:
        made = _checked(token) if token is not None else _new_token(host, names)
        listening = Listening(host, port, names, made, given=token is not None)
        return command(*arguments, listening=listening, **others)

    return gathered


def _checked(token: str) -> str:
    """Return a token if it is hard to guess and fits a cookie and an address.

    Raises click.BadParameter for any other.
    """
    if not _TOKEN.fullmatch(token):
        raise click.BadParameter(
            "A token has 16 to 200 letters, digits, dots, dashes, underscores or tildes. Without "
            "this option, Pixtrieve makes one where it is needed.",
            param_hint="--token",
        )
    return token


def _new_token(host: str, names: tuple[str, ...]) -> str:
    """Return a new token if other machines may connect, "" if not."""
    return "" if _is_private(host, names) else secrets.token_urlsafe(24)


def _is_private(host: str, names: tuple[str, ...]) -> bool:
    """Return whether only this machine can connect.

    With a name others may, whatever the address: a proxy on this machine passes them on.
    """
    bare = [name.partition(":")[0] if name.count(":") == 1 else name for name in (host, *names)]
    return set(bare) <= set(_LOOPBACK)
