PRAGMA application_id = 1346984020;
PRAGMA user_version = 10;
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
        missing INTEGER NOT NULL DEFAULT 0, crc INTEGER);
CREATE TABLE excludes (
        root_id INTEGER NOT NULL REFERENCES roots ON DELETE CASCADE,
        pattern TEXT NOT NULL,
        source TEXT NOT NULL, crc INTEGER,
        PRIMARY KEY (root_id, pattern)) WITHOUT ROWID;
CREATE TABLE mounts (
        root_id INTEGER NOT NULL REFERENCES roots ON DELETE CASCADE,
        path TEXT NOT NULL, crc INTEGER,
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
        orphaned_at REAL, date TEXT NOT NULL DEFAULT '', date_source TEXT NOT NULL DEFAULT '', iso INTEGER, aperture REAL, exposure REAL, focal_length REAL, crc INTEGER, location TEXT NOT NULL DEFAULT '', city TEXT NOT NULL DEFAULT '', region TEXT NOT NULL DEFAULT '', country TEXT NOT NULL DEFAULT '', people TEXT NOT NULL DEFAULT '', keywords TEXT NOT NULL DEFAULT '', colour_label TEXT NOT NULL DEFAULT '', rating INTEGER, own TEXT NOT NULL DEFAULT '', near_city TEXT, near_region TEXT, near_country TEXT, duration REAL,
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
        megapixels REAL, named TEXT NOT NULL DEFAULT '', crc INTEGER,
        UNIQUE (root_id, path),
        CHECK ((image_id IS NULL) != (problem IS NULL)));
CREATE TABLE models (
        id INTEGER PRIMARY KEY,
        fingerprint TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL,
        dim INTEGER NOT NULL,
        licence TEXT NOT NULL,
        preprocessing TEXT NOT NULL, crc INTEGER);
CREATE TABLE vectors (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        image_id INTEGER NOT NULL REFERENCES images ON DELETE CASCADE,
        model_id INTEGER NOT NULL REFERENCES models,
        view TEXT NOT NULL,
        embedding BLOB NOT NULL, crc INTEGER,
        UNIQUE (image_id, model_id, view));
CREATE TABLE texts (
        image_id INTEGER NOT NULL REFERENCES images ON DELETE CASCADE,
        source TEXT NOT NULL,
        text TEXT NOT NULL CHECK (text != ''), crc INTEGER,
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
        text TEXT NOT NULL, taken TEXT NOT NULL DEFAULT '', latitude REAL, longitude REAL, crc INTEGER, location TEXT NOT NULL DEFAULT '', city TEXT NOT NULL DEFAULT '', region TEXT NOT NULL DEFAULT '', country TEXT NOT NULL DEFAULT '', people TEXT NOT NULL DEFAULT '', keywords TEXT NOT NULL DEFAULT '', colour_label TEXT NOT NULL DEFAULT '', rating INTEGER,
        PRIMARY KEY (root_id, path)) WITHOUT ROWID;
CREATE TABLE retell (image_id INTEGER PRIMARY KEY);
CREATE TABLE ocr_done (
        image_id INTEGER PRIMARY KEY REFERENCES images ON DELETE CASCADE);
CREATE TABLE sketches (
        image_id INTEGER PRIMARY KEY REFERENCES images ON DELETE CASCADE,
        sketch BLOB NOT NULL, crc INTEGER);
CREATE TABLE kept (
        set_id INTEGER NOT NULL,
        image_id INTEGER NOT NULL REFERENCES images ON DELETE CASCADE,
        files INTEGER NOT NULL, crc INTEGER,
        PRIMARY KEY (set_id, image_id)) WITHOUT ROWID;
CREATE TABLE nulls (
        model_id INTEGER PRIMARY KEY REFERENCES models ON DELETE CASCADE,
        pictures INTEGER NOT NULL,
        text_middle REAL NOT NULL,
        text_spread REAL NOT NULL,
        picture_middle REAL NOT NULL,
        picture_spread REAL NOT NULL, crc INTEGER);
CREATE TABLE tags (
        image_id INTEGER NOT NULL REFERENCES images ON DELETE CASCADE,
        label TEXT NOT NULL,
        score REAL NOT NULL,
        source TEXT NOT NULL,
        model_id INTEGER NOT NULL REFERENCES models ON DELETE CASCADE, crc INTEGER,
        PRIMARY KEY (image_id, label, source)) WITHOUT ROWID;
CREATE TABLE labels (position INTEGER PRIMARY KEY, label TEXT NOT NULL UNIQUE, crc INTEGER);
CREATE TABLE concepts (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE, crc INTEGER);
CREATE TABLE concept_examples (
        concept_id INTEGER NOT NULL REFERENCES concepts ON DELETE CASCADE,
        example TEXT NOT NULL,
        wanted INTEGER NOT NULL, crc INTEGER,
        PRIMARY KEY (concept_id, example)) WITHOUT ROWID;
CREATE TABLE concept_heads (
        concept_id INTEGER NOT NULL REFERENCES concepts ON DELETE CASCADE,
        model_id INTEGER NOT NULL REFERENCES models ON DELETE CASCADE,
        direction BLOB NOT NULL,
        steepness REAL NOT NULL,
        offset REAL NOT NULL,
        auc REAL,
        accuracy REAL, crc INTEGER,
        PRIMARY KEY (concept_id, model_id)) WITHOUT ROWID;
CREATE TABLE removed (
        vector_id INTEGER PRIMARY KEY,
        model_id INTEGER NOT NULL,
        view TEXT NOT NULL,
        generation INTEGER NOT NULL);
CREATE TABLE stamps (generation INTEGER PRIMARY KEY, stamp TEXT NOT NULL);
CREATE TABLE state (key TEXT PRIMARY KEY, value NOT NULL, crc INTEGER) WITHOUT ROWID;
CREATE TABLE looked_into (
                root_id INTEGER NOT NULL REFERENCES roots ON DELETE CASCADE,
                mark INTEGER NOT NULL,
                PRIMARY KEY (root_id, mark)) WITHOUT ROWID;
CREATE TABLE albums (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        key TEXT NOT NULL UNIQUE,
        sort TEXT NOT NULL,
        cover BLOB, crc INTEGER);
CREATE TABLE album_pictures (
        album_id INTEGER NOT NULL REFERENCES albums ON DELETE CASCADE,
        sha256 BLOB NOT NULL,
        position INTEGER NOT NULL,
        path TEXT NOT NULL, crc INTEGER,
        PRIMARY KEY (album_id, sha256)) WITHOUT ROWID;
CREATE TABLE favourites (
        sha256 BLOB PRIMARY KEY NOT NULL,
        path TEXT NOT NULL, crc INTEGER) WITHOUT ROWID;
CREATE TABLE saved_searches (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        key TEXT NOT NULL UNIQUE,
        question TEXT NOT NULL,
        looked TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        newest INTEGER NOT NULL,
        seen BLOB NOT NULL, crc INTEGER);
CREATE TABLE outdated (image_id INTEGER PRIMARY KEY REFERENCES images ON DELETE CASCADE);
INSERT INTO _sqlite_migrations (id, migration_set, name, applied_at) VALUES (1, 'pixtrieve', 'm001_first_tables', '2026-12-01 04:31:37.942537+00:00');
INSERT INTO _sqlite_migrations (id, migration_set, name, applied_at) VALUES (2, 'pixtrieve', 'm002_dates', '2026-12-01 04:31:37.948931+00:00');
INSERT INTO _sqlite_migrations (id, migration_set, name, applied_at) VALUES (3, 'pixtrieve', 'm003_exposure', '2026-12-01 04:31:37.950508+00:00');
INSERT INTO _sqlite_migrations (id, migration_set, name, applied_at) VALUES (4, 'pixtrieve', 'm004_dates_of_many_copies', '2026-12-01 04:31:37.951181+00:00');
INSERT INTO _sqlite_migrations (id, migration_set, name, applied_at) VALUES (5, 'pixtrieve', 'm005_looked_into', '2026-12-01 04:31:37.951379+00:00');
INSERT INTO _sqlite_migrations (id, migration_set, name, applied_at) VALUES (6, 'pixtrieve', 'm006_facts_of_sidecars', '2026-12-01 04:31:37.953215+00:00');
INSERT INTO _sqlite_migrations (id, migration_set, name, applied_at) VALUES (7, 'pixtrieve', 'm007_row_checks', '2026-12-01 04:31:37.964380+00:00');
INSERT INTO _sqlite_migrations (id, migration_set, name, applied_at) VALUES (8, 'pixtrieve', 'm008_albums', '2026-12-01 04:31:37.968605+00:00');
INSERT INTO _sqlite_migrations (id, migration_set, name, applied_at) VALUES (9, 'pixtrieve', 'm009_facts_of_other_programs', '2026-12-01 04:31:37.991520+00:00');
INSERT INTO _sqlite_migrations (id, migration_set, name, applied_at) VALUES (10, 'pixtrieve', 'm010_videos', '2026-12-01 04:31:37.993273+00:00');
INSERT INTO roots (id, path, whole, missing, crc) VALUES (1, '/photos', 1, 0, 2626332160);
INSERT INTO roots (id, path, whole, missing, crc) VALUES (2, '/drive', 0, 1, 1862057338);
INSERT INTO excludes (root_id, pattern, source, crc) VALUES (1, '*.gif', 'user', 1113042598);
INSERT INTO images (id, sha256, format, width, height, taken, camera, lens, latitude, longitude, orphaned_at, date, date_source, iso, aperture, exposure, focal_length, crc, location, city, region, country, people, keywords, colour_label, rating, own, near_city, near_region, near_country, duration) VALUES (1, X'0101010101010101010101010101010101010101010101010101010101010101', 'PNG', 24, 16, '2020-02-03T10:00:00', 'Canon', '', NULL, NULL, NULL, '2020-02-03T10:00:00', 'exif', NULL, NULL, NULL, NULL, 1302961887, '', '', '', '', '', '', '', NULL, '', NULL, NULL, NULL, NULL);
INSERT INTO images (id, sha256, format, width, height, taken, camera, lens, latitude, longitude, orphaned_at, date, date_source, iso, aperture, exposure, focal_length, crc, location, city, region, country, people, keywords, colour_label, rating, own, near_city, near_region, near_country, duration) VALUES (2, X'0202020202020202020202020202020202020202020202020202020202020202', 'JPEG', 30, 40, '', '', '', 48.85, 2.35, NULL, '2019-05-06', 'name', NULL, NULL, NULL, NULL, 500104626, '', '', '', '', '', '', '', NULL, '', NULL, NULL, NULL, NULL);
INSERT INTO files (id, root_id, path, size, mtime_ns, image_id, problem, problem_kind, megapixels, named, crc) VALUES (1, 1, 'trips/red.png', 10, 1600000000000000000, 1, NULL, NULL, NULL, '', 228502818);
INSERT INTO files (id, root_id, path, size, mtime_ns, image_id, problem, problem_kind, megapixels, named, crc) VALUES (2, 1, '2019-05-06 blue.jpg', 20, 1600000000000000000, 2, NULL, NULL, NULL, '2019-05-06', 3989447855);
INSERT INTO files (id, root_id, path, size, mtime_ns, image_id, problem, problem_kind, megapixels, named, crc) VALUES (3, 1, 'bad.png', 3, 1600000000000000000, NULL, 'damaged', 'bad', NULL, '', 4141990743);
INSERT INTO models (id, fingerprint, name, dim, licence, preprocessing, crc) VALUES (1, 'fake-1', 'fake', 4, 'MIT', '{"size": [8, 8], "resize_mode": "squash", "interpolation": "bicubic",
      "mean": [0.0, 0.0, 0.0], "std": [1.0, 1.0, 1.0]}', 2974200555);
INSERT INTO vectors (id, image_id, model_id, view, embedding, crc) VALUES (1, 1, 1, 'whole', X'003C00000000662A', 1209803664);
INSERT INTO vectors (id, image_id, model_id, view, embedding, crc) VALUES (2, 2, 1, 'whole', X'00000000003C662A', 2580596637);
INSERT INTO texts (image_id, source, text, crc) VALUES (1, 'caption', 'grandmother on a bicycle', 1640403731);
INSERT INTO words (rowid, text) VALUES (1, 'grandmother on a bicycle');
INSERT INTO sidecars (root_id, path, beside, size, mtime_ns, source, text, taken, latitude, longitude, crc, location, city, region, country, people, keywords, colour_label, rating) VALUES (1, 'trips/red.xmp', 'trips/red', 9, -1, 'xmp', 'old keyword', '', NULL, NULL, 1735391749, '', '', '', '', '', '', '', NULL);
INSERT INTO retell (image_id) VALUES (1);
INSERT INTO retell (image_id) VALUES (2);
INSERT INTO kept (set_id, image_id, files, crc) VALUES (1, 1, 2, 2252721705);
INSERT INTO tags (image_id, label, score, source, model_id, crc) VALUES (1, 'bicycle', 0.9, 'label', 1, 429715918);
INSERT INTO labels (position, label, crc) VALUES (0, 'bicycle', 1358673114);
INSERT INTO concepts (id, name, crc) VALUES (1, 'warm', 3547836120);
INSERT INTO concept_examples (concept_id, example, wanted, crc) VALUES (1, '#1', 1, 1216719383);
INSERT INTO stamps (generation, stamp) VALUES (0, '5f3592eb46df2f3a');
INSERT INTO state (key, value, crc) VALUES ('generation', 0, 305121110);
INSERT INTO state (key, value, crc) VALUES ('model_id', 1, 2169708624);
INSERT INTO state (key, value, crc) VALUES ('program', '0.1.0', 1165700560);
INSERT INTO outdated (image_id) VALUES (1);
INSERT INTO outdated (image_id) VALUES (2);
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
CREATE INDEX album_pictures_content ON album_pictures (sha256);
CREATE INDEX images_unplaced ON images (id)
        WHERE latitude IS NOT NULL AND near_country IS NULL;
CREATE INDEX vectors_of_parts ON vectors (model_id, id)
                WHERE view NOT IN ('whole', 'text');
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
CREATE TRIGGER roots_checked_insert AFTER INSERT ON roots BEGIN UPDATE roots SET crc = row_check(roots.id, CAST(roots.path AS BLOB), roots.whole, roots.missing) WHERE id = new.id; END;
CREATE TRIGGER roots_checked_update AFTER UPDATE OF id, path, whole, missing ON roots WHEN (old.crc IS row_check(old.id, CAST(old.path AS BLOB), old.whole, old.missing)) BEGIN UPDATE roots SET crc = row_check(roots.id, CAST(roots.path AS BLOB), roots.whole, roots.missing) WHERE id = new.id; END;
CREATE TRIGGER excludes_checked_insert AFTER INSERT ON excludes BEGIN UPDATE excludes SET crc = row_check(excludes.root_id, CAST(excludes.pattern AS BLOB), CAST(excludes.source AS BLOB)) WHERE root_id = new.root_id AND pattern = new.pattern; END;
CREATE TRIGGER excludes_checked_update AFTER UPDATE OF root_id, pattern, source ON excludes WHEN (old.crc IS row_check(old.root_id, CAST(old.pattern AS BLOB), CAST(old.source AS BLOB))) BEGIN UPDATE excludes SET crc = row_check(excludes.root_id, CAST(excludes.pattern AS BLOB), CAST(excludes.source AS BLOB)) WHERE root_id = new.root_id AND pattern = new.pattern; END;
CREATE TRIGGER mounts_checked_insert AFTER INSERT ON mounts BEGIN UPDATE mounts SET crc = row_check(mounts.root_id, CAST(mounts.path AS BLOB)) WHERE root_id = new.root_id AND path = new.path; END;
CREATE TRIGGER mounts_checked_update AFTER UPDATE OF root_id, path ON mounts WHEN (old.crc IS row_check(old.root_id, CAST(old.path AS BLOB))) BEGIN UPDATE mounts SET crc = row_check(mounts.root_id, CAST(mounts.path AS BLOB)) WHERE root_id = new.root_id AND path = new.path; END;
CREATE TRIGGER files_checked_insert AFTER INSERT ON files BEGIN UPDATE files SET crc = row_check(files.id, files.root_id, CAST(files.path AS BLOB), files.size, files.mtime_ns, files.image_id, CAST(files.problem AS BLOB), CAST(files.problem_kind AS BLOB), files.megapixels, CAST(files.named AS BLOB)) WHERE id = new.id; END;
CREATE TRIGGER files_checked_update AFTER UPDATE OF id, root_id, path, size, mtime_ns, image_id, problem, problem_kind, megapixels, named ON files WHEN (old.crc IS row_check(old.id, old.root_id, CAST(old.path AS BLOB), old.size, old.mtime_ns, old.image_id, CAST(old.problem AS BLOB), CAST(old.problem_kind AS BLOB), old.megapixels, CAST(old.named AS BLOB))) BEGIN UPDATE files SET crc = row_check(files.id, files.root_id, CAST(files.path AS BLOB), files.size, files.mtime_ns, files.image_id, CAST(files.problem AS BLOB), CAST(files.problem_kind AS BLOB), files.megapixels, CAST(files.named AS BLOB)) WHERE id = new.id; END;
CREATE TRIGGER models_checked_insert AFTER INSERT ON models BEGIN UPDATE models SET crc = row_check(models.id, CAST(models.fingerprint AS BLOB), CAST(models.name AS BLOB), models.dim, CAST(models.licence AS BLOB), CAST(models.preprocessing AS BLOB)) WHERE id = new.id; END;
CREATE TRIGGER models_checked_update AFTER UPDATE OF id, fingerprint, name, dim, licence, preprocessing ON models WHEN (old.crc IS row_check(old.id, CAST(old.fingerprint AS BLOB), CAST(old.name AS BLOB), old.dim, CAST(old.licence AS BLOB), CAST(old.preprocessing AS BLOB))) BEGIN UPDATE models SET crc = row_check(models.id, CAST(models.fingerprint AS BLOB), CAST(models.name AS BLOB), models.dim, CAST(models.licence AS BLOB), CAST(models.preprocessing AS BLOB)) WHERE id = new.id; END;
CREATE TRIGGER vectors_checked_insert AFTER INSERT ON vectors BEGIN UPDATE vectors SET crc = row_check(vectors.id, vectors.image_id, vectors.model_id, CAST(vectors.view AS BLOB), vectors.embedding) WHERE id = new.id; END;
CREATE TRIGGER vectors_checked_update AFTER UPDATE OF id, image_id, model_id, view, embedding ON vectors WHEN (old.crc IS row_check(old.id, old.image_id, old.model_id, CAST(old.view AS BLOB), old.embedding)) BEGIN UPDATE vectors SET crc = row_check(vectors.id, vectors.image_id, vectors.model_id, CAST(vectors.view AS BLOB), vectors.embedding) WHERE id = new.id; END;
CREATE TRIGGER texts_checked_insert AFTER INSERT ON texts BEGIN UPDATE texts SET crc = row_check(texts.image_id, CAST(texts.source AS BLOB), CAST(texts.text AS BLOB)) WHERE image_id = new.image_id AND source = new.source; END;
CREATE TRIGGER texts_checked_update AFTER UPDATE OF image_id, source, text ON texts WHEN (old.crc IS row_check(old.image_id, CAST(old.source AS BLOB), CAST(old.text AS BLOB))) BEGIN UPDATE texts SET crc = row_check(texts.image_id, CAST(texts.source AS BLOB), CAST(texts.text AS BLOB)) WHERE image_id = new.image_id AND source = new.source; END;
CREATE TRIGGER sketches_checked_insert AFTER INSERT ON sketches BEGIN UPDATE sketches SET crc = row_check(sketches.image_id, sketches.sketch) WHERE image_id = new.image_id; END;
CREATE TRIGGER sketches_checked_update AFTER UPDATE OF image_id, sketch ON sketches WHEN (old.crc IS row_check(old.image_id, old.sketch)) BEGIN UPDATE sketches SET crc = row_check(sketches.image_id, sketches.sketch) WHERE image_id = new.image_id; END;
CREATE TRIGGER kept_checked_insert AFTER INSERT ON kept BEGIN UPDATE kept SET crc = row_check(kept.set_id, kept.image_id, kept.files) WHERE set_id = new.set_id AND image_id = new.image_id; END;
CREATE TRIGGER kept_checked_update AFTER UPDATE OF set_id, image_id, files ON kept WHEN (old.crc IS row_check(old.set_id, old.image_id, old.files)) BEGIN UPDATE kept SET crc = row_check(kept.set_id, kept.image_id, kept.files) WHERE set_id = new.set_id AND image_id = new.image_id; END;
CREATE TRIGGER nulls_checked_insert AFTER INSERT ON nulls BEGIN UPDATE nulls SET crc = row_check(nulls.model_id, nulls.pictures, nulls.text_middle, nulls.text_spread, nulls.picture_middle, nulls.picture_spread) WHERE model_id = new.model_id; END;
CREATE TRIGGER nulls_checked_update AFTER UPDATE OF model_id, pictures, text_middle, text_spread, picture_middle, picture_spread ON nulls WHEN (old.crc IS row_check(old.model_id, old.pictures, old.text_middle, old.text_spread, old.picture_middle, old.picture_spread)) BEGIN UPDATE nulls SET crc = row_check(nulls.model_id, nulls.pictures, nulls.text_middle, nulls.text_spread, nulls.picture_middle, nulls.picture_spread) WHERE model_id = new.model_id; END;
CREATE TRIGGER tags_checked_insert AFTER INSERT ON tags BEGIN UPDATE tags SET crc = row_check(tags.image_id, CAST(tags.label AS BLOB), CAST(tags.source AS BLOB), tags.score, tags.model_id) WHERE image_id = new.image_id AND label = new.label AND source = new.source; END;
CREATE TRIGGER tags_checked_update AFTER UPDATE OF image_id, label, source, score, model_id ON tags WHEN (old.crc IS row_check(old.image_id, CAST(old.label AS BLOB), CAST(old.source AS BLOB), old.score, old.model_id)) BEGIN UPDATE tags SET crc = row_check(tags.image_id, CAST(tags.label AS BLOB), CAST(tags.source AS BLOB), tags.score, tags.model_id) WHERE image_id = new.image_id AND label = new.label AND source = new.source; END;
CREATE TRIGGER labels_checked_insert AFTER INSERT ON labels BEGIN UPDATE labels SET crc = row_check(labels.position, CAST(labels.label AS BLOB)) WHERE position = new.position; END;
CREATE TRIGGER labels_checked_update AFTER UPDATE OF position, label ON labels WHEN (old.crc IS row_check(old.position, CAST(old.label AS BLOB))) BEGIN UPDATE labels SET crc = row_check(labels.position, CAST(labels.label AS BLOB)) WHERE position = new.position; END;
CREATE TRIGGER concepts_checked_insert AFTER INSERT ON concepts BEGIN UPDATE concepts SET crc = row_check(concepts.id, CAST(concepts.name AS BLOB)) WHERE id = new.id; END;
CREATE TRIGGER concepts_checked_update AFTER UPDATE OF id, name ON concepts WHEN (old.crc IS row_check(old.id, CAST(old.name AS BLOB))) BEGIN UPDATE concepts SET crc = row_check(concepts.id, CAST(concepts.name AS BLOB)) WHERE id = new.id; END;
CREATE TRIGGER concept_examples_checked_insert AFTER INSERT ON concept_examples BEGIN UPDATE concept_examples SET crc = row_check(concept_examples.concept_id, CAST(concept_examples.example AS BLOB), concept_examples.wanted) WHERE concept_id = new.concept_id AND example = new.example; END;
CREATE TRIGGER concept_examples_checked_update AFTER UPDATE OF concept_id, example, wanted ON concept_examples WHEN (old.crc IS row_check(old.concept_id, CAST(old.example AS BLOB), old.wanted)) BEGIN UPDATE concept_examples SET crc = row_check(concept_examples.concept_id, CAST(concept_examples.example AS BLOB), concept_examples.wanted) WHERE concept_id = new.concept_id AND example = new.example; END;
CREATE TRIGGER concept_heads_checked_insert AFTER INSERT ON concept_heads BEGIN UPDATE concept_heads SET crc = row_check(concept_heads.concept_id, concept_heads.model_id, concept_heads.direction, concept_heads.steepness, concept_heads.offset, concept_heads.auc, concept_heads.accuracy) WHERE concept_id = new.concept_id AND model_id = new.model_id; END;
CREATE TRIGGER concept_heads_checked_update AFTER UPDATE OF concept_id, model_id, direction, steepness, offset, auc, accuracy ON concept_heads WHEN (old.crc IS row_check(old.concept_id, old.model_id, old.direction, old.steepness, old.offset, old.auc, old.accuracy)) BEGIN UPDATE concept_heads SET crc = row_check(concept_heads.concept_id, concept_heads.model_id, concept_heads.direction, concept_heads.steepness, concept_heads.offset, concept_heads.auc, concept_heads.accuracy) WHERE concept_id = new.concept_id AND model_id = new.model_id; END;
CREATE TRIGGER state_checked_insert AFTER INSERT ON state BEGIN UPDATE state SET crc = row_check(CAST(state.key AS BLOB), CAST(state.value AS BLOB)) WHERE key = new.key; END;
CREATE TRIGGER state_checked_update AFTER UPDATE OF key, value ON state WHEN (old.crc IS row_check(CAST(old.key AS BLOB), CAST(old.value AS BLOB))) BEGIN UPDATE state SET crc = row_check(CAST(state.key AS BLOB), CAST(state.value AS BLOB)) WHERE key = new.key; END;
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
CREATE TRIGGER date_file_lost AFTER UPDATE OF size, mtime_ns, named, image_id ON files WHEN old.image_id IS NOT new.image_id BEGIN 
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
CREATE TRIGGER date_file_changed AFTER UPDATE OF size, mtime_ns, named, image_id ON files WHEN new.image_id IS NOT NULL BEGIN 
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
CREATE TRIGGER albums_checked_insert AFTER INSERT ON albums BEGIN UPDATE albums SET crc = row_check(albums.id, CAST(albums.name AS BLOB), CAST(albums.key AS BLOB), CAST(albums.sort AS BLOB), albums.cover) WHERE id = new.id; END;
CREATE TRIGGER albums_checked_update AFTER UPDATE OF id, name, key, sort, cover ON albums WHEN (old.crc IS row_check(old.id, CAST(old.name AS BLOB), CAST(old.key AS BLOB), CAST(old.sort AS BLOB), old.cover)) BEGIN UPDATE albums SET crc = row_check(albums.id, CAST(albums.name AS BLOB), CAST(albums.key AS BLOB), CAST(albums.sort AS BLOB), albums.cover) WHERE id = new.id; END;
CREATE TRIGGER album_pictures_checked_insert AFTER INSERT ON album_pictures BEGIN UPDATE album_pictures SET crc = row_check(album_pictures.album_id, album_pictures.sha256, album_pictures.position, CAST(album_pictures.path AS BLOB)) WHERE album_id = new.album_id AND sha256 = new.sha256; END;
CREATE TRIGGER album_pictures_checked_update AFTER UPDATE OF album_id, sha256, position, path ON album_pictures WHEN (old.crc IS row_check(old.album_id, old.sha256, old.position, CAST(old.path AS BLOB))) BEGIN UPDATE album_pictures SET crc = row_check(album_pictures.album_id, album_pictures.sha256, album_pictures.position, CAST(album_pictures.path AS BLOB)) WHERE album_id = new.album_id AND sha256 = new.sha256; END;
CREATE TRIGGER favourites_checked_insert AFTER INSERT ON favourites BEGIN UPDATE favourites SET crc = row_check(favourites.sha256, CAST(favourites.path AS BLOB)) WHERE sha256 = new.sha256; END;
CREATE TRIGGER favourites_checked_update AFTER UPDATE OF sha256, path ON favourites WHEN (old.crc IS row_check(old.sha256, CAST(old.path AS BLOB))) BEGIN UPDATE favourites SET crc = row_check(favourites.sha256, CAST(favourites.path AS BLOB)) WHERE sha256 = new.sha256; END;
CREATE TRIGGER saved_searches_checked_insert AFTER INSERT ON saved_searches BEGIN UPDATE saved_searches SET crc = row_check(saved_searches.id, CAST(saved_searches.name AS BLOB), CAST(saved_searches.key AS BLOB), CAST(saved_searches.question AS BLOB), CAST(saved_searches.looked AS BLOB), CAST(saved_searches.fingerprint AS BLOB), saved_searches.newest, saved_searches.seen) WHERE id = new.id; END;
CREATE TRIGGER saved_searches_checked_update AFTER UPDATE OF id, name, key, question, looked, fingerprint, newest, seen ON saved_searches WHEN (old.crc IS row_check(old.id, CAST(old.name AS BLOB), CAST(old.key AS BLOB), CAST(old.question AS BLOB), CAST(old.looked AS BLOB), CAST(old.fingerprint AS BLOB), old.newest, old.seen)) BEGIN UPDATE saved_searches SET crc = row_check(saved_searches.id, CAST(saved_searches.name AS BLOB), CAST(saved_searches.key AS BLOB), CAST(saved_searches.question AS BLOB), CAST(saved_searches.looked AS BLOB), CAST(saved_searches.fingerprint AS BLOB), saved_searches.newest, saved_searches.seen) WHERE id = new.id; END;
CREATE TRIGGER images_moved AFTER UPDATE OF latitude, longitude ON images
    WHEN old.latitude IS NOT new.latitude OR old.longitude IS NOT new.longitude
    BEGIN
        UPDATE images SET near_city = NULL, near_region = NULL, near_country = NULL
        WHERE id = new.id;
    END;
CREATE TRIGGER sidecars_checked_insert AFTER INSERT ON sidecars BEGIN UPDATE sidecars SET crc = row_check(sidecars.root_id, CAST(sidecars.path AS BLOB), CAST(sidecars.beside AS BLOB), sidecars.size, sidecars.mtime_ns, CAST(sidecars.source AS BLOB), CAST(sidecars.text AS BLOB), CAST(sidecars.taken AS BLOB), sidecars.latitude, sidecars.longitude, CAST(sidecars.location AS BLOB), CAST(sidecars.city AS BLOB), CAST(sidecars.region AS BLOB), CAST(sidecars.country AS BLOB), CAST(sidecars.people AS BLOB), CAST(sidecars.keywords AS BLOB), sidecars.rating, CAST(sidecars.colour_label AS BLOB)) WHERE root_id = new.root_id AND path = new.path; END;
CREATE TRIGGER sidecars_checked_update AFTER UPDATE OF root_id, path, beside, size, mtime_ns, source, text, taken, latitude, longitude, location, city, region, country, people, keywords, rating, colour_label ON sidecars WHEN (old.crc IS row_check(old.root_id, CAST(old.path AS BLOB), CAST(old.beside AS BLOB), old.size, old.mtime_ns, CAST(old.source AS BLOB), CAST(old.text AS BLOB), CAST(old.taken AS BLOB), old.latitude, old.longitude, CAST(old.location AS BLOB), CAST(old.city AS BLOB), CAST(old.region AS BLOB), CAST(old.country AS BLOB), CAST(old.people AS BLOB), CAST(old.keywords AS BLOB), old.rating, CAST(old.colour_label AS BLOB))) BEGIN UPDATE sidecars SET crc = row_check(sidecars.root_id, CAST(sidecars.path AS BLOB), CAST(sidecars.beside AS BLOB), sidecars.size, sidecars.mtime_ns, CAST(sidecars.source AS BLOB), CAST(sidecars.text AS BLOB), CAST(sidecars.taken AS BLOB), sidecars.latitude, sidecars.longitude, CAST(sidecars.location AS BLOB), CAST(sidecars.city AS BLOB), CAST(sidecars.region AS BLOB), CAST(sidecars.country AS BLOB), CAST(sidecars.people AS BLOB), CAST(sidecars.keywords AS BLOB), sidecars.rating, CAST(sidecars.colour_label AS BLOB)) WHERE root_id = new.root_id AND path = new.path; END;
CREATE TRIGGER sidecar_came AFTER INSERT ON sidecars BEGIN INSERT INTO retell SELECT DISTINCT f.image_id FROM files f WHERE f.root_id = new.root_id AND f.image_id IS NOT NULL AND f.path >= new.beside AND f.path < new.beside || '/'
    AND (f.path = new.beside OR f.path > new.beside || '.') AND NOT EXISTS (SELECT 1 FROM retell r WHERE r.image_id = f.image_id); INSERT INTO retell SELECT DISTINCT f.image_id FROM files f WHERE f.root_id = new.root_id AND f.image_id IS NOT NULL AND new.path LIKE '%.json' AND f.path > (CASE WHEN substr(new.beside, 1, length(rtrim(new.beside, replace(new.beside, '.', ''))) - 1) LIKE '%(%)' THEN
    rtrim(rtrim(rtrim(substr(new.beside, 1, length(rtrim(new.beside, replace(new.beside, '.', ''))) - 1), ')'), '0123456789'), '(') ELSE substr(new.beside, 1, length(rtrim(new.beside, replace(new.beside, '.', ''))) - 1) END) || '-' AND f.path < (CASE WHEN substr(new.beside, 1, length(rtrim(new.beside, replace(new.beside, '.', ''))) - 1) LIKE '%(%)' THEN
    rtrim(rtrim(rtrim(substr(new.beside, 1, length(rtrim(new.beside, replace(new.beside, '.', ''))) - 1), ')'), '0123456789'), '(') ELSE substr(new.beside, 1, length(rtrim(new.beside, replace(new.beside, '.', ''))) - 1) END) || '.' AND NOT EXISTS (SELECT 1 FROM retell r WHERE r.image_id = f.image_id); INSERT INTO retell SELECT DISTINCT f.image_id FROM files f WHERE f.root_id = new.root_id AND f.image_id IS NOT NULL AND new.path LIKE '%.json' AND length(new.beside) - length(rtrim(new.beside, replace(new.beside, '/', ''))) = 46
    AND f.path > rtrim(new.beside, replace(new.beside, '/', '')) AND f.path < rtrim(new.beside, replace(new.beside, '/', '')) || char(1114111)
    AND (substr(f.path, 1, length(new.beside)) = new.beside
        OR (length(CAST(new.beside AS BLOB)) > length(new.beside)
            AND length(f.path) > length(new.beside))) AND NOT EXISTS (SELECT 1 FROM retell r WHERE r.image_id = f.image_id); END;
CREATE TRIGGER sidecar_went AFTER DELETE ON sidecars BEGIN INSERT INTO retell SELECT DISTINCT f.image_id FROM files f WHERE f.root_id = old.root_id AND f.image_id IS NOT NULL AND f.path >= old.beside AND f.path < old.beside || '/'
    AND (f.path = old.beside OR f.path > old.beside || '.') AND NOT EXISTS (SELECT 1 FROM retell r WHERE r.image_id = f.image_id); INSERT INTO retell SELECT DISTINCT f.image_id FROM files f WHERE f.root_id = old.root_id AND f.image_id IS NOT NULL AND old.path LIKE '%.json' AND f.path > (CASE WHEN substr(old.beside, 1, length(rtrim(old.beside, replace(old.beside, '.', ''))) - 1) LIKE '%(%)' THEN
    rtrim(rtrim(rtrim(substr(old.beside, 1, length(rtrim(old.beside, replace(old.beside, '.', ''))) - 1), ')'), '0123456789'), '(') ELSE substr(old.beside, 1, length(rtrim(old.beside, replace(old.beside, '.', ''))) - 1) END) || '-' AND f.path < (CASE WHEN substr(old.beside, 1, length(rtrim(old.beside, replace(old.beside, '.', ''))) - 1) LIKE '%(%)' THEN
    rtrim(rtrim(rtrim(substr(old.beside, 1, length(rtrim(old.beside, replace(old.beside, '.', ''))) - 1), ')'), '0123456789'), '(') ELSE substr(old.beside, 1, length(rtrim(old.beside, replace(old.beside, '.', ''))) - 1) END) || '.' AND NOT EXISTS (SELECT 1 FROM retell r WHERE r.image_id = f.image_id); INSERT INTO retell SELECT DISTINCT f.image_id FROM files f WHERE f.root_id = old.root_id AND f.image_id IS NOT NULL AND old.path LIKE '%.json' AND length(old.beside) - length(rtrim(old.beside, replace(old.beside, '/', ''))) = 46
    AND f.path > rtrim(old.beside, replace(old.beside, '/', '')) AND f.path < rtrim(old.beside, replace(old.beside, '/', '')) || char(1114111)
    AND (substr(f.path, 1, length(old.beside)) = old.beside
        OR (length(CAST(old.beside AS BLOB)) > length(old.beside)
            AND length(f.path) > length(old.beside))) AND NOT EXISTS (SELECT 1 FROM retell r WHERE r.image_id = f.image_id); END;
CREATE TRIGGER images_checked_insert AFTER INSERT ON images BEGIN UPDATE images SET crc = row_check(images.id, images.sha256, CAST(images.format AS BLOB), images.width, images.height, CAST(images.taken AS BLOB), CAST(images.camera AS BLOB), CAST(images.lens AS BLOB), images.latitude, images.longitude, images.orphaned_at, CAST(images.date AS BLOB), CAST(images.date_source AS BLOB), images.iso, images.aperture, images.exposure, images.focal_length, CAST(images.location AS BLOB), CAST(images.city AS BLOB), CAST(images.region AS BLOB), CAST(images.country AS BLOB), CAST(images.people AS BLOB), CAST(images.keywords AS BLOB), images.rating, CAST(images.colour_label AS BLOB), CAST(images.own AS BLOB), CAST(images.near_city AS BLOB), CAST(images.near_region AS BLOB), CAST(images.near_country AS BLOB), images.duration) WHERE id = new.id; END;
CREATE TRIGGER images_checked_update AFTER UPDATE OF id, sha256, format, width, height, taken, camera, lens, latitude, longitude, orphaned_at, date, date_source, iso, aperture, exposure, focal_length, location, city, region, country, people, keywords, rating, colour_label, own, near_city, near_region, near_country, duration ON images WHEN (old.crc IS row_check(old.id, old.sha256, CAST(old.format AS BLOB), old.width, old.height, CAST(old.taken AS BLOB), CAST(old.camera AS BLOB), CAST(old.lens AS BLOB), old.latitude, old.longitude, old.orphaned_at, CAST(old.date AS BLOB), CAST(old.date_source AS BLOB), old.iso, old.aperture, old.exposure, old.focal_length, CAST(old.location AS BLOB), CAST(old.city AS BLOB), CAST(old.region AS BLOB), CAST(old.country AS BLOB), CAST(old.people AS BLOB), CAST(old.keywords AS BLOB), old.rating, CAST(old.colour_label AS BLOB), CAST(old.own AS BLOB), CAST(old.near_city AS BLOB), CAST(old.near_region AS BLOB), CAST(old.near_country AS BLOB), old.duration)) BEGIN UPDATE images SET crc = row_check(images.id, images.sha256, CAST(images.format AS BLOB), images.width, images.height, CAST(images.taken AS BLOB), CAST(images.camera AS BLOB), CAST(images.lens AS BLOB), images.latitude, images.longitude, images.orphaned_at, CAST(images.date AS BLOB), CAST(images.date_source AS BLOB), images.iso, images.aperture, images.exposure, images.focal_length, CAST(images.location AS BLOB), CAST(images.city AS BLOB), CAST(images.region AS BLOB), CAST(images.country AS BLOB), CAST(images.people AS BLOB), CAST(images.keywords AS BLOB), images.rating, CAST(images.colour_label AS BLOB), CAST(images.own AS BLOB), CAST(images.near_city AS BLOB), CAST(images.near_region AS BLOB), CAST(images.near_country AS BLOB), images.duration) WHERE id = new.id; END;
