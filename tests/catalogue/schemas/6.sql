PRAGMA application_id = 1346984020;
PRAGMA user_version = 6;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
CREATE TABLE roots (
        id INTEGER PRIMARY KEY,
        path TEXT NOT NULL UNIQUE,
        whole INTEGER NOT NULL,
        missing INTEGER NOT NULL DEFAULT 0);
CREATE TABLE excludes (
        root_id INTEGER NOT NULL REFERENCES roots ON DELETE CASCADE,
        pattern TEXT NOT NULL,
        source TEXT NOT NULL,
        PRIMARY KEY (root_id, pattern)) WITHOUT ROWID;
CREATE TABLE mounts (
        root_id INTEGER NOT NULL REFERENCES roots ON DELETE CASCADE,
        path TEXT NOT NULL,
        PRIMARY KEY (root_id, path)) WITHOUT ROWID;
CREATE TABLE images (
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
        orphaned_at REAL, date TEXT NOT NULL DEFAULT '', date_source TEXT NOT NULL DEFAULT '', iso INTEGER, aperture REAL, exposure REAL, focal_length REAL, told INTEGER NOT NULL DEFAULT 0,
        CHECK ((latitude IS NULL) = (longitude IS NULL)));
CREATE TABLE files (
        id INTEGER PRIMARY KEY,
        root_id INTEGER NOT NULL REFERENCES roots ON DELETE CASCADE,
        path TEXT NOT NULL,
        size INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL,
        image_id INTEGER REFERENCES images,
        problem TEXT,
        problem_kind TEXT,
        megapixels REAL, named TEXT NOT NULL DEFAULT '',
        UNIQUE (root_id, path),
        CHECK ((image_id IS NULL) != (problem IS NULL)));
CREATE TABLE models (
        id INTEGER PRIMARY KEY,
        fingerprint TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL,
        dim INTEGER NOT NULL,
        licence TEXT NOT NULL,
        preprocessing TEXT NOT NULL);
CREATE TABLE vectors (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        image_id INTEGER NOT NULL REFERENCES images ON DELETE CASCADE,
        model_id INTEGER NOT NULL REFERENCES models,
        view TEXT NOT NULL,
        embedding BLOB NOT NULL,
        UNIQUE (image_id, model_id, view));
CREATE TABLE texts (
        image_id INTEGER NOT NULL REFERENCES images ON DELETE CASCADE,
        source TEXT NOT NULL,
        text TEXT NOT NULL CHECK (text != ''),
        PRIMARY KEY (image_id, source)) WITHOUT ROWID;
CREATE VIRTUAL TABLE words USING fts5(
        text, tokenize = "porter unicode61 remove_diacritics 2 categories 'L* N* Co M*'");
CREATE TABLE sidecars (
        root_id INTEGER NOT NULL REFERENCES roots ON DELETE CASCADE,
        path TEXT NOT NULL,
        beside TEXT NOT NULL,
        size INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL,
        source TEXT NOT NULL,
        text TEXT NOT NULL, taken TEXT NOT NULL DEFAULT '', latitude REAL, longitude REAL,
        PRIMARY KEY (root_id, path)) WITHOUT ROWID;
CREATE TABLE retell (image_id INTEGER PRIMARY KEY);
CREATE TABLE ocr_done (
        image_id INTEGER PRIMARY KEY REFERENCES images ON DELETE CASCADE);
CREATE TABLE sketches (
        image_id INTEGER PRIMARY KEY REFERENCES images ON DELETE CASCADE,
        sketch BLOB NOT NULL);
CREATE TABLE kept (
        set_id INTEGER NOT NULL,
        image_id INTEGER NOT NULL REFERENCES images ON DELETE CASCADE,
        files INTEGER NOT NULL,
        PRIMARY KEY (set_id, image_id)) WITHOUT ROWID;
CREATE TABLE nulls (
        model_id INTEGER PRIMARY KEY REFERENCES models ON DELETE CASCADE,
        pictures INTEGER NOT NULL,
        text_middle REAL NOT NULL,
        text_spread REAL NOT NULL,
        picture_middle REAL NOT NULL,
        picture_spread REAL NOT NULL);
CREATE TABLE tags (
        image_id INTEGER NOT NULL REFERENCES images ON DELETE CASCADE,
        label TEXT NOT NULL,
        score REAL NOT NULL,
        source TEXT NOT NULL,
        model_id INTEGER NOT NULL REFERENCES models ON DELETE CASCADE,
        PRIMARY KEY (image_id, label, source)) WITHOUT ROWID;
CREATE TABLE labels (position INTEGER PRIMARY KEY, label TEXT NOT NULL UNIQUE);
CREATE TABLE concepts (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE);
CREATE TABLE concept_examples (
        concept_id INTEGER NOT NULL REFERENCES concepts ON DELETE CASCADE,
        example TEXT NOT NULL,
        wanted INTEGER NOT NULL,
        PRIMARY KEY (concept_id, example)) WITHOUT ROWID;
CREATE TABLE concept_heads (
        concept_id INTEGER NOT NULL REFERENCES concepts ON DELETE CASCADE,
        model_id INTEGER NOT NULL REFERENCES models ON DELETE CASCADE,
        direction BLOB NOT NULL,
        steepness REAL NOT NULL,
        offset REAL NOT NULL,
        auc REAL,
        accuracy REAL,
        PRIMARY KEY (concept_id, model_id)) WITHOUT ROWID;
CREATE TABLE removed (
        vector_id INTEGER PRIMARY KEY,
        model_id INTEGER NOT NULL,
        view TEXT NOT NULL,
        generation INTEGER NOT NULL);
CREATE TABLE stamps (generation INTEGER PRIMARY KEY, stamp TEXT NOT NULL);
CREATE TABLE state (key TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
CREATE TABLE looked_into (
                root_id INTEGER NOT NULL REFERENCES roots ON DELETE CASCADE,
                mark INTEGER NOT NULL,
                PRIMARY KEY (root_id, mark)) WITHOUT ROWID;
INSERT INTO _sqlite_migrations (id, migration_set, name, applied_at) VALUES (1, 'pixtrieve', 'm001_first_tables', '2026-11-30 10:21:21.623997+00:00');
INSERT INTO _sqlite_migrations (id, migration_set, name, applied_at) VALUES (2, 'pixtrieve', 'm002_dates', '2026-11-30 10:21:21.627639+00:00');
INSERT INTO _sqlite_migrations (id, migration_set, name, applied_at) VALUES (3, 'pixtrieve', 'm003_exposure', '2026-11-30 10:21:21.638307+00:00');
INSERT INTO _sqlite_migrations (id, migration_set, name, applied_at) VALUES (4, 'pixtrieve', 'm004_dates_of_many_copies', '2026-11-30 10:21:21.639236+00:00');
INSERT INTO _sqlite_migrations (id, migration_set, name, applied_at) VALUES (5, 'pixtrieve', 'm005_looked_into', '2026-11-30 10:21:21.639608+00:00');
INSERT INTO _sqlite_migrations (id, migration_set, name, applied_at) VALUES (6, 'pixtrieve', 'm006_facts_of_sidecars', '2026-11-30 10:21:21.645805+00:00');
INSERT INTO roots (id, path, whole, missing) VALUES (1, '/photos', 1, 0);
INSERT INTO roots (id, path, whole, missing) VALUES (2, '/drive', 0, 1);
INSERT INTO excludes (root_id, pattern, source) VALUES (1, '*.gif', 'user');
INSERT INTO images (id, sha256, format, width, height, taken, camera, lens, latitude, longitude, orphaned_at, date, date_source, iso, aperture, exposure, focal_length, told) VALUES (1, X'0101010101010101010101010101010101010101010101010101010101010101', 'PNG', 24, 16, '2020-02-03T10:00:00', 'Canon', '', NULL, NULL, NULL, '2020-02-03T10:00:00', 'exif', NULL, NULL, NULL, NULL, 0);
INSERT INTO images (id, sha256, format, width, height, taken, camera, lens, latitude, longitude, orphaned_at, date, date_source, iso, aperture, exposure, focal_length, told) VALUES (2, X'0202020202020202020202020202020202020202020202020202020202020202', 'JPEG', 30, 40, '', '', '', 48.85, 2.35, NULL, '2019-05-06', 'name', NULL, NULL, NULL, NULL, 0);
INSERT INTO files (id, root_id, path, size, mtime_ns, image_id, problem, problem_kind, megapixels, named) VALUES (1, 1, 'trips/red.png', 10, 1600000000000000000, 1, NULL, NULL, NULL, '');
INSERT INTO files (id, root_id, path, size, mtime_ns, image_id, problem, problem_kind, megapixels, named) VALUES (2, 1, '2019-05-06 blue.jpg', 20, 1600000000000000000, 2, NULL, NULL, NULL, '2019-05-06');
INSERT INTO files (id, root_id, path, size, mtime_ns, image_id, problem, problem_kind, megapixels, named) VALUES (3, 1, 'bad.png', 3, 1600000000000000000, NULL, 'damaged', 'bad', NULL, '');
INSERT INTO models (id, fingerprint, name, dim, licence, preprocessing) VALUES (1, 'fake-1', 'fake', 4, 'MIT', '{"size": [8, 8], "resize_mode": "squash", "interpolation": "bicubic",
      "mean": [0.0, 0.0, 0.0], "std": [1.0, 1.0, 1.0]}');
INSERT INTO vectors (id, image_id, model_id, view, embedding) VALUES (1, 1, 1, 'whole', X'003C00000000662A');
INSERT INTO vectors (id, image_id, model_id, view, embedding) VALUES (2, 2, 1, 'whole', X'00000000003C662A');
INSERT INTO texts (image_id, source, text) VALUES (1, 'caption', 'grandmother on a bicycle');
INSERT INTO words (rowid, text) VALUES (1, 'grandmother on a bicycle');
INSERT INTO sidecars (root_id, path, beside, size, mtime_ns, source, text, taken, latitude, longitude) VALUES (1, 'trips/red.xmp', 'trips/red', 9, -1, 'xmp', 'old keyword', '', NULL, NULL);
INSERT INTO retell (image_id) VALUES (1);
INSERT INTO retell (image_id) VALUES (2);
INSERT INTO kept (set_id, image_id, files) VALUES (1, 1, 2);
INSERT INTO tags (image_id, label, score, source, model_id) VALUES (1, 'bicycle', 0.9, 'label', 1);
INSERT INTO labels (position, label) VALUES (0, 'bicycle');
INSERT INTO concepts (id, name) VALUES (1, 'warm');
INSERT INTO concept_examples (concept_id, example, wanted) VALUES (1, '#1', 1);
INSERT INTO stamps (generation, stamp) VALUES (0, 'e54fd7c1ca9d5eb7');
INSERT INTO state (key, value) VALUES ('generation', 0);
INSERT INTO state (key, value) VALUES ('model_id', 1);
INSERT INTO state (key, value) VALUES ('program', '0.1.0');
CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
    ON "_sqlite_migrations" ("migration_set", "name");
CREATE INDEX images_orphaned ON images (orphaned_at) WHERE orphaned_at IS NOT NULL;
CREATE INDEX files_problem ON files (id) WHERE problem IS NOT NULL;
CREATE INDEX vectors_of_texts ON vectors (model_id, id) WHERE view = 'text';
CREATE INDEX sidecars_beside ON sidecars (root_id, beside);
CREATE INDEX kept_image ON kept (image_id);
CREATE INDEX tags_label ON tags (label, image_id);
CREATE INDEX removed_since ON removed (model_id, view, generation);
CREATE INDEX files_image ON files (image_id, mtime_ns);
CREATE INDEX files_named ON files (image_id, named) WHERE named != '';
CREATE TRIGGER words_gone AFTER DELETE ON images
    BEGIN
        DELETE FROM words WHERE rowid = old.id;
    END;
CREATE TRIGGER files_deleted AFTER DELETE ON files WHEN old.image_id IS NOT NULL
    BEGIN
        UPDATE images SET orphaned_at = CAST(strftime('%s', 'now') AS INTEGER)
        WHERE id = old.image_id
            AND NOT EXISTS (SELECT 1 FROM files WHERE image_id = old.image_id);
    END;
CREATE TRIGGER files_changed AFTER UPDATE OF image_id ON files WHEN old.image_id IS NOT NULL
    BEGIN
        UPDATE images SET orphaned_at = CAST(strftime('%s', 'now') AS INTEGER)
        WHERE id = old.image_id
            AND NOT EXISTS (SELECT 1 FROM files WHERE image_id = old.image_id);
    END;
CREATE TRIGGER file_came AFTER INSERT ON files
    WHEN new.image_id IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM retell WHERE image_id = new.image_id)
    BEGIN
        INSERT INTO retell VALUES (new.image_id);
    END;
CREATE TRIGGER file_went AFTER DELETE ON files
    WHEN old.image_id IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM retell WHERE image_id = old.image_id)
    BEGIN
        INSERT INTO retell VALUES (old.image_id);
    END;
CREATE TRIGGER file_lost AFTER UPDATE OF image_id ON files
    WHEN old.image_id IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM retell WHERE image_id = old.image_id)
    BEGIN
        INSERT INTO retell VALUES (old.image_id);
    END;
CREATE TRIGGER file_got AFTER UPDATE OF image_id ON files
    WHEN new.image_id IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM retell WHERE image_id = new.image_id)
    BEGIN
        INSERT INTO retell VALUES (new.image_id);
    END;
CREATE TRIGGER sidecar_came AFTER INSERT ON sidecars
    BEGIN
        INSERT INTO retell SELECT DISTINCT f.image_id FROM files f
        WHERE f.root_id = new.root_id AND f.image_id IS NOT NULL
            AND f.path >= new.beside AND f.path < new.beside || '/'
            AND (f.path = new.beside OR f.path > new.beside || '.')
            AND NOT EXISTS (SELECT 1 FROM retell r WHERE r.image_id = f.image_id);
    END;
CREATE TRIGGER sidecar_went AFTER DELETE ON sidecars
    BEGIN
        INSERT INTO retell SELECT DISTINCT f.image_id FROM files f
        WHERE f.root_id = old.root_id AND f.image_id IS NOT NULL
            AND f.path >= old.beside AND f.path < old.beside || '/'
            AND (f.path = old.beside OR f.path > old.beside || '.')
            AND NOT EXISTS (SELECT 1 FROM retell r WHERE r.image_id = f.image_id);
    END;
CREATE TRIGGER images_orphaned AFTER UPDATE OF orphaned_at ON images
    WHEN new.orphaned_at IS NOT NULL AND old.orphaned_at IS NULL
    BEGIN
        UPDATE state SET value = value + 1 WHERE key = 'generation';
        INSERT OR REPLACE INTO removed
            SELECT v.id, v.model_id, v.view,
                (SELECT value FROM state WHERE key = 'generation')
            FROM vectors v WHERE v.image_id = new.id;
    END;
CREATE TRIGGER generation_stamped AFTER UPDATE OF value ON state
    WHEN new.key = 'generation'
    BEGIN
        INSERT INTO stamps VALUES (new.value, lower(hex(randomblob(8))));
    END;
CREATE TRIGGER date_file_came AFTER INSERT ON files WHEN new.image_id IS NOT NULL BEGIN 
    UPDATE images SET (date, date_source) = (
        SELECT CASE
            WHEN images.taken != '' THEN images.taken
            ELSE coalesce((SELECT named FROM files WHERE image_id = images.id AND named != '' ORDER BY named LIMIT 1),
                (SELECT strftime('%Y-%m-%dT%H:%M:%S', mtime_ns / 1000000000, 'unixepoch',
                    'localtime')
                FROM files WHERE image_id = images.id ORDER BY mtime_ns LIMIT 1))
        END,
        CASE
            WHEN images.taken != '' THEN 'exif' WHEN (SELECT named FROM files WHERE image_id = images.id AND named != '' ORDER BY named LIMIT 1) != '' THEN 'name' ELSE 'file'
        END)
    WHERE EXISTS (SELECT 1 FROM files WHERE image_id = images.id) AND date_source != 'exif' AND id = new.image_id; END;
CREATE TRIGGER date_file_went AFTER DELETE ON files WHEN old.image_id IS NOT NULL BEGIN 
    UPDATE images SET (date, date_source) = (
        SELECT CASE
            WHEN images.taken != '' THEN images.taken
            ELSE coalesce((SELECT named FROM files WHERE image_id = images.id AND named != '' ORDER BY named LIMIT 1),
                (SELECT strftime('%Y-%m-%dT%H:%M:%S', mtime_ns / 1000000000, 'unixepoch',
                    'localtime')
                FROM files WHERE image_id = images.id ORDER BY mtime_ns LIMIT 1))
        END,
        CASE
            WHEN images.taken != '' THEN 'exif' WHEN (SELECT named FROM files WHERE image_id = images.id AND named != '' ORDER BY named LIMIT 1) != '' THEN 'name' ELSE 'file'
        END)
    WHERE EXISTS (SELECT 1 FROM files WHERE image_id = images.id) AND date_source != 'exif' AND id = old.image_id; END;
CREATE TRIGGER date_file_lost AFTER UPDATE ON files WHEN old.image_id IS NOT new.image_id BEGIN 
    UPDATE images SET (date, date_source) = (
        SELECT CASE
            WHEN images.taken != '' THEN images.taken
            ELSE coalesce((SELECT named FROM files WHERE image_id = images.id AND named != '' ORDER BY named LIMIT 1),
                (SELECT strftime('%Y-%m-%dT%H:%M:%S', mtime_ns / 1000000000, 'unixepoch',
                    'localtime')
                FROM files WHERE image_id = images.id ORDER BY mtime_ns LIMIT 1))
        END,
        CASE
            WHEN images.taken != '' THEN 'exif' WHEN (SELECT named FROM files WHERE image_id = images.id AND named != '' ORDER BY named LIMIT 1) != '' THEN 'name' ELSE 'file'
        END)
    WHERE EXISTS (SELECT 1 FROM files WHERE image_id = images.id) AND date_source != 'exif' AND id = old.image_id; END;
CREATE TRIGGER date_file_changed AFTER UPDATE ON files WHEN new.image_id IS NOT NULL BEGIN 
    UPDATE images SET (date, date_source) = (
        SELECT CASE
            WHEN images.taken != '' THEN images.taken
            ELSE coalesce((SELECT named FROM files WHERE image_id = images.id AND named != '' ORDER BY named LIMIT 1),
                (SELECT strftime('%Y-%m-%dT%H:%M:%S', mtime_ns / 1000000000, 'unixepoch',
                    'localtime')
                FROM files WHERE image_id = images.id ORDER BY mtime_ns LIMIT 1))
        END,
        CASE
            WHEN images.taken != '' THEN 'exif' WHEN (SELECT named FROM files WHERE image_id = images.id AND named != '' ORDER BY named LIMIT 1) != '' THEN 'name' ELSE 'file'
        END)
    WHERE EXISTS (SELECT 1 FROM files WHERE image_id = images.id) AND date_source != 'exif' AND id = new.image_id; END;
