"""What indexing promises, on real files, with an encoder one can compute by hand."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.fakes import FakeEncoder
from support.painting import paint

from retrieval import IndexOptions, Library, LibraryError, Progress, ReadLimits
from retrieval.images import Picture, Problem
from retrieval.images.decoding import read_picture
from retrieval.specs import Preprocessing

Names = Callable[..., list[str]]
Drive = Callable[[], AbstractContextManager[str]]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that indexing has opened."""
    paths: list[str] = []

    def counting(path: str, *rest: Any) -> Picture | Problem:
        paths.append(path)
        return read_picture(path, *rest)

    monkeypatch.setattr("retrieval.indexing.read_file.read_picture", counting)
    return paths


def test_every_picture_is_found_by_what_is_in_it(
    library: Library, pictures: Path, names: Names
) -> None:
    done = library.add(pictures)
    assert (done.phase, done.tally.found, done.tally.encoded) == ("done", 4, 4)
    for colour in ("red", "green", "blue", "yellow"):
        assert names(library, colour, 1) == [f"{colour}.png"]


def test_a_second_run_opens_no_file(
    library: Library, pictures: Path, opened: list[str], encoder: FakeEncoder
) -> None:
    (pictures / "bad.jpg").write_bytes(b"no picture")
    library.add(pictures)
    assert len(opened) == 5
    again = library.add(pictures)
    assert len(opened) == 5
    assert (again.tally.found, again.tally.pending, encoder.images_encoded) == (5, 0, 4)


def test_a_changed_file_is_encoded_again_and_its_old_content_is_gone(
    library: Library, pictures: Path, names: Names
) -> None:
    library.add(pictures)
    paint(pictures / "red.png", "white")
    assert library.add(pictures).tally.encoded == 1
    assert names(library, "white", 1) == ["red.png"]
    assert library.status().counts.images == 4


def test_same_size_but_another_time_is_hashed_and_not_encoded(
    library: Library, pictures: Path, opened: list[str]
) -> None:
    library.add(pictures)
    os.utime(pictures / "red.png", (1, 1))
    again = library.add(pictures)
    assert (again.tally.encoded, again.tally.reused) == (0, 1)
    assert library.add(pictures).tally.pending == 0
    assert len(opened) == 5


def test_renamed_moved_and_copied_files_keep_their_vectors(
    library: Library, pictures: Path, encoder: FakeEncoder, names: Names
) -> None:
    library.add(pictures)
    os.rename(pictures / "deep", pictures / "shallow")
    shutil.copy(pictures / "red.png", pictures / "rot.png")
    done = library.add(pictures)
    assert (done.tally.encoded, done.tally.reused, done.tally.removed) == (0, 3, 2)
    assert encoder.images_encoded == 4
    assert names(library, "blue", 1) == ["blue.png"]
    hit = library.search("red", 1).hits[0]
    assert [os.path.basename(p) for p in (hit.path, *hit.copies)] == ["red.png", "rot.png"]


def test_a_file_moved_between_folders_that_are_indexed_one_after_the_other(
    library: Library, tmp_path: Path, encoder: FakeEncoder, names: Names
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    paint(one / "red.png", "red")
    paint(one / "green.png", "green")
    paint(two / "blue.png", "blue")
    library.add([one, two])
    os.rename(one / "red.png", two / "red.png")
    library.add(one)
    assert sorted(names(library, "red")) == ["blue.png", "green.png"]
    library.add(two)
    assert names(library, "red", 1) == ["red.png"]
    assert encoder.images_encoded == 3


def test_deleted_files_leave_the_results_and_come_back(
    library: Library, pictures: Path, names: Names
) -> None:
    library.add(pictures)
    os.remove(pictures / "red.png")
    assert library.add(pictures).tally.removed == 1
    assert "red.png" not in names(library, "red")
    assert library.search("red").searched == 3
    paint(pictures / "red.png", "red")
    assert library.add(pictures).tally.encoded == 0
    assert names(library, "red", 1) == ["red.png"]


def test_orphans_are_dropped_in_time(library: Library, pictures: Path) -> None:
    library.add(pictures)
    content = (pictures / "red.png").read_bytes()
    os.remove(pictures / "red.png")
    library.add(pictures, options=IndexOptions(keep_orphans_days=0))
    (pictures / "red.png").write_bytes(content)
    assert library.add(pictures).tally.encoded == 1


@pytest.mark.parametrize("how", ["gone", "empty"])
def test_an_unplugged_drive_keeps_its_pictures(
    library: Library, pictures: Path, tmp_path: Path, names: Names, how: str
) -> None:
    library.add(pictures)
    os.rename(pictures, tmp_path / "elsewhere")
    if how == "empty":
        pictures.mkdir()  # the mount point stays
    done = library.add(pictures)
    assert [trouble.path for trouble in done.missing] == [str(pictures)]
    assert done.tally.removed == 0
    assert names(library, "red", 1) == ["red.png"]
    assert library.status().roots[0].missing
    shutil.rmtree(pictures, ignore_errors=True)
    os.rename(tmp_path / "elsewhere", pictures)
    assert library.add(pictures).missing == ()
    assert not library.status().roots[0].missing


def test_an_unplugged_drive_below_an_indexed_folder(
    library: Library, pictures: Path, tmp_path: Path, names: Names
) -> None:
    library.add(pictures / "deep")
    library.add(pictures)
    assert len(names(library, "red")) == 4
    os.rename(pictures / "deep", tmp_path / "elsewhere")
    done = library.add(pictures)
    assert [trouble.path for trouble in done.missing] == [str(pictures / "deep")]
    assert names(library, "blue", 1) == ["blue.png"]


def test_an_unplugged_drive_that_is_mounted_below_an_indexed_folder(
    library: Library, pictures: Path, drive_at_deep: Drive, names: Names
) -> None:
    with drive_at_deep() as drive:
        library.add(pictures)
    shutil.rmtree(pictures / "deep")
    (pictures / "deep").mkdir()
    done = library.add(pictures)
    assert [trouble.path for trouble in done.missing] == [drive]
    assert (done.tally.removed, names(library, "blue", 1)) == (0, ["blue.png"])
    paint(pictures / "deep/white.png", "white")  # an ordinary folder now, with other pictures
    assert library.add(pictures).tally.removed == 2


def test_a_folder_within_an_indexed_one_is_only_a_part_of_it(
    library: Library, pictures: Path, names: Names
) -> None:
    library.add(pictures)
    paint(pictures / "deep/white.png", "white")
    paint(pictures / "other.png", (9, 9, 9))
    os.remove(pictures / "red.png")
    done = library.add(pictures / "deep")
    assert (done.tally.found, done.tally.encoded, done.tally.removed) == (3, 1, 0)
    assert len(library.status().roots) == 1
    assert library.add().tally.encoded == 1
    assert "red.png" not in names(library, "red")


def test_single_files(library: Library, pictures: Path, names: Names) -> None:
    done = library.add([pictures / "red.png", pictures / "green.png"])
    assert done.tally.encoded == 2
    assert not library.status().roots[0].whole
    assert library.add().tally.found == 2
    os.remove(pictures / "red.png")
    assert library.add().tally.removed == 1
    assert names(library, "red") == ["green.png"]
    assert library.add(pictures).tally.encoded == 2
    assert library.status().roots[0].whole


def test_single_files_below_a_folder_that_is_indexed_later(
    library: Library, pictures: Path, encoder: FakeEncoder
) -> None:
    paint(pictures / "deep/white.png", "white")
    library.add([pictures / "deep/white.png", pictures / "deep/down/yellow.png"])
    library.add(pictures / "red.png")
    done = library.add(pictures)
    assert (done.tally.encoded, done.tally.reused, done.tally.removed) == (2, 0, 0)
    assert [(root.path, root.whole) for root in library.status().roots] == [(str(pictures), True)]
    assert library.status().counts.files == library.status().counts.images == 5


def test_a_path_that_is_not_there_stops_before_anything_is_done(
    library: Library, pictures: Path
) -> None:
    with pytest.raises(LibraryError, match=r"nowhere does not exist"):
        library.add([pictures, pictures / "nowhere"])
    assert library.status().counts.files == 0
    assert library.status().roots == ()


def test_a_folder_indexed_under_its_new_name_is_shown_there(
    library: Library, tmp_path: Path
) -> None:
    for number in range(3):
        paint(tmp_path / f"pics/{number}.png", (number * 100, 0, 0))
        paint(tmp_path / f"other/{number}.png", (0, number * 100, 50))
    library.add([tmp_path / "pics", tmp_path / "other"])
    (tmp_path / "pics").rename(tmp_path / "renamed")  # sorts after the old name
    library.add(tmp_path / "renamed")
    hits = library.search("red", 6).hits
    assert len(hits) == 6
    assert all(os.path.exists(hit.path) for hit in hits)
    assert library.duplicates.find("exact").groups == ()
    assert library.duplicates.find().pictures == 6


def test_a_folder_renamed_within_a_root_is_shown_at_its_new_name(
    library: Library, pictures: Path
) -> None:
    library.add(pictures)
    (pictures / "deep").rename(pictures / "renamed")
    library.add(pictures / "renamed")
    (hit,) = library.search("blue", 1).hits
    assert (hit.path, *hit.copies) == (
        str(pictures / "renamed/blue.png"),
        str(pictures / "deep/blue.png"),
    )


def test_other_files_named_among_pictures_are_skipped_and_reported(
    library: Library, pictures: Path
) -> None:
    (pictures / "clip.mp3").write_bytes(b"film")
    (pictures / "notes.txt").write_text("notes")
    (pictures / "gone.png").symlink_to("nowhere.png")
    done = library.add(sorted(pictures.iterdir()))
    assert (done.tally.found, done.tally.encoded) == (4, 4)
    assert {os.path.basename(trouble.path): trouble.reason for trouble in done.problems} == {
        "clip.mp3": "not a picture file; skipped",
        "gone.png": "neither a file nor a folder; skipped",
        "notes.txt": "not a picture file; skipped",
    }


def test_naming_no_picture_at_all_is_an_error(library: Library, pictures: Path) -> None:
    film, notes = pictures / "clip.mp3", pictures / "notes.txt"
    film.write_bytes(b"film")
    notes.write_text("notes")
    with pytest.raises(LibraryError, match=r"clip.mp3 is not a picture file$"):
        library.add(film)
    with pytest.raises(LibraryError, match=r"none of the 2 files named is"):
        library.add([film, notes])
    with pytest.raises(LibraryError, match=r"nowhere does not exist"):
        library.add([film, pictures / "nowhere"])
    assert library.status().roots == ()


def test_bad_files_are_recorded_once_and_read_again_when_they_change(
    library: Library, pictures: Path, opened: list[str]
) -> None:
    (pictures / "bad.jpg").write_bytes(b"no picture")
    (pictures / "empty.png").write_bytes(b"")
    (pictures / "drawing.psd").write_bytes(b"8BPS")
    done = library.add(pictures)
    assert (done.tally.encoded, done.tally.bad, done.tally.unsupported) == (4, 2, 1)
    assert {os.path.basename(t.path) for t in done.problems} == {"bad.jpg", "empty.png"}
    rows = {os.path.basename(row.path): row for row in library.problems()}
    assert set(rows) == {"bad.jpg", "empty.png", "drawing.psd"}
    assert "PSD" in rows["drawing.psd"].reason
    assert not any(path.endswith(".psd") for path in opened)
    count = len(opened)
    assert library.add(pictures).tally.pending == 0
    assert len(opened) == count
    paint(pictures / "bad.jpg", "white")
    assert library.add(pictures).tally.encoded == 1
    assert "bad.jpg" not in {os.path.basename(row.path) for row in library.problems()}


def test_a_good_file_that_goes_bad_leaves_the_results(
    library: Library, pictures: Path, names: Names
) -> None:
    library.add(pictures)
    (pictures / "red.png").write_bytes(b"damaged")
    library.add(pictures)
    assert "red.png" not in names(library, "red")


def test_a_raised_pixel_limit_lets_a_large_picture_in(library: Library, tmp_path: Path) -> None:
    paint(tmp_path / "p/large.png", "red", size=(2000, 1000))
    small = IndexOptions(limits=ReadLimits(max_megapixels=1.5))
    assert library.add(tmp_path / "p", options=small).tally.bad == 1
    assert library.add(tmp_path / "p", options=small).tally.pending == 0
    (row,) = library.problems()
    assert "--max-megapixels" in row.reason
    assert library.add(tmp_path / "p").tally.encoded == 1


def test_hidden_junk_and_excluded_files_are_left_out(library: Library, pictures: Path) -> None:
    paint(pictures / ".hidden.png", "white")
    paint(pictures / ".cache/a.png", "white")
    paint(pictures / "@eaDir/a.png", "white")
    assert library.add(pictures, exclude=["deep/down"]).tally.found == 3
    assert library.add(pictures).tally.found == 3, "excludes are remembered"
    assert library.add(pictures, exclude=["*.png"]).tally.removed == 3
    assert library.add(pictures, exclude=[]).tally.found == 4


def test_removed_folders_stay_out_until_they_are_named(
    library: Library, pictures: Path, names: Names
) -> None:
    library.add(pictures)
    assert library.remove(pictures / "deep") == 2
    assert sorted(names(library, "red")) == ["green.png", "red.png"]
    assert library.add(pictures).tally.found == 2
    assert library.add(pictures / "deep").tally.encoded == 2
    assert library.add(pictures).tally.found == 4
    assert library.remove(pictures) == 4
    assert library.status().roots == ()
    with pytest.raises(LibraryError, match="nothing at or below"):
        library.remove(pictures)


def test_removing_deletes_the_vectors(library: Library, pictures: Path) -> None:
    library.add(pictures)
    library.remove(pictures / "red.png")
    assert len(list(library.images())) == 3
    assert library.add(pictures / "red.png").tally.encoded == 1


def test_names_that_are_not_text_or_very_long(
    library: Library, tmp_path: Path, names: Names
) -> None:
    folder = os.fsencode(tmp_path) + b"/p"
    os.mkdir(folder)
    source = os.fsencode(paint(tmp_path / "source.png", "red"))
    odd = [b"\xff\xfe.png", b"a\nb.png", b"'\"%[x]*.png", "漢字.png".encode(), b"x" * 200 + b".png"]
    for number, name in enumerate(odd):
        shutil.copy(source, folder + b"/" + name)
        with open(folder + b"/" + name, "ab") as file:
            file.write(bytes([number]))  # another content each, past the end of the picture
    library.add(os.fsdecode(folder))
    found = library.search("red").hits
    assert {os.path.basename(os.fsencode(hit.path)) for hit in found} == set(odd)
    assert library.add(os.fsdecode(folder)).tally.pending == 0
    assert library.remove(os.fsdecode(folder + b"/\xff\xfe.png")) == 1
    assert len(names(library, "red")) == 4


def test_symlink_loops_end(library: Library, pictures: Path) -> None:
    os.symlink(pictures, pictures / "deep/again")
    os.symlink("nowhere.png", pictures / "broken.png")
    assert library.add(pictures).tally.encoded == 4


def test_equal_contents_in_one_batch_are_encoded_once(
    library: Library, tmp_path: Path, encoder: FakeEncoder
) -> None:
    source = paint(tmp_path / "p/0.png", "red")
    for number in range(1, 20):
        shutil.copy(source, tmp_path / f"p/{number}.png")
    done = library.add(tmp_path / "p", options=IndexOptions(batch_size=8, threads=4))
    assert encoder.images_encoded == 1
    assert (done.tally.encoded, done.tally.reused) == (1, 19)


def test_a_copy_that_was_read_ahead_is_not_encoded_again(
    library: Library, tmp_path: Path, encoder: FakeEncoder
) -> None:
    for number in range(4):
        original = paint(tmp_path / f"p/a{number}.png", (number * 50, 0, 99))
        shutil.copy(original, tmp_path / f"p/b{number}.png")
    done = library.add(tmp_path / "p", options=IndexOptions(batch_size=4, threads=8))
    assert encoder.images_encoded == 4
    assert (done.tally.encoded, done.tally.reused) == (4, 4)


def test_batches_are_full_and_the_same_whatever_the_threads(tmp_path: Path) -> None:
    for number in range(30):
        paint(tmp_path / f"p/{number:02}.png", (number * 8, 0, 99))
    ids = []
    for threads in (1, 8):
        encoder = FakeEncoder()
        with Library.create(tmp_path / f"l{threads}", encoder) as library:
            library.add(tmp_path / "p", options=IndexOptions(batch_size=8, threads=threads))
            assert encoder.batches == [8, 8, 8, 6]
            ids.append([(row.id, row.paths, blob) for row, blob in library.images()])
    assert ids[0] == ids[1]


def test_stopping_keeps_what_is_done_and_goes_on_later(
    library: Library, tmp_path: Path, encoder: FakeEncoder
) -> None:
    for number in range(30):
        paint(tmp_path / f"p/{number:02}.png", (number * 8, 0, 99))
    stop = threading.Event()
    real = encoder.encode_images

    def stop_in_the_second_batch(pixels: np.ndarray) -> np.ndarray:
        if len(encoder.batches) == 1:
            stop.set()
        return real(pixels)

    encoder.encode_images = stop_in_the_second_batch  # type: ignore[method-assign]
    options = IndexOptions(batch_size=8)
    *_, last = library.iter_index([tmp_path / "p"], options=options, stop=stop)
    assert last.stopped
    assert last.tally.encoded == library.status().counts.images == 16
    assert library.search("red").searched == 16
    assert library.add(tmp_path / "p", options=options).tally.encoded == 14
    assert encoder.images_encoded == 30


def test_a_failing_encoder_loses_only_its_batch(
    library: Library, tmp_path: Path, encoder: FakeEncoder
) -> None:
    for number in range(12):
        paint(tmp_path / f"p/{number:02}.png", (number * 20, 0, 99))
    real = encoder.encode_images

    def fail_once(pixels: np.ndarray) -> np.ndarray:
        if len(encoder.batches) == 1:
            encoder.batches.append(0)
            raise RuntimeError("out of memory")
        return real(pixels)

    encoder.encode_images = fail_once  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="out of memory"):
        library.add(tmp_path / "p", options=IndexOptions(batch_size=4))
    assert library.status().counts.images == 4
    assert library.add(tmp_path / "p", options=IndexOptions(batch_size=4)).tally.encoded == 8


def test_a_folder_that_cannot_be_listed_keeps_its_pictures(
    library: Library, pictures: Path, monkeypatch: pytest.MonkeyPatch, names: Names
) -> None:
    library.add(pictures)
    real = os.scandir

    def refuse(path: str) -> AbstractContextManager[Iterator[os.DirEntry[str]]]:
        if os.fspath(path) == str(pictures / "deep"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr("os.scandir", refuse)
    done = library.add(pictures)
    assert done.tally.removed == 0
    assert [trouble.path for trouble in done.unreadable] == [str(pictures / "deep")]
    assert names(library, "blue", 1) == ["blue.png"]


def test_the_report_says_where_the_time_went(
    library: Library, pictures: Path, encoder: FakeEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode = encoder.encode_images

    def slow_encode(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        time.sleep(0.2)
        return encode(pixels)

    def slow_read(
        path: str, how: Preprocessing, limits: ReadLimits, wanted: Callable[[bytes], bool]
    ) -> Picture | Problem:
        def slow_wanted(sha256: bytes) -> bool:
            time.sleep(0.05)
            return wanted(sha256)

        picture = read_picture(path, how, limits, slow_wanted)
        time.sleep(0.1)
        return picture

    monkeypatch.setattr(encoder, "encode_images", slow_encode)
    monkeypatch.setattr("retrieval.indexing.read_file.read_picture", slow_read)
    done = library.add(pictures, options=IndexOptions(threads=4))
    spent = done.spent
    assert spent.encode >= 0.2  # one batch
    assert spent.hash >= 4 * 0.05  # of four threads, added up
    assert spent.decode >= 4 * 0.1
    own = (spent.scan, spent.wait, spent.load, spent.encode, spent.commit, spent.cache)
    assert spent.wait >= 0.1
    assert all(seconds > 0 for seconds in own)
    assert sum(own) <= done.seconds


def test_progress_counts_up(library: Library, pictures: Path) -> None:
    records: list[Progress] = []
    library.add(pictures, on_progress=records.append)
    assert [record.phase for record in records][-1] == "done"
    assert records[0].phase == "scan"
    handled = [record.tally.handled for record in records]
    assert handled == sorted(handled)
    assert handled[-1] == 4


def test_an_empty_folder_is_no_error(library: Library, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    done = library.add(tmp_path / "nothing")
    assert done.tally.found == 0
    assert done.missing == ()
    assert library.search("red").hits == ()
