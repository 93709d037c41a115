"""Operations on whole folders: duplicates that move aside and back, pictures at another path."""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from contextlib import suppress
from pathlib import Path

from campaign.place import Place

from retrieval.errors import LibraryError

_COPIES = 6


def copy_some(place: Place) -> None:
    """Make some pictures duplicates of others."""
    for number in range(_COPIES):
        path = place.pictures / f"{number % 3}/{number:03}.png"
        shutil.copy2(path, path.with_name(f"copy-{path.name}"))


def move_aside(place: Place) -> None:
    """Move duplicates to another folder, as `pixtrieve duplicates --move` does."""
    with place.open() as library:
        duplicates = library.duplicates
        groups = duplicates.find("exact").groups
        for _ in duplicates.move(groups, _aside(place), duplicates.new_log()):
            pass


def move_back(place: Place) -> None:
    """Move duplicates back, as `pixtrieve duplicates --undo` does, until no log has any left."""
    with place.open() as library, suppress(LibraryError):  # LibraryError: there is nothing left
        while True:
            for _ in library.duplicates.undo(library.duplicates.last_log()):
                pass


def gone(place: Place) -> str:
    """Return how many of the files that the folders began with are gone, "" if none are."""
    wanted = Counter((place.folder / "contents").read_text("ascii").split())
    missing = wanted - Counter(_contents(place))
    return f"{missing.total()} of {wanted.total()} files are gone" if missing else ""


def note_contents(place: Place) -> None:
    """Write down the contents that the folders begin with."""
    (place.folder / "contents").write_text("\n".join(_contents(place)), "ascii")


def _contents(place: Place) -> list[str]:
    """Return the SHA-256 of every picture, in its folder or aside."""
    return sorted(
        hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in (place.pictures, _aside(place))
        for path in folder.rglob("*.png")
    )


def _aside(place: Place) -> Path:
    return place.folder / "aside"


def _elsewhere(place: Place) -> Path:
    return place.folder / "elsewhere"


def believe_elsewhere(place: Place) -> None:
    """Let the library name its pictures at a path where they are not."""
    with place.open() as library:
        library.relocate(place.pictures, _elsewhere(place))


def relocate(place: Place) -> None:
    """Tell the library where its pictures are, as `pixtrieve relocate` does, if it is wrong."""
    with place.open() as library:
        paths = [path for image, _ in library.images() for path in image.paths]
        if any(path.startswith(str(_elsewhere(place))) for path in paths):
            library.relocate(_elsewhere(place), place.pictures)
