"""The date of a picture: from EXIF, a name or a file; kept up to date, and filled in old ones."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fakes import SMALL

from retrieval.catalogue import Catalogue, Root, schema
from retrieval.catalogue.contents import Batch, FileRecord
from retrieval.catalogue.image_rows import ImageRecord
from retrieval.catalogue.scan import Scope
from retrieval.images import FoundFile, PictureInfo
from retrieval.query.where import parse
from retrieval.specs import ModelSpec

NS = 10**9
MAY = 1_682_942_400 * NS
ONE, TWO = b"1" * 32, b"2" * 32
OLD_ROWS = (
    "INSERT INTO roots (id, path, whole) VALUES (1, '/photos', 1)",
    f"""INSERT INTO images (id, sha256, format, width, height, taken, camera, lens) VALUES
        (1, x'{"01" * 32}', 'JPEG', 1, 1, '2021-02-03T04:05:06', '', ''),
        (2, x'{"02" * 32}', 'JPEG', 1, 1, '', '', ''),
        (3, x'{"03" * 32}', 'JPEG', 1, 1, '', '', ''),
        (4, x'{"04" * 32}', 'JPEG', 1, 1, '', '', '')""",
    "UPDATE images SET orphaned_at = 1 WHERE id = 4",
    f"""INSERT INTO files (root_id, path, size, mtime_ns, image_id) VALUES
        (1, 'a/IMG-20230501-WA0001.jpg', 1, {MAY}, 1),
        (1, 'b/PXL_20220501_123456789.jpg', 1, {MAY}, 2),
        (1, '2001-01-01/IMG-20220401-WA0001.jpg', 1, {MAY}, 2),
        (1, CAST(x'ff2e6a7067' AS TEXT), 1, {MAY + NS}, 3),
        (1, 'late.jpg', 1, {MAY + 2 * NS}, 3)""",
    f"INSERT INTO files (root_id, path, size, mtime_ns, problem) VALUES (1, 'x', 1, {MAY}, 'bad')",
)


def local(mtime_ns: int) -> str:
    return datetime.fromtimestamp(mtime_ns // NS).isoformat()  # noqa: DTZ006 - local, as EXIF's


def test_an_old_catalogue_gets_dates_without_its_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(tmp_path / "c.sqlite")
    with monkeypatch.context() as older:
        older.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:1])
        Catalogue(path, create=True).close()
        with sqlite3.connect(path) as db:
            for statement in OLD_ROWS:
                db.execute(statement)
        db.close()
    catalogue = Catalogue(path)
    rows = {id_: catalogue.lookup.by_id(id_) for id_ in (1, 2, 3)}
    dates = {id_: (row.date, row.date_source) for id_, row in rows.items() if row}
    assert dates == {
        1: ("2021-02-03T04:05:06", "exif"),
        2: ("2022-04-01", "name"),
        3: (local(MAY + NS), "file"),
    }
    assert catalogue._db.one("PRAGMA user_version") == len(schema.MIGRATIONS)
    catalogue._db.rows("DELETE FROM files WHERE path LIKE '2001%'")
    row = catalogue.lookup.by_id(2)
    assert row
    assert (row.date, row.date_source) == ("2022-05-01T12:34:56", "name")
    catalogue.close()


class Shelf:
    """One picture without EXIF's date in a catalogue, whose files come and go."""

    def __init__(self, path: Path) -> None:
        self.catalogue = Catalogue(str(path / "c.sqlite"), create=True)
        with self.catalogue.writing():
            self.model = self.catalogue.contents.register_model(
                ModelSpec("m", "f", 4, SMALL, "MIT")
            )
            self.root: Root = self.catalogue.roots.add("/photos", whole=True)

    def put(self, files: dict[str, int], content: bytes = ONE, taken: str = "") -> None:
        info = PictureInfo(format="JPEG", width=1, height=1, taken=taken)
        image = ImageRecord(content, info, np.array([1, 0, 0, 0], np.float32))
        records = [FileRecord(path, 1, mtime, content) for path, mtime in files.items()]
        self.catalogue.contents.record(self.root, self.model, Batch([image], records))

    def keep(self, files: dict[str, int]) -> None:
        """Let a walk find these files only."""
        scan = self.catalogue.scan(Scope(self.root))
        scan.add(FoundFile(path, 1, mtime) for path, mtime in files.items())
        scan.forget_gone()

    def date(self, content: bytes = ONE) -> tuple[str, str]:
        row = self.catalogue.lookup.by_content(content)
        assert row
        return row.date, row.date_source


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path)
    yield shelf
    shelf.catalogue.close()


def test_a_date_follows_its_files(shelf: Shelf) -> None:
    shelf.put({"a.jpg": MAY})
    assert shelf.date() == (local(MAY), "file")
    shelf.put({"a.jpg": MAY + 60 * NS})  # touched
    assert shelf.date() == (local(MAY + 60 * NS), "file")
    shelf.put({"b.jpg": MAY + 30 * NS})  # an earlier copy
    assert shelf.date() == (local(MAY + 30 * NS), "file")
    shelf.put({"IMG-20240101-WA0001.jpg": MAY})  # a later one, but its name says when
    assert shelf.date() == ("2024-01-01", "name")
    shelf.put({"20230101_120000.jpg": MAY})
    assert shelf.date() == ("2023-01-01T12:00:00", "name")
    shelf.keep({"IMG-20240101-WA0001.jpg": MAY, "a.jpg": MAY})
    assert shelf.date() == ("2024-01-01", "name")
    shelf.keep({"a.jpg": MAY})  # renamed to what says nothing
    assert shelf.date() == (local(MAY + 60 * NS), "file")


def test_a_file_that_gets_other_content_leaves_its_date_behind(shelf: Shelf) -> None:
    shelf.put({"20230101.jpg": MAY, "b.jpg": MAY})
    shelf.put({"20230101.jpg": MAY}, content=TWO)
    assert shelf.date() == (local(MAY), "file")
    assert shelf.date(TWO) == ("2023-01-01", "name")


def test_exif_goes_before_names(shelf: Shelf) -> None:
    shelf.put({"20230101.jpg": MAY}, taken="2024-05-01T10:00:00")
    shelf.put({"20220101.jpg": MAY}, taken="2024-05-01T10:00:00")
    shelf.keep({"20220101.jpg": MAY})
    assert shelf.date() == ("2024-05-01T10:00:00", "exif")


def test_an_orphan_that_comes_back_has_the_date_of_its_new_file(shelf: Shelf) -> None:
    shelf.put({"20230101.jpg": MAY})
    shelf.keep({})
    shelf.put({"20210101.jpg": MAY})
    assert shelf.date() == ("2021-01-01", "name")


@given(st.integers(-(2**63), 2**63 - 1))
def test_every_file_has_a_date(tmp_path_factory: pytest.TempPathFactory, mtime_ns: int) -> None:
    shelf = Shelf(tmp_path_factory.mktemp("shelf"))
    shelf.put({"a.jpg": mtime_ns})
    date, source = shelf.date()
    assert source == "file"
    assert abs(datetime.fromisoformat(date).year - (1970 + mtime_ns / 3.15576e16)) < 2
    assert len(shelf.catalogue.filters.ids(parse("has date"), shelf.model)) == 1
    assert len(shelf.catalogue.filters.ids(parse(f"date = '{date}'"), shelf.model)) == 1
    shelf.catalogue.close()
