"""`pixtrieve serve`: the web page and the JSON API."""

from __future__ import annotations

import errno
import os
import re
import secrets
import socket

import click

from retrieval.commands.base import Command
from retrieval.commands.terminal import UserPath, device_option, library_option, say
from retrieval.commands.watch_report import WatchReport, watch_options
from retrieval.errors import MissingExtra
from retrieval.library import Library
from retrieval.watching.notifications import require_watchfiles
from retrieval.watching.watcher import WatchTiming

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_LAST_ANSWERS_S = 10  # for requests that are being answered when the server is stopped
_TOKEN = re.compile(r"[A-Za-z0-9._~-]{16,200}")


@click.command(
    "serve",
    cls=Command,
    examples=(
        "pixtrieve serve --open",
        "pixtrieve serve --watch --move-to ~/redundant",
        "pixtrieve serve --host 0.0.0.0 --name nas.local",
    ),
)
@library_option
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
    help="Name by which other machines reach this one (nas.local, or HOST:PORT behind a proxy). "
    "Repeatable.",
)
@click.option(
    "--token",
    metavar="TOKEN",
    envvar="PIXTRIEVE_TOKEN",
    help="Token that clients must send (environment: PIXTRIEVE_TOKEN). Default: a new random one, "
    "where a token is needed.",
)
@click.option(
    "--move-to",
    "moves_to",
    metavar="DIR",
    type=UserPath(file_okay=False),
    help="Let the page move redundant files to this folder, and back. Without it, the page moves "
    "no files.",
)
@click.option("--open", "open_page", is_flag=True, help="Open the page in the browser.")
@watch_options
@device_option
def serve_command(
    library_path: str,
    host: str,
    port: int,
    names: tuple[str, ...],
    token: str | None,
    moves_to: str | None,
    open_page: bool,
    timing: WatchTiming | None,
    device: str,
) -> None:
    """Serve the library as a web page and a JSON API.

    Only this machine can connect, unless --host or --name allows others; then a token is needed.

    Needs: pip install 'pixtrieve[server]'
    """
    try:
        import uvicorn

        from retrieval.server.app import create_app
        from retrieval.server.connections import PatientProtocol
    except ImportError as error:
        raise MissingExtra(error.name or "fastapi", "server", "pixtrieve serve") from error
    from retrieval.server.guard import Rules
    from retrieval.server.indexing import Following

    if timing is not None:
        require_watchfiles()
    given = token is not None
    token = _checked(token) if token is not None else _new_token(host, names)
    with Library.open(library_path) as library:
        folder = library.path
    _require_free(host, port)
    rules = Rules(_known_as(host, port, names), token)
    following = Following(timing, WatchReport().show) if timing is not None else None
    app = create_app(
        folder,
        device,
        rules,
        moves_to and os.path.abspath(moves_to),
        following,
        own_machine=_is_private(host, names),
    )
    bracketed = f"[{host}]" if ":" in host else host
    address = f"http://{names[0] if names else bracketed}:{port}/"
    if given:
        say(f"Pixtrieve is running at {address}?token=… (put your token in place of the dots).")
    elif token:
        say(f"Pixtrieve is running at {address}?token={token}")
        say("Anyone with this token can connect. It is not shown again.")
    else:
        say(f"Pixtrieve is running at {address}")
    say("Press Ctrl-C to stop.")
    if open_page:
        click.launch(address)  # without the token: other users of this machine can see it
    uvicorn.run(
        app,
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        http=PatientProtocol,
        timeout_graceful_shutdown=_LAST_ANSWERS_S,
    )


def _require_free(host: str, port: int) -> None:
    """Raise click.ClickException if this process cannot listen on a port.

    The check comes before an address is printed that belongs to another server.
    """
    try:
        with socket.create_server((host, port), family=_family(host)):
            pass
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise click.ClickException(
                f"Port {port} is in use by another program, maybe by another pixtrieve serve. "
                "Stop it, or choose another port with --port."
            ) from error
        if error.errno == errno.EACCES:
            raise click.ClickException(
                f"There is no permission to listen on port {port}. Choose one from 1024 on with "
                "--port."
            ) from error
        # The server itself reports an address that this machine does not have.


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


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


def _known_as(host: str, port: int, names: tuple[str, ...]) -> frozenset[str]:
    """Return the Host headers that the server accepts."""
    mine = [name for name in (*_LOOPBACK, host, *names) if name]
    written = [f"[{name}]" if name.count(":") > 1 else name for name in mine]
    return frozenset(each.lower() for name in written for each in (name, f"{name}:{port}"))
