"""The Python API as people expect it: a `str` is a text, one may stand for several."""

from __future__ import annotations

import inspect
import re
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.fakes import FakeEncoder
from support.painting import paint

import retrieval
from retrieval import Library, LibraryError, PictureError, PixtrieveError, Query, QueryError, Term


@pytest.fixture
def filled(library: Library, pictures: Path) -> Library:
    library.add(pictures)
    return library


def test_a_str_is_a_text_whatever_it_looks_like(
    filled: Library, encoder: FakeEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    encode = FakeEncoder.encode_texts

    def noted(self: FakeEncoder, texts: list[str]) -> Any:
        asked.extend(texts)
        return encode(self, texts)

    monkeypatch.setattr(FakeEncoder, "encode_texts", noted)
    monkeypatch.setattr("retrieval.images.decoding.open_file", _refuse)
    monkeypatch.setattr("retrieval.images.download.download", _refuse)
    texts = ["/etc/hostname", "http://localhost/x", "./a.png", "#1", "red - blue", "2:red"]
    for text in texts:
        assert filled.search(text, 1).hits
    assert asked == texts


def _refuse(path: object, *_: object, **__: object) -> None:
    raise AssertionError(f"{path} was opened")


def test_the_written_form_is_parsed_on_request(filled: Library, pictures: Path) -> None:
    (hit,) = filled.search(Query.parse(str(pictures / "red.png")), 1, include_self=True)
    assert hit.path == str(pictures / "red.png")
    (again,) = filled.search(Query.parse(f"#{hit.id}"), 1, include_self=True)
    assert again.path == hit.path
    assert filled.search(Query.of_text("#1"), 1) == filled.search("#1", 1)
    assert filled.search(Term("text", "red"), 1) == filled.search("red", 1)


@pytest.mark.parametrize("asked", [["a", "b"], 17, 2.5, {"q": "red"}, object()])
def test_what_nobody_can_ask_with_is_refused(filled: Library, asked: Any) -> None:
    with pytest.raises(QueryError, match=type(asked).__name__) as raised:
        filled.search(asked)
    assert "search_many" in raised.value.hint


def test_several_questions_are_answered_in_their_order(
    filled: Library, pictures: Path, encoder: FakeEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[list[str]] = []
    encode = FakeEncoder.encode_texts

    def noted(self: FakeEncoder, texts: list[str]) -> Any:
        batches.append(list(texts))
        return encode(self, texts)

    asked: list[Any] = ["red", Query.parse("blue - red"), pictures / "red.png", "red"]
    single = [filled.search(each, 3) for each in asked]
    monkeypatch.setattr(FakeEncoder, "encode_texts", noted)
    assert filled.search_many(asked, 3) == single
    assert batches[0] == ["red", "blue"]
    assert filled.search_many("red", 3) == [single[0]]
    assert filled.search_many([]) == []


def test_a_result_is_a_sequence_of_hits(filled: Library) -> None:
    result = filled.search("red", 3)
    assert len(result) == 3
    assert list(result) == list(result.hits)
    assert result[0] is result.hits[0]
    assert result[:2] == result.hits[:2]
    assert result.hits[1] in result
    first = result.to_dicts()[0]
    assert first["path"] == result[0].path
    assert first["mtime"] == pytest.approx(result[0].mtime_ns / 1e9)
    assert set(result.to_dict()) == {"searched", "strong", "unknown", "damaged", "notes", "hits"}


def test_a_hit_opens_as_a_picture(filled: Library, pictures: Path) -> None:
    hit = filled.search("red", 1)[0]
    picture = hit.open()
    assert isinstance(picture, Image.Image)
    assert (picture.mode, picture.size) == ("RGB", (hit.width, hit.height))
    Path(hit.path).unlink()
    with pytest.raises(PictureError):
        hit.open()


def test_a_copy_is_opened_where_the_first_file_is_gone(library: Library, tmp_path: Path) -> None:
    red = paint(tmp_path / "p/a.png", "red")
    (tmp_path / "p/b.png").write_bytes(red.read_bytes())
    library.add(tmp_path / "p")
    hit = library.search("red", 1)[0]
    Path(hit.path).unlink()
    assert hit.open().size == (hit.width, hit.height)


def test_a_notebook_shows_thumbnails(filled: Library) -> None:
    result = filled.search("red", 3)
    page = result._repr_html_()
    assert page.count("<img") == 3
    assert "data:image/webp;base64," in page
    Path(result[0].path).unlink()
    assert result._repr_html_().count("<img") == 2
    assert "No pictures found" in filled.search("red", where="width > 99999")._repr_html_()


def test_names_cannot_break_out_of_the_notebook(library: Library, tmp_path: Path) -> None:
    paint(tmp_path / 'p/<script>"a.png', "red")
    library.add(tmp_path / "p")
    assert "<script>" not in library.search("red", 1)._repr_html_()


def test_one_path_or_several_may_be_added(library: Library, pictures: Path) -> None:
    assert library.add(str(pictures / "deep")).tally.found == 2
    assert library.add([pictures / "red.png", pictures / "green.png"]).tally.encoded == 2
    seen: list[str] = []
    library.add(pictures, on_progress=lambda progress: seen.append(progress.phase))
    assert seen[-1] == "done"


def test_a_single_pattern_is_one_pattern(library: Library, pictures: Path) -> None:
    paint(pictures / "moving.gif", "white")
    before = library.add(pictures).tally.found
    assert library.add(pictures, exclude="*.gif").tally.found == before - 1
    assert library.status().counts.images == before - 1
    assert library.add(pictures, exclude=()).tally.found == before


def test_single_labels_and_items_count_as_one(filled: Library) -> None:
    labels = filled.classify("red", labels=["red", "blue"])
    assert labels == filled.classify(["red"], labels=("red", "blue"))
    (only,) = filled.classify("red", labels="red")
    assert only == filled.classify(["red"], labels=["red"])[0]


def test_a_closed_library_says_so(filled: Library) -> None:
    filled.close()
    filled.close()
    for use in (
        lambda: filled.search("red"),
        lambda: filled.status(),
        lambda: filled.add(),
        lambda: filled.image(1),
        lambda: filled.model,
    ):
        with pytest.raises(LibraryError, match="closed"):
            use()


def test_another_thread_is_told_to_open_its_own(filled: Library) -> None:
    caught: list[BaseException] = []

    def ask() -> None:
        try:
            filled.search("red")
        except PixtrieveError as error:
            caught.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert isinstance(caught[0], LibraryError)
    assert "thread" in str(caught[0])
    assert filled.search("red", 1).hits


def test_open_can_create(tmp_path: Path, encoder: FakeEncoder, pictures: Path) -> None:
    with Library.open(tmp_path / "new", encoder, create=True) as library:
        library.add(pictures)
    with Library.open(tmp_path / "new", encoder, create=True) as library:
        assert library.status().counts.images == 4
    with pytest.raises(retrieval.LibraryNotFound):
        Library.open(tmp_path / "other", encoder)


def test_embeddings_of_other_shapes_are_refused(filled: Library) -> None:
    with pytest.raises(QueryError):
        filled.search(np.zeros((2, 3), np.float32))


def test_the_version_is_there() -> None:
    from importlib.metadata import version

    assert retrieval.__version__ == version("pixtrieve")


def test_every_type_in_the_signatures_of_a_library_is_exported() -> None:
    own = {"Self", "AnyPath", "Askable", "Item", "Via", "WatchEvent", "SearchKeywords"}  # unions
    foreign = {"Any", "Callable", "Event", "Iterable", "Iterator", "NDArray", "Sequence", "Unpack"}
    for name, member in inspect.getmembers(Library):
        function = member.fget if isinstance(member, property) else member
        if name.startswith("_") or not hasattr(function, "__annotations__"):
            continue
        written = " ".join(str(each) for each in function.__annotations__.values())
        named = set(re.findall(r"\b[A-Z]\w*[a-z]\w*", written)) - own - foreign
        assert named - {"None"} <= set(retrieval.__all__), name


HALF = "\ud800"


@pytest.mark.parametrize(
    "call",
    [
        lambda library, red: library.tags.label([HALF]),
        lambda library, red: library.concepts.learn(HALF, [red]),
        lambda library, red: library.texts.put({red: [f"a{HALF}b"]}),
        lambda library, red: library.search(Path(f"/nowhere/{HALF}.jpg")),
        lambda library, red: library.search(Path("/nowhere/\0.jpg")),
        lambda library, red: library.remove(f"/nowhere/{HALF}"),
        lambda library, red: library.add(f"/nowhere/{HALF}"),
    ],
)
def test_half_of_a_character_is_refused(filled: Library, pictures: Path, call: Any) -> None:
    """Python and JSON have texts with lone surrogates, which nothing can store."""
    with pytest.raises(PixtrieveError) as refused:
        call(filled, pictures / "red.png")
    assert refused.value.hint


def test_half_of_a_character_matches_nothing(filled: Library) -> None:
    for field in ("path =", "path ~", "camera =", "text ~", "tag =", "folder ="):
        assert len(filled.search(None, where=f"{field} '{HALF}'")) == 0
    assert filled.image_at(f"/nowhere/{HALF}.jpg") is None
    found = [filled.search(text).to_dict()["hits"] for text in (f"red {HALF}", "red \ufffd")]
    assert found[0] == found[1] != []
