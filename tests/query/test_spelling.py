"""Names that look the same are the same: on disk, in a library, in files that people write."""

from __future__ import annotations

import json
import os
import unicodedata
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.painting import paint

from retrieval import Library
from retrieval.evaluation.captions import read_captions
from retrieval.query.spelling import DiskSpelling, as_read
from retrieval.query.where.matching import equals

Form = Literal["NFC", "NFD"]
FORMS: tuple[Form, ...] = ("NFC", "NFD")


@pytest.fixture(params=FORMS)
def on_disk(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder with Märchen/café.png and plain.png, spelt in one of the forms."""
    folder = tmp_path / "names"
    paint(folder / unicodedata.normalize(request.param, "Märchen/café.png"), "red")
    paint(folder / unicodedata.normalize(request.param, "Märchen/plain.png"), "white")
    paint(folder / "plain.png", "blue")
    return folder


@pytest.fixture(params=FORMS)
def written(request: pytest.FixtureRequest) -> str:
    """What a person writes, in one of the forms."""
    return unicodedata.normalize(request.param, "Märchen/café.png")


def test_the_disk_finds_every_spelling(on_disk: Path, written: str) -> None:
    spelling = DiskSpelling()
    assert os.path.exists(spelling.of(str(on_disk / written)))
    assert os.path.exists(spelling.of(str(on_disk / os.path.dirname(written) / "plain.png")))
    for unknown in ("Mär/café.png", "plain.pn", "thé/"):
        assert spelling.of(str(on_disk / unknown)) == str(on_disk / unknown)
    new = spelling.of(str(on_disk / "Märchen/thé.png"))
    assert os.path.isdir(os.path.dirname(new))
    assert os.path.basename(new) == "thé.png"


def test_a_name_that_exists_is_not_replaced_by_its_twin(tmp_path: Path) -> None:
    for form in FORMS:
        paint(tmp_path / unicodedata.normalize(form, "é.png"), "red")
    if len(os.listdir(tmp_path)) == 1:
        pytest.skip("this disk knows one spelling only")
    for form in FORMS:
        path = str(tmp_path / unicodedata.normalize(form, "é.png"))
        assert DiskSpelling().of(path) == path


@given(st.text())
def test_spellings_of_a_text_read_the_same(text: str) -> None:
    forms = {as_read(unicodedata.normalize(form, text)) for form in FORMS}
    assert len(forms) == 1
    assert as_read(forms.pop()) == as_read(text)


def test_filters_ignore_the_spelling() -> None:
    assert equals(unicodedata.normalize("NFD", "café"), unicodedata.normalize("NFC", "café"))


@pytest.mark.parametrize("gone", [False, True], ids=["there", "gone"])
def test_captions_and_remove(library: Library, on_disk: Path, written: str, gone: bool) -> None:
    library.add(on_disk)
    if gone:  # an unplugged drive, say
        on_disk.rename(on_disk.parent / "elsewhere")
    stored = library.texts.put({str(on_disk / written): ["a tale"]})
    assert (stored.pictures, stored.unknown) == (1, ())
    assert library.image_at(on_disk / written) is not None
    assert library.remove(on_disk / os.path.dirname(written)) == 2
    assert library.status().counts.files == 1


def test_a_part_is_indexed_within_its_folder(library: Library, on_disk: Path, written: str) -> None:
    library.add(on_disk)
    paint(Path(DiskSpelling().of(str(on_disk / os.path.dirname(written)))) / "new.png", "green")
    assert library.add(on_disk / os.path.dirname(written)).tally.encoded == 1
    assert library.add(on_disk / written).tally.encoded == 0
    assert len(library.status().roots) == 1


def test_a_captions_file_for_evaluation(on_disk: Path, written: str) -> None:
    source = on_disk / "captions.jsonl"
    source.write_text(json.dumps({"file": written, "captions": ["a tale"]}))
    assert os.path.exists(read_captions(str(source))[0].file)


def test_a_concept_and_its_examples(library: Library, on_disk: Path, written: str) -> None:
    library.add(on_disk)
    paths = (str(on_disk / written),)
    for form in FORMS:
        library.concepts.learn(unicodedata.normalize(form, "Kätzchen"), paths)
    assert [concept.name for concept in library.concepts.all()] == ["Kätzchen"]
    other = unicodedata.normalize("NFD", "Kätzchen")
    assert library.concepts.tag(other, 0.0) == 3
    library.concepts.forget(other)
    assert library.tags.all() == []


def test_labels(library: Library, on_disk: Path) -> None:
    library.add(on_disk)
    other = unicodedata.normalize("NFD", "Märchen")
    library.tags.label(["Märchen", other, "red"])
    assert library.tags.labels() == ("Märchen", "red")
    library.tags.remove(other)
    assert library.tags.labels() == ("red",)
