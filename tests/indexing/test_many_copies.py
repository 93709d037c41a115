"""Thousands of copies of one picture: the work grows with their number, not with its square.

Counted in instructions of SQLite, because seconds say more of what else the computer does.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from support.fakes import FakeEncoder
from support.painting import paint

from retrieval import Library

_STEP = 100
FEW, MANY = 150, 900
LINEAR = 1.6 * MANY / FEW
"""A square would be six times as much."""


def counted(library: Library, work: Callable[[], object]) -> int:
    """Return how many instructions SQLite ran for some work, in steps of `_STEP`."""
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    database = library._session.catalogue._db.raw
    database.set_progress_handler(count, _STEP)
    work()
    database.set_progress_handler(None, _STEP)
    return steps


def costs(folder: Path, copies: int) -> list[int]:
    """Return what it costs to index copies with sidecars, to lose half of them, and the rest."""
    paint(folder / "p/0000.png", "red")
    for number in range(copies):
        (folder / f"p/{number:04}.png").write_bytes((folder / "p/0000.png").read_bytes())
        (folder / f"p/{number:04}.txt").write_text(f"thing {number}")

    def lose_half() -> None:
        for number in range(0, copies, 2):
            (folder / f"p/{number:04}.png").unlink()
        library.add(folder / "p")

    with Library.create(folder / "library", FakeEncoder()) as library:
        return [
            counted(library, lambda: library.add(folder / "p")),
            counted(library, lose_half),
            counted(library, lambda: library.remove(folder / "p")),
        ]


def test_the_work_grows_with_the_number_of_copies(tmp_path: Path) -> None:
    few, many = costs(tmp_path / "few", FEW), costs(tmp_path / "many", MANY)
    for small, large in zip(few, many, strict=True):
        assert large < LINEAR * small


def test_all_sidecars_of_all_copies_are_found(tmp_path: Path) -> None:
    costs(tmp_path, 450)
    with Library.open(tmp_path / "library", FakeEncoder()) as library:
        library.add(tmp_path / "p")
        (hit,) = library.search("red").hits
        assert len(hit.copies) == 224
        texts = {row.source: row.text for row in library.texts.of(hit.id)}
        assert len(texts["sidecar"].splitlines()) == 225


def test_a_run_stops_while_it_reads_sidecars(library: Library, tmp_path: Path) -> None:
    paint(tmp_path / "p/0.png", "red")
    for number in range(50):
        (tmp_path / f"p/{number}.png").write_bytes((tmp_path / "p/0.png").read_bytes())
        (tmp_path / f"p/{number}.txt").write_text(f"thing {number}")
    stop = threading.Event()
    for progress in library.iter_index(tmp_path / "p", stop=stop):
        if progress.phase == "encode" and progress.tally.handled == 50:
            stop.set()
    assert progress.stopped
    assert library.status().counts.images == 1
    library.add(tmp_path / "p")
    assert library.search("thing 49").hits
