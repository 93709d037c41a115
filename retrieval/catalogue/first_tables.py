"""The tables of the first version of the catalogue; `schema` has what came after."""

from __future__ import annotations

# However the last file of an image goes (deleted, rewritten, its root forgotten), the image
# leaves the results in the same transaction.
_ORPHAN_WHEN = """CREATE TRIGGER {name} AFTER {event} ON files WHEN old.image_id IS NOT NULL
    BEGIN
        UPDATE images SET orphaned_at = CAST(strftime('%s', 'now') AS INTEGER)
        WHERE id = old.image_id
            AND NOT EXISTS (SELECT 1 FROM files WHERE image_id = old.image_id);
    END"""

# The names of an image's files are among its texts. (`OR IGNORE` would not do: the conflict clause
# of the statement that fires a trigger goes before the trigger's own.)
_RETELL = """CREATE TRIGGER {name} AFTER {event}
    WHEN {row}.image_id IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM retell WHERE image_id = {row}.image_id)
    BEGIN
        INSERT INTO retell VALUES ({row}.image_id);
    END"""

# "a.txt" and "a.jpg.txt" describe a.jpg.
_RETELL_BESIDE = """CREATE TRIGGER {name} AFTER {event} ON sidecars
    BEGIN
        INSERT INTO retell SELECT DISTINCT f.image_id FROM files f
        WHERE f.root_id = {row}.root_id AND f.image_id IS NOT NULL
            AND f.path >= {row}.beside AND f.path < {row}.beside || '/'
            AND (f.path = {row}.beside OR f.path > {row}.beside || '.')
            AND NOT EXISTS (SELECT 1 FROM retell r WHERE r.image_id = f.image_id);
    END"""

FIRST_TABLES = (
    # A root is a folder that is indexed as a whole, or (whole = 0) one of which only
    # single files were named. `missing` is 1 while it is not there: an unplugged drive.
    """CREATE TABLE roots (
        id INTEGER PRIMARY KEY,
        path TEXT NOT NULL UNIQUE,
        whole INTEGER NOT NULL,
        missing INTEGER NOT NULL DEFAULT 0)""",
    # `source` is "user" for --exclude, "remove" for what `pixtrieve remove` took out.
    """CREATE TABLE excludes (
        root_id INTEGER NOT NULL REFERENCES roots ON DELETE CASCADE,
        pattern TEXT NOT NULL,
        source TEXT NOT NULL,
        PRIMARY KEY (root_id, pattern)) WITHOUT ROWID""",
    # Where another file system begins below a root: empty next time means unplugged.
    """CREATE TABLE mounts (
        root_id INTEGER NOT NULL REFERENCES roots ON DELETE CASCADE,
        path TEXT NOT NULL,
        PRIMARY KEY (root_id, path)) WITHOUT ROWID""",
    # One row a content. `orphaned_at` (seconds since 1970) is set while no file has it:
    # it is out of the results then, but keeps its vectors for a while.
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
    # Either image_id or problem is set. `megapixels` is the size that was refused, if
    # that was the problem.
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
    # Ids only grow and are the vector store's ids. `view` is which vector of the image
    # this is; "whole" is the picture itself.
    """CREATE TABLE vectors (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        image_id INTEGER NOT NULL REFERENCES images ON DELETE CASCADE,
        model_id INTEGER NOT NULL REFERENCES models,
        view TEXT NOT NULL,
        embedding BLOB NOT NULL,
        UNIQUE (image_id, model_id, view))""",
    "CREATE INDEX vectors_of_texts ON vectors (model_id, id) WHERE view = 'text'",
    # What comes with a picture in words, one row a source: "caption", "sidecar", "xmp",
    # "embedded", "name", "ocr". Never empty; several texts of a source are lines.
    """CREATE TABLE texts (
        image_id INTEGER NOT NULL REFERENCES images ON DELETE CASCADE,
        source TEXT NOT NULL,
        text TEXT NOT NULL CHECK (text != ''),
        PRIMARY KEY (image_id, source)) WITHOUT ROWID""",
    # One row an image, all its texts as `retrieval.query.tokens` cuts them.
    """CREATE VIRTUAL TABLE words USING fts5(
        text, tokenize = "porter unicode61 remove_diacritics 2 categories 'L* N* Co M*'")
    """,
    """CREATE TRIGGER words_gone AFTER DELETE ON images
    BEGIN
        DELETE FROM words WHERE rowid = old.id;
    END""",
    # Files beside pictures that describe them; `beside` is the path without .txt or .xmp.
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
    # Images whose files or sidecars changed since their texts were put together.
    "CREATE TABLE retell (image_id INTEGER PRIMARY KEY)",
    # Images whose pixels have been read for words, with or without finding any.
    """CREATE TABLE ocr_done (
        image_id INTEGER PRIMARY KEY REFERENCES images ON DELETE CASCADE)""",
    # What near duplicates are found by: see `retrieval.images.luma_thumbnail`.
    """CREATE TABLE sketches (
        image_id INTEGER PRIMARY KEY REFERENCES images ON DELETE CASCADE,
        sketch BLOB NOT NULL)""",
    # Groups of duplicates whose files are all to be kept, and how many files each image
    # had then.
    """CREATE TABLE kept (
        set_id INTEGER NOT NULL,
        image_id INTEGER NOT NULL REFERENCES images ON DELETE CASCADE,
        files INTEGER NOT NULL,
        PRIMARY KEY (set_id, image_id)) WITHOUT ROWID""",
    "CREATE INDEX kept_image ON kept (image_id)",
    # What questions that nothing matches score at best, measured when the library had so
    # many pictures: see `retrieval.scoring.confidence`.
    """CREATE TABLE nulls (
        model_id INTEGER PRIMARY KEY REFERENCES models ON DELETE CASCADE,
        pictures INTEGER NOT NULL,
        text_middle REAL NOT NULL,
        text_spread REAL NOT NULL,
        picture_middle REAL NOT NULL,
        picture_spread REAL NOT NULL)""",
    # What a picture shows, as a model (`source` is "label") or a learned concept
    # ("concept") said; `score` is 0 to 1.
    """CREATE TABLE tags (
        image_id INTEGER NOT NULL REFERENCES images ON DELETE CASCADE,
        label TEXT NOT NULL,
        score REAL NOT NULL,
        source TEXT NOT NULL,
        model_id INTEGER NOT NULL REFERENCES models ON DELETE CASCADE,
        PRIMARY KEY (image_id, label, source)) WITHOUT ROWID""",
    "CREATE INDEX tags_label ON tags (label, image_id)",
    # What the pictures are labelled with, in the order of the file they came from.
    "CREATE TABLE labels (position INTEGER PRIMARY KEY, label TEXT NOT NULL UNIQUE)",
    # What a person taught by examples. An example is an image of the library, or a file;
    # `wanted` is 0 for what the concept is not.
    """CREATE TABLE concepts (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE)""",
    """CREATE TABLE concept_examples (
        concept_id INTEGER NOT NULL REFERENCES concepts ON DELETE CASCADE,
        example TEXT NOT NULL,
        wanted INTEGER NOT NULL,
        PRIMARY KEY (concept_id, example)) WITHOUT ROWID""",
    # A concept under a model: a unit vector (little-endian float32), with which a picture
    # shows the concept with 1 / (1 + exp(-(steepness * cosine + offset))).
    """CREATE TABLE concept_heads (
        concept_id INTEGER NOT NULL REFERENCES concepts ON DELETE CASCADE,
        model_id INTEGER NOT NULL REFERENCES models ON DELETE CASCADE,
        direction BLOB NOT NULL,
        steepness REAL NOT NULL,
        offset REAL NOT NULL,
        auc REAL,
        accuracy REAL,
        PRIMARY KEY (concept_id, model_id)) WITHOUT ROWID""",
    # Ids that left the results, so that an older cache file can mask them.
    """CREATE TABLE removed (
        vector_id INTEGER PRIMARY KEY,
        model_id INTEGER NOT NULL,
        view TEXT NOT NULL,
        generation INTEGER NOT NULL)""",
    "CREATE INDEX removed_since ON removed (model_id, view, generation)",
    # A random stamp for each generation: a cache made at a generation that this catalogue
    # never had (it was restored from a backup, or lost its last commits) shows.
    "CREATE TABLE stamps (generation INTEGER PRIMARY KEY, stamp TEXT NOT NULL)",
    "CREATE TABLE state (key TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID",
    _ORPHAN_WHEN.format(name="files_deleted", event="DELETE"),
    _ORPHAN_WHEN.format(name="files_changed", event="UPDATE OF image_id"),
    _RETELL.format(name="file_came", event="INSERT ON files", row="new"),
    _RETELL.format(name="file_went", event="DELETE ON files", row="old"),
    _RETELL.format(name="file_lost", event="UPDATE OF image_id ON files", row="old"),
    _RETELL.format(name="file_got", event="UPDATE OF image_id ON files", row="new"),
    _RETELL_BESIDE.format(name="sidecar_came", event="INSERT", row="new"),
    _RETELL_BESIDE.format(name="sidecar_went", event="DELETE", row="old"),
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
