"""What a person made goes out as a readable file, and into a new index of the same pictures."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.fakes import FakeEncoder
from support.painting import paint

from retrieval import Album, Library, LibraryError, Query, SearchOptions


@pytest.fixture
def edited(library: Library, pictures: Path, tmp_path: Path) -> Library:
    """A library with everything that only a person can make."""
    shutil.copy(pictures / "red.png", pictures / "red copy.png")
    paint(pictures / "nearly red.png", (254, 0, 0))
    paint(pictures / "screens/white.png", "white")
    paint(tmp_path / "example.png", (240, 10, 0))
    library.add(pictures, exclude=["*.gif", "screens/**"])
    library.remove(pictures / "green.png")
    library.texts.put({pictures / "red.png": ["rote Fläche", "a red area"]})
    library.concepts.learn(
        "our “red”",
        [str(pictures / "red.png"), str(tmp_path / "example.png")],
        [str(pictures / "deep/blue.png")],
    )
    library.tags.label(["red", "Blau"])
    library.albums.add("Été 2023", [pictures / "nearly red.png", pictures / "red.png"])
    library.albums.set_cover("Été 2023", pictures / "red.png")
    library.albums.set_order(library.albums.add("By date").album.name, "date")
    library.favourites.add([pictures / "deep/blue.png"])
    question = Query.parse(f"red + {pictures}/deep/blue.png - green")
    options = SearchOptions(where="album = 'été 2023'", like=[pictures / "red.png"])
    library.saved.add("Many reds", question, options)
    rows = library._session.catalogue.duplicates
    with library._session.catalogue.writing():
        red = library.image_at(pictures / "red.png")
        nearly = library.image_at(pictures / "nearly red.png")
        assert red is not None
        assert nearly is not None
        rows.keep({red.id: 2, nearly.id: 1})
    return library


@pytest.fixture
def fresh(edited: Library, pictures: Path, tmp_path: Path) -> Iterator[Library]:
    """A new index of the same pictures in another folder."""
    shutil.copytree(pictures, tmp_path / "other/album")
    with Library.create(tmp_path / "fresh", FakeEncoder()) as made:
        paint(tmp_path / "elsewhere/x.png", (1, 2, 3))  # ids differ from those of the other index
        made.add(tmp_path / "elsewhere")
        made.add(tmp_path / "other/album")
        yield made


def pictures_of(library: Library, album: Album) -> list[str]:
    return [hit.sha256 for hit in library.albums.pictures(album.name)]


def made_by_people(library: Library, folder: Path) -> dict[str, Any]:
    catalogue = library._session.catalogue
    root = next(root for root in catalogue.roots.all() if root.path == str(folder))
    shas = {image.id: image.sha256 for image, _ in library.images()}
    concepts = [
        (
            concept.name,
            sorted(shas.get(int(e[1:]), e) if e[0] == "#" else e for e in concept.like),
            sorted(shas.get(int(e[1:]), e) if e[0] == "#" else e for e in concept.unlike),
            concept.learned,
        )
        for concept in library.concepts.all()
    ]
    return {
        "captions": sorted(
            row.text
            for image, _ in library.images()
            for row in library.texts.of(image.id)
            if row.source == "caption"
        ),
        "concepts": concepts,
        "labels": library.tags.labels(),
        "kept": [
            sorted((shas[image_id], files) for image_id, files in group.items())
            for group in catalogue.duplicates.kept()
        ],
        "albums": [
            (
                album.name,
                album.order,
                album.cover and shas[album.cover],
                pictures_of(library, album),
            )
            for album in library.albums.all()
        ],
        "favourites": [hit.sha256 for hit in library.favourites.pictures()],
        "saved": [
            (row.name, json.loads(row.question)["question"], json.loads(row.question)["options"])
            for row in catalogue.saved.all()
        ],
        "excludes": sorted(catalogue.roots.excludes(root, "user")),
        "removed": sorted(catalogue.roots.excludes(root, "remove")),
    }


def test_a_round_trip_to_another_path(
    edited: Library, fresh: Library, pictures: Path, tmp_path: Path
) -> None:
    album = tmp_path / "other/album"
    out = edited.export_edits(tmp_path / "edits.json")
    assert (out.captions, out.concepts, out.labels, out.kept, out.excludes) == (1, 1, 2, 1, 3)
    assert (out.albums, out.favourites, out.saved) == (2, 1, 1)
    taken = fresh.import_edits(tmp_path / "edits.json")
    assert taken == out
    expected = made_by_people(edited, pictures)
    assert all(expected.values())
    assert made_by_people(fresh, album) == expected
    assert fresh.concepts.head("our “red”").direction.tolist() == pytest.approx(
        edited.concepts.head("our “red”").direction.tolist()
    )
    fresh.import_edits(tmp_path / "edits.json")
    assert made_by_people(fresh, album) == expected, "a second import changes nothing"
    fresh.add()
    assert fresh.image_at(album / "green.png") is None, "it was removed by hand"
    assert fresh.image_at(album / "screens/white.png") is None


def test_collected_pictures_may_come_later(edited: Library, tmp_path: Path) -> None:
    edited.export_edits(tmp_path / "edits.json")
    with Library.create(tmp_path / "empty", FakeEncoder()) as later:
        taken = later.import_edits(tmp_path / "edits.json")
        assert (taken.albums, taken.favourites, taken.saved) == (2, 1, 1)
        assert str(tmp_path / "pictures/nearly red.png") in taken.unknown
        assert later.albums.named("été 2023").absent == 2
        assert "not in the library" in later.saved.named("many reds").trouble
        shutil.copytree(tmp_path / "pictures", tmp_path / "elsewhere")
        later.add(tmp_path / "elsewhere")
        assert later.albums.named("été 2023").pictures == 2
        assert len(later.favourites.pictures()) == 1
        assert later.saved.named("many reds").trouble == ""
        later.albums.add("été 2023", [tmp_path / "elsewhere/green.png"])
        later.import_edits(tmp_path / "edits.json")
        assert later.albums.named("été 2023").pictures == 3, "nothing is taken out"


def test_the_file_is_for_people(edited: Library, tmp_path: Path, pictures: Path) -> None:
    edited.export_edits(tmp_path / "edits.json")
    written = (tmp_path / "edits.json").read_text(encoding="utf-8")
    assert "rote Fläche" in written
    facts = json.loads(written)
    assert {"sha256", "path", "captions"} == facts["captions"][0].keys()
    assert facts["labels"] == ["red", "Blau"]


def test_an_edited_picture_is_found_by_its_path(edited: Library, tmp_path: Path) -> None:
    edited.export_edits(tmp_path / "edits.json")
    facts = json.loads((tmp_path / "edits.json").read_text())
    facts["captions"][0]["sha256"] = "00" * 32
    facts["captions"][0]["captions"] = ["again"]
    (tmp_path / "edits.json").write_text(json.dumps(facts))
    assert edited.import_edits(tmp_path / "edits.json").captions == 1
    facts["captions"][0]["path"] = "/nowhere/x.jpg"
    (tmp_path / "edits.json").write_text(json.dumps(facts))
    taken = edited.import_edits(tmp_path / "edits.json")
    assert (taken.captions, taken.unknown) == (0, ("/nowhere/x.jpg",))


def test_names_that_are_not_utf8(library: Library, tmp_path: Path) -> None:
    try:
        paint(tmp_path / "p/a.png", "red").rename(tmp_path / "p/b\udcff.png")
    except OSError:
        pytest.skip("this disk has no such names")
    paint(tmp_path / "p/other.png", "blue")
    library.add(tmp_path / "p")
    library.texts.put({tmp_path / "p/b\udcff.png": ["words"]})
    library.albums.add("A", [tmp_path / "p/b\udcff.png"])
    library.saved.add("S", Path(tmp_path / "p/b\udcff.png"), SearchOptions())
    library.export_edits(tmp_path / "edits.json")
    taken = library.import_edits(tmp_path / "edits.json")
    assert (taken.captions, taken.albums, taken.saved) == (1, 1, 1)
    assert library.saved.answer("S").search.trouble == ""
    (tmp_path / "p/b\udcff.png").unlink()
    library.add()
    assert library.albums.absent("A") == [str(tmp_path / "p/b\udcff.png")]


def test_an_existing_file_is_kept(edited: Library, tmp_path: Path) -> None:
    (tmp_path / "edits.json").write_text("mine")
    with pytest.raises(LibraryError):
        edited.export_edits(tmp_path / "edits.json")
    assert (tmp_path / "edits.json").read_text() == "mine"
    edited.export_edits(tmp_path / "edits.json", replace=True)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_a_wrong_file_changes_nothing(
    edited: Library, tmp_path: Path, pictures: Path, data: st.DataObject
) -> None:
    edited.export_edits(tmp_path / "good.json", replace=True)
    facts = json.loads((tmp_path / "good.json").read_text())
    before = made_by_people(edited, pictures)
    node: Any = facts
    parent: Any = None
    key: Any = None
    while isinstance(node, dict | list) and node:
        parent = node
        keys = sorted(node) if isinstance(node, dict) else list(range(len(node)))
        key = data.draw(st.sampled_from(keys))
        node = node[key]
        if data.draw(st.booleans()):
            break
    assert parent is not None
    parent[key] = data.draw(JSON)
    (tmp_path / "bad.json").write_text(json.dumps(facts))
    refusal: LibraryError | None = None
    try:
        edited.import_edits(tmp_path / "bad.json")
    except LibraryError as error:
        refusal = error
    if refusal is not None:
        assert "bad.json" in refusal.message
        assert made_by_people(edited, pictures) == before


def test_a_file_of_an_earlier_version_lacks_what_that_could_not_make(
    edited: Library, tmp_path: Path
) -> None:
    edited.export_edits(tmp_path / "new.json")
    facts = json.loads((tmp_path / "new.json").read_text())
    for name in ("albums", "favourites", "saved"):
        del facts[name]
    (tmp_path / "old.json").write_text(json.dumps(facts))
    taken = edited.import_edits(tmp_path / "old.json")
    assert (taken.captions, taken.albums) == (len(facts["captions"]), 0)


@pytest.mark.parametrize("content", ["", "[]", "{", "7", '{"format": "x"}', "[" * 100_000])
def test_another_file_is_refused(edited: Library, tmp_path: Path, content: str) -> None:
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(LibraryError, match=r"x\.json"):
        edited.import_edits(tmp_path / "x.json")
