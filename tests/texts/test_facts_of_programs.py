"""People, keywords, places and ratings that other programs wrote become facts of a picture."""

from __future__ import annotations

import json
import os
import sqlite3
import unicodedata
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

import pytest
from PIL import Image
from support.fakes import FakeEncoder
from support.old_catalogues import load
from support.painting import paint

from retrieval import Library
from retrieval.catalogue import ImageRow, row_checks
from retrieval.images.names_told import keywords_of, people_of, percent, stars
from retrieval.query.fields import Facts, distinct

ANNA = json.dumps(
    {
        "photoTakenTime": {"timestamp": "1563753600"},
        "geoData": {"latitude": 38.7139, "longitude": -9.1334},
        "people": [{"name": "Anna"}, {"name": "Bob"}],
        "favorited": True,
    }
)
LONG = "A very long name that Google has cut because it is so long.jpg"
XMP = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
 xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
 xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:lr="http://ns.adobe.com/lightroom/1.0/"
 xmlns:ext="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
 photoshop:City="Lissabon" photoshop:Country="Portugal" photoshop:DateCreated="2001-05"
 xmp:Rating="4" xmp:Label="Red"><lr:hierarchicalSubject><rdf:Bag><rdf:li>Travel|Europe</rdf:li>
 <rdf:li>food</rdf:li></rdf:Bag></lr:hierarchicalSubject><ext:PersonInImage><rdf:Bag>
 <rdf:li>Anna</rdf:li></rdf:Bag></ext:PersonInImage></rdf:Description></rdf:RDF></x:xmpmeta>"""
TOLD = Facts(
    taken="2001-05",
    city="Lissabon",
    country="Portugal",
    people=("Anna",),
    keywords=("Travel|Europe", "food"),
    rating=4,
    colour_label="Red",
)


def image(library: Library, path: Path) -> ImageRow:
    found = library.image_at(path)
    assert found is not None
    return found


def found(library: Library, where: str) -> list[str]:
    return sorted(os.path.basename(hit.path) for hit in library.search(None, 50, where=where))


def facts_of(row: ImageRow) -> Facts:
    names = ("taken", "city", "country", "people", "keywords", "rating", "colour_label")
    return Facts(**{name: getattr(row, name) for name in names})


def test_what_a_sidecar_says_comes_and_goes(library: Library, pictures: Path) -> None:
    library.add(pictures)
    before = image(library, pictures / "red.png")
    (pictures / "red.xmp").write_text(XMP)
    assert library.add().tally.encoded == 0
    assert facts_of(image(library, pictures / "red.png")) == TOLD
    for where in (
        *("person = 'anna'", "rating >= 4", "colour_label = red", "keyword = 'Travel'"),
        *("keyword = 'europe'", "keyword = 'Travel|Europe'", "city = 'Lisbon'", "country = PT"),
        *("place ~ 'lis'", "place = 'Lissabon'", "country = 'Portugal'", "taken = 2001"),
    ):
        assert found(library, where) == ["red.png"], where
    for where in ("taken < 2001-06", "person = 'Ann'", "place = 'Porto'", "keyword = 'Trav'"):
        assert found(library, where) == (["red.png"] if where == "taken < 2001-06" else []), where
    (pictures / "red.xmp").unlink()
    library.add()
    assert image(library, pictures / "red.png") == before


def test_a_picture_and_its_sidecar_name_people_together(library: Library, tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    inside = XMP.replace(">Anna<", ">Bob<").replace('Rating="4"', 'Rating="2"')
    Image.new("RGB", (20, 20)).save(tmp_path / "p/a.jpg", xmp=inside.encode())
    (tmp_path / "p/a.jpg.xmp").write_text(XMP)
    library.add(tmp_path / "p")
    row = image(library, tmp_path / "p/a.jpg")
    assert (row.people, row.rating) == (("Bob", "Anna"), 2), "the picture's own rating"
    (tmp_path / "p/a.jpg.xmp").unlink()
    library.add()
    row = image(library, tmp_path / "p/a.jpg")
    assert (row.people, row.rating) == (("Bob",), 2)


def test_iptc_and_windows(library: Library, tmp_path: Path) -> None:
    def record(number: int, text: str) -> bytes:
        raw = text.encode()
        return b"\x1c\x02" + bytes([number]) + len(raw).to_bytes(2, "big") + raw

    iptc = record(25, "lake") + record(90, "Lyon") + record(101, "France") + record(55, "20190500")
    block = b"8BIM\x04\x04\0\0" + len(iptc).to_bytes(4, "big") + iptc + b"\0" * (len(iptc) % 2)
    segment = b"Photoshop 3.0\0" + block
    marker = b"\xff\xed" + (len(segment) + 2).to_bytes(2, "big") + segment
    exif = Image.Exif()
    exif[0x4749] = 75
    exif[0x9C9E] = "sea;boat".encode("utf-16-le")
    (tmp_path / "p").mkdir()
    Image.new("RGB", (20, 20)).save(tmp_path / "p/a.jpg", exif=exif)
    data = (tmp_path / "p/a.jpg").read_bytes()
    (tmp_path / "p/a.jpg").write_bytes(data[:2] + marker + data[2:])
    library.add(tmp_path / "p")
    row = image(library, tmp_path / "p/a.jpg")
    assert (row.city, row.country, row.country_code, row.taken) == (
        "Lyon",
        "France",
        "FR",
        "2019-05",
    )
    assert (row.keywords, row.rating) == (("sea", "boat", "lake"), 4)


@pytest.mark.parametrize(
    ("picture", "told"),
    [
        ("IMG.jpg", "IMG.jpg.json"),
        ("IMG.jpg", "IMG.jpg.supplemental-metadata.json"),
        (LONG, f"{LONG[:46]}.json"),
        (
            "20230501_102030_A_longer_name.jpg",
            "20230501_102030_A_longer_name.jpg.supplemental.json",
        ),
        (
            "20230501_102030_A_longer_name.jpg",
            "20230501_102030_A_longer_name.jpg.supplemental-.json",
        ),
        ("IMG(1).jpg", "IMG.jpg(1).json"),
        ("IMG(1).jpg", "IMG(1).jpg.json"),
        ("IMG(1).jpg", "IMG(1).jpg.supplemental-metadata.json"),
        ("IMG(1).jpg", "IMG.jpg.supplemental-metadata(1).json"),
        ("IMG-edited.jpg", "IMG.jpg.json"),
        ("IMG-edited(1).jpg", "IMG.jpg(1).json"),
        ("IMG-bearbeitet.jpg", "IMG.jpg.supplemental-metadata.json"),
        (f"{LONG[:-4]}-edited.jpg", f"{LONG[:46]}.json"),
        ("Café.jpg", unicodedata.normalize("NFD", "Café.jpg.json")),
        (unicodedata.normalize("NFD", "Café-edited.jpg"), "Café.jpg.supplemental-metadata.json"),
        (unicodedata.normalize("NFD", f"É{'é' * 46}.jpg"), f"É{'é' * 45}.json"),
    ],
)
@pytest.mark.parametrize("alone", [False, True], ids=["folder", "single file"])
def test_names_of_takeout(
    library: Library, tmp_path: Path, picture: str, told: str, alone: bool
) -> None:
    if alone and told.endswith(("supplemental.json", "supplemental-.json")):
        told = f"{(picture + '.supplemental-metadata')[:46]}.json"
    folder = tmp_path / "p"
    paint(folder / picture, "red")
    paint(folder / "other.jpg", "blue")
    (folder / told).write_text(ANNA)
    library.add(folder / picture if alone else folder)
    row = image(library, folder / picture)
    assert (row.people, row.city, row.favourite) == (("Anna", "Bob"), "Lisbon", True)
    assert row.taken.startswith("2019-07")
    assert found(library, "person = 'Anna' and place = 'Lisbon'") == [picture]
    (folder / told).unlink()
    library.add()
    row = image(library, folder / picture)
    assert (row.people, row.city, row.taken) == ((), "", "")


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("name", ["Café.jpg.xmp", "Café.xmp", "Café.txt"])
def test_the_spelling_of_a_sidecar(library: Library, tmp_path: Path, form: Any, name: str) -> None:
    other: Literal["NFC", "NFD"] = "NFD" if form == "NFC" else "NFC"
    folder = tmp_path / "p"
    picture = paint(folder / unicodedata.normalize(form, "Café.jpg"), "red")
    sidecar = folder / unicodedata.normalize(other, name)
    sidecar.write_text("a quiet morning" if name.endswith("txt") else XMP)

    def told() -> bool:
        source = "sidecar" if name.endswith("txt") else "xmp"
        (row,) = library.search(None, 9, where="width > 1")
        return source in {each.source for each in library.texts.of(row.id)}

    library.add(folder)
    assert told()
    renamed = folder / unicodedata.normalize(other, "Café.jpg")
    picture.rename(renamed)
    library.add()
    assert told()
    if not name.endswith("txt"):
        assert facts_of(image(library, renamed)) == TOLD
    sidecar.unlink()
    library.add()
    assert not told()


def test_a_picture_that_is_spelled_like_the_sidecar_comes_first(
    library: Library, tmp_path: Path
) -> None:
    folder = tmp_path / "p"
    for form, colour in (("NFC", "red"), ("NFD", "blue")):
        paint(folder / unicodedata.normalize(form, "Café.jpg"), colour)  # type: ignore[arg-type]
    if len(os.listdir(folder)) < 2:
        pytest.skip("this file system knows one spelling of a name")
    for form, person in (("NFC", "Anna"), ("NFD", "Bob")):
        path = folder / unicodedata.normalize(form, "Café.xmp")  # type: ignore[arg-type]
        path.write_text(XMP.replace(">Anna<", f">{person}<"))
    library.add(folder)
    (anna,) = library.search(None, 9, where="person = 'Anna'")
    (bob,) = library.search(None, 9, where="person = 'Bob'")
    assert os.path.basename(anna.path) == unicodedata.normalize("NFC", "Café.jpg")
    assert os.path.basename(bob.path) == unicodedata.normalize("NFD", "Café.jpg")


def test_a_mark_that_was_taken_off_stays_off(library: Library, pictures: Path) -> None:
    (pictures / "red.png.json").write_text(ANNA)
    library.add(pictures)
    assert found(library, "favourite") == ["red.png"]
    library.favourites.remove([image(library, pictures / "red.png").id])
    library.add()
    assert found(library, "favourite") == []


def test_the_town_follows_the_position(library: Library, pictures: Path) -> None:
    library.add(pictures)
    (pictures / "red.png.json").write_text(ANNA)
    library.add()
    assert image(library, pictures / "red.png").city == "Lisbon"
    (pictures / "red.png.json").write_text(
        ANNA.replace("38.7139", "41.15").replace("-9.13", "-8.6")
    )
    library.add()
    row = image(library, pictures / "red.png")
    assert (row.city, row.region, row.country, row.country_code) == (
        "Porto",
        "Porto",
        "Portugal",
        "PT",
    )
    assert found(library, "place = 'Lisbon'") == []
    facets = {each.value: each.images for each in library.facets()["place"]}
    assert facets == {"Porto": 1, "Portugal": 1}


def test_groups_of_places_and_people(library: Library, pictures: Path) -> None:
    for name in ("red", "green"):
        (pictures / f"{name}.png.json").write_text(ANNA)
    (pictures / "deep/blue.xmp").write_text(XMP)
    library.add(pictures)
    groups = library.search("red", 9, group="place").hits
    named = {hit.group.name: len(hit.group.others) for hit in groups if hit.group}
    assert named == {"Lisbon, Portugal": 1, "Lissabon, Portugal": 0, "": 0}
    groups = library.search("red", 9, group="person").hits
    named = {hit.group.name: len(hit.group.others) for hit in groups if hit.group}
    assert named == {"Anna, Bob": 1, "Anna": 0, "": 0}


@pytest.mark.parametrize("version", range(1, 9))
def test_an_old_library_gains_the_facts_and_encodes_nothing(version: int, tmp_path: Path) -> None:
    folder, library_path = tmp_path / "photos", tmp_path / "library"
    (folder / "trips").mkdir(parents=True)
    library_path.mkdir()
    exif = Image.Exif()
    exif[0x4746] = 5
    Image.new("RGB", (24, 16), "red").save(folder / "trips/red.png", exif=exif)
    Image.new("RGB", (30, 40), "blue").save(
        folder / "2019-05-06 blue.jpg", xmp=XMP.replace("Lissabon", "Lyon").encode()
    )
    (folder / "trips/red.png.json").write_text(ANNA)
    load(version, library_path / "catalogue.sqlite")
    with closing(sqlite3.connect(library_path / "catalogue.sqlite")) as db, db:
        row_checks.register(db)
        db.execute("UPDATE roots SET path = ? WHERE id = 1", (str(folder),))
        for name in ("trips/red.png", "2019-05-06 blue.jpg"):
            status = (folder / name).stat()
            db.execute(
                "UPDATE files SET size = ?, mtime_ns = ? WHERE path = ?",
                (status.st_size, status.st_mtime_ns, name),
            )
    with Library.open(library_path, FakeEncoder()) as library:
        tally = library.add(folder).tally
        assert tally.encoded == 0
        red = image(library, folder / "trips/red.png")
        assert (red.people, red.rating, red.city) == (("Anna", "Bob"), 5, "Lisbon")
        blue = image(library, folder / "2019-05-06 blue.jpg")
        assert (blue.people, blue.rating, blue.city) == (("Anna",), 4, "Lyon")
        assert found(library, "country = 'PT' and rating = 5") == ["red.png"]
        assert library.add().tally.texts_updated == 0


def test_names_are_clean_and_each_once() -> None:
    assert people_of(["Anna ", "anna", "", None, 7, "Bob\0x", "\n"]) == ("Anna", "Bob")
    assert len(people_of(map(str, range(1000)))) == 200
    assert keywords_of(["a|b|c", "b", "A|B", "d", "d", " | ", "|e|"]) == ("a|b|c", "d", "e")
    assert keywords_of(["x" * 500])[0] == "x" * 100
    assert keywords_of(["|".join(map(str, range(100)))])[0].count("|") == 11
    assert distinct(["É", "é", "e"]) == ("É", "e")


@pytest.mark.parametrize(
    ("written", "rating"),
    [("4", 4), (5, 5), ("-1", -1), (0, None), ("", None), (6, None), ("3.0", 3), (None, None)],
)
def test_stars(written: object, rating: int | None) -> None:
    assert stars(written) == rating


def test_percentages_are_stars() -> None:
    assert [percent(each) for each in (1, 25, 50, 75, 99, 0, 101, "x")] == [
        1,
        2,
        3,
        4,
        5,
        None,
        None,
        None,
    ]
