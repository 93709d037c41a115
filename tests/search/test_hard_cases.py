"""Cases that once lost pictures, gave wrong answers, or could not be got out of."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from support.fakes import FakeEncoder
from support.painting import paint

from retrieval import (
    IndexOptions,
    Library,
    LibraryError,
    LibraryNotFound,
    ModelError,
    ModelMismatch,
    PictureError,
    ReadLimits,
    context,
)
from retrieval.encoders import ModelIdentity
from retrieval.evaluation.captions import read_captions
from retrieval.folder.locking import writer_lock
from retrieval.images import decoding, mtime_ns

Names = Callable[..., list[str]]
Drive = Callable[[], AbstractContextManager[str]]


def test_removing_a_folder_leaves_others_of_its_name_alone(
    library: Library, pictures: Path
) -> None:
    paint(pictures / "other/deep/white.png", "white")
    library.add(pictures)
    library.remove(pictures / "deep")
    assert library.add(pictures).tally.found == 3


def test_a_removed_root_within_a_root_stays_out(library: Library, pictures: Path) -> None:
    library.add(pictures / "deep")
    library.add(pictures)
    assert library.remove(pictures / "deep") == 2
    assert library.add(pictures).tally.found == 2
    assert library.add(pictures / "deep").tally.found == 2
    assert library.add().tally.found == 4


def test_a_part_of_a_removed_folder_can_be_named(library: Library, pictures: Path) -> None:
    library.add(pictures)
    library.remove(pictures / "deep")
    assert library.add(pictures / "deep/down").tally.found == 1
    assert library.add().tally.found == 3


def test_roots_without_pictures_can_be_removed(library: Library, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    library.add(tmp_path / "empty")
    assert library.remove(tmp_path / "empty") == 0
    assert library.status().roots == ()
    paint(tmp_path / "p/a.png", "red")
    library.add(tmp_path / "p/a.png")
    assert library.remove(tmp_path / "p/a.png") == 1
    assert library.status().roots == ()


def test_what_is_no_picture_makes_no_root(library: Library, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(LibraryError, match=r"notes\.txt is not a picture"):
        library.add(tmp_path / "notes.txt")
    with pytest.raises(LibraryError, match="neither a file nor a folder"):
        library.add(tmp_path / "pipe")
    assert library.status().roots == ()


def test_removing_deletes_vectors_from_the_cache_and_spares_other_orphans(
    library: Library, pictures: Path, names: Names
) -> None:
    library.add(pictures)
    vectors = {row.paths[0]: blob for row, blob in library.images()}
    moving = pictures / "green.png"
    content = moving.read_bytes()
    moving.unlink()
    library.add(pictures)
    library.remove(pictures / "red.png")
    names(library, "blue")
    for path in Path(library.path).rglob("*.faiss"):
        assert vectors[str(pictures / "red.png")] not in path.read_bytes()
    moving.write_bytes(content)
    assert library.add(pictures).tally.encoded == 0


def test_indexing_a_part_does_not_forget_the_drives(
    library: Library, pictures: Path, drive_at_deep: Drive, names: Names
) -> None:
    with drive_at_deep() as drive:
        library.add(pictures)
        library.add(pictures / "deep")
        library.add(pictures / "red.png")
    shutil.rmtree(pictures / "deep")
    (pictures / "deep").mkdir()
    assert [trouble.path for trouble in library.add(pictures).missing] == [drive]
    assert names(library, "blue", 1) == ["blue.png"]


def test_a_restored_catalogue_is_not_answered_from_a_newer_cache(
    library: Library, pictures: Path
) -> None:
    library.add(pictures / "red.png")
    library.close()
    catalogue = Path(library.path) / "catalogue.sqlite"
    backup = catalogue.read_bytes()
    with Library.open(library.path, FakeEncoder()) as lost:
        lost.add(pictures / "green.png")
    catalogue.write_bytes(backup)
    cache = next(Path(library.path).rglob("*.faiss"))
    newer = cache.read_bytes()
    with Library.open(library.path, FakeEncoder()) as restored:
        # As many changes as the cache has seen, but others: the same generation, the same ids.
        restored.add(pictures / "deep/blue.png")
        cache.write_bytes(newer)
    with Library.open(library.path, FakeEncoder()) as again:
        hits = again.search("blue").hits
        assert [os.path.basename(hit.path) for hit in hits] == ["blue.png", "red.png"]
        assert hits[0].score > 0.99


def test_the_journal_of_a_deleted_catalogue_is_not_replayed(
    library: Library, pictures: Path
) -> None:
    library.add(pictures)
    catalogue = Path(library.path) / "catalogue.sqlite"
    journal = Path(f"{catalogue}-wal").read_bytes()
    library.close()
    catalogue.unlink()
    Path(f"{catalogue}-wal").write_bytes(journal)
    with Library.create(library.path, FakeEncoder()) as fresh:
        assert fresh.status().counts.files == 0


def test_a_folder_below_one_of_single_files_is_a_root_of_its_own(
    library: Library, pictures: Path
) -> None:
    library.add([pictures / "red.png", pictures / "deep/blue.png"])
    library.add(pictures / "deep")
    roots = {(root.path, root.whole) for root in library.status().roots}
    assert roots == {(str(pictures), False), (str(pictures / "deep"), True)}
    paint(pictures / "deep/white.png", "white")
    done = library.add()
    assert (done.tally.found, done.tally.encoded) == (4, 1)
    assert library.status().counts.files == 4


def test_another_model_does_not_lose_pictures_over_a_lower_limit(
    library: Library, tmp_path: Path, names: Names
) -> None:
    paint(tmp_path / "p/large.png", "red", size=(1500, 1000))
    library.add(tmp_path / "p")
    small = IndexOptions(limits=ReadLimits(max_megapixels=1))
    with pytest.raises(LibraryError, match=r"\b1\b"):
        list(library.use_model(FakeEncoder("other"), small))
    assert names(library, "red") == ["large.png"]
    assert list(library.problems()) == []


def test_stopping_in_the_middle_of_a_move_loses_nothing(
    library: Library, tmp_path: Path, names: Names
) -> None:
    for number in range(12):
        paint(tmp_path / f"p/a/{number:02}.png", (number * 20, 0, 99))
    library.add(tmp_path / "p")
    os.rename(tmp_path / "p/a", tmp_path / "p/b")
    stop = threading.Event()
    for progress in library.iter_index([tmp_path / "p"], stop=stop):
        if progress.phase == "encode":
            stop.set()
    assert len(names(library, "red", 20)) == 12
    library.add()
    assert len(names(library, "red", 20)) == 12


def test_a_forgotten_models_cache_never_serves_again(library: Library, pictures: Path) -> None:
    library.add(pictures)
    library.search("red")
    cache = next(Path(library.path).rglob("*.faiss"))
    old = cache.read_bytes()
    other = FakeEncoder("other")
    other.spec = type(other.spec)("other", "other", 4, other.spec.preprocessing)
    list(library.use_model(other))
    library.forget_model("fake")
    cache.write_bytes(old)
    list(library.use_model(FakeEncoder()))
    result = library.search("red")
    assert (result.searched, len(result.hits)) == (4, 4)


def test_the_number_searched_is_right_with_two_models(library: Library, pictures: Path) -> None:
    library.add(pictures)
    list(library.use_model(FakeEncoder("other")))
    os.remove(pictures / "red.png")
    library.add()
    assert library.search("green").searched == 3
    paint(pictures / "red.png", "red")
    library.add()
    assert library.search("green").searched == 4


def test_files_of_impossible_dates(library: Library, pictures: Path) -> None:
    class Far:
        """What ext4 gives for a file of the year 2400."""

        st_mtime_ns = 13_569_465_600 * 10**9

    assert mtime_ns(Far()) == 2**63 - 1  # type: ignore[arg-type]
    os.utime(pictures / "red.png", ns=(0, -(10**18)))
    assert library.add(pictures).tally.encoded == 4
    assert library.add(pictures).tally.pending == 0


def test_a_picture_that_the_model_refuses_stops_nobody_else(
    library: Library, pictures: Path, encoder: FakeEncoder
) -> None:
    real = encoder.encode_images

    def refuse_green(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        if (pixels.reshape(len(pixels), -1, 3).mean(1) == [0, 255, 0]).all(1).any():
            raise ModelError("gave a vector that has no direction")
        return real(pixels)

    encoder.encode_images = refuse_green  # type: ignore[method-assign]
    done = library.add(pictures, options=IndexOptions(batch_size=1))
    assert (done.tally.encoded, done.tally.bad) == (3, 1)
    assert library.add(pictures).tally.pending == 0
    (problem,) = library.problems()
    assert problem.reason == "the model could not encode it"


def test_a_model_that_refuses_everything_is_an_error(
    library: Library, pictures: Path, encoder: FakeEncoder
) -> None:
    def refuse(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        raise ModelError("broken weights")

    encoder.encode_images = refuse  # type: ignore[method-assign]
    with pytest.raises(ModelError, match="broken weights"):
        library.add(pictures)
    assert library.status().counts.problems == 0


def test_files_that_may_pass_are_listed_and_tried_every_time(
    library: Library, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = decoding.open_file

    def refuse(path: str) -> IO[bytes]:
        if path.endswith("red.png"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    with monkeypatch.context() as broken:
        broken.setattr(decoding, "open_file", refuse)
        broken.setattr("retrieval.indexing.read_file.read_picture", decoding.read_picture)
        assert library.add(pictures).tally.transient == 1
        (problem,) = library.problems()
        assert (problem.reason, problem.kind) == ("permission denied", "transient")
        assert library.add(pictures).tally.pending == 1
    assert library.add(pictures).tally.encoded == 1
    assert list(library.problems()) == []


def test_a_deleted_part_that_is_named_is_gone(library: Library, pictures: Path) -> None:
    library.add(pictures)
    shutil.rmtree(pictures / "deep/down")
    os.remove(pictures / "red.png")
    assert library.add(pictures / "deep/down").tally.removed == 1
    assert library.add(pictures / "red.png").tally.removed == 1


def test_excludes_of_a_part_are_added_and_meant_from_there(
    library: Library, pictures: Path
) -> None:
    paint(pictures / "down/white.png", "white")
    library.add(pictures, exclude=["red.png"])
    assert library.add(pictures / "deep", exclude=["down/*"]).tally.removed == 1
    found = {os.path.basename(path) for row, _ in library.images() for path in row.paths}
    assert found == {"green.png", "blue.png", "white.png"}
    assert library.add(pictures).tally.found == 3


def test_of_copies_the_one_that_is_there_is_shown(
    library: Library, tmp_path: Path, names: Names
) -> None:
    paint(tmp_path / "drive/a.png", "red")
    (tmp_path / "home").mkdir()
    shutil.copy(tmp_path / "drive/a.png", tmp_path / "home/b.png")
    library.add([tmp_path / "drive", tmp_path / "home"])
    assert names(library, "red") == ["a.png"]
    shutil.rmtree(tmp_path / "drive")
    library.add()
    assert names(library, "red") == ["b.png"]


def test_a_library_that_may_only_be_read_answers(
    library: Library, pictures: Path, monkeypatch: pytest.MonkeyPatch, names: Names
) -> None:
    library.add(pictures)
    library.close()
    monkeypatch.setattr("os.access", lambda _path, mode: mode != os.W_OK)
    with Library.open(library.path, FakeEncoder()) as read_only:
        assert names(read_only, "red", 1) == ["red.png"]
        with pytest.raises(LibraryError, match="readonly"):
            read_only.add(pictures, exclude=["x"])


def test_a_read_only_copy_with_an_empty_wal_answers(
    library: Library, pictures: Path, monkeypatch: pytest.MonkeyPatch, names: Names
) -> None:
    library.add(pictures)
    library.close()
    wal = Path(library.path, "catalogue.sqlite-wal")
    wal.write_bytes(b"")
    monkeypatch.setattr("os.access", lambda _path, mode: mode != os.W_OK)
    with Library.open(library.path, FakeEncoder()) as read_only:
        # Nothing is written: a folder that is really read-only has no room for an index of the WAL.
        assert names(read_only, "red", 1) == ["red.png"]
        assert not Path(library.path, "catalogue.sqlite-shm").exists()


def test_a_missing_permission_is_named(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    library.close()
    stat = os.stat

    def refused(path: Any, **how: Any) -> os.stat_result:
        if str(path).endswith("catalogue.sqlite"):
            raise PermissionError(13, "Permission denied")
        return stat(path, **how)

    monkeypatch.setattr("os.stat", refused)
    for ask in (Library.open, Library.exists):
        with pytest.raises(LibraryError, match=r"no permission to read .*: Permission denied") as e:
            ask(library.path)
        assert not isinstance(e.value, LibraryNotFound)


def test_damage_that_shows_while_rows_are_fetched_is_named(
    library: Library, pictures: Path
) -> None:
    library.add(pictures)
    library.close()
    path = Path(library.path) / "catalogue.sqlite"
    with sqlite3.connect(path) as db:
        find = "SELECT rootpage FROM sqlite_master WHERE name = 'vectors'"
        (page,) = db.execute(find).fetchone()
        (size,) = db.execute("PRAGMA page_size").fetchone()
    db.close()
    with open(path, "r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    for cache in Path(library.path).rglob("*.faiss"):
        cache.unlink()
    with (
        Library.open(library.path, FakeEncoder()) as damaged,
        pytest.raises(LibraryError, match=r"catalogue\.sqlite cannot be used: "),
    ):
        damaged.search("red")


def test_a_handle_follows_the_model_that_another_one_put_in_place(
    library: Library, pictures: Path
) -> None:
    library.add(pictures)
    with Library.open(library.path, FakeEncoder()) as second:
        list(library.use_model(FakeEncoder("other")))
        second.add(pictures)
        assert second.model.fingerprint == "other"


def test_questions_follow_the_model_that_another_handle_put_in_place(
    library: Library, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Backwards(FakeEncoder):
        """The same axes in another order."""

        def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
            return super().encode_texts(texts)[:, ::-1]

    other = Backwards("other")
    monkeypatch.setattr(context, "identify", lambda name: ModelIdentity(name, "other"))
    monkeypatch.setattr(context, "open_encoder", lambda *_, **__: other)
    library.add(pictures)
    with Library.open(library.path, FakeEncoder()) as second:
        before = second.embed("red")
        list(library.use_model(other))
        np.testing.assert_array_equal(second.embed("red"), before[::-1])


def test_old_vectors_of_a_model_that_changed_under_its_name_can_be_forgotten(
    library: Library, pictures: Path
) -> None:
    library.add(pictures)
    list(library.use_model(FakeEncoder("changed")))
    assert [model.name for model in library.models()] == ["fake", "fake"]
    assert library.forget_model("fake") == 4
    assert [model.fingerprint for model in library.models()] == ["changed"]


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")
def test_a_refused_opening_leaves_no_file_open(library: Library) -> None:
    before = len(os.listdir("/proc/self/fd"))
    errors = []
    for _ in range(5):
        with pytest.raises(ModelMismatch) as caught:
            Library.open(library.path, FakeEncoder("other"))
        errors.append(caught.value)  # keeps the traceback, and all that hangs on it, alive
    # SQLite itself keeps one while another connection of this process is open.
    assert len(os.listdir("/proc/self/fd")) <= before + 1


@pytest.mark.parametrize("note", ["[]", "{}", "nonsense"])
def test_a_damaged_note_of_the_writer_is_no_matter(library: Library, note: str) -> None:
    with writer_lock(library.path):
        (Path(library.path) / "writer.json").write_text(note)
        with pytest.raises(LibraryError, match="another process"):
            library.add(library.path)


def test_a_library_where_a_file_is(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "file", tmp_path / "file/below"):
        with pytest.raises(LibraryError, match=re.escape(str(tmp_path / "file"))):
            Library.create(path, FakeEncoder())


def test_searching_with_a_pipe_or_a_broken_picture(library: Library, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(PictureError, match="not a regular file"):
        library.search(tmp_path / "pipe")
    path = tmp_path / "a.png"
    Image.effect_noise((200, 200), 80).save(path)
    path.write_bytes(path.read_bytes()[:-5000])
    with Image.open(path) as picture, pytest.raises(PictureError, match="truncated"):
        library.search(picture)


def test_captions_as_other_programs_write_them(tmp_path: Path) -> None:
    lines = [
        json.dumps({"file": "a.jpg", "captions": ["one\u2028two"]}, ensure_ascii=False),
        json.dumps({"file": "b.jpg", "captions": ["three"]}),
        json.dumps({"file": "a.jpg", "captions": ["four"]}),
    ]
    path = tmp_path / "c.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode())
    found = [(os.path.basename(p.file), p.captions) for p in read_captions(str(path))]
    assert found == [("a.jpg", ("one\u2028two", "four")), ("b.jpg", ("three",))]


def test_a_cache_that_is_damaged_is_made_again(library: Library, pictures: Path) -> None:
    library.add(pictures)
    library.verify_cache()
    cache = next(Path(library.path).rglob("*.faiss"))
    whole = cache.read_bytes()
    damaged = cache.with_name("damaged")  # not in place: the library has the file mapped
    damaged.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
    os.replace(damaged, cache)
    library.verify_cache()
    assert cache.read_bytes() == whole
