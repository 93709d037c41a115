"""Texts that come with pictures: where they come from, how they are kept, how they are found."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from support.fakes import FakeEncoder
from support.painting import paint

from retrieval import Library, QueryError
from retrieval.images import FoundSidecar
from retrieval.images.discovery import walk
from retrieval.images.plain_text import text_of
from retrieval.images.xmp import read_xmp
from retrieval.query import Query
from retrieval.query.fields import Facts
from retrieval.texts.captions import read_caption_file
from retrieval.texts.names import words_of_path
from retrieval.texts.sidecars import read_sidecar

Names = Callable[..., list[str]]


def texts_of(library: Library, name: str) -> dict[str, str]:
    """Return a picture's texts by source, without what its name says."""
    for image, _ in library.images():
        if any(os.path.basename(path) == name for path in image.paths):
            rows = library.texts.of(image.id)
            return {row.source: row.text for row in rows if row.source != "name"}
    raise AssertionError(name)


def xmp(**parts: str) -> bytes:
    inside = "".join(f"<dc:{name}>{value}</dc:{name}>" for name, value in parts.items())
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF'
        ' xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/"><rdf:Description rdf:about="">'
        f"{inside}</rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()


def bag(*words: str, kind: str = "Bag") -> str:
    return f"<rdf:{kind}>{''.join(f'<rdf:li>{word}</rdf:li>' for word in words)}</rdf:{kind}>"


# Sidecars


def test_the_walk_names_what_lies_beside_pictures(pictures: Path) -> None:
    for name in ("red.txt", "red.png.XMP", "alone.txt", "green.doc", "deep/blue.TXT"):
        (pictures / name).write_text("x")
    found = [e.path for e in walk(str(pictures)) if isinstance(e, FoundSidecar)]
    assert sorted(found) == ["deep/blue.TXT", "red.png.XMP", "red.txt"]
    excluded = walk(str(pictures), exclude=["*.txt"])
    assert "red.txt" not in {e.path for e in excluded if isinstance(e, FoundSidecar)}


def test_sidecars_are_read_once_and_followed(library: Library, pictures: Path) -> None:
    (pictures / "red.txt").write_text("our old bicycle\n")
    library.add(pictures)
    assert texts_of(library, "red.png") == {"sidecar": "our old bicycle"}
    encoder = library.encoder()
    assert isinstance(encoder, FakeEncoder)
    encoded = encoder.images_encoded

    (pictures / "red.txt").write_text("our new bicycle, and a dog")
    (pictures / "deep/blue.xmp").write_bytes(xmp(subject=bag("sea", "Italy")))
    tally = library.add().tally
    assert (tally.pending, tally.texts_updated, encoder.images_encoded) == (0, 2, encoded)
    assert texts_of(library, "red.png") == {"sidecar": "our new bicycle, and a dog"}
    assert texts_of(library, "blue.png") == {"xmp": "sea, Italy"}

    (pictures / "red.txt").unlink()
    assert library.add().tally.texts_updated == 1
    assert texts_of(library, "red.png") == {}
    assert library.add().tally.texts_updated == 0


def test_a_sidecar_of_a_single_file_is_seen(library: Library, pictures: Path) -> None:
    (pictures / "green.png.txt").write_text("a meadow")
    library.add(pictures / "green.png")
    assert texts_of(library, "green.png") == {"sidecar": "a meadow"}
    (pictures / "green.png.txt").unlink()
    library.add(pictures / "green.png")
    assert texts_of(library, "green.png") == {}


def test_indexing_a_part_leaves_other_sidecars_alone(library: Library, pictures: Path) -> None:
    (pictures / "red.txt").write_text("a bicycle")
    library.add(pictures)
    library.add(pictures / "deep")
    assert texts_of(library, "red.png") == {"sidecar": "a bicycle"}


def test_a_moved_picture_has_the_texts_beside_its_new_place(
    library: Library, pictures: Path
) -> None:
    (pictures / "red.txt").write_text("here")
    library.add(pictures)
    (pictures / "red.png").rename(pictures / "deep" / "ruby.png")
    library.add()
    assert texts_of(library, "ruby.png") == {}
    (pictures / "red.txt").rename(pictures / "deep" / "ruby.txt")
    library.add()
    assert texts_of(library, "ruby.png") == {"sidecar": "here"}


@pytest.mark.parametrize(
    "data",
    [
        "Ein Hund läuft über die Straße".encode(),
        "Ein Hund läuft über die Straße".encode("utf-8-sig"),
        "Ein Hund läuft über die Straße".encode("utf-16"),
        "Ein Hund läuft über die Straße".encode("utf-16-le"),
        "Ein Hund läuft über die Straße".encode("utf-16-be"),
        "Ein Hund läuft über die Straße".encode("utf-32"),
        "Ein Hund läuft über die Straße".encode("latin-1"),
    ],
)
def test_any_encoding_is_read(data: bytes) -> None:
    assert text_of(data) == "Ein Hund läuft über die Straße"


def test_what_is_no_text_says_nothing(tmp_path: Path) -> None:
    noise, huge = tmp_path / "a.txt", tmp_path / "b.txt"
    noise.write_bytes(bytes(range(256)) * 40)
    huge.write_text("word " * 100_000)
    assert read_sidecar(str(noise)) == ("sidecar", "", Facts(), False)
    assert read_sidecar(str(huge)) == ("sidecar", "", Facts(), False)
    assert read_sidecar(str(tmp_path / "gone.txt")) is None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.txt")
    assert read_sidecar(str(tmp_path / "a.txt")) == ("sidecar", "", Facts(), False)


# EXIF, IPTC, XMP


def test_what_a_file_says_of_itself_is_kept(library: Library, pictures: Path) -> None:
    exif = Image.Exif()
    exif[0x010E] = "Grandma's birthday"
    exif[0x9C9E] = "family;cake\0".encode("utf-16-le")
    Image.new("RGB", (64, 64), "red").save(
        pictures / "said.jpg", exif=exif, xmp=xmp(description=bag("A party", kind="Alt"))
    )
    exif[0x010E] = "OLYMPUS DIGITAL CAMERA         "
    del exif[0x9C9E]
    Image.new("RGB", (64, 64), "blue").save(pictures / "stock.jpg", exif=exif)
    library.add(pictures)
    assert texts_of(library, "said.jpg") == {
        "embedded": "Grandma's birthday\nfamily, cake\nA party"
    }
    assert texts_of(library, "stock.jpg") == {}


# Names


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("IMG_1234.jpg", ""),
        ("DSC0001.JPG", ""),
        ("DCIM/100CANON/_MG_0042.CR2", ""),
        ("PXL_20230501_123456789.jpg", ""),
        ("IMG-20230501-WA0007.jpg", ""),
        ("Italy 2019/sunsetBeach_02.jpg", "Italy 2019 sunset Beach 02"),
        ("236144859_52f9e38885.jpg", ""),
        ("Familie/Hochzeit-AnnaUndPaul.jpg", "Familie Hochzeit Anna Und Paul"),
        ("海滩/日落.jpg", "海滩 日落"),
        ("b\udcffd.jpg", "b d"),
    ],
)
def test_words_of_names(path: str, words: str) -> None:
    assert words_of_path("/home/me/Pictures", path) == words


def test_the_root_has_a_name_too() -> None:
    assert words_of_path("/home/me/Norway", "IMG_1.jpg") == "Norway"


# Captions


def test_captions_belong_to_the_content(library: Library, pictures: Path, tmp_path: Path) -> None:
    library.add(pictures)
    file = pictures / "captions.jsonl"
    rows = [
        {"file": "red.png", "captions": ["a bus", "a double decker"]},
        {"file": "deep/blue.png", "caption": "the sea"},
        {"file": "nowhere.png", "captions": ["nothing"]},
    ]
    file.write_text("\n".join(json.dumps(row) for row in rows))
    kept = library.texts.put(read_caption_file(str(file)))
    assert kept.pictures == 2
    assert kept.unknown == (str(pictures / "nowhere.png"),)
    assert sum(library.texts.encode()) == 2
    (pictures / "red.png").rename(tmp_path / "moved.png")
    library.add(tmp_path / "moved.png")
    assert texts_of(library, "moved.png") == {"caption": "a bus\na double decker"}
    assert library.texts.counts()["caption"] == 2
    library.texts.put({tmp_path / "moved.png": []})
    assert texts_of(library, "moved.png") == {}


@pytest.mark.parametrize(
    "content",
    ["file,caption\na.jpg,a dog\n", "caption;file\na dog;a.jpg\n", "Image\tText\na.jpg\ta dog\n"],
)
def test_tables_of_captions(tmp_path: Path, content: str) -> None:
    (tmp_path / "t.csv").write_text(content, encoding="utf-8-sig")
    assert read_caption_file(str(tmp_path / "t.csv")) == {str(tmp_path / "a.jpg"): ("a dog",)}


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-8", "utf-8-sig"])
@pytest.mark.parametrize(
    "content",
    ["sep=;\r\nfile;caption\r\na.jpg;ein Bär\r\n", '[\n{"file": "a.jpg", "caption": "ein Bär"}]'],
)
def test_captions_of_excel_and_of_a_json_array(tmp_path: Path, content: str, encoding: str) -> None:
    (tmp_path / "t.csv").write_bytes(content.encode(encoding))
    assert read_caption_file(str(tmp_path / "t.csv")) == {str(tmp_path / "a.jpg"): ("ein Bär",)}


@pytest.mark.parametrize(
    "content",
    [
        '{"file": "a.jpg", "caption": "a dog, wet"},\n{"file": "b.jpg", "caption": "x"},\n',
        '[\n{"File": "a.jpg", "Caption": "a dog, wet"},\n{"file": "b.jpg", "caption": "x"},\n]\n',
        '{\n  "file": "a.jpg",\n  "caption": "a dog, wet"\n}\n{"file": "b.jpg", "caption": "x"}',
        '{"a.jpg": "a dog, wet", "b.jpg": ["x"]}',
        "file,caption\na.jpg,a dog, wet\nb.jpg,x,,\n",
        'sep=|\nfile|caption\n"a.jpg"|"a dog,\nwet"\n|\nb.jpg|x\n',
        "sep=;\nfile;caption\na.jpg;a dog, wet\n;\nb.jpg;x;\n",
        'SourceFile,Description\r"a.jpg","a dog, wet"\rb.jpg,x\r',
    ],
)
def test_captions_as_programs_and_people_write_them(tmp_path: Path, content: str) -> None:
    (tmp_path / "t.txt").write_bytes(content.encode())
    expected = {str(tmp_path / "a.jpg"): ("a dog, wet",), str(tmp_path / "b.jpg"): ("x",)}
    assert read_caption_file(str(tmp_path / "t.txt")) == expected


def test_captions_name_files_with_backslashes(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for name in ("sub/a.jpg", r"odd\name.jpg"):
        (tmp_path / name).touch()
    (tmp_path / "t.csv").write_text("file,caption\n.\\sub\\a.jpg,x\nodd\\name.jpg,y\nno\\c.jpg,z\n")
    assert read_caption_file(str(tmp_path / "t.csv")) == {
        str(tmp_path / "sub/a.jpg"): ("x",),
        str(tmp_path / r"odd\name.jpg"): ("y",),
        str(tmp_path / r"no\c.jpg"): ("z",),
    }


def test_lines_of_two_encodings_are_both_read(tmp_path: Path) -> None:
    lines = ("\ufefffile,caption\na.jpg,Bär\n".encode(), "b.jpg,Löwe\n".encode("cp1252"))
    (tmp_path / "t.csv").write_bytes(b"".join(lines))
    assert list(read_caption_file(str(tmp_path / "t.csv")).values()) == [("Bär",), ("Löwe",)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-16-be"])
def test_xmp_in_any_encoding(encoding: str) -> None:
    packet = xmp(subject=bag("Bär", "lake")).decode().replace('begin="\ufeff" ', "")
    assert read_xmp(f"{packet}\n ".encode(encoding)).lines == ("Bär, lake",)


def test_upper_case_sidecars_of_a_single_file_are_seen(library: Library, pictures: Path) -> None:
    (pictures / "green.XMP").write_bytes(xmp(subject=bag("meadow")))
    library.add(pictures / "green.png")
    assert texts_of(library, "green.png") == {"xmp": "meadow"}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "no columns"),
        ('[\n{"file": "a.jpg"]', "line 2"),
        ('[{"file": "a.jpg"}]', "line 1"),
        ("a,b\n1,2\n", "no columns"),
        ('{"file": "a.jpg"}', "line 1"),
        ('{"file": "a.jpg", "captions": ["x"]}\n{"file": 7, "captions": []}', "line 2"),
        ('{"file": "a.jpg", "captions": [', "line 1"),
        ("file,caption\n,x\n", "line 2"),
        ("caption,file\na dog, wet,a.jpg\n", "line 2"),
        ('{"file": "a.jpg", "caption": "x"}\n{\n"file": 1}', "line 2"),
        ('{"a.jpg": 7}', "line 1"),
    ],
)
def test_files_that_are_no_captions_say_where(tmp_path: Path, content: str, says: str) -> None:
    (tmp_path / "c.csv").write_text(content)
    with pytest.raises(QueryError, match=says):
        read_caption_file(str(tmp_path / "c.csv"))


# Finding


@pytest.fixture
def told(library: Library, tmp_path: Path) -> Library:
    """Twelve pictures named by a camera, some with texts."""
    folder = tmp_path / "camera"
    for number in range(12):
        shade = 120 + (number > 9) - (number < 3)  # unlike words: all but some are as near to any
        paint(folder / f"IMG_{number:04}.png", (shade, shade, shade), (16 + number, 16))
    (folder / "IMG_0003.txt").write_text("Invoice 2023-114 of the plumber\nTotal 80 EUR")
    (folder / "IMG_0004.txt").write_text("海滩上的日落")
    (folder / "IMG_0005.txt").write_text("Zwei Hunde spielen im Schnee")
    (folder / "IMG_0006.txt").write_text("red")
    library.add(folder)
    return library


@pytest.mark.parametrize(
    ("question", "name", "line"),
    [
        ("invoice 2023", "IMG_0003.png", "Invoice 2023-114 of the plumber"),
        ("plumbers invoices", "IMG_0003.png", "Invoice 2023-114 of the plumber"),
        ("海滩", "IMG_0004.png", "海滩上的日落"),
        ("日", "IMG_0004.png", "海滩上的日落"),
        ("日落的照片", "IMG_0004.png", "海滩上的日落"),
        ("hunde", "IMG_0005.png", "Zwei Hunde spielen im Schnee"),
    ],
)
def test_words_find_their_picture(told: Library, question: str, name: str, line: str) -> None:
    best = told.search(question, 3, explain=True).hits[0]
    assert os.path.basename(best.path) == name
    assert [(s.source, s.text) for s in best.texts] == [("sidecar", line)]
    assert best.terms[-1].term == "(its texts)"
    assert best.score == pytest.approx(sum(term.contribution for term in best.terms), abs=2e-3)


def test_a_meaning_finds_its_picture(told: Library, names: Names) -> None:
    assert names(told, "red", look_in="texts")[0] == "IMG_0006.png"


def test_pictures_alone_can_be_asked(told: Library, names: Names) -> None:
    plain = told.search("invoice", 12, look_in="pictures")
    assert all(not hit.texts for hit in plain.hits)
    assert names(told, "invoice", look_in="texts")[0] == "IMG_0003.png"


def test_without_texts_nothing_changes(library: Library, tmp_path: Path) -> None:
    for number in range(12):
        paint(tmp_path / "pictures" / f"IMG_{number}.png", (number * 20, 99, 10 * number))
    library.add(tmp_path / "pictures")
    assert library.texts.counts() == {}
    assert library.search("blue", 12) == library.search("blue", 12, look_in="pictures")
    assert library.search("blue", 12).hits == library.search("blue", 12, fuse="concatenate").hits
    assert library.search("blue", look_in="texts").hits == ()


def test_a_smaller_k_is_a_prefix(told: Library) -> None:
    for question in ("invoice red", "红海滩", "green"):
        whole = [hit.id for hit in told.search(question, 12).hits]
        assert [hit.id for hit in told.search(question, 4).hits] == whole[:4]


def test_a_filter_holds_for_texts_too(told: Library) -> None:
    hits = told.search("invoice 2023 red", 12, where="not name = 'IMG_0003.png'").hits
    assert len(hits) == 11
    assert all(os.path.basename(hit.path) != "IMG_0003.png" for hit in hits)


def test_concatenate_weighs_half_and_half(told: Library) -> None:
    for hit in told.search("red", 12, fuse="concatenate", explain=True).hits:
        picture, text = hit.terms
        assert picture.contribution == pytest.approx(picture.cosine / 2, abs=1e-3)
        assert hit.score == pytest.approx(picture.contribution + text.contribution, abs=1e-3)
        if os.path.basename(hit.path) == "IMG_0006.png":
            assert text.cosine == pytest.approx(1, abs=1e-3)
            assert text.contribution == pytest.approx(text.cosine / 2, abs=1e-3)


def test_texts_need_words(told: Library, pictures: Path) -> None:
    with pytest.raises(QueryError, match="search texts"):
        told.search(pictures / "red.png", look_in="texts")
    with pytest.raises(QueryError, match="search texts"):
        told.search(Query.parse("red + blue"), look_in="texts", fuse="multiply")


def test_what_names_look_like_does_not_matter(library: Library, tmp_path: Path) -> None:
    for number in range(12):
        paint(tmp_path / "p" / f"IMG_{number}.png", (200, 20 * number, 20 * number))
    (tmp_path / "p" / "IMG_11.txt").write_text("aunt Olga, who is seldom red")
    library.add(tmp_path / "p")
    plain = library.search("olga red", 12, look_in="pictures").hits
    assert plain[-1].path.endswith("IMG_11.png")
    assert library.search("olga red", 12).hits[0].path.endswith("IMG_11.png")


def test_old_wordings_are_not_found(told: Library, tmp_path: Path, names: Names) -> None:
    (tmp_path / "camera" / "IMG_0003.txt").write_text("a receipt")
    told.add()
    assert all(not hit.texts for hit in told.search("invoice", 12).hits)
    assert names(told, "receipt")[0] == "IMG_0003.png"
    with Library.open(told.path, told.encoder()) as again:  # the cache file was followed, too
        assert names(again, "receipt")[0] == "IMG_0003.png"


def test_removed_pictures_take_their_texts_along(told: Library, tmp_path: Path) -> None:
    told.remove(tmp_path / "camera" / "IMG_0003.png")
    assert "sidecar" in told.texts.counts()
    assert all("Invoice" not in s.text for h in told.search("invoice", 12).hits for s in h.texts)
    assert told._session.catalogue._db.one("SELECT count(*) FROM words") == 3


def test_another_model_encodes_the_descriptions_too(told: Library, names: Names) -> None:
    list(told.use_model(FakeEncoder("fake-2")))
    assert [model.images for model in told.models()] == [12, 12]
    assert names(told, "red", look_in="texts")[0] == "IMG_0006.png"
    assert told.forget_model("fake") == 12
