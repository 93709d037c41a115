"""`pixtrieve edits`: what people made in a library, as a file and back."""

from __future__ import annotations

import click

from retrieval.commands.base import Command, Group
from retrieval.commands.terminal import UserPath, home_relative, library_option, plural, say, shown
from retrieval.folder.edits import Edits
from retrieval.library import Library

_SHOWN = 5


@click.group("edits", cls=Group, examples=("pixtrieve edits export edits.json",))
def edits_command() -> None:
    """Write what people made to a file, or take it from one."""


@edits_command.command("export", cls=Command, examples=("pixtrieve edits export edits.json",))
@click.argument("file", type=UserPath())
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@library_option
def export_command(file: str, force: bool, library_path: str) -> None:
    """Write what people made to FILE, as JSON.

    That is captions that were added from files, concepts, labels, kept duplicates, albums,
    favourites, saved searches, and patterns and paths that are left out. Pictures are named by the
    SHA-256 of their content and by their path, so the file also fits a new index of the same
    pictures in another place.
    """
    with Library.open(library_path) as library:
        made = library.export_edits(file, replace=force)
    say(f"Wrote {_edits(made)} to {shown(home_relative(file))}.")


@edits_command.command("import", cls=Command, examples=("pixtrieve edits import edits.json",))
@click.argument("file", type=UserPath())
@library_option
def import_command(file: str, library_path: str) -> None:
    """Add what `edits export` wrote to FILE to the library.

    Captions of a picture, and concepts and saved searches of the same name, are replaced; all else
    is added. Pictures that are not in the library yet come into their albums when they are indexed.
    A second import changes nothing more.
    """
    with Library.open(library_path) as library:
        taken = library.import_edits(file)
        described = sum(library.texts.encode()) if taken.captions else 0
    say(f"Took {_edits(taken)} from {shown(home_relative(file))}.")
    if described:
        say(f"Encoded {plural(described, 'description')}.")
    if taken.labels:
        say("To give pictures the labels: pixtrieve label")
    if taken.excludes:
        say("To leave out what is excluded: pixtrieve index")
    if taken.unknown:
        say(f"Not in the library: {plural(len(taken.unknown), 'path')}, for example:")
        for path in taken.unknown[:_SHOWN]:
            say(f"  {shown(home_relative(path))}")


def _edits(edits: Edits) -> str:
    parts = (
        plural(edits.captions, "picture") + " with captions",
        plural(edits.concepts, "concept"),
        plural(edits.labels, "label"),
        plural(edits.kept, "kept group"),
        plural(edits.albums, "album"),
        plural(edits.favourites, "favourite"),
        plural(edits.saved, "saved search", "saved searches"),
        plural(edits.excludes, "exclusion"),
    )
    return f"{', '.join(parts[:-1])} and {parts[-1]}"
