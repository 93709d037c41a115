"""What a vector server gets, and that every change of it comes with a new generation."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support.fakes import FakeEncoder
from support.painting import paint

from retrieval import Library, LibraryError
from retrieval.catalogue import WHOLE, Catalogue
from retrieval.catalogue.served import PAYLOAD_FIELDS, Payload, StoreChoice
from retrieval.query.fields import FIELDS


def payloads(library: Library) -> dict[int, Payload]:
    catalogue = library._session.catalogue
    row = library._session.model.row
    source = catalogue.served.vectors(row.id, row.spec.dim, WHOLE)
    return {
        id_: payload
        for ids, page in source.payloads()
        for id_, payload in zip(ids.tolist(), page, strict=True)
    }


def test_a_payload_has_every_field_that_a_filter_can_ask_of_a_file(
    library: Library, tmp_path: Path
) -> None:
    paint(tmp_path / "p/é b.png", "red", (12, 8))
    library.add(tmp_path / "p")
    (payload,) = payloads(library).values()
    names = [each.name for each in PAYLOAD_FIELDS]
    assert set(FIELDS) - set(names) == {
        *("folder", "gps", "tag", "text"),
        *("album", "favourite", "person", "keyword", "place", "city", "region", "country"),
    }
    known = dict(zip(names, payload.values, strict=True))
    assert payload.files == 1
    assert known["path"] == os.fsencode(tmp_path / "p/é b.png")
    assert known["name"] == "é b.png".encode()
    assert (known["width"], known["height"]) == (12, 8)
    assert known["orientation"] == "landscape"
    assert known["iso"] is None


def test_every_change_of_a_payload_comes_with_a_new_generation(
    library: Library, tmp_path: Path
) -> None:
    pictures = tmp_path / "p"
    for name in ("red", "green", "deep/blue"):
        paint(pictures / f"{name}.png", name.rpartition("/")[2])
    library.add(pictures)
    vectors = library._session.catalogue.vectors(library._session.model.row)
    steps: dict[str, Callable[[], object]] = {
        "a copy": lambda: shutil.copy(pictures / "red.png", pictures / "copy.png"),
        "the copy is renamed": lambda: os.rename(pictures / "copy.png", pictures / "again.png"),
        "the first is gone": lambda: os.remove(pictures / "red.png"),
        "the time of a file": lambda: os.utime(pictures / "green.png", (10**9, 10**9)),
        "a sidecar": lambda: (pictures / "again.xmp").write_text(XMP),
        "another sidecar": lambda: (pictures / "again.xmp").write_text(XMP.replace("2001", "2002")),
        "no sidecar": lambda: os.remove(pictures / "again.xmp"),
        "removed": lambda: library.remove(pictures / "deep"),
        "relocated": lambda: library.relocate(pictures, tmp_path / "elsewhere"),
    }
    for what, step in steps.items():
        before = payloads(library), vectors.snapshot()
        step()
        if what not in ("removed", "relocated"):
            library.add()
        after = payloads(library), vectors.snapshot()
        # The payload of a picture with several files is that of one of them.
        assert after[0] != before[0] or what == "the copy is renamed", what
        assert after[1].generation > before[1].generation, what
    library.relocate(tmp_path / "elsewhere", pictures)
    library.add()
    unchanged = vectors.snapshot()
    library.add()
    assert vectors.snapshot() == unchanged


def test_the_choice_of_a_server_is_kept_and_checked(tmp_path: Path) -> None:
    catalogue = Catalogue(str(tmp_path / "c.sqlite"), create=True)
    assert catalogue.chosen_store() is None
    choice = StoreChoice("milvus:http://h:1", "ab12", os.fsdecode(b"/\xff"))
    with catalogue.writing():
        catalogue.served.choose(choice)
    assert catalogue.chosen_store() == choice
    for damaged in ("{}", "x", "[1]", "[]", '[{"address": 1, "library": "", "folder": ""}]', 5):
        catalogue._db.rows("UPDATE state SET value = ? WHERE key = 'store'", (damaged,))
        with pytest.raises(LibraryError, match="vector server"):
            catalogue.chosen_store()
    with catalogue.writing():
        catalogue.served.choose(None)
    assert catalogue.chosen_store() is None
    with catalogue.writing():
        catalogue.served.choose(choice)
        catalogue.served.choose(None)
    assert catalogue.served.left() == [choice]
    with catalogue.writing():
        catalogue.served.forget(choice)
    assert catalogue.served.left() == []
    catalogue.close()


def test_a_restored_backup_is_not_taken_for_the_past_of_what_a_server_has(tmp_path: Path) -> None:
    with Library.create(tmp_path / "library", FakeEncoder()) as library:
        paint(tmp_path / "p/red.png", "red")
        library.add(tmp_path / "p")
        row = library._session.model.row
        source = library._session.catalogue.served.vectors(row.id, row.spec.dim, WHOLE)
        seen = source.snapshot()
        with Library.open(tmp_path / "library", FakeEncoder()) as writer:
            with library._session.catalogue.reading():
                assert source.snapshot() == seen
                paint(tmp_path / "p/green.png", "green")
                writer.add()
                now = writer._session.catalogue.vectors(row).snapshot()
                stamps = {seen.generation: seen.stamp, now.generation: now.stamp}
                assert source.is_past_of(now.generation, now.stamp, stamps)
                assert not source.is_past_of(now.generation, "another", stamps)
                assert not source.is_past_of(now.generation, now.stamp, {})
            assert not source.is_past_of(now.generation, now.stamp, stamps)


XMP = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
 xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
 xmlns:exif="http://ns.adobe.com/exif/1.0/" exif:DateTimeOriginal="2001-02-03T04:05:06"/>
</rdf:RDF></x:xmpmeta>"""
