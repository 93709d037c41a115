"""Finds rows that a fault has changed, and has them read again from the disk.

A damaged row differs from its checksum (`row_checks`). What the pictures say themselves is
forgotten here, so that the same run reads it again; what nothing can read again (`irreplaceable`)
is never touched.
Rows of `files` and `sidecars` are not looked for: the comparison of a walk finds them.
"""

from __future__ import annotations

import hashlib
import logging
import os
import sqlite3
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import get_type_hints

from retrieval.catalogue.connection import CHECKED_ROWS, Connection
from retrieval.catalogue.explaining import explained
from retrieval.catalogue.row_checks import row_check, seal, sound
from retrieval.catalogue.texts import EMBEDDED, NAME, OCR, SIDECAR, SOURCES, XMP
from retrieval.images.places import is_elsewhere
from retrieval.query.fields import FACTS, NAMES, Facts
from retrieval.whole_file import open_regular

_log = logging.getLogger(__name__)

_DAY_S = 86_400

_DEFAULTS = {
    **dict.fromkeys(FACTS, "NULL"),
    **dict.fromkeys((name for name, kind in get_type_hints(Facts).items() if kind is str), "''"),
    **dict.fromkeys((*NAMES, "date", "date_source", "own"), "''"),
    **dict.fromkeys(("width", "height"), "0"),
    **dict.fromkeys(("near_city", "near_region", "near_country"), "NULL"),
}
_COLLECTED = (SIDECAR, XMP, NAME)  # the catalogue itself has what these texts are made of
_SOURCE = "CAST(texts.source AS BLOB)"

UNKNOWN = ", ".join(f"{name} = {value}" for name, value in _DEFAULTS.items())
"""The facts of a picture that nobody knows, as the assignments of an UPDATE."""


@dataclass(frozen=True, slots=True)
class Damage:
    """Ids of damaged rows: `images` to read again, `vectors`, and (image id, source) of `texts`."""

    images: tuple[int, ...]
    vectors: tuple[int, ...]
    texts: tuple[tuple[int, str], ...]

    def __bool__(self) -> bool:
        return bool(self.images or self.vectors or self.texts)


NOTHING = Damage((), (), ())


def find_when_due(db: Connection) -> Damage:
    """Return what `find` finds; of a large library once a day, as reading all rows takes seconds.

    Before that, indexes that differ from their tables are made anew, and sources of texts restored.

    Raises LibraryError.
    """
    if _is_large(db.raw):
        last = db.one("SELECT value FROM state WHERE key = 'looked_at'")
        if isinstance(last, int) and 0 <= int(time.time()) - last < _DAY_S:
            return NOTHING
    with explained(db.path):
        _mend_indexes(db.raw)
        restore_sources(db.raw)
        found = find(db.raw)
        if not found:
            _note_look(db.raw)
        return found


def _is_large(db: sqlite3.Connection) -> bool:
    sql = f"SELECT 1 FROM images LIMIT 1 OFFSET {CHECKED_ROWS}"
    return db.execute(sql).fetchone() is not None


def _note_look(db: sqlite3.Connection) -> None:
    """Note that all rows of a large library were looked at, and what was damaged is forgotten."""
    if _is_large(db):
        look = "INSERT OR REPLACE INTO state (key, value) VALUES ('looked_at', ?)"
        db.execute(look, (int(time.time()),))


def _mend_indexes(db: sqlite3.Connection) -> None:
    """Make the indexes anew if they differ from their tables: SQLite would believe them.

    A look-up would then miss rows that are there. Everything in an index is in its table.
    """
    said = [str(line) for (line,) in db.execute("PRAGMA integrity_check").fetchall()]
    if any(" index " in line and "FTS5" not in line for line in said):
        db.execute("REINDEX")
        _log.warning("an index of the catalogue was damaged; it is made anew")
    if any("FTS5" in line for line in said):
        db.execute("INSERT INTO words (words) VALUES ('rebuild')")
        _log.warning("the full-text index of the catalogue was damaged; it is made anew")


def restore_sources(db: sqlite3.Connection) -> None:
    """Give texts whose source is none the one that their checksum fits. Raises errors of SQLite."""
    strange = (
        f"SELECT image_id, {_SOURCE}, CAST(text AS BLOB), crc FROM texts"
        f" WHERE {_SOURCE} NOT IN ({_bytes(*SOURCES)})"
    )
    for image_id, now, text, crc in db.execute(strange).fetchall():
        for source in SOURCES:
            if row_check(image_id, source.encode(), text) == crc:
                db.execute(
                    f"UPDATE OR IGNORE texts SET source = ? WHERE image_id = ? AND {_SOURCE} = ?",
                    (source, image_id, now),
                )


def find(db: sqlite3.Connection) -> Damage:
    """Look at all rows that an indexing run can read again. Raises the errors of SQLite."""
    images = _ids(db, f"SELECT id FROM images WHERE NOT {sound('images')}")
    images += _ids(db, f"SELECT image_id FROM sketches WHERE NOT {sound('sketches')}")
    vectors = _ids(db, f"SELECT id FROM vectors WHERE NOT {sound('vectors')}")
    rows = db.execute(
        f"SELECT image_id, {_SOURCE} FROM texts WHERE NOT {sound('texts')}"
        f" AND NOT ({irreplaceable(db)})"
    ).fetchall()
    texts = tuple((id_, bytes(source).decode()) for id_, source in rows)
    images += [id_ for id_, source in texts if source == EMBEDDED]
    return Damage(tuple(dict.fromkeys(images)), tuple(vectors), texts)


def irreplaceable(db: sqlite3.Connection) -> str:
    """Return the SQL condition of texts that no indexing run can make again.

    A person wrote them or an import brought them, or the picture that they are read from is in no
    folder of this machine. A text of an unknown source may be any of these.
    """
    roots = db.execute("SELECT id, CAST(path AS BLOB) FROM roots").fetchall()
    here = [str(int(id_)) for id_, path in roots if not is_elsewhere(os.fsdecode(path or b""))]
    return (
        f"{_SOURCE} NOT IN ({_bytes(*_COLLECTED)}) AND NOT ({_SOURCE} IN ({_bytes(EMBEDDED, OCR)})"
        " AND EXISTS (SELECT 1 FROM files WHERE files.image_id = texts.image_id"
        f" AND files.root_id IN ({', '.join(here)})))"
    )


def _bytes(*sources: str) -> str:
    return ", ".join(f"x'{source.encode().hex()}'" for source in sources)


def heal(db: sqlite3.Connection, damage: Damage) -> list[int]:
    """Forget what is damaged, within the caller's transaction; return the images to read again.

    An image none of whose files is there now stays as it is, with what is read from it: nobody
    could read it again. The caller deletes the damaged vectors.
    """
    for image_id, source in damage.texts:
        if source not in _COLLECTED and not _files(db, image_id):
            continue
        db.execute(
            f"DELETE FROM texts WHERE image_id = ? AND NOT {sound('texts')}"
            " AND CAST(source AS BLOB) = ?",
            (image_id, source.encode()),
        )
        if source == OCR:
            db.execute("DELETE FROM ocr_done WHERE image_id = ?", (image_id,))
        db.execute("INSERT OR IGNORE INTO retell VALUES (?)", (image_id,))
    _note_look(db)
    return [image_id for image_id in damage.images if _read_again(db, image_id)]


def _read_again(db: sqlite3.Connection, image_id: int) -> bool:
    """Let the next walk read an image; tell whether it will."""
    paths = _files(db, image_id)
    if not paths:
        return False
    if not _is_sound(db, image_id):
        _restore_content(db, image_id, paths)
    if not _is_sound(db, image_id):
        db.execute(f"UPDATE images SET {UNKNOWN}, orphaned_at = NULL WHERE id = ?", (image_id,))
        db.execute(f"{seal('images')} WHERE id = ?", (image_id,))
        # The trigger works out the date again.
        db.execute("UPDATE files SET size = size WHERE image_id = ?", (image_id,))
        db.execute("INSERT OR IGNORE INTO retell VALUES (?)", (image_id,))
    db.execute(f"DELETE FROM sketches WHERE image_id = ? AND NOT {sound('sketches')}", (image_id,))
    db.execute("DELETE FROM vectors WHERE image_id = ? AND view = 'whole'", (image_id,))
    return True


def _restore_content(db: sqlite3.Connection, image_id: int, paths: Iterable[bytes]) -> None:
    """Give an image the SHA-256 of its file again: people's captions and groups belong to it."""
    for path in paths:
        try:
            with open_regular(os.fsdecode(path)) as file:
                sha256 = hashlib.file_digest(file, "sha256").digest()
            db.execute("UPDATE images SET sha256 = ? WHERE id = ?", (sha256, image_id))
        except (OSError, sqlite3.IntegrityError):  # that content has another image already
            continue
        return


def _files(db: sqlite3.Connection, image_id: int) -> list[bytes]:
    """Return the paths of an image's files that are as they were indexed."""
    rows = db.execute(
        "SELECT CAST(r.path AS BLOB), CAST(f.path AS BLOB), f.size, f.mtime_ns FROM files f"
        f" JOIN roots r ON r.id = f.root_id WHERE f.image_id = ? AND {sound('files', 'f')}"
        f" AND {sound('roots', 'r')}",
        (image_id,),
    ).fetchall()
    found = []
    for root, below, size, mtime_ns in rows:
        path = os.path.join(root, below)
        try:
            status = os.stat(path)
        except (OSError, ValueError):
            continue
        if (status.st_size, status.st_mtime_ns) == (size, mtime_ns):
            found.append(path)
    return found


def _is_sound(db: sqlite3.Connection, image_id: int) -> bool:
    row = db.execute(f"SELECT {sound('images')} FROM images WHERE id = ?", (image_id,)).fetchone()
    return bool(row and row[0])


def _ids(db: sqlite3.Connection, sql: str) -> list[int]:
    return [int(id_) for (id_,) in db.execute(sql).fetchall()]
