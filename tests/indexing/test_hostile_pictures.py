"""Pictures that mean harm cost themselves, not the run, and nothing of the pictures beside them."""

from __future__ import annotations

import hashlib
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from support.fakes import FakeEncoder
from support.painting import paint
from support.scans import repeated_scans

from retrieval import IndexOptions, Library, ReadLimits
from retrieval.catalogue.known_contents import KnownContents
from retrieval.images.isolation import pictures
from retrieval.images.isolation.pool import Pool


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pool]:
    """Workers of this test's own, one at a time."""
    own = Pool(1)
    monkeypatch.setattr(pictures, "FILES", own)
    yield own
    own.end_idle()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits memory")
def test_good_pictures_beside_bombs_are_indexed(library: Library, tmp_path: Path) -> None:
    folder = tmp_path / "p"
    for number in range(50):
        paint(folder / f"good{number:02}.png", (5 * number, 100, 50))
    (folder / "a-scans.jpg").write_bytes(repeated_scans((4000, 3000), 3000))
    Image.new("RGB", (6000, 5000)).save(folder / "b-memory.png", compress_level=1)
    (folder / "good40-cut.png").write_bytes((folder / "good40.png").read_bytes()[:60])
    options = IndexOptions(limits=ReadLimits(max_memory=2**24))
    done = library.add(folder, options=options)
    assert (done.tally.encoded, done.tally.bad, done.tally.transient) == (50, 3, 0)
    reasons = {os.path.basename(each.path): each.reason for each in done.problems}
    assert "scans" in reasons["a-scans.jpg"]
    assert "memory" in reasons["b-memory.png"]
    assert library.add(folder, options=options).tally.pending == 0


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
@pytest.mark.parametrize(
    ("number", "reason"), [(signal.SIGSTOP, "took longer"), (signal.SIGSEGV, "crashed")]
)
def test_a_decoder_that_hangs_or_crashes_costs_one_file(
    number: int,
    reason: str,
    workers: Pool,
    library: Library,
    encoder: FakeEncoder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "p"
    paint(folder / "0.png", "blue")
    library.add(folder)
    (worker,) = workers.idle()
    bad = hashlib.sha256(paint(folder / "3.png", "red").read_bytes()).digest()
    for name, colour in ((1, "green"), (2, "yellow"), (4, "white")):
        paint(folder / f"{name}.png", colour)
    contains = KnownContents.__contains__
    signals: list[int] = []

    def known(self: KnownContents, sha256: object) -> bool:
        assert isinstance(sha256, bytes)
        if sha256 == bad and not signals:
            signals.append(number)
            os.kill(worker, number)
        return contains(self, sha256)

    monkeypatch.setattr(KnownContents, "__contains__", known)
    options = IndexOptions(threads=1, limits=replace(ReadLimits(), max_seconds=0.5))
    done = library.add(folder, options=options)
    assert (done.tally.encoded, done.tally.bad) == (3, 1)
    (problem,) = done.problems
    assert os.path.basename(problem.path) == "3.png"
    assert reason in problem.reason
    assert library.add(folder).tally.pending == 0
    os.utime(folder / "3.png", (1, 1))  # it changes: it is tried again
    assert library.add(folder).tally.encoded == 1


def test_a_run_with_nothing_to_decode_starts_no_worker(
    workers: Pool, library: Library, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.add(pictures)
    workers.end_idle()
    (pictures / "notes.psd").write_bytes(b"no picture")
    monkeypatch.setattr(sys, "executable", "")  # a start would fail, with a warning
    done = library.add(pictures)
    assert (done.tally.found, done.tally.unsupported) == (5, 1)
    assert workers.idle() == []
