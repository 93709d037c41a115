"""Following folders, with real notices of the system and an encoder one can compute by hand."""

from __future__ import annotations

import json
import os
import shutil
import threading
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from support.fakes import FakeEncoder
from support.painting import paint
from support.waiting import until
from support.watches import FAST, Watch, indexed, same_as_a_new_library

from retrieval import Library

pytest.importorskip("watchfiles")

Names = Callable[..., list[str]]


def test_new_changed_renamed_and_deleted_files(
    watch: Watch, library: Library, pictures: Path, names: Names, tmp_path: Path
) -> None:
    paint(pictures / "white.png", "white")
    until(lambda: names(library, "white", 1) == ["white.png"])
    paint(pictures / "white.png", (0, 0, 99))
    until(lambda: names(library, "blue", 2) == ["blue.png", "white.png"])
    os.rename(pictures / "red.png", pictures / "rouge.png")
    until(lambda: names(library, "red", 1) == ["rouge.png"])
    os.remove(pictures / "rouge.png")
    until(lambda: "rouge.png" not in names(library, "red"))
    assert same_as_a_new_library(library, pictures, tmp_path)


def test_new_moved_and_deleted_folders(
    watch: Watch, library: Library, pictures: Path, tmp_path: Path, encoder: FakeEncoder
) -> None:
    paint(tmp_path / "elsewhere/far/white.png", "white")
    os.rename(tmp_path / "elsewhere", pictures / "moved in")
    until(lambda: str(pictures / "moved in/far/white.png") in indexed(library))
    paint(pictures / "moved in/far/more/grey.png", (9, 9, 9))
    until(lambda: str(pictures / "moved in/far/more/grey.png") in indexed(library))
    os.rename(pictures / "deep", pictures / "moved in/deep")
    until(lambda: str(pictures / "moved in/deep/down/yellow.png") in indexed(library))
    until(lambda: str(pictures / "deep/blue.png") not in indexed(library))
    assert encoder.images_encoded == 6
    paint(pictures / "moved in/deep/late.png", (99, 9, 9))
    until(lambda: str(pictures / "moved in/deep/late.png") in indexed(library))
    shutil.move(pictures / "moved in/far", tmp_path / "away")
    until(lambda: len(indexed(library)) == 5)
    shutil.rmtree(pictures / "moved in")
    until(lambda: len(indexed(library)) == 2)
    assert same_as_a_new_library(library, pictures, tmp_path)


def test_only_what_changed_is_indexed(watch: Watch, library: Library, pictures: Path) -> None:
    before = len(watch.done)
    paint(pictures / "deep/white.png", "white")
    until(lambda: str(pictures / "deep/white.png") in indexed(library))
    until(lambda: len(watch.done) > before)
    assert watch.done[before].tally.found == 1


def test_a_burst_of_files_is_one_run(
    library: Library, encoder: FakeEncoder, tmp_path: Path
) -> None:
    target, count = tmp_path / "p", 5000
    target.mkdir()
    sources = [paint(tmp_path / f"s/{n}.png", (n, 255 - n, n), size=(2, 2)) for n in range(100)]
    pictures = [source.read_bytes() for source in sources]
    encoder.batch_size = 512
    with Watch(library.path, encoder, [target], replace(FAST, quiet=1.0, max_wait=60)) as watch:
        watch.follows()
        for number in range(count):
            # Another content each, past the end of the picture.
            (target / f"{number}.png").write_bytes(pictures[number % 100] + b"%d" % number)
        until(lambda: library.status().counts.files == count)
        until(lambda: watch.encoding)
        assert [progress.tally.encoded for progress in watch.encoding] == [count]


def test_an_endless_trickle_is_indexed_all_the_same(
    library: Library, encoder: FakeEncoder, tmp_path: Path
) -> None:
    stop = threading.Event()

    def trickle() -> None:
        number = 0
        while not stop.wait(0.05):
            paint(tmp_path / f"p/{number}.png", (number % 256, 0, 99))
            number += 1

    (tmp_path / "p").mkdir()
    with Watch(library.path, encoder, [tmp_path / "p"], replace(FAST, max_wait=0.5)) as watch:
        watch.follows()
        dripping = threading.Thread(target=trickle)
        dripping.start()
        until(lambda: len(watch.encoding) > 2)
        stop.set()
        dripping.join()


def test_a_file_that_is_written_slowly_is_never_a_problem(
    watch: Watch, library: Library, pictures: Path, tmp_path: Path
) -> None:
    data = paint(tmp_path / "white.jpg", "white", size=(64, 64)).read_bytes()
    runs = len(watch.done)

    def runs_beyond(count: int) -> bool:
        return len(watch.done) > count

    with open(pictures / "slow.jpg", "wb") as file:
        for part in range(4):
            at, to = (len(data) * n // 4 for n in (part, part + 1))
            file.write(data[at:to])
            file.flush()
            if part < 3:  # longer than it takes to be looked at
                seen = len(watch.done)
                until(partial(runs_beyond, seen))
            assert list(library.problems()) == []
    until(lambda: str(pictures / "slow.jpg") in indexed(library))
    late = watch.done[runs:]
    assert any(progress.waiting == (str(pictures / "slow.jpg"),) for progress in late)
    assert [progress.problems for progress in late] == [()] * len(late)
    assert list(library.problems()) == []


def test_what_stays_broken_is_a_problem_in_the_end(
    library: Library, pictures: Path, encoder: FakeEncoder
) -> None:
    with Watch(library.path, encoder, [pictures], replace(FAST, settle_broken=1.0)) as watch:
        watch.follows()
        (pictures / "bad.jpg").write_bytes(b"no picture")
        until(lambda: [row.path for row in library.problems()] == [str(pictures / "bad.jpg")])
        until(lambda: watch.done[-1].problems)
        assert any(progress.waiting for progress in watch.done)
        paint(pictures / "bad.jpg", "white")
        until(lambda: not list(library.problems()))


def test_a_file_under_a_passing_name_counts_when_it_has_its_own(
    watch: Watch, library: Library, pictures: Path, tmp_path: Path
) -> None:
    source = paint(tmp_path / "white.png", "white")
    shutil.copy(source, pictures / ".white.png.Xa81Zq")
    os.rename(pictures / ".white.png.Xa81Zq", pictures / "white.png")
    until(lambda: str(pictures / "white.png") in indexed(library))
    shutil.copy(source, pictures / "copy.png.part")
    os.rename(pictures / "copy.png.part", pictures / "copy.png")
    until(lambda: str(pictures / "copy.png") in indexed(library))
    assert len(indexed(library)) == 6


def test_sidecars_that_come_change_and_go(
    watch: Watch, library: Library, pictures: Path, names: Names
) -> None:
    def by_text(word: str) -> list[str]:
        hits = library.search(word, look_in="texts").hits
        return [
            os.path.basename(h.path) for h in hits if any(word in text.text for text in h.texts)
        ]

    paint(pictures / "red.jpg", (250, 0, 0))
    (pictures / "red.txt").write_text("a fire engine")
    until(lambda: set(by_text("engine")) == {"red.png", "red.jpg"})
    (pictures / "red.txt").write_text("a tomato")
    until(lambda: set(by_text("tomato")) == {"red.png", "red.jpg"})
    os.remove(pictures / "red.jpg")
    until(lambda: str(pictures / "red.jpg") not in indexed(library))
    assert by_text("tomato") == ["red.png"]
    (pictures / "deep/blue.png.txt").write_text("a lake")
    until(lambda: by_text("lake") == ["blue.png"])
    os.remove(pictures / "red.txt")
    until(lambda: by_text("tomato") == [])


@pytest.mark.parametrize(
    ("picture", "told"),
    [
        (unicodedata.normalize("NFD", "Café.png"), "Café.png.json"),
        ("IMG-edited(1).png", "IMG.png(1).json"),
        (f"{'long ' * 10}.png", f"{('long ' * 10)[:46]}.json"),
    ],
)
def test_json_of_another_name_that_comes_changes_and_goes(
    watch: Watch, library: Library, pictures: Path, picture: str, told: str
) -> None:
    def people() -> tuple[str, ...]:
        found = library.image_at(pictures / picture)
        return found.people if found else ("nobody yet",)

    def write(person: str) -> None:
        # In one step, because a file that is read while it is written says nothing.
        about = {"photoTakenTime": {"timestamp": "1563753600"}, "people": [{"name": person}]}
        (pictures / ".new").write_text(json.dumps(about))
        os.replace(pictures / ".new", pictures / told)

    paint(pictures / picture, "white")
    until(lambda: people() == ())
    write("Anna")
    until(lambda: people() == ("Anna",))
    write("Bartholomew")
    until(lambda: people() == ("Bartholomew",))
    os.remove(pictures / told)
    until(lambda: people() == ())


def test_excluded_removed_hidden_and_other_files_start_nothing(
    library: Library, pictures: Path, encoder: FakeEncoder
) -> None:
    library.add(pictures, exclude=["*.gif", "raw"])
    library.remove(pictures / "deep")
    with Watch(library.path, encoder) as watch:
        watch.follows()
        runs = len(watch.done)
        for name in ("a.gif", "raw/a.png", ".hidden.png", ".git/a.png", "@eaDir/a.png"):
            paint(pictures / name, "white")
        paint(pictures / "deep/white.png", "white")
        (pictures / "notes.txt").write_text("no picture beside it")
        (pictures / "film.mp3").write_bytes(b"x")
        paint(pictures / "last.png", "white")
        until(lambda: str(pictures / "last.png") in indexed(library))
        until(lambda: len(watch.done) > runs)
        assert watch.done[runs].tally.found == 1
        watch.follows()
    assert indexed(library) == {str(pictures / f"{n}.png") for n in ("red", "green", "last")}


def test_the_library_may_lie_in_the_folder_that_it_follows(
    pictures: Path, encoder: FakeEncoder, tmp_path: Path
) -> None:
    with Library.create(pictures / "index", encoder) as library:
        with Watch(library.path, encoder, [pictures]) as watch:
            watch.follows()
            runs = len(watch.done)
            paint(pictures / "index/thumbnails/ab/abc.png", "white")
            paint(pictures / "last.png", "white")
            until(lambda: str(pictures / "last.png") in indexed(library))
            until(lambda: len(watch.done) > runs)
            runs = len(watch.done)
            watch.follows()
            assert len(watch.done) == runs + 1
        assert len(indexed(library)) == 5


def test_links_to_folders_are_followed_as_a_walk_does(
    watch: Watch, library: Library, pictures: Path, tmp_path: Path
) -> None:
    (pictures / "best").symlink_to(pictures / "deep")
    paint(tmp_path / "elsewhere/white.png", "white")
    (pictures / "far").symlink_to(tmp_path / "elsewhere")
    until(lambda: str(pictures / "far/white.png") in indexed(library))
    paint(pictures / "deep/grey.png", (99, 99, 99))
    paint(tmp_path / "elsewhere/late.png", (9, 99, 9))
    until(lambda: len(indexed(library)) == 7)
    assert same_as_a_new_library(library, pictures, tmp_path)
    assert str(pictures / "deep/grey.png") in indexed(library)


def test_names_that_are_not_text(watch: Watch, library: Library, pictures: Path) -> None:
    source = paint(pictures / "white.png", "white")
    odd = os.fsencode(pictures) + b"/\xff\xfe.png"
    shutil.copy(os.fsencode(source), odd)
    until(lambda: os.fsdecode(odd) in indexed(library))
    paint(pictures / "after.png", (9, 9, 9))
    until(lambda: str(pictures / "after.png") in indexed(library))


def test_single_files(library: Library, pictures: Path, encoder: FakeEncoder) -> None:
    with Watch(library.path, encoder, [pictures / "red.png"]) as watch:
        watch.follows()
        paint(pictures / "other.png", "white")
        paint(pictures / "red.jpg", "white")
        os.replace(paint(pictures / "new.tmp.png", "white"), pictures / "red.png")
        until(lambda: encoder.images_encoded == 2)
        assert indexed(library) == {str(pictures / "red.png")}
        (pictures / "red.txt").write_text("a swan")
        until(lambda: len(library.search("swan", look_in="texts").hits) == 1)
        os.remove(pictures / "red.png")
        until(lambda: indexed(library) == set())
