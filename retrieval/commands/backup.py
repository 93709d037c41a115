"""`pixtrieve backup`, `pixtrieve restore` and `pixtrieve relocate`."""

from __future__ import annotations

import shlex

import click

from retrieval.commands.base import Command
from retrieval.commands.terminal import (
    UserPath,
    home_relative,
    human_bytes,
    library_option,
    plural,
    say,
    shown,
)
from retrieval.folder.backup import Backup
from retrieval.library import Library


@click.command("backup", cls=Command, examples=("pixtrieve backup /media/disk/pictures.zip",))
@click.argument("file", type=UserPath())
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@library_option
def backup_command(file: str, force: bool, library_path: str) -> None:
    """Write a backup of the library to FILE.

    Others may search and index meanwhile. FILE is a zip archive; it appears when it is complete,
    and has been read back and checked. It holds everything but the pictures.
    """
    with Library.open(library_path) as library:
        made = library.backup(file, replace=force)
    say(f"Backed up {_contents(made)} to {shown(home_relative(made.path))}, and checked the file.")
    say(f"To restore it: pixtrieve restore {shown(shlex.quote(file))}")


@click.command(
    "restore",
    cls=Command,
    examples=("pixtrieve restore /media/disk/pictures.zip --library restored",),
)
@click.argument("file", type=UserPath())
@click.option(
    "--force", is_flag=True, help="Replace a library that is there; it is kept in its folder."
)
@library_option
def restore_command(file: str, force: bool, library_path: str) -> None:
    """Restore the library from the backup FILE.

    A damaged file changes nothing. With --force, the library that is there is kept as a backup in
    its folder. To tell the library that its pictures have moved: pixtrieve relocate OLD NEW
    """
    done = Library.restore(file, library_path, replace=force)
    say(
        f"Restored {_contents(done.backup)} of {shown(done.backup.created)} to "
        f"{shown(home_relative(done.library))}."
    )
    if done.kept:
        say(f"The library that was there is kept in {shown(home_relative(done.kept))}")


@click.command(
    "relocate",
    cls=Command,
    examples=(
        "pixtrieve relocate /media/anna/photos /mnt/photos --dry-run",
        r"pixtrieve relocate 'D:\Pictures' ~/Pictures",
    ),
)
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@click.option("--dry-run", is_flag=True, help="Change nothing; say what would change.")
@library_option
def relocate_command(old: str, new: str, dry_run: bool, library_path: str) -> None:
    """Tell the library that the pictures in OLD are now in NEW.

    Changes paths only, and reads no picture. Use it after moving the pictures, on another machine,
    or when a drive has another name. Everything that is known of the pictures stays.
    """
    with Library.open(library_path) as library:
        done = library.relocate(old, new, dry_run=dry_run)
    for folder in done.folders:
        say(f"{shown(folder.old)} → {shown(folder.new)} ({plural(folder.files, 'file')})")
    verb = "Would change" if dry_run else "Changed"
    say(
        f"{verb} the paths of {plural(done.files, 'file')}; {done.found:,} of them "
        f"{'is' if done.found == 1 else 'are'} at the new place."
    )
    if done.found < done.files and not dry_run:
        say("When the pictures are there, bring the library up to date: pixtrieve index")


def _contents(backup: Backup) -> str:
    counts, size = backup.counts, human_bytes(backup.bytes)
    return f"{plural(counts['pictures'], 'picture')} in {plural(counts['files'], 'file')} ({size})"
