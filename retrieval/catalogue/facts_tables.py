"""The statements that add to old catalogues what other programs say of pictures: migration 9."""

from __future__ import annotations

from retrieval.catalogue.row_checks import FIRST, SECOND, cover_again

_TEXTS = ("location", "city", "region", "country", "people", "keywords", "colour_label")
_COLUMNS = (*(f"{name} TEXT NOT NULL DEFAULT ''" for name in _TEXTS), "rating INTEGER")

# "a.txt" and "a.jpg.txt" describe a.jpg; "a.jpg.json" also a-edited.jpg, and one whose name Google
# has cut to 46 characters all pictures whose names begin with those (`images.exported_names`); if
# they are not ASCII, all with longer names: those may be spelled in another form (NFC, NFD).
_WHOLE = "substr({row}.beside, 1, length(rtrim({row}.beside, replace({row}.beside, '.', ''))) - 1)"
_STEM = f"""(CASE WHEN {_WHOLE} LIKE '%(%)' THEN
    rtrim(rtrim(rtrim({_WHOLE}, ')'), '0123456789'), '(') ELSE {_WHOLE} END)"""
_FOLDER = "rtrim({row}.beside, replace({row}.beside, '/', ''))"
_OWN = """f.path >= {row}.beside AND f.path < {row}.beside || '/'
    AND (f.path = {row}.beside OR f.path > {row}.beside || '.')"""
_EDITED = f"{{row}}.path LIKE '%.json' AND f.path > {_STEM} || '-' AND f.path < {_STEM} || '.'"
_CUT = f"""{{row}}.path LIKE '%.json' AND length({{row}}.beside) - length({_FOLDER}) = 46
    AND f.path > {_FOLDER} AND f.path < {_FOLDER} || char(1114111)
    AND (substr(f.path, 1, length({{row}}.beside)) = {{row}}.beside
        OR (length(CAST({{row}}.beside AS BLOB)) > length({{row}}.beside)
            AND length(f.path) > length({{row}}.beside)))"""
_REFRESH = (
    " INSERT INTO retell SELECT DISTINCT f.image_id FROM files f"
    " WHERE f.root_id = {row}.root_id AND f.image_id IS NOT NULL AND {which}"
    " AND NOT EXISTS (SELECT 1 FROM retell r WHERE r.image_id = f.image_id);"
)


def _refresh_when(name: str, event: str, row: str) -> str:
    steps = (
        _REFRESH.replace("{which}", which).replace("{row}", row) for which in (_OWN, _EDITED, _CUT)
    )
    return f"CREATE TRIGGER {name} AFTER {event} ON sidecars BEGIN{''.join(steps)} END"


ADD_FACTS = (
    *(
        f"ALTER TABLE {table} ADD COLUMN {column}"
        for table in ("images", "sidecars")
        for column in _COLUMNS
    ),
    # What an image says itself of the facts that sidecars changed, as a JSON object.
    "ALTER TABLE images ADD COLUMN own TEXT NOT NULL DEFAULT ''",
    """UPDATE images SET own = CASE told WHEN 1 THEN '{"taken": ""}'
        WHEN 2 THEN '{"latitude": null, "longitude": null}'
        ELSE '{"taken": "", "latitude": null, "longitude": null}' END WHERE told""",
    # The nearest town; NULL until it is looked up.
    *(f"ALTER TABLE images ADD COLUMN near_{name} TEXT" for name in ("city", "region", "country")),
    *cover_again("images", FIRST["images"], SECOND["images"]),
    "ALTER TABLE images DROP COLUMN told",
    """CREATE TRIGGER images_moved AFTER UPDATE OF latitude, longitude ON images
    WHEN old.latitude IS NOT new.latitude OR old.longitude IS NOT new.longitude
    BEGIN
        UPDATE images SET near_city = NULL, near_region = NULL, near_country = NULL
        WHERE id = new.id;
    END""",
    """CREATE INDEX images_unplaced ON images (id)
        WHERE latitude IS NOT NULL AND near_country IS NULL""",
    # Images whose facts an older program read: the next runs read them again, without pixels.
    "CREATE TABLE outdated (image_id INTEGER PRIMARY KEY REFERENCES images ON DELETE CASCADE)",
    "INSERT INTO outdated SELECT id FROM images",
    *cover_again("sidecars", FIRST["sidecars"], SECOND["sidecars"]),
    "UPDATE sidecars SET mtime_ns = -1 WHERE source = 'xmp' OR path LIKE '%.json'",
    "DROP TRIGGER sidecar_came",
    "DROP TRIGGER sidecar_went",
    _refresh_when("sidecar_came", "INSERT", "new"),
    _refresh_when("sidecar_went", "DELETE", "old"),
)
"""The statements of the migration, in order."""
