"""Filters in SQL, against a plain evaluation in Python; and through a whole library."""

from __future__ import annotations

import hashlib
import math
import os
import random
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image
from support.conditions import conditions_of
from support.fakes import SMALL, FakeEncoder
from support.painting import paint

from retrieval import Library, QueryError
from retrieval.catalogue import Catalogue
from retrieval.catalogue.contents import Batch, FileRecord
from retrieval.catalogue.edits import PictureKey
from retrieval.catalogue.image_rows import ImageRecord
from retrieval.images import PictureInfo
from retrieval.images.gazetteer import NOWHERE
from retrieval.images.gazetteer.names import _names
from retrieval.images.gazetteer.towns import nearby
from retrieval.query.fields import FACTS, FIELDS, OPTIONAL, Kind
from retrieval.query.options import Sort
from retrieval.query.where import And, Box, Condition, Has, Near, Not, OneOf, Or, parse
from retrieval.query.where.conditions import Value
from retrieval.search.grouping import different
from retrieval.specs import ModelSpec

CAMERAS = ["", "Google Pixel 7", "NIKON D90", "Leica É"]
FOLDERS = ["", "trips", "Trips/2023", "trips2", "a/trips/été", "work"]
NAMES = [
    "a.jpg",
    "IMG_1.JPG",
    "img_22.jpg",
    "é*.png",
    b"\xff.jpg".decode("utf-8", "surrogateescape"),
    "IMG-20230501-WA0001.jpg",
    "2022-12-31 23.59.59.jpg",
]
NAMED = {"IMG-20230501-WA0001.jpg": "2023-05-01", "2022-12-31 23.59.59.jpg": "2022-12-31T23:59:59"}
OTHER_NUMBERS = [name for name in FACTS if name in OPTIONAL and FIELDS[name].kind == "number"]
CHANGED = [1_500_000_000, 1_684_319_400, 1_700_000_000]
TAKEN = ["", "2022-12-31T23:59:59", "2023-05-01T00:00:00", "2023-05-17T12:30:45"]
TAKEN += ["2023-06-01T00:00:00", "2024-02-29T08:00:00", "2023", "2023-05", "2023-05-17"]
PLACES = [(None, None), (48.85, 2.35), (48.9, 2.4), (-17.0, 179.9), (-17.0, -179.9), (90.0, 10.0)]
COUNTRY_NAMES, OTHER_CITIES = _names().countries, _names().cities
PEOPLE = ["Anna Meier", "Été", "Bob"]
KEYWORDS = ["Places|Portugal|Lake", "lake", "Family/Été", "dog"]
CITIES = ["", "Lyon", "Été", "Lissabon"]
COUNTRIES = ["", "France", "pt", "Freedonia"]
TAGS, TEXTS = ["dog", "big cat", "Été"], ["an Invoice", "facture payée"]
ALBUMS = ["Holiday", "Été", "ETE", "Was?", "Wasp"]
WORDS = [
    "pixel",
    "D90",
    "e",
    "*",
    "img_*",
    "?.jpg",
    "a",
    "dog",
    "*cat",
    "invoice",
    "PAYEE",
    "leica e",
    "été",
    "was?",
    "HOLI*",
    "wass",
    *("anna*", "bob", "places", "portugal|lake", "Places/Portugal", "dogs", "fr", "PT", "lyon"),
    *("Frankreich", "Fidschi", "paris", "lisbon", "île-de-france", "freedonia", "deutschland"),
]
ROOTS = ["/", "/photos", "/photos/more trips"]
PATHS = [
    "trips",
    "trips/",
    "/photos",
    "/trips",
    "a/trips/ete",
    "/",
    "work/a.jpg",
    "*/img_*",
    "2023",
]


@dataclass(frozen=True)
class Row:
    """One file, with all that is known of its picture."""

    vector_id: int
    info: PictureInfo
    path: str
    size: int
    tags: tuple[str, ...]
    texts: tuple[str, ...]
    albums: tuple[str, ...]
    favourite: bool
    date: str


@pytest.fixture(scope="module")
def rows_and_catalogue(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[list[Row], Catalogue, int]]:
    catalogue = Catalogue(str(tmp_path_factory.mktemp("c") / "c.sqlite"), create=True)
    chosen = random.Random(7)
    with catalogue.writing():
        model = catalogue.contents.register_model(ModelSpec("m", "f", 4, SMALL, "MIT"))
        catalogue.contents.register_model(ModelSpec("other", "g", 4, SMALL, "MIT"))
        album_ids = {name: catalogue.albums.create(name) for name in ALBUMS}
        roots = [catalogue.roots.add(path, whole=True) for path in ROOTS]
    rows = []
    for number in range(150):
        width, height = chosen.choice([(4000, 3000), (3000, 4000), (2000, 2000), (1, 1)])
        latitude, longitude = chosen.choice(PLACES)
        others: dict[str, Any] = {
            name: chosen.choice([None, 1.0, 100.0, 2000.0]) for name in OTHER_NUMBERS
        }
        others |= {"rating": chosen.choice([None, -1, 1, 4])}
        others |= {"colour_label": chosen.choice(["", "Été", "Red"])}
        others |= {"people": tuple(chosen.sample(PEOPLE, chosen.randrange(3)))}
        others |= {"keywords": tuple(chosen.sample(KEYWORDS, chosen.randrange(3)))}
        others |= {"location": chosen.choice(["", "Bob's"]), "region": chosen.choice(["", "Été"])}
        others |= {"city": chosen.choice(CITIES), "country": chosen.choice(COUNTRIES)}
        info = PictureInfo(
            format=chosen.choice(["JPEG", "PNG", "HEIF"]),
            width=width,
            height=height,
            taken=chosen.choice(TAKEN),
            camera=chosen.choice(CAMERAS),
            lens=chosen.choice(CAMERAS),
            latitude=latitude,
            longitude=longitude,
            **others,
        )
        sha256 = hashlib.sha256(bytes([number])).digest()
        size = chosen.choice([100, 500_000, 2_000_000])
        files = {
            (chosen.randrange(3), _path(chosen, number)): chosen.choice(CHANGED)
            for _ in range(chosen.choice([1, 1, 2]))
        }
        record = ImageRecord(sha256, info, np.array([1, 0, 0, 0], np.float32))
        for place, ((root, path), changed) in enumerate(files.items()):
            file = FileRecord(path, size, changed * 10**9 + number, sha256)
            batch = Batch([record] * (not place), [file])
            catalogue.contents.record(roots[root], model, batch)
        unplaced = catalogue.own_facts.unplaced(9)
        catalogue.own_facts.put_nearby(
            [(each.id, nearby(each.latitude, each.longitude)) for each in unplaced]
        )
        image = catalogue.lookup.by_content(sha256)
        assert image
        tags = tuple(chosen.sample(TAGS, chosen.randrange(3)))
        texts = tuple(chosen.sample(TEXTS, chosen.randrange(2)))
        for tag in tags:
            catalogue._db.rows(
                "INSERT INTO tags (image_id, label, score, source, model_id)"
                " VALUES (?, ?, 1, 'label', ?)",
                (image.id, tag, model),
            )
        catalogue._db.rows(
            "INSERT OR REPLACE INTO texts (image_id, source, text) VALUES (?, 'name', 'invoice')",
            (image.id,),
        )
        for text in texts:
            catalogue._db.rows(
                "INSERT INTO texts (image_id, source, text) VALUES (?, 'caption', ?)",
                (image.id, text),
            )
        key = PictureKey(image.sha256, image.paths[0])
        albums, favourite = tuple(chosen.sample(ALBUMS, chosen.randrange(3))), number % 4 == 0
        for name in albums:
            catalogue.albums.add(album_ids[name], [key])
        catalogue.favourites.add([key] * favourite)
        vector = catalogue._db.one("SELECT id FROM vectors WHERE image_id = ?", (image.id,))
        made = (tags, texts, albums, favourite, image.date)
        rows += [
            Row(vector, info, os.path.join(ROOTS[root], path), size, *made) for root, path in files
        ]
        assert (image.date, image.date_source) == date_of(info, files)
    yield rows, catalogue, model
    catalogue.close()


def date_of(info: PictureInfo, files: dict[tuple[int, str], int]) -> tuple[str, str]:
    """EXIF's date, else the earliest of the names, else the earliest of the files."""
    if info.taken:
        return info.taken, "exif"
    names = [os.path.basename(path) for _, path in files]
    named = sorted(NAMED[name] for name in names if name in NAMED)
    if named:
        return named[0], "name"
    return datetime.fromtimestamp(min(files.values())).isoformat(), "file"  # noqa: DTZ006


def _path(chosen: random.Random, number: int) -> str:
    name = chosen.choice(NAMES)
    return os.path.join(chosen.choice(FOLDERS), str(number), name)


@cache
def plain(text: str) -> str:
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in parts if not unicodedata.combining(c))


@cache
def like(text: str, pattern: str) -> bool:
    """The wildcards, by plain recursion."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return like(text, pattern[1:]) or (text != "" and like(text[1:], pattern))
    return text != "" and pattern[0] in ("?", text[0]) and like(text[1:], pattern[1:])


def holds(condition: Condition, row: Row) -> bool:
    """Evaluate a condition for a file, as the documentation says."""
    if isinstance(condition, And):
        return all(holds(part, row) for part in condition.parts)
    if isinstance(condition, Or):
        return any(holds(part, row) for part in condition.parts)
    if isinstance(condition, Not):
        return not holds(condition.part, row)
    if isinstance(condition, Has):
        known: dict[str, Any] = {"gps": row.info.latitude is not None, "favourite": row.favourite}
        known |= {"tag": row.tags, "text": row.texts, "album": row.albums}
        known |= {name: any(values) for name, values in told(row).items()}
        name = condition.field
        if name == "date":
            return True
        return bool(known[name] if name in known else getattr(row.info, name))
    if isinstance(condition, Near | Box):
        return row.info.latitude is not None and in_place(condition, row)
    if isinstance(condition, OneOf):
        sign = "in" if FIELDS[condition.field].kind == "folder" else "="
        return any(compares(condition.field, sign, value, row) for value in condition.values)
    return compares(condition.field, condition.operator, condition.value, row)


def in_place(condition: Near | Box, row: Row) -> bool:
    north, east = row.info.latitude, row.info.longitude
    assert north is not None
    assert east is not None
    if isinstance(condition, Near):
        return chord_km((north, east), (condition.north, condition.east)) <= condition.km
    width = (condition.east - condition.west) % 360 if condition.west > condition.east else None
    across = (
        condition.west <= east <= condition.east
        if width is None
        else (east - condition.west) % 360 <= width
    )
    return condition.south <= north <= condition.north and across


def chord_km(one: tuple[float, float], other: tuple[float, float]) -> float:
    """By another way than the haversine: the angle between two vectors from the earth's centre."""

    def unit(place: tuple[float, float]) -> np.ndarray[Any, Any]:
        north, east = map(math.radians, place)
        return np.array(
            [math.cos(north) * math.cos(east), math.cos(north) * math.sin(east), math.sin(north)]
        )

    a, b = unit(one), unit(other)
    return 6371.0088 * math.atan2(float(np.linalg.norm(np.cross(a, b))), float(a @ b))


def compares(field: str, sign: str, value: Any, row: Row) -> bool:
    info = row.info
    if FIELDS[field].kind == "number":
        numbers = {"size": row.size, "megapixels": info.width * info.height / 1e6}
        number = numbers[field] if field in numbers else getattr(info, field)
        return number is not None and ordered(sign, (number > value) - (number < value))
    if field in ("date", "taken"):
        known = row.date if field == "date" else info.taken
        cut = known[: len(value)]
        if len(known) < len(value) and value.startswith(known):  # of that year, perhaps before
            return known != "" and sign == "!="
        return known != "" and ordered(sign, (cut > value) - (cut < value))
    if field == "album" and sign == "=" and value.lower() in map(str.lower, ALBUMS):
        return value.lower() in map(str.lower, row.albums)
    if field in told(row):
        return any(named(field, sign, each, value) for each in told(row)[field] if each)
    if field in ("tag", "text", "album"):
        return any(textual(sign, each, value) for each in getattr(row, f"{field}s"))
    if field == "kind":
        kind = "picture" if info.duration is None else "video"
        return ordered(sign, int(kind != value))
    if field in ("format", "orientation"):
        shapes = {1: "landscape", -1: "portrait", 0: "square"}
        shape = shapes[(info.width > info.height) - (info.width < info.height)]
        return ordered(sign, int((info.format if field == "format" else shape) != value))
    folder, name = os.path.split(row.path)
    if field in ("path", "folder"):
        return in_path(row.path if field == "path" else folder, folder, sign, value)
    text = name if field == "name" else getattr(info, field)
    return text != "" and textual(sign, text, value)


@cache
def told(row: Row) -> dict[str, tuple[str, ...]]:
    """The names of a picture by field, those of its nearest town among them."""
    info = row.info
    near = NOWHERE if info.latitude is None else nearby(info.latitude, info.longitude or 0)
    city, region = (info.city, near.city), (info.region, near.region)
    cities = OTHER_CITIES.get((near.city, near.country), ())
    for (name, _), every in OTHER_CITIES.items():
        if spoken(info.city, name, every):
            cities = (*cities, name, *every)
    written = [code for code, every in COUNTRY_NAMES.items() if spoken(info.country, code, every)]
    codes = [code for code in (near.country, *written) if code]
    country = (info.country, *codes, *(name for code in codes for name in COUNTRY_NAMES[code]))
    return {
        "person": info.people,
        "keyword": info.keywords,
        "city": (*city, *cities),
        "region": region,
        "country": country,
        "place": (info.location, *city, *cities, *region, *country),
    }


@cache
def spoken(written: str, code: str, every: tuple[str, ...]) -> bool:
    return plain(written) in {plain(code), *map(plain, every)}


def named(field: str, sign: str, name: str, value: str) -> bool:
    if field != "keyword" or sign == "~":
        return textual(sign, name, value)
    levels, wanted = (each.replace("/", "|").strip("|") for each in (name, value))
    return like(plain(f"|{levels}|"), plain(f"*|{wanted}|*"))


def in_path(path: str, folder: str, sign: str, value: str) -> bool:
    bare = plain(value).strip("/").split("/") if value.strip("/") else []
    parts = plain(folder).strip("/").split("/")
    if sign == "in":
        starts = [0] if value.startswith("/") else range(len(parts))
        return any(parts[at : at + len(bare)] == bare for at in starts)
    if sign == "~":
        return textual(sign, path, value.rstrip("/") or "/" if path == folder else value)
    wanted = value.rstrip("/") or "/" if path == folder else value
    anywhere = textual("=", path, wanted if value.startswith("/") else f"*/{wanted}")
    return anywhere == (sign == "=")


def textual(sign: str, text: str, value: str) -> bool:
    if sign == "~":
        return plain(value) in plain(text)
    return like(plain(text), plain(value)) == (sign == "=")


def ordered(sign: str, order: int) -> bool:
    return {
        "=": order == 0, "!=": order != 0, "<": order < 0, "<=": order <= 0, ">": order > 0,
        ">=": order >= 0,
    }[sign]  # fmt: skip


CHOICES = {"orientation": ["portrait", "square"], "kind": ["picture", "video"]}


def some_values(field: str) -> st.SearchStrategy[Value]:
    values: dict[Kind, Sequence[Value]] = {
        "number": [1.0, 100.0, 2000.0, 3000.0, 4000.0, 4.0, 12.0, 5e5, 2e6],
        "date": ["2023", "2023-05", "2023-05-17", "2023-05-17T12:30", "2024-02-29T08:00:00"],
        "folder": PATHS,
        "choice": CHOICES.get(field, ["JPEG", "GIF"]),
    }
    return st.sampled_from(values.get(FIELDS[field].kind, WORDS))


conditions = conditions_of(
    some_values,
    st.builds(
        Near,
        st.sampled_from([48.85, -17.0, 90.0, 0.0]),
        st.sampled_from([2.35, 180.0, -180.0, 10.0]),
        st.sampled_from([0.0, 5.0, 20.0, 5000.0, 30_000.0]),
    ),
    st.builds(
        Box,
        st.sampled_from([-90.0, -17.0, 48.85]),
        st.sampled_from([-180.0, 2.35, 170.0]),
        st.sampled_from([90.0, 48.85]),
        st.sampled_from([-179.9, 2.35, 180.0]),
    ),
    max_leaves=6,
)


@settings(max_examples=400)
@given(conditions)
@example(parse("gps near -17,180 within 20 km"))
@example(parse("gps in -18,179,-16,-179"))
@example(parse("not camera ~ pixel"))
@example(parse("camera != 'NIKON D90'"))
@example(parse("not (path in trips and name ~ img)"))
def test_sql_finds_what_plain_python_finds(
    rows_and_catalogue: tuple[list[Row], Catalogue, int], condition: Condition
) -> None:
    rows, catalogue, model = rows_and_catalogue
    expected = sorted({row.vector_id for row in rows if holds(condition, row)})
    found = catalogue.filters.ids(condition, model)
    assert found.dtype == np.int64
    assert found.tolist() == expected
    dates = {row.vector_id: row.date for row in rows}
    listed = catalogue.filters.listed(condition, model, "date").tolist()
    assert [dates[id_] for id_ in listed] == sorted(dates[id_] for id_ in listed)
    for sort in get_args(Sort):
        assert sorted(catalogue.filters.listed(condition, model, sort).tolist()) == expected


def test_another_model_has_other_vectors(
    rows_and_catalogue: tuple[list[Row], Catalogue, int],
) -> None:
    _, catalogue, model = rows_and_catalogue
    assert len(catalogue.filters.ids(parse("width > 0"), model)) == 150
    assert len(catalogue.filters.ids(parse("width > 0"), model + 1)) == 0


def test_long_filters_and_odd_bytes(rows_and_catalogue: tuple[list[Row], Catalogue, int]) -> None:
    rows, catalogue, model = rows_and_catalogue
    many = " or ".join(f"width={n}" for n in range(499)) + " or name = '\udcff.jpg'"
    expected = {row.vector_id for row in rows if row.info.width == 1 or "\udcff" in row.path}
    assert set(catalogue.filters.ids(parse(many), model).tolist()) == expected
    assert len(catalogue.filters.ids(parse("format = '\udcff'"), model)) == 0
    injected = parse("""camera = "' OR 1=1 --" or tag = '); DROP TABLE images'""")
    assert len(catalogue.filters.ids(injected, model)) == 0


def dated(path: Path, colour: object, taken: str, camera: str = "") -> Path:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = taken.replace("-", ":").replace("T", " ")
    if camera:
        exif[0x0110] = camera
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (24, 16), colour).save(path, "JPEG", exif=exif)  # type: ignore[arg-type]
    return path


@pytest.fixture
def album(library: Library, tmp_path: Path) -> Library:
    """Three days: a burst of red, a red and a blue of another day, an undated green."""
    for number in range(4):
        when = f"2023-05-01T10:00:0{2 * number}"
        dated(tmp_path / f"p/burst/{number}.jpg", (250 - number, 0, 0), when, "Pixel 7")
    dated(tmp_path / "p/burst/other.jpg", (0, 0, 250), "2023-05-01T10:00:01", "Pixel 7")
    dated(tmp_path / "p/day/d1.jpg", (250, 40, 0), "2023-05-02T09:00:00", "D90")
    dated(tmp_path / "p/day/d2.jpg", (0, 40, 250), "2023-05-02T11:00:00", "D90")
    paint(tmp_path / "p/plain.png", "green")
    library.add(tmp_path / "p")
    return library


Names = Callable[..., list[str]]


def test_only_what_fits_is_searched(album: Library, names: Names) -> None:
    result = album.search("red", 9, where="camera = d90")
    assert [os.path.basename(hit.path) for hit in result.hits] == ["d1.jpg", "d2.jpg"]
    assert result.searched == 2
    assert names(album, "blue", 1, where="not has taken") == ["plain.png"]
    assert names(album, "red - blue", 9, where="path in day") == ["d1.jpg", "d2.jpg"]
    assert names(album, "red", where="width > 9999") == []
    assert names(album, "red + blue", 2, where=parse("camera ~ d"), fuse="multiply")


def test_a_filter_alone_lists_newest_first(album: Library, names: Names) -> None:
    result = album.search(None, 3, where="has taken")
    assert [os.path.basename(hit.path) for hit in result.hits] == ["d2.jpg", "d1.jpg", "3.jpg"]
    assert (result.searched, result.scored) == (7, False)
    assert [hit.rank for hit in result.hits] == [1, 2, 3]
    assert {(hit.score, hit.confidence) for hit in result.hits} == {(0.0, None)}
    assert names(album, None, 9, where="path in day", sort="date") == ["d1.jpg", "d2.jpg"]
    assert names(album, None, 2, where="has taken", sort="name") == ["0.jpg", "1.jpg"]
    # The file of what has no date is younger than all that have one.
    assert names(album, None, 1, where="width > 1") == ["plain.png"]
    with pytest.raises(QueryError, match="empty"):
        album.search(None)


def test_the_best_are_chosen_and_then_sorted(album: Library) -> None:
    hits = album.search("red", 6, sort="date-desc").hits
    assert [hit.taken for hit in hits] == sorted((hit.taken for hit in hits), reverse=True)
    assert {hit.rank for hit in hits} == set(range(1, 7))
    assert {hit.id for hit in hits} == {hit.id for hit in album.search("red", 6).hits}
    sizes = [hit.size for hit in album.search("red", 8, sort="size").hits]
    assert sizes == sorted(sizes, reverse=True)


def test_a_burst_is_one_hit(album: Library) -> None:
    hits = album.search("red", 9, group="burst").hits
    by_name = {os.path.basename(hit.path): hit for hit in hits}
    burst = hits[0]
    assert burst.group
    assert {os.path.basename(other.path) for other in burst.group.others} < {
        f"{n}.jpg" for n in range(4)
    }
    # The blue one was taken between two of them, and stands alone.
    assert by_name["other.jpg"].group
    assert by_name["other.jpg"].group.others == ()
    assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))


def test_days_and_folders(album: Library) -> None:
    days = album.search("red", 9, group="day").hits
    assert [hit.group and (hit.group.name, len(hit.group.others)) for hit in days][:2] == [
        ("2023-05-01", 4),
        ("2023-05-02", 1),
    ]
    folders = album.search("red", 9, group="folder").hits
    assert sorted(len(hit.group.others) for hit in folders if hit.group) == [0, 1, 4]
    for hit in (*days, *folders):
        assert hit.group
        assert all(hit.score >= other.score for other in hit.group.others)


def test_different_ones_are_preferred(album: Library, names: Names) -> None:
    def reds(found: list[str]) -> int:
        return len({"0.jpg", "1.jpg", "2.jpg", "3.jpg", "d1.jpg"} & set(found))

    plain, diverse = (
        names(album, "red + 0.4:white", 3),
        names(album, "red + 0.4:white", 3, diverse=True),
    )
    assert diverse[0] == plain[0]
    assert reds(plain) == 3
    assert reds(diverse[:2]) == 1
    longest = names(album, "red + 0.4:white", 8, diverse=True)
    assert len(longest) == 8
    for k in (1, 2, 5):
        assert names(album, "red + 0.4:white", k, diverse=True) == longest[:k]


def test_the_formula_of_different_ones() -> None:
    angles = np.radians([0, 1, 40, 90])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    scores = np.array([1.0, 0.99, 0.7, 0.0])
    # The median cosine is that of 50 and 40 degrees: (0.643 + 0.766) / 2. So the second is like
    # the first by 0.999 and gains -0.009, the third by 0.21 and gains 0.49, the last 0 and -0.
    assert different(vectors, scores, 4) == [0, 2, 3, 1]
    assert different(vectors, scores, 2) == [0, 2]
    assert different(vectors[:1].repeat(3, axis=0), np.zeros(3), 3) == [0, 1, 2]


def test_groups_of_a_listing(album: Library) -> None:
    hits = album.search(None, 9, where="has taken", group="day").hits
    assert [hit.group and hit.group.name for hit in hits] == ["2023-05-02", "2023-05-01"]


def test_vectors_newer_than_the_cache_are_filtered_too(
    album: Library, names: Names, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retrieval.stores.live_index._SMALL", 0)
    monkeypatch.setattr("retrieval.stores.live_index._WORTH_SHARE", 1.0)
    dated(tmp_path / "p/new.jpg", (255, 0, 0), "2024-01-01T00:00:00", "X100")
    os.remove(tmp_path / "p/day/d1.jpg")
    album.add(tmp_path / "p")
    with Library.open(album.path, FakeEncoder()) as fresh:
        assert names(fresh, "red", where="camera in (X100, D90)") == ["new.jpg", "d2.jpg"]
