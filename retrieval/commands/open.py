"""`pixtrieve open`: show pictures of the last search in the system's viewer."""

from __future__ import annotations

import glob
import os
import shutil
import tempfile
import time
from contextlib import suppress

import click

from retrieval.commands.base import Command
from retrieval.commands.last_answer import recall
from retrieval.commands.pages import write_whole
from retrieval.commands.terminal import library_option, say, shown
from retrieval.errors import PictureError
from retrieval.images.formats import named_as, unsupported_reason
from retrieval.images.places import WEB, container_of
from retrieval.images.sources.reading import picture_bytes
from retrieval.query.spelling import is_address

_COPIES = "pixtrieve-open-"
_KEPT_S = 3600


@click.command(
    "open",
    cls=Command,
    examples=("pixtrieve open 1", "pixtrieve open 2 3", "pixtrieve open 1 --locate"),
)
@click.argument("ranks", metavar="RANK…", nargs=-1, required=True, type=click.IntRange(1))
@click.option("--locate", is_flag=True, help="Show the file in its folder instead.")
@library_option
def open_command(ranks: tuple[int, ...], locate: bool, library_path: str) -> int:
    """Open pictures of the last search in the system's viewer.

    RANK is a number in the first column of the last search of this library.
    """
    paths = [recall(library_path, rank).path for rank in ranks]
    for path in paths:
        if not is_address(path) and not os.path.exists(container_of(path)):
            raise PictureError(
                f"{path} is not there any more",
                "bring the library up to date: pixtrieve index",
            )
    failed = 0
    for path in paths:
        failed |= click.launch(container_of(path) if locate else _viewable(path), locate=locate)
        say(shown(path))
    if failed:
        say("The system's viewer could not be started; the paths are above.", error=True)
    return 1 if failed else 0


def _viewable(path: str) -> str:
    """Return a path that a viewer opens: of a copy, if the picture is in an archive.

    A picture on the web is opened there. Raises PictureError if the archive cannot be read.
    """
    data = None if path.startswith(WEB) else picture_bytes(path)
    if data is None:
        return path
    name = _name_of_copy(path, data)
    _forget_old_copies()
    copy = os.path.join(tempfile.mkdtemp(prefix=_COPIES), name)
    write_whole(copy, data)
    return copy


def _name_of_copy(path: str, data: bytes) -> str:
    """Return a name that only a viewer of pictures opens, whatever the archive calls it."""
    from retrieval.images.opening import HEAD_BYTES, format_of_head  # Pillow takes its time

    name = path.rpartition("/")[2]
    kind = format_of_head(data[:HEAD_BYTES])
    if kind:
        return named_as(name, kind)
    if unsupported_reason(name) is None:
        raise PictureError(
            f"{path} is no picture any more", "was the archive replaced? encode it again"
        )
    return name  # a raw file, say


def _forget_old_copies() -> None:
    """Delete the copies that earlier commands made, once their viewers have had them for long."""
    for folder in glob.glob(os.path.join(glob.escape(tempfile.gettempdir()), f"{_COPIES}*")):
        with suppress(OSError):  # another user's, or gone
            if time.time() - os.lstat(folder).st_mtime > _KEPT_S:
                shutil.rmtree(folder)
