"""Operations that are killed and disturbed: to add one, add a line to `OPERATIONS`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from campaign import data_sets, moves, repairs
from campaign.place import Place

from retrieval import Library, SearchOptions
from retrieval.catalogue import schema
from retrieval.images.thumbnails import thumbnail


@dataclass(frozen=True)
class Operation:
    """Something that is killed: what it does, from which state, and how it is done again.

    `again` finishes what was killed; None for doing the same once more. `lacks` tells what must not
    be gone at any time and is ("" for nothing).
    """

    run: Callable[[Place], object]
    start: str = "indexed"
    again: Callable[[Place], object] | None = None
    lacks: Callable[[Place], str] = lambda _: ""
    damaged: bool = False  # it starts from a library in which something is wrong


def _open_only(place: Place) -> None:
    Library.open(place.library).close()


def _search_without_cache(place: Place) -> None:
    shutil.rmtree(os.path.join(place.library, "cache"), ignore_errors=True)
    place.answers()


def _label(place: Place) -> None:
    with place.open() as library:
        library.tags.label(("red", "blue", "green"), least=0.2)


def _learn(place: Place) -> None:
    with place.open() as library:
        library.concepts.learn("greenery", [str(place.pictures / "kept/green.png")])
        library.concepts.tag("greenery")


def _collect(place: Place) -> None:
    with place.open() as library:
        green = place.pictures / "kept/green.png"
        library.albums.add("meadows", [green])
        library.albums.move("meadows", [green], 1)
        library.albums.merge("meadows", "colours")
        library.favourites.add([green])
        library.saved.add("greens", "green", SearchOptions(k=3), replacing=True)
        library.saved.look("reds")


def _captions(place: Place) -> None:
    with place.open() as library:
        library.texts.put({place.pictures / "kept/green.png": ["a meadow", "grass"]})
        for _ in library.texts.encode():
            pass


def _remove(place: Place) -> None:
    with place.open() as library:
        if library.image_at(place.pictures / "0/000.png") or not library.status().counts.files:
            library.remove(place.pictures / "0")


def _backup(place: Place) -> None:
    with place.open() as library:
        library.backup(place.folder / "backup.zip", replace=True)


def _restore(place: Place) -> None:
    if Library.exists(place.library):
        _backup(place)
    Library.restore(place.folder / "backup.zip", place.library, replace=True)


def _edits(place: Place) -> None:
    with place.open() as library:
        library.export_edits(place.folder / "edits.json", replace=True)
        library.import_edits(place.folder / "edits.json")


def make_thumbnails(place: Place) -> None:
    """Make the thumbnails of all pictures."""
    for path in sorted(place.pictures.rglob("*.png")):
        thumbnail(str(path), 64)


@contextmanager
def _newer_schema() -> Iterator[None]:
    """Let this program know one more migration, which rewrites many rows."""

    def m999_trial(db: Any) -> None:
        for statement in (
            "CREATE TABLE trial (id INTEGER, path TEXT, vector BLOB)",
            "ALTER TABLE images ADD COLUMN trial INTEGER",
            "INSERT INTO trial SELECT f.id, f.path, v.embedding FROM files f, vectors v",
            "UPDATE images SET trial = id * 2",
            "CREATE INDEX trial_paths ON trial (path)",
        ):
            db.execute(statement)

    real = schema.MIGRATIONS
    changed: Any = schema
    changed.MIGRATIONS = [*real, m999_trial]
    try:
        yield
    finally:
        changed.MIGRATIONS = real


@contextmanager
def prepared(name: str) -> Iterator[None]:
    """Let this program be as an operation needs it."""
    if name == "migrate":
        with _newer_schema():
            yield
    else:
        yield


OPERATIONS: dict[str, Operation] = {
    "index": Operation(Place.index, "new"),
    "refresh": Operation(Place.index, "changed"),
    "migrate": Operation(_open_only, "indexed"),
    "model": Operation(Place.switch, "indexed"),
    "cache": Operation(_search_without_cache, "changed, indexed"),
    "map": Operation(Place.draw_map, "changed, indexed"),
    "label": Operation(_label),
    "concept": Operation(_learn),
    "collect": Operation(_collect),
    "captions": Operation(_captions),
    "remove": Operation(_remove),
    "thumbnails": Operation(make_thumbnails),
    "backup": Operation(_backup),
    "restore": Operation(_restore),
    "edits": Operation(_edits),
    "import": Operation(data_sets.take_over, "encoded"),
    "relocate": Operation(moves.relocate, "elsewhere"),
    "aside": Operation(moves.move_aside, "copies", lacks=moves.gone),
    "undo": Operation(moves.move_back, "copies aside", lacks=moves.gone),
    "repair": Operation(repairs.repair, "damaged rows", damaged=True),
    "salvage": Operation(repairs.repair, "damaged structure", damaged=True),
}
