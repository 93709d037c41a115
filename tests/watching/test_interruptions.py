"""What stands in the way of a watch: other processes, errors, a library that goes."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from support.fakes import FakeEncoder
from support.painting import paint
from support.waiting import until
from support.watches import Watch, indexed

from retrieval import IndexOptions, Library, LibraryBusy, LibraryError, LibraryNotFound
from retrieval.folder.locking import writer_lock

pytest.importorskip("watchfiles")


def test_folders_that_another_process_adds_are_followed(
    watch: Watch, library: Library, encoder: FakeEncoder, tmp_path: Path
) -> None:
    paint(tmp_path / "more/white.png", "white")
    with Library.open(library.path, encoder) as other:
        other.add(tmp_path / "more")
    until(lambda: watch.watching and str(tmp_path / "more") in watch.watching.folders)
    paint(tmp_path / "more/grey.png", (9, 9, 9))
    until(lambda: str(tmp_path / "more/grey.png") in indexed(library))


def test_what_changes_while_another_process_writes_is_not_lost(
    library: Library, pictures: Path, encoder: FakeEncoder
) -> None:
    with Watch(library.path, encoder, [pictures]) as watch:
        watch.follows()
        with writer_lock(library.path):
            paint(pictures / "white.png", "white")
            until(lambda: watch.delays)
            assert isinstance(watch.delays[0].error, LibraryBusy)
            assert str(pictures / "white.png") not in indexed(library)
        until(lambda: str(pictures / "white.png") in indexed(library))


def test_it_waits_for_the_library_before_it_begins(
    library: Library, pictures: Path, encoder: FakeEncoder
) -> None:
    with writer_lock(library.path), Watch(library.path, encoder, [pictures]) as watch:
        until(lambda: watch.delays)
    assert watch.error is None


def test_it_goes_on_after_an_error(library: Library, pictures: Path, encoder: FakeEncoder) -> None:
    with Watch(library.path, encoder, [pictures]) as watch:
        watch.follows()
        real, failures = encoder.encode_images, iter(range(2))

        def fail_twice(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
            for _ in failures:
                raise RuntimeError("out of memory")
            return real(pixels)

        encoder.encode_images = fail_twice  # type: ignore[method-assign]
        paint(pictures / "white.png", "white")
        until(lambda: str(pictures / "white.png") in indexed(library))
        errors = [delay.error.message for delay in watch.delays]
        assert errors == ["RuntimeError: out of memory"] * 2
        first, second = (delay.seconds or 0 for delay in watch.delays)
        assert second == 2 * first > 0


def test_a_first_run_that_cannot_be_is_an_error(
    library: Library, pictures: Path, encoder: FakeEncoder
) -> None:
    with Watch(library.path, encoder, [pictures / "nowhere"]) as watch:
        until(lambda: watch.error)
    assert isinstance(watch.error, LibraryError)


def test_it_ends_when_the_library_is_deleted(pictures: Path, tmp_path: Path) -> None:
    encoder = FakeEncoder()
    Library.create(tmp_path / "short", encoder).close()
    with Watch(tmp_path / "short", encoder, [pictures]) as watch:
        watch.follows()
        shutil.rmtree(tmp_path / "short")
        until(lambda: watch.error)
    assert isinstance(watch.error, LibraryNotFound)


def test_a_run_is_halted_and_the_watch_goes_on(
    library: Library, pictures: Path, encoder: FakeEncoder
) -> None:
    options = IndexOptions(batch_size=4)
    with Watch(library.path, encoder, [pictures], options=options) as watch:
        watch.follows()
        real = encoder.encode_images

        def halting(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
            watch.control.stop_run.set()
            return real(pixels)

        encoder.encode_images = halting  # type: ignore[method-assign]
        for number in range(20):
            paint(pictures / f"{number}.png", (number, 0, 99))
        until(lambda: watch.encoding)
        until(lambda: watch.done[-1].stopped)
        encoder.encode_images = real  # type: ignore[method-assign]
        assert len(indexed(library)) < 24
        watch.follows()
        assert len(indexed(library)) == 24
