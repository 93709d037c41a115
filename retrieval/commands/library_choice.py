"""Chooses the library of a command: a named one, one in this folder, or the user's own.

In this order: `--library`, `PIXTRIEVE_LIBRARY`, `index_data` in the current folder if that is a
library, and the user's data folder by the platform's convention.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import Literal

import click

from retrieval.folder.opening import has_catalogue

VARIABLE = "PIXTRIEVE_LIBRARY"
HERE = "index_data"

_NAMED = "pixtrieve.library"  # in the metadata that click shares between a command and its groups

Source = Literal["option", "environment", "current-folder", "default"]

_REASONS: dict[Source, str] = {
    "option": "because --library names it",
    "environment": f"because {VARIABLE} names it",
    "current-folder": f"because the current folder has a library called {HERE}",
    "default": "because it is your default library",
}


@dataclass(frozen=True, slots=True)
class LibraryChoice:
    """A library's folder, and what named it."""

    path: str
    source: Source

    @property
    def reason(self) -> str:
        """Why it is this one, as the end of a sentence."""
        return _REASONS[self.source]


def chosen_library(ctx: click.Context) -> LibraryChoice:
    """Return the library named on the command line; otherwise the next that applies."""
    if named := ctx.meta.get(_NAMED):
        return LibraryChoice(named, "option")
    if named := os.environ.get(VARIABLE):
        return LibraryChoice(os.path.expanduser(named), "environment")
    if has_catalogue(HERE):
        return LibraryChoice(HERE, "current-folder")
    return LibraryChoice(default_library(), "default")


def take_library(ctx: click.Context, _param: click.Parameter, value: str | None) -> str:
    """Take the value of one `--library`, and return the folder of the library to use.

    The option may stand before the command, too. Raises click.UsageError for an empty value, and
    for two that differ.
    """
    if value == "":  # a variable of the shell that is not set
        raise click.UsageError("--library needs a folder, but its value is empty.", ctx)
    if value is not None:
        before = ctx.meta.setdefault(_NAMED, value)
        if os.path.abspath(before) != os.path.abspath(value):
            raise click.UsageError(
                f"--library names two different folders: {before} and {value}. Name one.", ctx
            )
    return chosen_library(ctx).path


def default_library() -> str:
    """Return the folder of the user's own library, whether it exists or not."""
    home = os.path.expanduser("~")
    if sys.platform == "win32":
        data = os.environ.get("LOCALAPPDATA") or os.path.join(home, "AppData", "Local")
        return os.path.join(data, "Pixtrieve")
    if sys.platform == "darwin":
        return os.path.join(home, "Library", "Application Support", "Pixtrieve")
    data = os.path.expanduser(os.environ.get("XDG_DATA_HOME", ""))
    if not os.path.isabs(data):  # the XDG specification requires to ignore relative paths
        data = os.path.join(home, ".local", "share")
    return os.path.join(data, "pixtrieve")
