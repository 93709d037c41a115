"""The tables of a library, as append-only migrations.

Never edit a released migration; add a new function below the others instead.
`tests/catalogue/test_schema.py` upgrades an old catalogue through each of them. The import of
sqlite_utils takes 0.1 seconds, so it happens only when a migration is due.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from retrieval.catalogue import row_checks
from retrieval.catalogue.album_tables import ADD_ALBUMS
from retrieval.catalogue.facts_tables import ADD_FACTS
from retrieval.catalogue.first_tables import FIRST_TABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sqlite_utils import Database

APPLICATION_ID = 0x50495854
"""SQLite's `application_id` of a catalogue: "PIXT"."""

MIGRATIONS: list[Callable[[Database], None]] = []
"""All migrations, in order; SQLite's `user_version` counts those that a catalogue has had."""

# Sets the date of a picture (`PictureFacts.date`). `files.named` stores the date in the file name,
# because SQL cannot parse it.
_SET_DATES = """
    UPDATE images SET (date, date_source) = (
        SELECT CASE
            WHEN images.taken != '' THEN images.taken
            WHEN max(named) != '' THEN min(nullif(named, ''))
            ELSE strftime('%Y-%m-%dT%H:%M:%S', min(mtime_ns) / 1000000000, 'unixepoch', 'localtime')
        END,
        CASE
            WHEN images.taken != '' THEN 'exif' WHEN max(named) != '' THEN 'name' ELSE 'file'
        END
        FROM files WHERE image_id = images.id)
    WHERE EXISTS (SELECT 1 FROM files WHERE image_id = images.id)"""

# The same by the indexes of m004: the first name and the first time are found at once.
_FIRST_NAMED = (
    "(SELECT named FROM files WHERE image_id = images.id AND named != '' ORDER BY named LIMIT 1)"
)
SET_DATES = f"""
    UPDATE images SET (date, date_source) = (
        SELECT CASE
            WHEN images.taken != '' THEN images.taken
            ELSE coalesce({_FIRST_NAMED},
                (SELECT strftime('%Y-%m-%dT%H:%M:%S', mtime_ns / 1000000000, 'unixepoch',
                    'localtime')
                FROM files WHERE image_id = images.id ORDER BY mtime_ns LIMIT 1))
        END,
        CASE
            WHEN images.taken != '' THEN 'exif' WHEN {_FIRST_NAMED} != '' THEN 'name' ELSE 'file'
        END)
    WHERE EXISTS (SELECT 1 FROM files WHERE image_id = images.id)"""
_DATE_TRIGGERS = (
    ("file_came", "INSERT", "new.image_id IS NOT NULL", "new"),
    ("file_went", "DELETE", "old.image_id IS NOT NULL", "old"),
    ("file_lost", "UPDATE", "old.image_id IS NOT new.image_id", "old"),
    ("file_changed", "UPDATE", "new.image_id IS NOT NULL", "new"),
)


def _date_triggers(update: str, changed: str = "UPDATE") -> list[str]:
    return [
        f"CREATE TRIGGER date_{name} AFTER {changed if event == 'UPDATE' else event} ON files"
        f" WHEN {condition}"
        f" BEGIN {update} AND date_source != 'exif' AND id = {row}.image_id; END"
        for name, event, condition, row in _DATE_TRIGGERS
    ]


def _migration(step: Callable[[Database], None]) -> Callable[[Database], None]:
    MIGRATIONS.append(step)
    return step


@_migration
def m001_first_tables(db: Database) -> None:
    """Create the tables of files, images, models and vectors, and all others."""
    _execute_all(db, FIRST_TABLES)


@_migration
def m002_dates(db: Database) -> None:
    """Add a date to every picture; triggers keep it up to date."""
    from retrieval.images.name_dates import date_in_name

    def date_in_path(path: bytes) -> str:
        return date_in_name(path.rpartition(b"/")[2].decode("utf-8", "surrogateescape"))

    db.conn.create_function("date_in_path", 1, date_in_path, deterministic=True)
    _execute_all(
        db,
        (
            "ALTER TABLE files ADD COLUMN named TEXT NOT NULL DEFAULT ''",
            "ALTER TABLE images ADD COLUMN date TEXT NOT NULL DEFAULT ''",
            "ALTER TABLE images ADD COLUMN date_source TEXT NOT NULL DEFAULT ''",
            "UPDATE files SET named = date_in_path(CAST(path AS BLOB)) WHERE image_id IS NOT NULL",
            _SET_DATES,
            *_date_triggers(_SET_DATES),
        ),
    )


@_migration
def m003_exposure(db: Database) -> None:
    """Add the exposure data of EXIF; existing pictures have none."""
    columns = ("iso INTEGER", "aperture REAL", "exposure REAL", "focal_length REAL")
    _execute_all(db, (f"ALTER TABLE images ADD COLUMN {column}" for column in columns))


@_migration
def m004_dates_of_many_copies(db: Database) -> None:
    """Find the date of a picture by indexes: one with 50,000 files took minutes for each run."""
    triggers = [f"date_{name}" for name, *_ in _DATE_TRIGGERS]
    _execute_all(
        db,
        (
            "DROP INDEX files_image",
            "CREATE INDEX files_image ON files (image_id, mtime_ns)",
            "CREATE INDEX files_named ON files (image_id, named) WHERE named != ''",
            *(f"DROP TRIGGER {name}" for name in triggers),
            *_date_triggers(SET_DATES),
        ),
    )


@_migration
def m005_looked_into(db: Database) -> None:
    """Remember files with other extensions that were looked into and are no pictures.

    `mark` stands for path, size and time (`retrieval.catalogue.scan`).
    """
    _execute_all(
        db,
        (
            """CREATE TABLE looked_into (
                root_id INTEGER NOT NULL REFERENCES roots ON DELETE CASCADE,
                mark INTEGER NOT NULL,
                PRIMARY KEY (root_id, mark)) WITHOUT ROWID""",
        ),
    )


@_migration
def m006_facts_of_sidecars(db: Database) -> None:
    """Add date and place to sidecars, and what images have from them (1: date, 2: place).

    The next run reads XMP sidecars again, because more of their properties are known.
    """
    _execute_all(
        db,
        (
            "ALTER TABLE sidecars ADD COLUMN taken TEXT NOT NULL DEFAULT ''",
            "ALTER TABLE sidecars ADD COLUMN latitude REAL",
            "ALTER TABLE sidecars ADD COLUMN longitude REAL",
            "ALTER TABLE images ADD COLUMN told INTEGER NOT NULL DEFAULT 0",
            "UPDATE sidecars SET mtime_ns = -1 WHERE source = 'xmp'",
        ),
    )


@_migration
def m007_row_checks(db: Database) -> None:
    """Give each row a checksum (`retrieval.catalogue.row_checks`).

    Writing a checksum is no reason to work out the date of a picture.
    """
    _execute_all(db, (f"DROP TRIGGER date_{name}" for name, *_ in _DATE_TRIGGERS))
    for table, row in row_checks.FIRST.items():
        _execute_all(db, row_checks.cover(table, row))
    _execute_all(db, _date_triggers(SET_DATES, "UPDATE OF size, mtime_ns, named, image_id"))


@_migration
def m008_albums(db: Database) -> None:
    """Add albums, favourites and saved searches."""
    _execute_all(db, ADD_ALBUMS)
    for table in ("albums", "album_pictures", "favourites", "saved_searches"):
        _execute_all(db, row_checks.cover(table, row_checks.COVERED[table]))


@_migration
def m009_facts_of_other_programs(db: Database) -> None:
    """Add people, keywords, places and ratings to pictures and sidecars.

    The next runs read both again, pictures without encoding them.
    """
    _execute_all(db, ADD_FACTS)


@_migration
def m010_videos(db: Database) -> None:
    """Add the length of videos, and an index of the vectors of parts of pictures and videos."""
    _execute_all(
        db,
        (
            "ALTER TABLE images ADD COLUMN duration REAL",
            *row_checks.cover_again(
                "images", row_checks.SECOND["images"], row_checks.THIRD["images"]
            ),
            """CREATE INDEX vectors_of_parts ON vectors (model_id, id)
                WHERE view NOT IN ('whole', 'text')""",
        ),
    )


def migrate(
    connection: sqlite3.Connection,
    *,
    before: Callable[[], None] = lambda: None,
    up_to: int | None = None,
) -> None:
    """Migrate a new or old catalogue to the newest schema, in one transaction.

    `before` is called when nobody else can write any more. Other programs that open the catalogue
    at the same time wait, and then find it migrated. `up_to` stops at an older schema.
    """
    from sqlite_utils import Database
    from sqlite_utils.migrations import Migrations

    steps = MIGRATIONS[:up_to]
    migrations = Migrations("pixtrieve")
    for step in steps:
        migrations()(step)
    row_checks.register(connection)
    connection.execute("BEGIN IMMEDIATE")
    with connection:
        if connection.execute("PRAGMA user_version").fetchone()[0] >= len(steps):
            return
        before()
        migrations.apply(Database(connection))
        connection.execute(
            "INSERT OR REPLACE INTO state (key, value) VALUES (?, ?)", (_PROGRAM, program())
        )
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(steps)}")


_PROGRAM = "program"


def program() -> str:
    """Return the version of this Pixtrieve."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("pixtrieve")
    except PackageNotFoundError:
        return "unknown"


def program_of(connection: sqlite3.Connection) -> str:
    """Return the version of the Pixtrieve that made the schema of a catalogue, "" if unknown."""
    try:
        row = connection.execute("SELECT value FROM state WHERE key = ?", (_PROGRAM,)).fetchone()
    except sqlite3.DatabaseError:
        return ""
    return "" if row is None else str(row[0])


def _execute_all(db: Database, statements: Iterable[str]) -> None:
    for statement in statements:
        db.execute(statement)
