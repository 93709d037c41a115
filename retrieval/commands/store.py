"""`pixtrieve store`: where vectors are searched, in the library's files or on a vector server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict

import click

from retrieval.commands.base import Group
from retrieval.commands.progress_line import ProgressLine
from retrieval.commands.terminal import UserPath, library_option, plural, say, shown
from retrieval.library import Library
from retrieval.stores.served.places import FILES

_USE = "pixtrieve store use milvus:http://localhost:19530"


@click.group(
    "store",
    cls=Group,
    invoke_without_command=True,
    examples=("pixtrieve store", _USE, "pixtrieve store use faiss"),
)
@library_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def store_command(ctx: click.Context, library_path: str, as_json: bool) -> None:
    """Show or change where vectors are searched.

    A library searches its own files (faiss), or a vector server that several processes share. The
    library keeps all vectors in any case.
    """
    if ctx.invoked_subcommand is not None:
        return
    with Library.open(library_path) as library:
        status = library.store.status()
    if as_json:
        say(json.dumps(asdict(status), indent=2))
        return
    for address in status.left:
        say(f"{shown(address)} still has a copy. To delete it: pixtrieve store use faiss --delete")
    if status.address == FILES:
        say("The library searches its own files (faiss).")
        return
    say(f"The library searches the vector server {shown(status.address)}")
    if status.error:
        say(f"It fails: {shown(status.error)}")
        return
    note = (
        "all are there" if status.current else "not up to date; to send the rest: pixtrieve index"
    )
    say(f"It has {plural(status.rows or 0, 'picture')}: {note}.")


@store_command.command("use")
@click.argument("address", metavar="STORE")
@click.option(
    "--delete", is_flag=True, help="With faiss: delete the library's vectors from all servers."
)
@click.option(
    "--from",
    "snapshot",
    metavar="FILE",
    type=UserPath(dir_okay=False),
    help="With faiss: take the vectors from this snapshot.",
)
@library_option
def use_command(address: str, delete: bool, snapshot: str | None, library_path: str) -> None:
    """Search another store from now on.

    STORE is faiss, milvus:http://HOST:19530, milvus:FILE.db (Milvus Lite, for one process) or
    pgvector:postgresql://USER@HOST/DATABASE. ?index=HNSW at the end makes an approximate index.
    All vectors are sent first; until then, searches use the old store. Secrets come from the
    environment: PIXTRIEVE_MILVUS_TOKEN, PGPASSWORD.

    Needs: pip install 'pixtrieve[milvus]' or 'pixtrieve[pgvector]'
    """
    if (delete or snapshot) and address != FILES:
        raise click.UsageError("--delete and --from go with: pixtrieve store use faiss")
    with Library.open(library_path) as library:
        if snapshot is not None:
            count = library.store.use_snapshot(snapshot)
            say(f"Read {plural(count, 'vector')} from {shown(snapshot)}.")
        elif delete:
            for each in library.store.delete():
                say(f"Deleted the library's vectors from {shown(each)}.")
        else:
            use_store(library, address)
        say(f"The library searches {shown(library.store.address())}.")


@store_command.command("sync")
@library_option
def sync_command(library_path: str) -> None:
    """Compare all vectors on the server, and correct what differs."""
    with Library.open(library_path) as library:
        with _sending() as show:
            library.store.sync(show)
        status = library.store.status()
    say(f"The vector server has {plural(status.rows or 0, 'picture')}.")


@store_command.command("snapshot")
@click.argument("file", type=UserPath(dir_okay=False))
@click.option("--replace", is_flag=True, help="Replace the file if it exists.")
@library_option
def snapshot_command(file: str, replace: bool, library_path: str) -> None:
    """Write the pictures' vectors of the server to a parquet file.

    Its columns are id and vector. To search them without the server: pixtrieve store use faiss
    --from FILE.

    Needs: pip install 'pixtrieve[parquet]'
    """
    with Library.open(library_path) as library:
        count = library.store.snapshot(file, replace=replace)
    say(f"Wrote {plural(count, 'vector')} to {shown(file)}.")


def use_store(library: Library, address: str) -> None:
    """Use another store, and show the progress of sending vectors there."""
    with _sending() as show:
        library.store.use(address, show)


@contextmanager
def _sending() -> Iterator[Callable[[int, int], None]]:
    with ProgressLine() as line:
        yield lambda done, total: line.show(f"Sending vectors: {done:,} of {total:,}")
