"""Saved searches: what they find, what of it is new, and when the model or the library changes."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.damage import edit
from support.fakes import FakeEncoder
from support.painting import paint

from retrieval import Library, Query, QueryError, SearchOptions
from retrieval.errors import LibraryError
from retrieval.indexing.progress import IndexOptions
from retrieval.scoring.calibration import Calibration
from retrieval.search.answering import answer_all
from retrieval.tagging import saved


@pytest.fixture
def sure(mixed: Library, calibrated: Calibration) -> Library:
    """A library with confidences: of its pictures, red.png shows red, and purple.png nearly."""
    return mixed


@pytest.fixture
def new_in(tmp_path: Path) -> Callable[[Library, str], list[str]]:
    def names(library: Library, name: str) -> list[str]:
        hits = library.saved.answer(name).only_new()
        return sorted(os.path.basename(hit.path) for hit in hits)

    return names


def test_what_is_there_is_not_new(
    sure: Library, tmp_path: Path, new_in: Callable[[Library, str], list[str]]
) -> None:
    made = sure.saved.add("Reds", "red", SearchOptions())
    assert (made.name, made.question, made.min_confidence) == ("Reds", "red", 0.5)
    found = sure.saved.answer("reds")
    assert [os.path.basename(hit.path) for hit in found.result] == ["red.png"]
    assert found.new == frozenset()
    paint(tmp_path / "p/other red.png", (255, 4, 0))
    paint(tmp_path / "p/other blue.png", (0, 4, 255))
    sure.add()
    assert new_in(sure, "Reds") == ["other red.png"]
    assert new_in(sure, "Reds") == ["other red.png"], "an answer is no look"
    assert len(sure.saved.look("Reds").new) == 1, "a look still shows what is new"
    assert sure.saved.count_new("Reds") == 0


def test_what_newly_fits_is_new(
    sure: Library, new_in: Callable[[Library, str], list[str]], tmp_path: Path
) -> None:
    sure.saved.add("Marked", None, SearchOptions(where="favourite or album = 'A'"))
    sure.favourites.add([tmp_path / "p/red.png"])
    sure.albums.add("A", [tmp_path / "p/blue.png"])
    assert new_in(sure, "Marked") == ["blue.png", "red.png"]
    sure.saved.look("Marked")
    sure.favourites.remove([tmp_path / "p/red.png"])
    assert sure.saved.count_new("Marked") == 0
    assert len(sure.saved.answer("Marked").result) == 1


def test_after_a_change_of_models_only_what_came_is_new(
    library: Library, pictures: Path, new_in: Callable[[Library, str], list[str]]
) -> None:
    library.add(pictures)
    library.saved.add("Best", "red", SearchOptions(k=2))
    assert len(library.saved.answer("Best").result) == 2, "without confidences the k best"

    class Reversed(FakeEncoder):
        def encode_images(self, pixels):  # type: ignore[no-untyped-def]
            return super().encode_images(pixels[..., ::-1])

    list(library.use_model(Reversed("fake-2")))
    found = library.saved.answer("Best")
    assert {os.path.basename(hit.path) for hit in found.result} != {"red.png", "yellow.png"}
    assert found.new == frozenset()
    paint(pictures / "other blue.png", (0, 0, 250))
    library.add()
    assert new_in(library, "Best") == ["other blue.png"]
    library.saved.look("Best")
    assert library.saved.count_new("Best") == 0


def test_example_pictures_and_all_options_are_kept(sure: Library, tmp_path: Path) -> None:
    paint(tmp_path / "mine.png", (250, 250, 0))
    red = sure.image_at(tmp_path / "p/red.png")
    assert red is not None
    query = Query.parse(f"2:red + {tmp_path}/p/purple.png + {tmp_path}/mine.png - blue")
    options = SearchOptions(
        where="width > 1", sort="name", like=[red.id], min_confidence=0.3, fuse="multiply"
    )
    sure.saved.add("Many", query, options)
    back = sure.saved.question("Many")
    purple = sure.image_at(tmp_path / "p/purple.png")
    assert purple is not None
    assert str(back.query) == f"2:red + #{purple.id} + {tmp_path}/mine.png - blue"
    assert back.options == options
    assert sure.saved.all()[0].where == "width > 1"
    asked = sure.answer(back.query, back.options)
    found = [hit.id for hit in sure.saved.answer("Many").result]
    assert found[: len(asked)] == [hit.id for hit in asked]


def test_an_example_whose_file_is_gone_still_asks(sure: Library, tmp_path: Path) -> None:
    sure.saved.add("Like it", Query.parse(f"{tmp_path}/p/red.png"), SearchOptions(k=3))
    (tmp_path / "p/red.png").unlink()
    for _ in range(2):
        sure.add(options=IndexOptions(keep_orphans_days=0.0))
    assert sure.saved.named("Like it").trouble == ""
    sure.saved.answer("Like it")
    sure.saved.remove("Like it")
    sure.add(options=IndexOptions(keep_orphans_days=0.0))
    assert not sure._session.catalogue.contents.orphans()


def test_what_cannot_be_asked_says_why(sure: Library, tmp_path: Path) -> None:
    red = tmp_path / "p/red.png"
    sure.concepts.learn("warm", [str(red)])
    sure.saved.add("Warm", Query.parse('concept:"warm"'), SearchOptions(k=3))
    sure.saved.add("Like it", Query.parse(f"{red}"), SearchOptions(k=3))
    sure.concepts.forget("warm")
    with pytest.raises(QueryError, match="warm"):
        sure.saved.count_new("Warm")
    sure.remove(tmp_path / "p")
    trouble = sure.saved.named("Like it").trouble
    assert str(red) in trouble
    with pytest.raises(QueryError, match=r"red\.png"):
        sure.saved.look("Like it")
    db = sure._session.catalogue._db
    db.rows("UPDATE saved_searches SET question = '{' WHERE name = 'Warm'")
    assert "damaged" in sure.saved.named("Warm").trouble
    with pytest.raises(LibraryError, match="damaged"):
        sure.saved.answer("Warm")
    sure.saved.remove("Warm")
    assert len(sure.saved.all()) == 1


def test_what_is_not_saved(sure: Library) -> None:
    with pytest.raises(QueryError, match="no file"):
        sure.saved.add("x", b"bytes", SearchOptions())
    with pytest.raises(QueryError, match="nothing to save"):
        sure.saved.add("x", None, SearchOptions())
    with pytest.raises(QueryError, match="#9999"):
        sure.saved.add("x", Query.parse("#9999"), SearchOptions())
    with pytest.raises(QueryError, match="character"):
        sure.saved.add("x", "red", SearchOptions(where="nonsense"))
    assert sure.saved.all() == []


def test_a_question_is_asked_once(
    sure: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def counted(*arguments: Any) -> Any:
        asked.append(arguments)
        return answer_all(*arguments)

    monkeypatch.setattr(saved, "answer_all", counted)
    for use in (
        lambda: sure.saved.add("Reds", "red", SearchOptions()),
        lambda: sure.saved.look("Reds"),
        lambda: sure.saved.counted(sure.saved.named("Reds")),
    ):
        asked.clear()
        use()
        assert len(asked) == 1


def test_a_look_is_at_what_was_shown(
    sure: Library, tmp_path: Path, new_in: Callable[[Library, str], list[str]]
) -> None:
    """What comes between the answer and the note of the look is new at the next one."""
    sure.saved.add("Reds", "red", SearchOptions())
    paint(tmp_path / "p/second red.png", (255, 4, 0))
    sure.add()
    found = sure.saved.answer("Reds")
    paint(tmp_path / "p/third red.png", (255, 8, 0))
    sure.add()
    assert sure.saved.note_look(found).search.looked
    assert new_in(sure, "Reds") == ["third red.png"]
    sure.saved.add("Reds", "blue", SearchOptions(), replacing=True)
    sure.saved.note_look(found)
    assert sure.saved.count_new("Reds") == 0, "the look at another question does not count"


def test_names(sure: Library) -> None:
    sure.saved.add("Reds", "red", SearchOptions())
    with pytest.raises(QueryError) as caught:
        sure.saved.add("REDS", "green", SearchOptions())
    assert "--force" in caught.value.hint
    sure.saved.add("REDS", "green", SearchOptions(), replacing=True)
    assert [(each.name, each.question) for each in sure.saved.all()] == [("REDS", "green")]
    sure.saved.add("Blues", "blue", SearchOptions())
    with pytest.raises(QueryError, match="already"):
        sure.saved.rename("blues", "reds")
    assert sure.saved.rename("reds", "Greens").question == "green"
    with pytest.raises(QueryError) as caught:
        sure.saved.answer("Reds")
    assert "“Blues”" in caught.value.hint


def test_a_backup_keeps_what_was_seen(sure: Library, tmp_path: Path) -> None:
    sure.saved.add("Reds", "red", SearchOptions())
    paint(tmp_path / "p/other red.png", (255, 4, 0))
    sure.add()
    assert sure.backup(tmp_path / "b.zip").counts["saved searches"] == 1
    Library.restore(tmp_path / "b.zip", tmp_path / "again")
    with Library.open(tmp_path / "again", FakeEncoder()) as again:
        assert again.saved.count_new("Reds") == 1
        assert again.saved.all() == sure.saved.all()


def test_the_doctor_finds_damage(sure: Library) -> None:
    sure.saved.add("Reds", "red", SearchOptions())
    sure.albums.add("A", [1, 2])
    sure.favourites.add([1])
    codes = {finding.code for finding in Library.check(sure.path).findings}
    assert not codes & {"rows.impossible", "rows.dangling", "catalogue.malformed"}
    edit(
        Path(sure.path) / "catalogue.sqlite",
        "UPDATE saved_searches SET question = '{', seen = x'00'",
        "UPDATE album_pictures SET sha256 = x'01' WHERE position = 1",
        "INSERT INTO albums (name, key, sort) VALUES ('x', 'x', 'smell')",
        "INSERT INTO favourites (sha256, path) VALUES ('text', '/a')",
    )
    found = Library.check(sure.path, repair=True)
    (wrong,) = [finding for finding in found.mended if finding.code == "rows.impossible"]
    for table in ("saved_searches", "album_pictures", "albums", "favourites"):
        assert table in wrong.message
    assert [album.pictures for album in sure.albums.all()] == [1]
    assert sure.saved.all() == []


def test_the_doctor_names_what_a_fault_has_changed(sure: Library) -> None:
    sure.saved.add("Reds", "red", SearchOptions())
    sure.albums.add("Trip", [1])
    edit(
        Path(sure.path) / "catalogue.sqlite",
        "UPDATE saved_searches SET question = replace(question, 'red', 'rad')",
        "UPDATE albums SET name = 'Trap'",
    )
    for wrong in (sure.albums.all, sure.saved.all):
        with pytest.raises(LibraryError, match="changed by a fault"):
            wrong()
    told = " ".join(finding.message for finding in Library.check(sure.path).findings)
    assert "the album “Trap”" in told
    assert "the saved search “Reds”" in told


def test_it_is_stored_as_readable_json(sure: Library) -> None:
    sure.saved.add("Reds", "red", SearchOptions(where="width > 1"))
    (row,) = sure._session.catalogue.saved.all()
    assert json.loads(row.question) == {
        "question": "red",
        "pictures": [],
        "options": {"where": "width > 1", "min_confidence": 0.5},
    }
