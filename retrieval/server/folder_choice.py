"""What is to be said of a folder whose path a person types, before anything starts."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from retrieval.catalogue import Root
from retrieval.catalogue.roots import is_below, root_of
from retrieval.query.spelling import absolute, is_address

_MOST_NAMES = 50


@dataclass(frozen=True, slots=True)
class FolderChoice:
    """A folder that a person may add.

    `path` is absolute. `problem` says why it cannot be added, "" if it can, and `hint` what to do.
    `inside` is the indexed folder that it lies in, "" for none. `names` are paths of folders that
    begin with what was typed.
    """

    path: str
    problem: str = ""
    hint: str = ""
    inside: str = ""
    names: tuple[str, ...] = ()


def choose_folder(typed: str, roots: Sequence[Root], library: str) -> FolderChoice:
    """Return what is known of a folder; `library` is the library's own folder."""
    written = typed.strip()
    if not written or "\0" in written:
        return FolderChoice("", "no folder is named", "type its path", names=_beginning("~/"))
    if is_address(written):
        return FolderChoice(
            written, "this is an address, not a folder", "see: pixtrieve encode --help"
        )
    if not os.path.isabs(os.path.expanduser(written)):
        return FolderChoice(
            "", "the path has to be a whole one", f"begin with {os.sep} or with ~{os.sep}"
        )
    path = absolute(written)
    names = _beginning(written)
    problem, hint = _problem_of(path, roots, library)
    above = root_of([root for root in roots if root.whole], path)
    inside = "" if problem or above is None else above.path
    return FolderChoice(path, problem, hint, inside, names)


def _problem_of(path: str, roots: Sequence[Root], library: str) -> tuple[str, str]:
    if not os.path.lexists(path):
        above = os.path.dirname(path)
        while not os.path.isdir(above):
            above = os.path.dirname(above)
        return f"{path} does not exist", f"the last folder of it that exists is {above}"
    if not os.path.isdir(path):
        return f"{path} is not a folder", "name the folder that has the pictures"
    if not os.access(path, os.R_OK | os.X_OK):
        return f"{path} cannot be read", "check its permissions"
    if path == library or is_below(path, library):
        return f"{path} is Pixtrieve's own folder", "name the folder that has the pictures"
    if any(root.path == path and root.whole for root in roots):
        return f"{path} is in the library already", "to look for new pictures there, rescan it"
    return "", ""


def _beginning(written: str) -> tuple[str, ...]:
    """Return the folders whose paths begin with what was typed, as it was typed, by name."""
    parent, begun = os.path.split(written)
    try:
        with os.scandir(os.path.expanduser(parent)) as entries:
            found = [
                entry.name
                for entry in entries
                if entry.name.casefold().startswith(begun.casefold())
                and (begun.startswith(".") or not entry.name.startswith("."))
                and _is_folder(entry)
            ]
    except OSError:
        return ()
    found.sort(key=str.casefold)
    return tuple(os.path.join(parent, name) for name in found[:_MOST_NAMES])


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False
