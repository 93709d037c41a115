"""Albums and favourites hold contents: through moves, edits, lost files and other indexes."""

from __future__ import annotations

import os
import shlex
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from support.damage import edit
from support.painting import paint

from retrieval import Library, LibraryError, QueryError
from retrieval.catalogue.albums import AlbumRows
from retrieval.catalogue.copying import check_catalogue
from retrieval.indexing.progress import IndexOptions
from retrieval.scoring.calibration import Calibration


@pytest.fixture
def filled(library: Library, pictures: Path) -> Library:
    for name in ("a", "b", "c"):
        paint(pictures / f"grey/{name}.png", (90, 90, 80 + 20 * (ord(name) - ord("a"))))
    library.add(pictures)
    return library


@pytest.fixture
def find(filled: Library, pictures: Path) -> Callable[[str], int]:
    def id_of(name: str) -> int:
        found = filled.image_at(pictures / name)
        assert found is not None
        return found.id

    return id_of


def shown(library: Library, name: str) -> list[str]:
    return [os.path.basename(hit.path) for hit in library.albums.pictures(name)]


def test_pictures_are_named_by_id_and_by_path(
    filled: Library, pictures: Path, find: Callable[[str], int]
) -> None:
    red = find("red.png")
    done = filled.albums.add("Holiday", [red, f"#{red}", pictures / "green.png"])
    assert (done.added, done.already, done.album.pictures) == (2, 0, 2)
    done = filled.albums.add("holiday", [str(pictures / "deep/blue.png"), red])
    assert (done.added, done.already) == (1, 1)
    assert shown(filled, "Holiday") == ["red.png", "green.png", "blue.png"]
    assert filled.albums.of(red) == ("Holiday",)
    assert filled.albums.remove("Holiday", [red]) == 1
    assert filled.albums.remove("Holiday", [red]) == 0
    assert shown(filled, "Holiday") == ["green.png", "blue.png"]


def test_an_unknown_picture_changes_nothing(filled: Library, tmp_path: Path) -> None:
    paint(tmp_path / "elsewhere.png", "red")
    for unknown in (9999, tmp_path / "elsewhere.png", tmp_path / "nothing.png"):
        with pytest.raises(QueryError, match="not a picture of this library"):
            filled.albums.add("Holiday", [1, unknown])
        with pytest.raises(QueryError, match="not a picture of this library"):
            filled.favourites.add([1, unknown])
    assert filled.albums.all() == []
    assert len(filled.favourites.pictures()) == 0


def test_names_that_look_the_same_are_one_album(filled: Library) -> None:
    composed, decomposed = "Été 2023", unicodedata.normalize("NFD", "éTÉ  2023 ")
    filled.albums.add(composed, [1])
    filled.albums.add(decomposed, [2])
    assert [album.name for album in filled.albums.all()] == [composed]
    filled.albums.add("Ete 2023", [3])
    assert len(filled.albums.all()) == 2, "an accent is a difference that people see"
    assert len(filled.search(None, where="album = 'été 2023'")) == 2
    assert len(filled.search(None, where="album = 'ete 2023'")) == 1
    assert len(filled.search(None, where="album ~ 'ete'")) == 3
    assert filled.albums.rename("ete 2023", "ETE\t2023").name == "ETE 2023"
    for wrong in ("", " \n ", "x" * 201):
        with pytest.raises(QueryError):
            filled.albums.add(wrong, [1])
    assert filled.albums.add("a\udcffb", [1]).album.name == "a?b"


@pytest.mark.parametrize("name", ["", " ", "\u200b\ufeff", "\x1b"])
def test_a_name_that_shows_nothing_is_refused(filled: Library, name: str) -> None:
    with pytest.raises(QueryError, match="needs a name"):
        filled.albums.add(name, [1])


def test_advice_can_be_pasted_into_a_shell(filled: Library) -> None:
    with pytest.raises(QueryError) as raised:
        filled.albums.named('the "best" ones')
    assert shlex.split(raised.value.hint)[-2] == 'the "best" ones'


def test_rename_merge_delete(filled: Library) -> None:
    filled.albums.add("A", [3, 1])
    filled.albums.add("B", [1, 2])
    with pytest.raises(QueryError) as caught:
        filled.albums.rename("A", "b")
    assert "merge" in caught.value.hint
    with pytest.raises(QueryError, match="into itself"):
        filled.albums.merge("A", "a")
    merged = filled.albums.merge("A", "b")
    assert (merged.name, merged.pictures) == ("B", 3)
    assert [hit.id for hit in filled.albums.pictures("B")] == [1, 2, 3]
    with pytest.raises(QueryError) as caught:
        filled.albums.delete("A")
    assert "“B”" in caught.value.hint
    assert filled.albums.delete("b").name == "B"
    assert filled.albums.all() == []
    assert filled.status().counts.images == 7


def test_an_order_by_hand_and_by_date(filled: Library, pictures: Path) -> None:
    for at, name in enumerate(("a", "b", "c")):
        os.utime(pictures / f"grey/{name}.png", (1e9 + at * 1e5, 1e9 + at * 1e5))
    filled.add()
    names = [pictures / f"grey/{name}.png" for name in ("b", "c", "a")]
    filled.albums.add("Greys", names)
    assert shown(filled, "Greys") == ["b.png", "c.png", "a.png"]
    assert filled.albums.set_order("Greys", "date").order == "date"
    assert shown(filled, "Greys") == ["a.png", "b.png", "c.png"]
    assert shown(filled, "Greys") == [
        os.path.basename(hit.path)
        for hit in filled.search(None, where="width > 1 and album = 'greys'")
    ]
    filled.albums.set_order("Greys", "date-desc")
    assert shown(filled, "Greys") == ["c.png", "b.png", "a.png"]
    assert filled.albums.move("Greys", [names[2]], 1).album.order == "hand"
    assert shown(filled, "Greys") == ["a.png", "c.png", "b.png"], "as it was shown"
    assert filled.albums.move("Greys", [names[0], names[2], names[0]], 2).moved == 2
    assert shown(filled, "Greys") == ["c.png", "b.png", "a.png"]
    filled.albums.move("Greys", [names[1]], 99)
    assert shown(filled, "Greys") == ["b.png", "a.png", "c.png"]
    by_name = filled.search(None, where="album = 'Greys'", sort="name")
    assert [os.path.basename(hit.path) for hit in by_name] == ["a.png", "b.png", "c.png"]
    with pytest.raises(QueryError, match="not in the album") as raised:
        filled.albums.move("Greys", [pictures / "red.png"], 1)
    assert "pixtrieve album add" in raised.value.hint
    with pytest.raises(QueryError) as caught:
        filled.albums.set_order("Greys", "smell")  # type: ignore[arg-type]
    assert "hand, date, date-desc" in caught.value.hint


def test_what_a_question_finds(mixed: Library, tmp_path: Path, calibrated: Calibration) -> None:
    red, purple = (mixed.image_at(tmp_path / f"p/{name}.png") for name in ("red", "purple"))
    assert red is not None
    assert purple is not None
    assert mixed.albums.found("red") == [red.id]
    assert mixed.albums.found("red", min_confidence=0.01)[:2] == [red.id, purple.id]
    assert mixed.albums.found("red", "name ~ 'green'") == []
    assert mixed.albums.found("red", min_confidence=0.01, k=1) == [red.id]
    assert len(mixed.albums.found(None, "name ~ 'grey'")) == 40
    assert len(mixed.albums.found(None, "name ~ 'grey'", k=3)) == 3


def test_a_question_without_confidences_has_no_end(filled: Library) -> None:
    with pytest.raises(QueryError) as raised:
        filled.albums.found("red")
    assert "-k" in raised.value.hint
    assert len(filled.albums.found("red", k=2)) == 2
    assert filled.albums.all() == []


def test_one_album_is_counted_alone(filled: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    filled.albums.add("A", [1, 2])
    filled.albums.add("B", [3])
    there = {album.name: album for album in filled.albums.all()}
    monkeypatch.setattr(AlbumRows, "counts", lambda _: 1 / 0)
    assert {name: filled.albums.named(name) for name in there} == there


def test_the_cover(filled: Library) -> None:
    assert filled.albums.add("A").album.cover is None
    assert filled.albums.add("A", [2, 3]).album.cover == 2
    assert filled.albums.set_cover("A", 3).cover == 3
    with pytest.raises(QueryError, match="not in the album"):
        filled.albums.set_cover("A", 1)
    filled.albums.remove("A", [3])
    assert filled.albums.named("A").cover == 2
    filled.albums.set_cover("A", 2)
    assert filled.albums.set_cover("A", None).cover == 2


def test_favourites(filled: Library, find: Callable[[str], int]) -> None:
    red, green = find("red.png"), find("green.png")
    assert filled.favourites.add([red, green, red]) == 2
    assert filled.favourites.add([red]) == 0
    hits = filled.search("red", 7)
    assert {hit.id for hit in hits if hit.favourite} == {red, green}
    assert {hit.id for hit in filled.search(None, where="favourite")} == {red, green}
    assert len(filled.search(None, where="not favourite")) == 5
    assert filled.image(red).favourite  # type: ignore[union-attr]
    assert filled.favourites.remove([red]) == 1
    assert [hit.id for hit in filled.favourites.pictures()] == [green]


def test_files_move_and_are_copied(filled: Library, pictures: Path) -> None:
    filled.albums.add("A", [pictures / "red.png"])
    (pictures / "copy.png").write_bytes((pictures / "red.png").read_bytes())
    (pictures / "red.png").rename(pictures / "moved.png")
    filled.add()
    assert (filled.albums.named("A").pictures, filled.albums.named("A").absent) == (1, 0)
    assert filled.albums.add("A", [pictures / "copy.png"]).added == 0


@pytest.mark.parametrize("days", [30.0, 0.0])
def test_a_file_that_is_gone_for_a_while(filled: Library, pictures: Path, days: float) -> None:
    red = pictures / "red.png"
    filled.albums.add("A", [red, pictures / "green.png"])
    filled.albums.set_cover("A", red)
    filled.favourites.add([red])
    content = red.read_bytes()
    red.unlink()
    options = IndexOptions(keep_orphans_days=days)
    filled.add(options=options)
    filled.add(options=options)
    album = filled.albums.named("A")
    assert (album.pictures, album.absent) == (1, 1)
    assert album.cover == filled.albums.pictures("A")[0].id
    assert filled.albums.absent("A") == [str(red)]
    assert len(filled.search(None, where="favourite or album = 'a'")) == 1
    (pictures / "back.png").write_bytes(content)
    filled.add()
    assert shown(filled, "A") == ["back.png", "green.png"]
    assert filled.albums.named("A").cover == filled.albums.pictures("A")[0].id
    assert filled.albums.pictures("A")[0].favourite


def test_what_is_removed_from_the_library_comes_back_with_it(
    filled: Library, pictures: Path
) -> None:
    filled.albums.add("A", [pictures / "red.png"])
    filled.remove(pictures)
    assert filled.albums.named("A").absent == 1
    filled.add(pictures)
    assert shown(filled, "A") == ["red.png"]
    filled.remove(pictures / "red.png")
    assert filled.albums.remove_absent("A") == 1
    filled.add(pictures / "red.png")
    assert shown(filled, "A") == []


@pytest.fixture
def photograph(filled: Library, pictures: Path) -> Path:
    """A picture that is not the same when it is turned, in an album and among the favourites."""
    path = pictures / "photograph.png"
    image = Image.radial_gradient("L").resize((48, 48)).crop((0, 0, 40, 24)).convert("RGB")
    image.paste((200, 30, 30), (4, 4, 16, 12))
    image.save(path)
    filled.add()
    filled.albums.add("A", [path])
    filled.albums.set_cover("A", path)
    filled.favourites.add([path])
    return path


def test_an_edited_picture_stays_where_it_is(filled: Library, photograph: Path) -> None:
    original = photograph.read_bytes()
    before = filled.image_at(photograph)
    changes: tuple[Callable[[Image.Image], Image.Image], ...] = (
        lambda picture: picture.rotate(90, expand=True),
        lambda picture: picture.crop((1, 1, 39, 23)),
        lambda picture: picture.convert("L").convert("RGB"),
    )
    for change in changes:
        with Image.open(photograph) as picture:
            change(picture.convert("RGB")).save(photograph)
        filled.add()
        now = filled.image_at(photograph)
        assert now is not None
        assert before is not None
        assert now.id != before.id
        assert now.favourite
        album = filled.albums.named("A")
        assert (album.pictures, album.absent, album.cover) == (1, 0, now.id)
    photograph.write_bytes(original)
    filled.add()
    assert [hit.id for hit in filled.albums.pictures("A")] == [before.id if before else 0]


def test_another_picture_of_the_same_name_does_not_come_in(
    filled: Library, photograph: Path
) -> None:
    Image.linear_gradient("L").resize((40, 24)).convert("L").point(lambda v: v // 9).convert(
        "RGB"
    ).save(photograph)
    with Image.open(photograph) as picture:
        blue = picture.convert("RGB")
    blue.paste((0, 0, 255), (0, 6, 40, 24))
    blue.save(photograph)
    filled.add()
    now = filled.image_at(photograph)
    assert now is not None
    assert not now.favourite
    assert (filled.albums.named("A").pictures, filled.albums.named("A").absent) == (0, 1)


def test_a_picture_with_another_file_is_not_replaced(filled: Library, photograph: Path) -> None:
    photograph.with_name("original.png").write_bytes(photograph.read_bytes())
    filled.add()
    with Image.open(photograph) as picture:
        picture.convert("RGB").rotate(90, expand=True).save(photograph)
    filled.add()
    assert shown(filled, "A") == ["original.png"]


def test_collecting_need_not_wait_for_an_indexing_run(filled: Library) -> None:
    with filled._session.writer():
        filled.albums.add("A", [1])
        filled.favourites.add([1])
    assert filled.albums.named("A").pictures == 1


def test_a_filter_by_a_damaged_album_is_no_answer(filled: Library) -> None:
    filled.albums.add("A", [1])
    filled.favourites.add([2])
    edit(
        Path(filled.path) / "catalogue.sqlite",
        "UPDATE album_pictures SET sha256 = (SELECT sha256 FROM images WHERE id = 3)",
        "UPDATE favourites SET sha256 = (SELECT sha256 FROM images WHERE id = 3)",
    )
    for where in ("album = 'A'", "has album", "favourite"):
        with pytest.raises(LibraryError, match="changed by a fault"):
            filled.search(None, where=where)


def test_a_failure_changes_nothing(filled: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    filled.albums.add("A", [1])
    filled.albums.add("B", [2])
    rows = filled.albums._rows

    def fail(*_: object) -> None:
        raise OSError("stopped")

    monkeypatch.setattr(type(rows), "delete", fail)
    with pytest.raises(OSError, match="stopped"):
        filled.albums.merge("A", "B")
    assert [hit.id for hit in filled.albums.pictures("B")] == [2]


def test_facets_exports_and_backups_have_them(filled: Library, tmp_path: Path) -> None:
    filled.albums.add("A", [1, 2])
    filled.albums.add("B", [2])
    filled.favourites.add([2])
    assert [(each.value, each.images) for each in filled.facets()["album"]] == [("A", 2), ("B", 1)]
    made = filled.backup(tmp_path / "b.zip")
    assert (made.counts["albums"], made.counts["favourites"]) == (2, 1)
    Library.restore(tmp_path / "b.zip", tmp_path / "again")
    with Library.open(tmp_path / "again") as again:
        assert again.albums.all() == filled.albums.all()
        assert [hit.id for hit in again.favourites.pictures()] == [2]
    check_catalogue(str(tmp_path / "again/catalogue.sqlite"), "c")
