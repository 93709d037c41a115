"""`pixtrieve serve`: the web page and the JSON API."""

from __future__ import annotations

import os

import click

from retrieval.commands.base import Command
from retrieval.commands.listening import Listening, listening_options
from retrieval.commands.terminal import UserPath, device_option, library_option
from retrieval.commands.watch_report import WatchReport, watch_options
from retrieval.errors import MissingExtra
from retrieval.library import Library
from retrieval.watching.notifications import require_watchfiles
from retrieval.watching.watcher import WatchTiming

_LAST_ANSWERS_S = 10  # for requests that are being answered when the server is stopped


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
@listening_options
@click.option(
    "--move-to",
    "moves_to",
    metavar="DIR",
    type=UserPath(file_okay=False),
    help="Let the page move redundant files to this folder, and back. Without it, the page moves "
    "no files.",
)
@click.option(
    "--allow-changes",
    is_flag=True,
    help="Let everyone who can connect add folders of this machine to the library, and remove "
    "them from it. Without it, only this machine can, and only if no other can connect.",
)
@click.option("--open", "open_page", is_flag=True, help="Open the page in the browser.")
@watch_options
@device_option
def serve_command(
    library_path: str,
    listening: Listening,
    moves_to: str | None,
    allow_changes: bool,
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
    from retrieval.server.permission import Permission

    if timing is not None:
        require_watchfiles()
    with Library.open(library_path) as library:
        folder = library.path
    listening.require_free()
    app = create_app(
        folder,
        device,
        Rules(listening.hosts, listening.token),
        moves_to and os.path.abspath(moves_to),
        Following(timing, WatchReport().show) if timing is not None else None,
        Permission(own_machine=listening.is_private, anyone=allow_changes),
    )
    listening.announce()
    if open_page:
        # without the token: other users of this machine can see it
        click.launch(listening.address)
    uvicorn.run(
        app,
        host=listening.host,
        port=listening.port,
        log_level="warning",
        access_log=False,
        http=PatientProtocol,
        timeout_graceful_shutdown=_LAST_ANSWERS_S,
    )
