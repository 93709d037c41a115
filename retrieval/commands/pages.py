"""HTML pages of a command: written to a file or to standard output, or opened."""

from __future__ import annotations

import os
import tempfile

import click

from retrieval.commands.terminal import say_raw, shown


def give_page(page: str, target: str | None, *, open_page: bool) -> None:
    """Write a page to a file (None: a temporary one; "-": standard output), and open it if asked.

    Raises click.ClickException when the file cannot be written.
    """
    if target == "-":
        say_raw(page.encode("utf-8"))
        return
    if target is None:
        handle, target = tempfile.mkstemp(prefix="pixtrieve-", suffix=".html")
        os.close(handle)
    try:
        with open(target, "w", encoding="utf-8") as file:
            file.write(page)
    except OSError as error:
        raise click.ClickException(f"Can't write {shown(target)}: {error.strerror}.") from error
    if open_page:
        click.launch(target)
