"""`pixtrieve serve`: the page and the API."""

from __future__ import annotations

import os
import re
import secrets

import click

from retrieval.commands.terminal import device_option, library_option, say
from retrieval.commands.watch_report import WatchReport, watch_options
from retrieval.errors import MissingExtra
from retrieval.library import Library
from retrieval.watching.notifications import require_watchfiles
from retrieval.watching.watcher import WatchTiming

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_TOKEN = re.compile(r"[A-Za-z0-9._~-]{16,200}")


@click.command("serve")
@library_option
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=8090, show_default=True)
@click.option(
    "--name",
    "names",
    metavar="HOST",
    multiple=True,
    help="A name by which other machines reach this one (nas.local, or HOST:PORT behind a proxy).",
)
@click.option(
    "--token",
    metavar="TOKEN",
    envvar="PIXTRIEVE_TOKEN",
    help="What others must know (environment: PIXTRIEVE_TOKEN); made up where it is needed.",
)
@click.option(
    "--move-to",
    "moves_to",
    metavar="DIR",
    type=click.Path(file_okay=False),
    help="Let the page move redundant files there (with an undo); without it, it moves none.",
)
@click.option("--open", "open_page", is_flag=True, help="Show the page in the browser.")
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
    """Look at the library in a browser, and let programs ask it.

    Only this machine is answered, unless --host or --name says otherwise; then a token is needed.
    """
    try:
        import uvicorn

        from retrieval.server.app import create_app
    except ImportError as error:
        raise MissingExtra(error.name or "fastapi", "server", "pixtrieve serve") from error
    from retrieval.server.guard import Rules
    from retrieval.server.indexing import Following

    if timing is not None:
        require_watchfiles()
    given = token is not None
    token = _checked(token) if token is not None else _made_up(host, names)
    with Library.open(library_path) as library:
        folder = library.path
    rules = Rules(_known_as(host, port, names), token)
    following = Following(timing, WatchReport().show) if timing is not None else None
    app = create_app(folder, device, rules, moves_to and os.path.abspath(moves_to), following)
    shown = f"[{host}]" if ":" in host else host
    address = f"http://{names[0] if names else shown}:{port}/"
    if given:
        say(f"Pixtrieve is at {address}?token=… with your token in place of the dots.")
    elif token:
        say(f"Pixtrieve is at {address}?token={token}")
        say("The token in it lets everybody in who knows it. It is not shown again.")
    else:
        say(f"Pixtrieve is at {address}")
    say("Ctrl-C ends it.")
    if open_page:
        click.launch(address)  # never with the token: all users of a machine see such commands
    uvicorn.run(app, host=host, port=port, log_level="warning", access_log=False)


def _checked(token: str) -> str:
    """Return a token that others cannot guess, and that fits a cookie and an address."""
    if not _TOKEN.fullmatch(token):
        raise click.BadParameter(
            "it must have 16 to 200 letters, digits, dots, dashes, underscores or tildes; "
            "leave it out, and one is made up where it is needed",
            param_hint="--token",
        )
    return token


def _made_up(host: str, names: tuple[str, ...]) -> str:
    """Return a new token if others than this machine are to ask, "" if not.

    With a name they are, whatever the address: a proxy on this machine passes them on.
    """
    bare = [name.partition(":")[0] if name.count(":") == 1 else name for name in (host, *names)]
    return "" if set(bare) <= set(_LOOPBACK) else secrets.token_urlsafe(24)


def _known_as(host: str, port: int, names: tuple[str, ...]) -> frozenset[str]:
    """Return the Host headers that are answered."""
    mine = [name for name in (*_LOOPBACK, host, *names) if name]
    written = [f"[{name}]" if name.count(":") > 1 else name for name in mine]
    return frozenset(each.lower() for name in written for each in (name, f"{name}:{port}"))
