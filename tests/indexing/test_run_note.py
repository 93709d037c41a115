"""What a run tells other processes about itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.fakes import FakeEncoder
from support.painting import paint
from support.waiting import until

from retrieval import IndexOptions, Library, LibraryError
from retrieval.folder.status import FolderStatus
from retrieval.indexing import run_note
from retrieval.indexing.progress import Progress, Tally
from retrieval.indexing.run_note import RunNote, noted, noted_task, read_note
from retrieval.whole_file import write_record

STEP = Progress("encode", "/photos", Tally(found=9, pending=8, handled=2, encoded=2), 1.0)
LAST = Progress("done", "/photos", Tally(found=9, pending=8, handled=8, encoded=7), 4.0)


def note_of(folder: Path) -> RunNote:
    note = read_note(str(folder))
    assert note is not None
    return note


def test_a_run_is_seen_while_it_goes_on_and_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_note, "_EVERY_S", 0.01)
    monkeypatch.setattr(sys, "argv", ["/bin/pixtrieve", "serve", "--token", "very-secret", "a b"])
    steps = noted(str(tmp_path), iter([STEP, LAST]))
    assert read_note(str(tmp_path)) is None
    next(steps)
    until(lambda: note_of(tmp_path).tally.handled == 2)
    note = note_of(tmp_path)
    assert (note.running, note.phase, note.root, note.pid) == (
        True, "encode", "/photos", os.getpid(),
    )  # fmt: skip
    assert note.command == "pixtrieve serve --token … 'a b'"
    assert list(steps) == [LAST]
    note = note_of(tmp_path)
    assert (note.running, note.phase, note.tally, note.error) == (False, "done", LAST.tally, "")
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


def failing(error: Exception) -> Iterator[Progress]:
    yield STEP
    raise error


@pytest.mark.parametrize(
    ("error", "said"),
    [(LibraryError("the drive is gone", "plug it in"), "the drive is gone"), (OSError("x"), "x")],
)
def test_a_run_that_fails_says_so(tmp_path: Path, error: Exception, said: str) -> None:
    with pytest.raises(type(error)):
        list(noted(str(tmp_path), failing(error)))
    note = note_of(tmp_path)
    assert not note.running
    assert said in note.error


def test_texts_that_are_read_and_encoded_are_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_note, "_EVERY_S", 0.01)
    stop = threading.Event()
    with noted_task(str(tmp_path), "ocr", stop) as show:
        show(3, 9)
        until(lambda: note_of(tmp_path).tally.handled == 3)
        note = note_of(tmp_path)
        assert (note.running, note.kind, note.tally.pending) == (True, "ocr", 9)
        stop.set()
    note = note_of(tmp_path)
    assert (note.running, note.kind, note.stopped, note.tally.handled) == (False, "ocr", True, 3)
    with (
        pytest.raises(LibraryError, match="the drive is gone"),
        noted_task(str(tmp_path), "descriptions", threading.Event()),
    ):
        raise LibraryError("the drive is gone", "plug it in")
    note = note_of(tmp_path)
    assert (note.running, note.kind, note.error) == (False, "descriptions", "the drive is gone")


def test_encoding_captions_is_told_of(library: Library, pictures: Path) -> None:
    library.add(pictures)
    library.texts.put({pictures / "red.png": ["a red square"]})
    assert note_of(Path(library.path)).kind == "index"
    assert sum(library.texts.encode()) == 1
    note = note_of(Path(library.path))
    assert (note.kind, note.running, note.tally.handled) == ("descriptions", False, 1)


def test_a_run_that_is_given_up_counts_as_stopped(tmp_path: Path) -> None:
    steps = noted(str(tmp_path), iter([STEP, STEP]))
    next(steps)
    steps.close()  # type: ignore[attr-defined]
    assert (note_of(tmp_path).running, note_of(tmp_path).stopped) == (False, True)


def test_a_killed_run_is_not_taken_for_one_that_goes_on(tmp_path: Path) -> None:
    list(noted(str(tmp_path), iter([STEP])))
    note = replace(note_of(tmp_path), phase="encode", written=time.time(), pid=os.getpid())
    assert note.running
    assert not replace(note, written=time.time() - 60).running
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert not replace(note, pid=ended.pid).running
    assert replace(note, pid=ended.pid, host="elsewhere").running


def test_a_note_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{}")
    assert read_note(str(tmp_path)) is None
    write_record(str(tmp_path / "run.json"), {"pid": 1, "tally": {"found": 1}})
    assert read_note(str(tmp_path)) is None


def test_a_link_in_place_of_the_note_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "library").mkdir()
    precious = tmp_path / "precious"
    precious.write_text("mine")
    (tmp_path / "library/run.json").symlink_to(precious)
    assert list(noted(str(tmp_path / "library"), iter([LAST]))) == [LAST]
    assert precious.read_text() == "mine"


def test_indexing_leaves_a_note_and_remembers_when_it_looked(
    tmp_path: Path, encoder: FakeEncoder, pictures: Path
) -> None:
    paint(tmp_path / "other/white.png", "white")
    with Library.create(tmp_path / "library", encoder) as library:
        library.add([pictures, tmp_path / "other/white.png"])
        note = json.loads((tmp_path / "library/run.json").read_text())
        assert (note["phase"], note["tally"]["encoded"]) == ("done", 5)

        def folders() -> dict[str, FolderStatus]:
            return {Path(each.root.path).name: each for each in library.folders()}

        assert (folders()["pictures"].counts.images, folders()["other"].counts.files) == (4, 1)
        first = folders()["pictures"].looked
        assert first is not None
        assert abs(time.time() - first) < 3600
        assert folders()["other"].looked is None  # a single file, not all of its folder
        library.add(pictures / "deep")
        assert folders()["pictures"].looked == first
        library.add()
        assert (folders()["pictures"].looked or 0) > first
        library.remove(pictures)
        assert "pictures" not in folders()


def test_files_with_problems_are_read_again_on_request(
    tmp_path: Path, encoder: FakeEncoder, pictures: Path
) -> None:
    bad = pictures / "bad.png"
    bad.write_bytes(b"\x89PNG\r\n\x1a\n")
    (pictures / "layers.psd").write_bytes(b"x")
    with Library.create(tmp_path / "library", encoder) as library:
        assert library.add(pictures).tally.bad == 1
        assert library.add().tally.handled == 0
        again = library.add(options=IndexOptions(retry=True)).tally
        assert (again.handled, again.bad, again.unsupported) == (2, 1, 1)
        counts = library.status().counts
        assert (counts.problems, counts.unsupported, counts.damaged) == (2, 1, 1)
        assert counts.problems == len(list(library.problems()))
