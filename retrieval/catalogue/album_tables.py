"""The statements that add albums, favourites and saved searches to old catalogues: migration 8.

Pictures are named by their content, not by a row of `images`: while no file has it, they stay in
the album, and come back with the file. `path` is where it was when it was put in. `key` compares
names (`retrieval.query.names`). `seen` has the ids of the images that a saved search found when a
person last looked, `newest` the highest id that there was, both with the model of that
`fingerprint`.
"""

from __future__ import annotations

ADD_ALBUMS = (
    """CREATE TABLE albums (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        key TEXT NOT NULL UNIQUE,
        sort TEXT NOT NULL,
        cover BLOB)""",
    """CREATE TABLE album_pictures (
        album_id INTEGER NOT NULL REFERENCES albums ON DELETE CASCADE,
        sha256 BLOB NOT NULL,
        position INTEGER NOT NULL,
        path TEXT NOT NULL,
        PRIMARY KEY (album_id, sha256)) WITHOUT ROWID""",
    "CREATE INDEX album_pictures_content ON album_pictures (sha256)",
    """CREATE TABLE favourites (
        sha256 BLOB PRIMARY KEY NOT NULL,
        path TEXT NOT NULL) WITHOUT ROWID""",
    """CREATE TABLE saved_searches (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        key TEXT NOT NULL UNIQUE,
        question TEXT NOT NULL,
        looked TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        newest INTEGER NOT NULL,
        seen BLOB NOT NULL)""",
)
"""The statements of the migration, in order."""
