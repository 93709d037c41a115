"""Break it, doctor names it, a repair mends it; then doctor is silent and the answers are right."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from support import damage as damaging
from support.damage import CHANGES, change
from support.fake_model import install
from support.fakes import FakeEncoder
from support.painting import paint

from retrieval import Library
from retrieval.encoders.compiled.exports import folder_of
from retrieval.errors import LibraryBusy, LibraryNotFound
from retrieval.folder.locking import writer_lock
from retrieval.scoring.calibration import Calibration, Logistic, write_calibration
from retrieval.whole_file import sealed

PICTURES = ("red", "green", "blue", "yellow", "white")
MANY = 300


@pytest.fixture(autouse=True)
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    encoder = FakeEncoder()
    install(lambda: encoder, monkeypatch.setattr)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pictures and their library, which spans many pages of SQLite."""
    folder = tmp_path_factory.mktemp("original")
    for name in PICTURES:
        paint(folder / f"pictures/{name}.png", name)
    for number in range(MANY):
        colour = (number % 256, 40 + number // 4, 90)
        paint(folder / f"pictures/{number:03}.png", colour, (8 + number // 256, 8))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "user"))
        with Library.create(folder / "library", FakeEncoder()) as library:
            library.add(folder / "pictures")
            library.texts.put({str(folder / "pictures/blue.png"): ["the blue sky"]})
    return folder


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    """A copy of the library, to be broken; the pictures are shared."""
    return Path(shutil.copytree(original / "library", tmp_path / "library"))


def answers(folder: Path) -> dict[str, float]:
    with Library.open(folder, FakeEncoder()) as library:
        hits = library.search("red blue", 999, look_in="pictures").hits
        return {os.path.basename(hit.path): round(hit.score, 5) for hit in hits}


def codes(folder: Path, *, files: bool = False) -> set[str]:
    found = Library.check(folder, files=files).findings
    assert all(each.message and (each.hint or each.repair) for each in found)
    return {each.code for each in found}


def edit(folder: Path, *statements: str) -> None:
    damaging.edit(folder / "catalogue.sqlite", *statements)


def cache_of(folder: Path) -> Path:
    (path,) = (folder / "cache").glob("*.faiss")
    return path


def damage_vectors(folder: Path) -> None:
    nan, long, short = np.full(4, np.nan, "<f2"), np.full(4, 3, "<f2"), np.ones(3, "<f2")
    for number, value in enumerate((nan, long, short), 5):
        put_vector(folder, number, value.tobytes())


def put_vector(folder: Path, number: int, value: bytes) -> None:
    edit(folder, f"UPDATE vectors SET embedding = x'{value.hex()}' WHERE id = {number}")


def flip_cache(folder: Path) -> None:
    content = bytearray(cache_of(folder).read_bytes())
    content[len(content) // 3] ^= 1
    cache_of(folder).write_bytes(bytes(content))


def leave_leftovers(folder: Path) -> None:
    (folder / "catalogue.sqlite.new").write_bytes(b"half")
    old = folder / "cache/x.faiss.123.tmp"
    old.write_bytes(b"half")
    os.utime(old, (1, 1))


def drop_page(folder: Path) -> None:
    """Overwrite pages in the middle of the file, as a bad disk does."""
    path = folder / "catalogue.sqlite"
    with open(path, "r+b") as file:
        for page in range(40, 43):
            file.seek(page * 4096)
            file.write(os.urandom(4096))


def lose_header(folder: Path) -> None:
    with open(folder / "catalogue.sqlite", "r+b") as file:
        file.write(os.urandom(100))


def drop_trigger(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "catalogue.sqlite", isolation_level=None)) as db:
        db.execute("DROP TRIGGER files_deleted")


def foreign_cache(folder: Path) -> None:
    """Change a vector behind the cache: the cache is sound, but holds another."""
    value = np.array([0, 0, 1, 0], "<f2").tobytes()
    put_vector(folder, 3, value)


BROKEN: dict[str, Callable[[Path], object]] = {
    "vectors.damaged": damage_vectors,
    "cache.whole": flip_cache,
    "leftovers": leave_leftovers,
    "rows.impossible": lambda folder: change(
        folder / "catalogue.sqlite", "images", "width", CHANGES["text"], 3
    ),
    "rows.dangling": lambda folder: edit(folder, "UPDATE files SET image_id = 99999 WHERE id = 7"),
    "words.missing": lambda folder: edit(folder, "DELETE FROM words"),
    "settings.damaged": lambda folder: edit(folder, "DELETE FROM stamps"),
    "model.record": lambda folder: edit(folder, "UPDATE models SET preprocessing = '[]'"),
    "catalogue.malformed": drop_trigger,
    "images.orphans": lambda folder: edit(folder, "UPDATE images SET orphaned_at = 7 WHERE id = 4"),
    "rows.altered": lambda folder: edit(folder, "UPDATE files SET image_id = 9 WHERE id = 8"),
    "rows.altered.people": lambda folder: edit(folder, "UPDATE roots SET crc = crc + 1"),
}


def test_a_sound_library_has_no_findings(folder: Path) -> None:
    assert codes(folder, files=True) == set()
    assert Library.check(folder).sound


@pytest.mark.parametrize("code", BROKEN)
def test_what_is_broken_is_named_and_mended(original: Path, folder: Path, code: str) -> None:
    right = answers(original / "library")
    BROKEN[code](folder)
    before = snapshot(folder)
    assert code in codes(folder)
    assert snapshot(folder).keys() >= before.keys(), "an examination deletes nothing"
    assert not Library.check(folder).sound
    mended = Library.check(folder, repair=True)
    assert code in {each.code for each in mended.mended}
    assert mended.sound, mended
    with Library.open(folder, FakeEncoder()) as library:
        library.add()
    assert codes(folder) == set()
    assert answers(folder) == right


def snapshot(folder: Path) -> dict[str, int]:
    return {
        str(path.relative_to(folder)): path.stat().st_size
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith((".checked", "-shm", "-wal"))
    }


@pytest.mark.parametrize("damage", [drop_page, lose_header])
def test_a_malformed_catalogue_is_salvaged_and_kept(
    original: Path, folder: Path, damage: Callable[[Path], None]
) -> None:
    right = answers(original / "library")
    damage(folder)
    content = (folder / "catalogue.sqlite").read_bytes()
    assert "catalogue.malformed" in codes(folder)
    mended = Library.check(folder, repair=True)
    assert mended.sound, mended
    kept = min(folder.glob("catalogue.sqlite.damaged-*"))  # without its journal
    assert kept.read_bytes() == content
    assert any(str(kept) in each.repair for each in mended.mended)
    with Library.open(folder, FakeEncoder()) as library:
        library.add(original / "pictures")
    assert codes(folder) == set()
    assert answers(folder) == right


def test_a_file_that_is_no_catalogue_at_all_is_kept_and_said_so(folder: Path) -> None:
    (folder / "catalogue.sqlite").write_bytes(b"no catalogue" * 1000)
    found = Library.check(folder, repair=True)
    assert not found.sound
    assert any(
        path.read_bytes() == b"no catalogue" * 1000 for path in folder.glob("catalogue.sqlite*")
    )


def test_what_a_person_wrote_survives(folder: Path) -> None:
    drop_page(folder)
    Library.check(folder, repair=True)
    with Library.open(folder, FakeEncoder()) as library:
        assert library.search("sky", look_in="texts").hits[0].path.endswith("blue.png")


def test_a_newer_schema_names_what_is_needed_and_stays(folder: Path) -> None:
    edit(folder, "PRAGMA user_version = 999")
    assert codes(folder) == {"catalogue.newer"}
    assert not Library.check(folder, repair=True).mended
    (found,) = Library.check(folder).findings
    assert "999" in found.message


def test_a_trigger_of_another_table_is_named_and_made_anew(folder: Path) -> None:
    """One bit of the schema's own table."""
    with closing(sqlite3.connect(folder / "catalogue.sqlite", isolation_level=None)) as db:
        db.execute("PRAGMA writable_schema = ON")
        db.execute(
            "UPDATE sqlite_master SET tbl_name = 'excludeS' WHERE name = 'excludes_checked_insert'"
        )
    assert codes(folder) == {"catalogue.malformed"}
    (found,) = Library.check(folder).findings
    assert "excludes_checked_insert" in found.message
    assert Library.check(folder, repair=True).mended
    assert codes(folder) == set()


def test_a_cache_that_is_not_what_the_catalogue_holds(folder: Path) -> None:
    foreign_cache(folder)
    assert "cache.whole" in codes(folder)
    assert Library.check(folder, repair=True).sound


def test_damaged_thumbnails_are_named_alone(folder: Path) -> None:
    path = folder / "thumbnails/ab/abc-256.webp"
    path.parent.mkdir(parents=True)
    path.write_bytes(sealed(b"what was made"))
    assert codes(folder, files=True) == set()
    for damaged in (b"", path.read_bytes()[:-1], path.read_bytes().replace(b"made", b"mode")):
        path.write_bytes(damaged)
        (found,) = Library.check(folder, files=True).findings
        assert (found.code, found.severity) == ("cache.thumbnails", "warning")
        assert str(path) in found.message
    assert Library.check(folder, repair=True, files=True).sound
    assert not path.exists()


def test_a_map_behind_a_link_is_not_the_librarys(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"somebody's")
    (folder / "cache/fake-1-map.npz").symlink_to(tmp_path / "other")
    assert codes(folder) == set()
    Library.check(folder, repair=True)
    assert (tmp_path / "other").read_bytes() == b"somebody's"


def test_pictures_on_disk_are_compared(tmp_path: Path, folder: Path) -> None:
    own = tmp_path / "own"
    for name in PICTURES[:3]:
        paint(own / f"{name}.png", name, (9, 9))
    with Library.open(folder, FakeEncoder()) as library:
        library.add(own)
    (own / "red.png").unlink()
    os.utime(own / "green.png", (1, 1))
    assert codes(folder) == {"files.missing", "files.changed"}
    assert Library.check(folder).sound
    before = (own / "blue.png").stat()
    flipped = bytearray((own / "blue.png").read_bytes())
    flipped[-20] ^= 1
    (own / "blue.png").write_bytes(flipped)
    os.utime(own / "blue.png", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert "files.differ" not in codes(folder)
    assert "files.differ" in codes(folder, files=True)
    assert Library.check(folder, repair=True, files=True).sound


def test_the_caches_of_the_model(folder: Path) -> None:
    place = Path(folder_of("fake-1"))
    place.mkdir(parents=True)
    (place / "speeds.json").write_text('{"processor": "x", "seconds": {"f32": 1}}')
    (place / "texts-1.f32").write_bytes(b"x" * 100)
    (place / "export.json").write_text("{}")
    assert codes(folder) == {"model.caches", "model.export"}
    Library.check(folder, repair=True)
    assert codes(folder) == {"model.export"}  # the fake model cannot be exported


def test_a_damaged_map_and_a_damaged_file_of_confidences(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Library.open(folder, FakeEncoder()) as library:
        library.map.update()
    assert codes(folder) == set()
    (path,) = (folder / "cache").glob("*-map.npz")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(bytes(content))
    place = ModelFiles(tmp_path / "model")
    monkeypatch.setattr("retrieval.folder.doctor.models.require_files", lambda _: place)
    half = Logistic(1.0, {"score": 2.0})
    fitted = Calibration(half, half, half, 0.25)
    (tmp_path / "model").mkdir()
    confidences = tmp_path / "model/confidence.json"
    write_calibration(str(confidences), "fake-1", fitted)
    assert codes(folder) == {"cache.map"}
    confidences.write_bytes(confidences.read_bytes().replace(b"0.25", b"0.75"))
    assert codes(folder) == {"cache.map", "model.confidence"}
    Library.check(folder, repair=True)
    assert codes(folder) == {"model.confidence"}
    assert not path.exists()


@dataclass
class ModelFiles:
    """What a model's files are to doctor: the folder that they are in."""

    folder: Path


def test_a_full_disk_and_missing_permissions(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(9, 9, 0))
        assert codes(folder) == {"disk.full"}
    real = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: real(path, mode) and mode != os.W_OK)
    assert codes(folder) == {"permissions.write"}


def test_another_model_or_none_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = FakeEncoder("fake-2")
    install(lambda: other, monkeypatch.setattr)
    assert codes(folder) == {"model.changed"}


def test_a_busy_library_is_examined_but_not_mended(folder: Path) -> None:
    leave_leftovers(folder)
    with writer_lock(str(folder)):
        assert codes(folder) == set()
        with pytest.raises(LibraryBusy):
            Library.check(folder, repair=True)


def test_no_library(tmp_path: Path) -> None:
    with pytest.raises(LibraryNotFound):
        Library.check(tmp_path / "nowhere")


def test_random_damages_are_named_or_harmless(original: Path, folder: Path) -> None:
    """Whatever is in the file: doctor ends, and after a repair the library opens or says why."""
    whole = (original / "library/catalogue.sqlite").read_bytes()
    for seed in range(60):
        random = np.random.default_rng(seed)
        content = bytearray(whole)
        for _ in range(int(random.integers(1, 30))):
            content[int(random.integers(len(content)))] ^= 1 << int(random.integers(8))
        if seed % 3 == 0:
            content = content[: int(random.integers(len(content)))]
        (folder / "catalogue.sqlite").write_bytes(bytes(content))
        Library.check(folder)
        if seed % 4 == 0:
            Library.check(folder, repair=True)
            for kept in folder.glob("catalogue.sqlite?*"):
                kept.unlink()
