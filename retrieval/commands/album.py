"""`pixtrieve album`: collect pictures in albums."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from retrieval.catalogue.albums import AlbumOrder
from retrieval.commands.base import Command, Group
from retrieval.commands.last_answer import remember
from retrieval.commands.model_choice import is_interactive
from retrieval.commands.picture_options import pictures, pictures_argument
from retrieval.commands.search_output import Output, output_options
from retrieval.commands.terminal import home_relative, library_option, plural, say, shown
from retrieval.library import Library
from retrieval.query import Query
from retrieval.query.where import Comparison
from retrieval.tagging.albums import ORDERS, Album
from retrieval.tagging.saved import LEAST

_ORDERS = {"hand": "by hand", "date": "oldest first", "date-desc": "newest first"}
_SHOWN = 5

yes_option = click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
limit_option = click.option(
    *("-k", "-n", "--limit"),
    type=click.IntRange(1),
    default=100,
    show_default=True,
    help="How many pictures to show.",
)


@click.group(
    "album",
    cls=Group,
    examples=(
        'pixtrieve search "a beach" --where "date = 2023-07"',
        "pixtrieve album add Holiday 1-5 8          # numbers of the last search",
        "pixtrieve search --where \"album = 'Holiday'\" --html holiday.html",
    ),
)
def album_command() -> None:
    """Collect pictures in albums.

    An album holds pictures by their content: files may move, and copies count as one picture. A
    picture whose file is gone stays in its albums, and comes back with the file.
    """


@album_command.command("list")
@library_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def list_command(library_path: str, as_json: bool) -> None:
    """List the albums of a library."""
    with Library.open(library_path) as library:
        albums = library.albums.all()
    if as_json:
        say(json.dumps({"albums": [asdict(album) for album in albums]}, indent=2))
        return
    for album in albums:
        say(_line(album))
    if not albums:
        say("No albums yet. Make one from the last search: pixtrieve album add Holiday 1-5")


@album_command.command(
    "show",
    cls=Command,
    examples=(
        "pixtrieve album show Holiday --open",
        "pixtrieve album show Holiday --paths -0     # for xargs -0 cp -t ~/usb-stick",
    ),
)
@click.argument("name")
@limit_option
@library_option
@output_options
def show_command(name: str, limit: int, library_path: str, output: Output) -> None:
    """List the pictures of an album, in its order."""
    with Library.open(library_path) as library:
        album, result = library.albums.named(name), library.albums.pictures(name, limit)
        absent = library.albums.absent(name)
    if output.is_table:
        remember(library_path, result.hits)
    where = str(Comparison("album", "=", album.name))
    facts = {"album": asdict(album), "query": "", "where": where}
    output.show(result, facts, more=result.searched > len(result.hits))
    if absent:
        count = plural(len(absent), "picture")
        say(f"Not in the library now, and shown again with the file: {count}", error=True)
        for path in absent[:_SHOWN]:
            say(f"  {shown(home_relative(path))}", error=True)


@album_command.command(
    "add",
    cls=Command,
    examples=(
        "pixtrieve album add Holiday 1-5 8          # numbers of the last search",
        "pixtrieve album add Holiday beach.jpg id:17",
        "pixtrieve album add Holiday --where \"path in 'trips/crete'\"",
        'pixtrieve album add Holiday --query "a beach" --where "date = 2023-07"',
    ),
)
@click.argument("name")
@pictures_argument
@click.option("--where", metavar="FILTER", help="Also add all pictures that fit this filter.")
@click.option(
    "--query",
    metavar="QUERY",
    help="Also add what this question finds, of the pictures that fit --where if it is given.",
)
@click.option(
    "--min-confidence",
    type=click.FloatRange(0, 1),
    default=LEAST,
    show_default=True,
    help="How likely the pictures that --query finds must be to be right.",
)
@click.option(
    *("-k", "-n", "--limit"), type=click.IntRange(1), help="Add at most so many found pictures."
)
@library_option
def add_command(
    name: str,
    written: tuple[str, ...],
    where: str | None,
    query: str | None,
    min_confidence: float,
    limit: int | None,
    library_path: str,
) -> None:
    """Put pictures into an album, which is made if there is none.

    A PICTURE is a number of the last search, several of them (2-5), an id (id:17), or an indexed
    file. Without pictures, an empty album is made. What --query finds comes likeliest first, what
    --where alone finds oldest first.
    """
    asked = None if query is None else Query.parse(query)
    with Library.open(library_path) as library:
        chosen = list(pictures(written, library_path))
        if where is not None or asked is not None:
            albums = library.albums
            chosen += albums.found(asked, where, min_confidence=min_confidence, k=limit)
        done = library.albums.add(name, chosen)
    already = f" ({done.already:,} were in it)" if done.already else ""
    count, has = plural(done.added, "picture"), plural(done.album.pictures, "picture")
    say(f"Added {count} to “{shown(done.album.name)}”{already}. It has {has}.")


@album_command.command("remove", cls=Command, examples=("pixtrieve album remove Holiday 3 id:17",))
@click.argument("name")
@pictures_argument
@click.option(
    "--absent", is_flag=True, help="Take out all pictures that the library has no file of."
)
@library_option
def remove_command(name: str, written: tuple[str, ...], absent: bool, library_path: str) -> None:
    """Take pictures out of an album; their files stay as they are."""
    if not written and not absent:
        raise click.UsageError("Name the pictures: pixtrieve album remove Holiday 3 id:17")
    with Library.open(library_path) as library:
        count = library.albums.remove(name, pictures(written, library_path))
        count += library.albums.remove_absent(name) if absent else 0
        album = library.albums.named(name)
    say(
        f"Took {plural(count, 'picture')} out of “{shown(album.name)}”. "
        f"It has {plural(album.pictures, 'picture')}."
    )


@album_command.command("rename")
@click.argument("name")
@click.argument("new")
@library_option
def rename_command(name: str, new: str, library_path: str) -> None:
    """Give an album another name."""
    with Library.open(library_path) as library:
        album = library.albums.rename(name, new)
    say(f"The album is now called “{shown(album.name)}”.")


@album_command.command("merge")
@click.argument("name")
@click.argument("into")
@yes_option
@library_option
def merge_command(name: str, into: str, yes: bool, library_path: str) -> None:
    """Put the album NAME into the album INTO, and delete NAME."""
    with Library.open(library_path) as library:
        album, other = library.albums.named(name), library.albums.named(into)
        size = plural(album.pictures, "picture")
        confirm(f"Put the {size} of “{shown(album.name)}” into “{shown(other.name)}”?", yes=yes)
        merged = library.albums.merge(name, into)
    say(f"“{shown(merged.name)}” has {plural(merged.pictures, 'picture')}.")


@album_command.command("delete")
@click.argument("name")
@yes_option
@library_option
def delete_command(name: str, yes: bool, library_path: str) -> None:
    """Delete an album.

    Its pictures stay in the library and on the disk.
    """
    with Library.open(library_path) as library:
        album = library.albums.named(name)
        size = plural(album.pictures + album.absent, "picture")
        confirm(f"Delete the album “{shown(album.name)}” with {size}?", yes=yes)
        library.albums.delete(name)
    say(f"Deleted the album “{shown(album.name)}”. Its pictures stay.")


@album_command.command(
    "order",
    cls=Command,
    examples=("pixtrieve album order Holiday date", "pixtrieve album order Holiday hand"),
)
@click.argument("name")
@click.argument("order", type=click.Choice(ORDERS))
@library_option
def order_command(name: str, order: AlbumOrder, library_path: str) -> None:
    """Set the order of an album.

    That is by date (oldest first), by date-desc (newest first), or by hand. By hand, pictures are
    where they were put (pixtrieve album move), new ones at the end.
    """
    with Library.open(library_path) as library:
        album = library.albums.set_order(name, order)
    say(f"“{shown(album.name)}” is shown {_ORDERS[album.order]}.")


@album_command.command("move", cls=Command, examples=("pixtrieve album move Holiday 7 9 --to 1",))
@click.argument("name")
@pictures_argument
@click.option(
    "--to", type=click.IntRange(1), required=True, help="The place of the first of them, from 1."
)
@library_option
def move_command(name: str, written: tuple[str, ...], to: int, library_path: str) -> None:
    """Move pictures within an album.

    It is in an order by hand afterwards.
    """
    if not written:
        raise click.UsageError("Name the pictures: pixtrieve album move Holiday 7 9 --to 1")
    with Library.open(library_path) as library:
        done = library.albums.move(name, pictures(written, library_path), to)
        remember(library_path, library.albums.pictures(name).hits)
    say(f"Moved {plural(done.moved, 'picture')} within “{shown(done.album.name)}”.")


@album_command.command("cover")
@click.argument("name")
@click.argument("picture", required=False)
@library_option
def cover_command(name: str, picture: str | None, library_path: str) -> None:
    """Choose the picture that stands for an album.

    Without PICTURE, the first one stands for it.
    """
    with Library.open(library_path) as library:
        chosen = None if picture is None else pictures((picture,), library_path)[0]
        album = library.albums.set_cover(name, chosen)
    what = "Its first picture stands" if picture is None else f"Picture id:{album.cover} stands"
    say(f"{what} for “{shown(album.name)}”.")


def confirm(question: str, *, yes: bool) -> None:
    """Ask, unless `yes`; click.Abort for a no, click.UsageError where nobody can be asked."""
    if yes:
        return
    if not is_interactive():
        raise click.UsageError("Can't ask for confirmation outside a terminal. Pass --yes.")
    click.confirm(question, abort=True, err=True)


def _line(album: Album) -> str:
    days = " – ".join(dict.fromkeys((album.first[:10], album.last[:10])))
    absent = f", {album.absent:,} not there now" if album.absent else ""
    return f"{album.pictures:8,d}  {shown(album.name)}{f'  ({days})' if days else ''}{absent}"
