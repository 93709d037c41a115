"""Date and place in sidecars fill what the picture itself does not say, and go with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.painting import paint

from retrieval import Library
from retrieval.catalogue import ImageRow
from retrieval.images import beside
from retrieval.texts.takeout import read_takeout

XMP = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
 xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
 xmlns:exif="http://ns.adobe.com/exif/1.0/" exif:GPSLatitude="48,51.49N"
 exif:GPSLongitude="2,17.66E" exif:DateTimeOriginal="2019-07-21T23:06:38-08:00"/>
</rdf:RDF></x:xmpmeta>"""
TAKEOUT: dict[str, Any] = {
    "title": "red.png",
    "description": "our holiday",
    "photoTakenTime": {"timestamp": "1563753600"},
    "geoData": {"latitude": 48.858, "longitude": 2.294},
    "people": [{"name": "Anna Meier"}, {"name": "Bob"}],
}


def image(library: Library, path: Path) -> ImageRow:
    found = library.image_at(path)
    assert found is not None
    return found


def test_an_xmp_sidecar_gives_date_and_place(library: Library, pictures: Path) -> None:
    library.add(pictures)
    before = image(library, pictures / "red.png")
    (pictures / "red.xmp").write_text(XMP)
    library.add()
    found = image(library, pictures / "red.png")
    assert (found.taken, found.date, found.date_source) == (*["2019-07-21T23:06:38"] * 2, "exif")
    assert (found.latitude, found.longitude) == (48.858167, 2.294333)
    near = library.search(None, where="gps near 48.8582,2.2943 within 1 km and taken = 2019")
    assert [hit.path for hit in near] == [str(pictures / "red.png")]
    library.add()
    assert image(library, pictures / "red.png") == found
    (pictures / "red.xmp").unlink()
    library.add()
    assert image(library, pictures / "red.png") == before


def test_a_removed_picture_is_no_obstacle(library: Library, pictures: Path) -> None:
    library.add(pictures)
    library.remove(pictures / "deep")
    assert library.add().tally.pending == 0
    assert library._session.catalogue.sidecars.to_refresh(10) == []


def test_what_the_picture_says_comes_first(library: Library, tmp_path: Path) -> None:
    from PIL import Image

    picture = Image.new("RGB", (20, 20), (9, 200, 7))
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = "2001:02:03 04:05:06"
    (tmp_path / "p").mkdir()
    picture.save(tmp_path / "p/a.jpg", exif=exif)
    (tmp_path / "p/a.jpg.xmp").write_text(XMP)
    library.add(tmp_path / "p")
    found = image(library, tmp_path / "p/a.jpg")
    assert found.taken == "2001-02-03T04:05:06"
    assert found.latitude == 48.858167
    (tmp_path / "p/a.jpg.xmp").unlink()
    library.add()
    found = image(library, tmp_path / "p/a.jpg")
    assert (found.taken, found.latitude) == ("2001-02-03T04:05:06", None)


def test_xmp_within_a_picture(library: Library, tmp_path: Path) -> None:
    from PIL import Image

    (tmp_path / "p").mkdir()
    Image.new("RGB", (20, 20)).save(tmp_path / "p/a.jpg", xmp=XMP.encode())
    library.add(tmp_path / "p")
    found = image(library, tmp_path / "p/a.jpg")
    assert (found.taken, found.latitude) == ("2019-07-21T23:06:38", 48.858167)


@pytest.mark.parametrize(
    "name",
    [
        "red.png.json",
        "red.png.supplemental-metadata.json",
        "red.png.suppl.json",
        "red.png.s.JSON",
    ],
)
@pytest.mark.parametrize("alone", [False, True], ids=["folder", "single file"])
def test_google_takeout(library: Library, pictures: Path, name: str, alone: bool) -> None:
    if alone and name not in ("red.png.json", "red.png.supplemental-metadata.json"):
        pytest.skip("only the full names are looked for beside a single file")
    (pictures / name).write_text(json.dumps(TAKEOUT))
    library.add(pictures / "red.png" if alone else pictures)
    found = image(library, pictures / "red.png")
    assert found.taken[:7] == "2019-07"
    assert (found.latitude, found.longitude) == (48.858, 2.294)
    texts = {row.source: row.text for row in library.texts.of(found.id)}
    assert texts["sidecar"] == "our holiday\nAnna Meier, Bob"


def test_the_number_of_a_copy() -> None:
    assert beside("a/IMG.jpg(1).json") == "a/IMG(1).jpg"
    assert beside("a/IMG.jpg.supplemental-metadata(12).json") == "a/IMG(12).jpg"
    assert beside("a/IMG(1).jpg.json") == "a/IMG(1).jpg"
    assert beside("a.b/IMG.supplemental.json") == "a.b/IMG.supplemental"
    assert beside("a/IMG.jpg.txt") == "a/IMG.jpg"
    assert beside("IMG.XMP") == "IMG"


def test_other_json_says_nothing(library: Library, pictures: Path) -> None:
    (pictures / "red.json").write_text(json.dumps(TAKEOUT))
    (pictures / "green.png.json").write_text('{"description": "boxes of a data set"}')
    paint(pictures / "white.png", "white")
    (pictures / "white.png.json").write_text("[1, 2")
    library.add(pictures)
    for name in ("red", "green", "white"):
        rows = library.texts.of(image(library, pictures / f"{name}.png").id)
        assert {row.source for row in rows} == {"name"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "latitude", "longitude", "timestamp"]), inner)
    ),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(sorted(TAKEOUT)), JSON))
def test_any_takeout_has_an_answer(found: dict[str, Any]) -> None:
    _, text, facts, _ = read_takeout(json.dumps(found).encode())
    text.encode()
    assert facts.latitude is None or abs(facts.latitude) <= 90
