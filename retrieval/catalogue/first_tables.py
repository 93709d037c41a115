"""The tables of the catalogue's first version; `schema` has the later migrations."""

from __future__ import annotations

# When the last file of an image disappears (deleted, rewritten, root forgotten), the image leaves
# the results in the same transaction.
_ORPHAN_WHEN = """CREATE TRIGGER {name} AFTER {event} ON files WHEN old.image_id IS NOT NULL
    BEGIN
        UPDATE images SET orphaned_at = CAST(strftime('%s', 'now') AS INTEGER)
        WHERE id = old.image_id
            AND NOT EXISTS (SELECT 1 FROM files WHERE image_id = old.image_id);
    END"""

# The names of an image's files are among its texts. `OR IGNORE` does not work here, because the
# conflict clause of the statement that fires a trigger overrides the trigger's own.
_REFRESH_TEXTS_WHEN = """CREATE TRIGGER {name} AFTER {event}
    WHEN {row}.image_id IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM retell WHERE image_id = {row}.image_id)
    BEGIN
        INSERT INTO retell VALUES ({row}.image_id);
    END"""

# "a.txt" and "a.jpg.txt" describe a.jpg.
_REFRESH_TEXTS_BESIDE_WHEN = """CREATE TRIGGER {name} AFTER {event} ON sidecars
    BEGIN
        INSERT INTO retell SELECT DISTINCT f.image_id FROM files f
        WHERE f.root_id = {row}.root_id AND f.image_id IS NOT NULL
            AND f.path >= {row}.beside AND f.path < {row}.beside || '/'
            AND (f.path = {row}.beside OR f.path > {row}.beside || '.')
            AND NOT EXISTS (SELECT 1 FROM retell r WHERE r.image_id = f.image_id);
    END"""

FIRST_TABLES = (
    # A root is a folder that is indexed completely, or (whole = 0) one in which only single
    # files are. `missing` is 1 while the folder is unavailable, for example a disconnected drive.
    """CREATE TABLE roots (
        id INTEGER PRIMARY KEY,
        path TEXT NOT NULL UNIQUE,
        whole INTEGER NOT NULL,
        missing INTEGER NOT NULL DEFAULT 0)""",
    # `source` is "user" for --exclude, "remove" for paths that `pixtrieve remove` removed.
    """CREATE TABLE excludes (
        root_id INTEGER NOT NULL REFERENCES roots ON DELETE CASCADE,
        pattern TEXT NOT NULL,
        source TEXT NOT NULL,
        PRIMARY KEY (root_id, pattern)) WITHOUT ROWID""",
    # Mount points below a root. If one is empty on the next walk, the drive is disconnected.
    """CREATE TABLE mounts (
        root_id INTEGER NOT NULL REFERENCES roots ON DELETE CASCADE,
        path TEXT NOT NULL,
        PRIMARY KEY (root_id, path)) WITHOUT ROWID""",
    # One row per content. `orphaned_at` (seconds since 1970) is set while no file has it:
    # results then leave it out, but its vectors remain for a while.
    """CREATE TABLE images (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        sha256 BLOB NOT NULL UNIQUE,
        format TEXT NOT NULL,
        width INTEGER NOT NULL,
        height INTEGER NOT NULL,
        taken TEXT NOT NULL,
        camera TEXT NOT NULL,
        lens TEXT NOT NULL,
        latitude REAL,
        longitude REAL,
        orphaned_at REAL,
        CHECK ((latitude IS NULL) = (longitude IS NULL)))""",
    "CREATE INDEX images_orphaned ON images (orphaned_at) WHERE orphaned_at IS NOT NULL",
    # Either image_id or problem is set. `megapixels` is the size of a picture above the limit.
    """CREATE TABLE files (
        id INTEGER PRIMARY KEY,
        root_id INTEGER NOT NULL REFERENCES roots ON DELETE CASCADE,
        path TEXT NOT NULL,
        size INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL,
        image_id INTEGER REFERENCES images,
        problem TEXT,
        problem_kind TEXT,
        megapixels REAL,
        UNIQUE (root_id, path),
        CHECK ((image_id IS NULL) != (problem IS NULL)))""",
    "CREATE INDEX files_image ON files (image_id)",
    "CREATE INDEX files_problem ON files (id) WHERE problem IS NOT NULL",
    """CREATE TABLE models (
        id INTEGER PRIMARY KEY,
        fingerprint TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL,
        dim INTEGER NOT NULL,
        licence TEXT NOT NULL,
        preprocessing TEXT NOT NULL)""",
    # Ids only grow; the vector store uses the same ids. `view` is the part of the image that
    # was embedded; "whole" is the picture itself, "text" its texts.
    """CREATE TABLE vectors (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        image_id INTEGER NOT NULL REFERENCES images ON DELETE CASCADE,
        model_id INTEGER NOT NULL REFERENCES models,
        view TEXT NOT NULL,
        embedding BLOB NOT NULL,
        UNIQUE (image_id, model_id, view))""",
    "CREATE INDEX vectors_of_texts ON vectors (model_id, id) WHERE view = 'text'",
    # The texts of an image, one row per source: "caption", "sidecar", "xmp", "embedded",
    # "name", "ocr". Never empty; each line is one text of the source.
    """CREATE TABLE texts (
        image_id INTEGER NOT NULL REFERENCES images ON DELETE CASCADE,
        source TEXT NOT NULL,
        text TEXT NOT NULL CHECK (text != ''),
        PRIMARY KEY (image_id, source)) WITHOUT ROWID""",
    # One row per image: the tokens of all its texts (`retrieval.query.tokens`).
    """CREATE VIRTUAL TABLE words USING fts5(
        text, tokenize = "porter unicode61 remove_diacritics 2 categories 'L* N* Co M*'")
    """,
    """CREATE TRIGGER words_gone AFTER DELETE ON images
    BEGIN
        DELETE FROM words WHERE rowid = old.id;
    END""",
    # Sidecars: files that describe a picture; `beside` is the path without .txt or .xmp.
    """CREATE TABLE sidecars (
        root_id INTEGER NOT NULL REFERENCES roots ON DELETE CASCADE,
        path TEXT NOT NULL,
        beside TEXT NOT NULL,
        size INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL,
        source TEXT NOT NULL,
        text TEXT NOT NULL,
        PRIMARY KEY (root_id, path)) WITHOUT ROWID""",
    "CREATE INDEX sidecars_beside ON sidecars (root_id, beside)",
    # Images whose files or sidecars have changed since their texts were collected.
    "CREATE TABLE retell (image_id INTEGER PRIMARY KEY)",
    # Images after text recognition (OCR), with or without a result.
    """CREATE TABLE ocr_done (
        image_id INTEGER PRIMARY KEY REFERENCES images ON DELETE CASCADE)""",
    # Luma thumbnails, for finding near duplicates: see `retrieval.images.luma_thumbnail`.
    """CREATE TABLE sketches (
        image_id INTEGER PRIMARY KEY REFERENCES images ON DELETE CASCADE,
        sketch BLOB NOT NULL)""",
    # Groups of which the user keeps all files, and how many files each image had.
    """CREATE TABLE kept (
        set_id INTEGER NOT NULL,
        image_id INTEGER NOT NULL REFERENCES images ON DELETE CASCADE,
        files INTEGER NOT NULL,
        PRIMARY KEY (set_id, image_id)) WITHOUT ROWID""",
    "CREATE INDEX kept_image ON kept (image_id)",
    # Score baselines: the best scores of queries without a match, and the number of pictures
    # at the time of measurement. See `retrieval.scoring.confidence`.
    """CREATE TABLE nulls (
        model_id INTEGER PRIMARY KEY REFERENCES models ON DELETE CASCADE,
        pictures INTEGER NOT NULL,
        text_middle REAL NOT NULL,
        text_spread REAL NOT NULL,
        picture_middle REAL NOT NULL,
        picture_spread REAL NOT NULL)""",
    # Tags that a model (`source` "label") or a learned concept ("concept") assigned; `score`
    # is 0 to 1.
    """CREATE TABLE tags (
        image_id INTEGER NOT NULL REFERENCES images ON DELETE CASCADE,
        label TEXT NOT NULL,
        score REAL NOT NULL,
        source TEXT NOT NULL,
        model_id INTEGER NOT NULL REFERENCES models ON DELETE CASCADE,
        PRIMARY KEY (image_id, label, source)) WITHOUT ROWID""",
    "CREATE INDEX tags_label ON tags (label, image_id)",
    # The labels of the library, in the order of the labels file.
    "CREATE TABLE labels (position INTEGER PRIMARY KEY, label TEXT NOT NULL UNIQUE)",
    # Concepts that a user taught. An example is an image of the library or a file; `wanted`
    # is 1 for a positive example and 0 for a negative one.
    """CREATE TABLE concepts (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE)""",
    """CREATE TABLE concept_examples (
        concept_id INTEGER NOT NULL REFERENCES concepts ON DELETE CASCADE,
        example TEXT NOT NULL,
        wanted INTEGER NOT NULL,
        PRIMARY KEY (concept_id, example)) WITHOUT ROWID""",
    # A concept's linear head for a model: a unit vector (little-endian float32). A picture shows
    # the concept with probability 1 / (1 + exp(-(steepness * cosine + offset))).
    """CREATE TABLE concept_heads (
        concept_id INTEGER NOT NULL REFERENCES concepts ON DELETE CASCADE,
        model_id INTEGER NOT NULL REFERENCES models ON DELETE CASCADE,
        direction BLOB NOT NULL,
        steepness REAL NOT NULL,
        offset REAL NOT NULL,
        auc REAL,
        accuracy REAL,
        PRIMARY KEY (concept_id, model_id)) WITHOUT ROWID""",
    # Vector ids that left the results; an older cache file masks them.
    """CREATE TABLE removed (
        vector_id INTEGER PRIMARY KEY,
        model_id INTEGER NOT NULL,
        view TEXT NOT NULL,
        generation INTEGER NOT NULL)""",
    "CREATE INDEX removed_since ON removed (model_id, view, generation)",
    # A random stamp for each generation. It reveals a cache from a generation that this
    # catalogue never had, because it was restored from a backup or lost its last commits.
    "CREATE TABLE stamps (generation INTEGER PRIMARY KEY, stamp TEXT NOT NULL)",
    "CREATE TABLE state (key TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID",
    _ORPHAN_WHEN.format(name="files_deleted", event="DELETE"),
    _ORPHAN_WHEN.format(name="files_changed", event="UPDATE OF image_id"),
    _REFRESH_TEXTS_WHEN.format(name="file_came", event="INSERT ON files", row="new"),
    _REFRESH_TEXTS_WHEN.format(name="file_went", event="DELETE ON files", row="old"),
    _REFRESH_TEXTS_WHEN.format(name="file_lost", event="UPDATE OF image_id ON files", row="old"),
    _REFRESH_TEXTS_WHEN.format(name="file_got", event="UPDATE OF image_id ON files", row="new"),
    _REFRESH_TEXTS_BESIDE_WHEN.format(name="sidecar_came", event="INSERT", row="new"),
    _REFRESH_TEXTS_BESIDE_WHEN.format(name="sidecar_went", event="DELETE", row="old"),
    """CREATE TRIGGER images_orphaned AFTER UPDATE OF orphaned_at ON images
    WHEN new.orphaned_at IS NOT NULL AND old.orphaned_at IS NULL
    BEGIN
        UPDATE state SET value = value + 1 WHERE key = 'generation';
        INSERT OR REPLACE INTO removed
            SELECT v.id, v.model_id, v.view,
                (SELECT value FROM state WHERE key = 'generation')
            FROM vectors v WHERE v.image_id = new.id;
    END""",
    """CREATE TRIGGER generation_stamped AFTER UPDATE OF value ON state
    WHEN new.key = 'generation'
    BEGIN
        INSERT INTO stamps VALUES (new.value, lower(hex(randomblob(8))));
    END""",
    "INSERT INTO state VALUES ('generation', 0)",
    "INSERT INTO stamps VALUES (0, lower(hex(randomblob(8))))",
)
"""The statements of the first migration."""
