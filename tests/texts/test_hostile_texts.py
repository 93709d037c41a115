"""Texts are read from files that anybody may have written: whatever is in them, nothing breaks."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from retrieval import Library, QueryError
from retrieval.catalogue import Catalogue
from retrieval.images.descriptions import description_of
from retrieval.images.plain_text import text_of
from retrieval.images.xmp import MOST_BYTES, read_xmp
from retrieval.query.tokens import indexed, terms
from retrieval.texts.captions import read_caption_file
from retrieval.texts.names import words_of_path

BOMB = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "haha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    '<x xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:description>&b;</dc:description></x>'
)
OUTSIDE = (
    '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>'
    '<x xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:description>&f;</dc:description></x>'
)
any_json = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)


@given(st.binary(max_size=300))
@example(BOMB.encode())
@example(OUTSIDE.encode())
@example(BOMB.encode("utf-16"))
@example(b'<?xml version="1.0" encoding="nothing-like-it"?><x/>')
@example(b"<x>" * 5000)
@example(b"<x " + b"a" * 100_000)
def test_no_packet_breaks_the_reader(packet: bytes) -> None:
    lines = read_xmp(packet).lines
    assert all(isinstance(line, str) and line for line in lines)
    assert not any("haha" in line or "root:" in line for line in lines)


def test_a_packet_is_read_up_to_a_size() -> None:
    start = b'<x xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>ok</dc:title>'
    assert read_xmp(start + b"</x>").lines == ("ok",)
    assert read_xmp(start + b" " * MOST_BYTES + b"</x>").lines == ()


@given(st.binary(max_size=400))
def test_any_bytes_are_a_text_or_none(data: bytes) -> None:
    text = text_of(data)
    assert all(c.isprintable() or c == "\n" for c in text)
    text.encode("utf-8")


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=80))
def test_what_is_text_stays_text(line: str) -> None:
    clean = " ".join(line.split())
    if clean.isprintable() and clean:
        for encoding in ("utf-8", "utf-16", "utf-8-sig"):
            assert text_of(clean.encode(encoding)) == clean


@given(st.one_of(st.text(), any_json.map(json.dumps), st.binary()))
@example('{"file": "\\u0000", "captions": ["\\ud800"]}')
@example('{"file": "\\ud800.jpg", "captions": ["x"]}')
@example("[" * 100_000)
@example('file,caption\na.jpg,"never ended')
@example("file,caption\n" + "x" * 200_000)
@example("file,caption\nalone\n")
def test_any_file_is_captions_or_says_why_not(content: str | bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "c.csv")
        data = content if isinstance(content, bytes) else content.encode("utf-8", "replace")
        source.write_bytes(data)
        try:
            found = read_caption_file(str(source))
        except QueryError:
            return
    for path, lines in found.items():
        os.fsencode(path)
        assert all(line.encode() for line in lines)


@given(
    st.lists(
        st.tuples(st.text("abc/.", min_size=1), st.lists(st.text(st.characters(codec="utf-8")))),
        min_size=1,
    )
)
def test_json_lines_come_back(rows: list[tuple[str, list[str]]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "c.jsonl")
        written = "\n".join(json.dumps({"file": f, "captions": c}) for f, c in rows)
        source.write_text(written, "utf-8")
        found = read_caption_file(str(source))
        wanted = {os.path.normpath(os.path.join(folder, file)) for file, _ in rows}
        assert set(found) == wanted
        kept = {line for lines in found.values() for line in lines}
        assert kept == {" ".join(c.split()) for _, each in rows for c in each} - {""}


@settings(max_examples=40)
@given(st.text(), st.text())
@example("海滩", "海滩上的日落")
@example('" OR NEAR(', '"*')
def test_any_question_can_be_put_to_any_text(question: str, text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        catalogue = Catalogue(f"{folder}/c.sqlite", create=True)
        db = catalogue._db
        db.rows(
            "INSERT INTO words (rowid, text) VALUES (1, ?)",
            (indexed(text),),
        )
        for term in terms(question):
            db.rows("SELECT count(*) FROM words WHERE words MATCH ?", (term,)).fetchall()
        catalogue.close()


@settings(max_examples=40)
@given(st.text("海滩日落上", min_size=1, max_size=12), st.data())
def test_every_piece_of_an_unspaced_text_finds_it(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    with tempfile.TemporaryDirectory() as folder:
        catalogue = Catalogue(f"{folder}/c.sqlite", create=True)
        catalogue._db.rows("INSERT INTO words (rowid, text) VALUES (1, ?)", (indexed(text),))
        for term in terms(text[start:end]):
            sql = "SELECT count(*) FROM words WHERE words MATCH ?"
            assert catalogue._db.one(sql, (term,)) == 1
        catalogue.close()


@given(st.text(min_size=1).filter(lambda path: "\0" not in path))
def test_any_path_has_words_or_none(path: str) -> None:
    words_of_path("/home/me", path).encode("utf-8")


@given(st.binary(max_size=200), st.binary(max_size=60))
def test_no_metadata_breaks_a_picture(comment: bytes, title: bytes) -> None:
    exif = Image.Exif()
    exif[0x010E] = title.decode("latin-1")
    exif[0x9C9B] = title
    exif.get_ifd(0x8769)[0x9286] = comment
    picture = Image.new("RGB", (8, 8))
    picture.info["exif"] = exif.tobytes()
    picture.info["xmp"] = comment
    assert "\0" not in description_of(picture).words


def test_hostile_sidecars_index_like_others(library: Library, pictures: Path) -> None:
    (pictures / "red.txt").write_bytes(b"\xff\xfe" + os.urandom(2000))
    (pictures / "red.xmp").write_text(BOMB)
    (pictures / "green.txt").write_bytes(b"x" * 5_000_000)
    (pictures / "green.xmp").mkdir()
    (pictures / "deep/blue.txt").symlink_to(pictures / "nowhere")
    report = library.add(pictures)
    assert (report.tally.encoded, len(report.problems)) == (4, 0)
    assert not library.texts.counts().get("xmp")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_a_sidecar_that_cannot_be_read_is_tried_again(library: Library, pictures: Path) -> None:
    (pictures / "red.txt").write_text("a bus")
    (pictures / "red.txt").chmod(0)
    library.add(pictures)
    assert not library.texts.counts().get("sidecar")
    (pictures / "red.txt").chmod(0o644)
    library.add()
    assert library.texts.counts()["sidecar"] == 1
