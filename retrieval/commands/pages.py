"""Files that a command writes for the user, whole or not at all; HTML pages, shown if asked."""

from __future__ import annotations

import os
import tempfile

import click

from retrieval.commands.terminal import say_raw, shown
from retrieval.errors import FREE_SPACE, is_full, reason_of
from retrieval.whole_file import whole_file


def give_page(page: str, target: str | None, *, open_page: bool) -> None:
    """Write a page to a file (None: a temporary one; "-": standard output), and open it if asked.

    Raises click.ClickException when the file cannot be written.
    """
    if target == "-":
        say_raw(page.encode("utf-8"))
        return
    if target is None:  # in a folder that only this user can read
        target = os.path.join(tempfile.mkdtemp(prefix="pixtrieve-"), "pixtrieve.html")
    write_whole(target, page.encode("utf-8"))
    if open_page:
        click.launch(target)


def write_whole(path: str, content: bytes) -> None:
    """Write a file that the user named; click.ClickException if that fails, and nothing is left."""
    special = os.path.exists(path) and not os.path.isfile(path)  # like /dev/stdout
    try:
        with open(path, "wb") if special else whole_file(path, follow=True) as file:
            file.write(content)
    except OSError as error:
        raise cannot_write(path, error) from error


def cannot_write(path: str, error: OSError) -> click.ClickException:
    """Return the error for a file that the user named."""
    hint = f" {FREE_SPACE.capitalize()}." if is_full(error) else ""
    return click.ClickException(f"Can't write {shown(path)}: {reason_of(error)}.{hint}")
