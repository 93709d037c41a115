"""Each kind of source: what of it gets into the library, and how its pictures are read again."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.data_sets import json_lines, merge, parquet, png, tar, zipped
from support.fakes import FakeEncoder
from support.painting import paint

from retrieval import Library, Query, SearchOptions
from retrieval.errors import LibraryError, PictureError, SourceError
from retrieval.images import ReadLimits
from retrieval.images.isolation.pictures import small_picture, thumbnail
from retrieval.images.sources import Columns
from retrieval.images.sources.naming import sources_of, with_ranges
from retrieval.indexing.shards.running import EncodeProgress
from retrieval.server import picture_files

Imported = Callable[..., Library]
Web = tuple[str, dict[str, bytes]]

WEBDATASET = {
    "000/0.png": png("red"),
    "000/0.txt": b"a red field",
    "000/0.json": json.dumps({"caption": "red all over", "url": "https://e.com/0"}).encode(),
    "000/1.png": png("green"),
    "000/1.json": json.dumps({"caption": "", "similarity": 0.25, "key": "1"}).encode(),
    "000/2.png": png("blue"),
}


def paths(library: Library, query: str, **options: str) -> list[str]:
    return [hit.path for hit in library.search(query, **options)]  # type: ignore[arg-type]


def texts(library: Library, path: str) -> dict[str, str]:
    image = library.image_at(path)
    assert image is not None
    return {row.source: row.text for row in library.texts.of(image.id)}


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("a.tar", tar),
        ("a.tar.gz", lambda path, members: tar(path, members, "w:gz")),
        ("a.tgz", lambda path, members: tar(path, dict(reversed(members.items())), "w:gz")),
        ("a.tar.xz", lambda path, members: tar(path, members, "w:xz")),
        ("a.zip", zipped),
    ],
)
def test_archives(
    tmp_path: Path, imported: Imported, name: str, write: Callable[..., Path]
) -> None:
    archive = write(tmp_path / name, WEBDATASET)
    library = imported(archive)
    assert paths(library, "green")[0] == f"{archive}/000/1.png"
    first = f"{archive}/000/0.png"
    assert texts(library, first) == {
        "caption": "red all over",
        "sidecar": "a red field",
        "columns": "url: https://e.com/0",
        "name": "a",
    }
    assert texts(library, f"{archive}/000/1.png")["columns"] == "similarity: 0.25"
    hit = library.search("blue")[0]
    # A picture in an archive can be asked with; as an indexed one it is not among the answers.
    assert sorted(other.path for other in library.search(Path(hit.path))) == [
        f"{archive}/000/0.png",
        f"{archive}/000/1.png",
    ]
    assert hit.open().getpixel((3, 3)) == (0, 0, 255)
    assert small_picture(hit.path, 8, ReadLimits())[0, 0].tolist() == [0, 0, 255]
    assert thumbnail(hit.path, 8).startswith(b"RIFF")
    image = library.image(hit.id)
    assert image is not None
    assert hashlib.sha256(picture_files.original(image)).hexdigest() == hit.sha256
    assert library.search('text:"red all over"')[0].path == first


def test_indexing_never_forgets_what_is_in_an_archive(
    tmp_path: Path, imported: Imported, pictures: Path
) -> None:
    archive = tar(pictures / "a.tar", WEBDATASET)
    library = imported(archive)
    library.add(pictures)
    assert library.status().counts.files == 7
    archive.rename(tmp_path / "gone.tar")
    last = library.add()
    assert (last.missing, last.tally.removed) == ((), 0)
    assert library.status().counts.files == 7
    assert paths(library, "green")[0] == str(pictures / "green.png")
    assert library.remove(archive) == 3
    assert library.status().counts.files == 4


def test_pictures_in_parquet_files(tmp_path: Path, imported: Imported) -> None:
    rows: list[dict[str, Any]] = [
        {"image": {"bytes": png("red"), "path": "cars/red.png"}, "text": "a car", "label": 3},
        {"image": {"bytes": None, "path": "none.png"}, "text": "nothing", "label": 1},
        {"image": {"bytes": png("blue"), "path": "../../etc/x"}, "text": None, "label": 2},
    ]
    file = parquet(tmp_path / "train.parquet", rows, row_group_size=2)
    other = parquet(
        tmp_path / "00000.parquet",
        [{"jpg": png("green"), "caption": "a lawn", "url": "https://e.com/1", "width": 9}],
    )
    library = imported(file, other, size=1)
    assert paths(library, "red")[0] == f"{file}/000000000/red.png"
    assert texts(library, f"{file}/000000000/red.png")["columns"] == "label: 3"
    hit = library.search("blue")[0]
    assert hit.path == f"{file}/000000002"
    assert hit.open().getpixel((0, 0)) == (0, 0, 255)
    assert texts(library, f"{other}/000000000") == {
        "caption": "a lawn",
        "columns": "url: https://e.com/1",
    }
    assert paths(library, "green")[0] == f"{other}/000000000"


def test_lists_of_addresses(tmp_path: Path, imported: Imported, web: Web) -> None:
    server, pages = web
    pages |= {"/a%20b.png": png("red"), "/c//d.png?x=1": png("blue"), "/bad.png": b"no picture"}
    local = paint(tmp_path / "here/green.png", "green")
    rows: list[dict[str, Any]] = [
        {"URL": f"{server}/a%20b.png", "TEXT": "spaced", "licence": "CC-BY"},
        {"URL": f"{server}/c//d.png?x=1", "TEXT": "twice"},
        {"URL": f"{server}/gone.png", "TEXT": "404"},
        {"URL": f"{server}/bad.png", "TEXT": "bad"},
        {"URL": None, "TEXT": "nothing"},
    ]
    table = parquet(tmp_path / "laion.parquet", rows)
    (tmp_path / "list.txt").write_text(f"{server}/a%20b.png\n\nhere/green.png\n")
    library = imported(table, tmp_path / "list.txt", columns=Columns(any_address=True))
    assert paths(library, "red")[0] == f"{server}/a%20b.png"
    assert paths(library, "blue")[0] == f"{server}/c//d.png?x=1"
    assert paths(library, "green")[0] == str(local)
    assert texts(library, f"{server}/a%20b.png")["columns"] == "licence: CC-BY"
    assert library.search("blue")[0].open().size == (24, 16)
    problems = {problem.path: problem.kind for problem in library.problems()}
    assert problems == {f"{server}/gone.png": "transient", f"{server}/bad.png": "bad"}
    address = f"{server}/a%20b.png"
    assert paths(library, "red", where=f"folder in '{server}'")[0] == address
    assert paths(library, "red", where=f"path = '{address}'") == [address]
    assert f"{server}/c/" in {f"{each.value}/" for each in library.facets()["folder"]}
    with pytest.raises(LibraryError, match="data set"):
        library.add(address)
    assert library.remove(server) == 4
    assert library.status().counts.files == 1


def test_dead_links_are_tried_again(tmp_path: Path, library: Library, web: Web) -> None:
    server, pages = web
    (tmp_path / "list.txt").write_text(f"{server}/late.png\n")
    first = _encoded(tmp_path, retry=False)
    assert (first.pictures, first.problems) == (0, 1)
    pages["/late.png"] = png("red")
    assert _encoded(tmp_path, retry=False).pictures == 0
    assert _encoded(tmp_path, retry=True).pictures == 1
    merge(library, tmp_path / "out")
    assert paths(library, "red") == [f"{server}/late.png"]


def _encoded(tmp_path: Path, *, retry: bool) -> EncodeProgress:
    from retrieval.indexing.shards.encoding import EncodeOptions
    from retrieval.indexing.shards.engines import LocalEngine
    from retrieval.indexing.shards.running import encode_sources

    encoder = FakeEncoder()
    trusted = Columns(any_address=True)
    sources, engine = sources_of([str(tmp_path / "list.txt")], trusted), LocalEngine(encoder)
    return encode_sources(
        sources, str(tmp_path / "out"), encoder.spec, engine, EncodeOptions(), retry=retry
    )


@pytest.mark.parametrize("table", ["metadata.csv", "metadata.jsonl", "metadata.parquet"])
def test_folders_with_a_table_of_captions(
    tmp_path: Path, imported: Imported, pictures: Path, table: str
) -> None:
    rows = [
        {"file_name": "blue.png", "text": "a blue wall", "price": "12"},
        {"file_name": "down/yellow.png", "text": "the sun", "price": ""},
    ]
    place = pictures / "deep" / table
    if table.endswith(".csv"):
        lines = ["file_name,text,price", *(",".join(row.values()) for row in rows)]
        place.write_text("\n".join(lines))
    elif table.endswith(".jsonl"):
        json_lines(place, rows)
    else:
        parquet(place, rows)
    library = imported(pictures)
    assert library.status().counts.files == 4
    found = texts(library, str(pictures / "deep/blue.png"))
    assert (found["caption"], found["columns"]) == ("a blue wall", "price: 12")
    assert texts(library, str(pictures / "deep/down/yellow.png"))["caption"] == "the sun"
    library.add(pictures)  # a later run keeps them
    assert texts(library, str(pictures / "deep/blue.png"))["caption"] == "a blue wall"


@pytest.mark.parametrize(
    ("table", "content"),
    [
        ("metadata.csv", b"name,text\nblue.png,x\n"),
        ("metadata.jsonl", b'{"name": "blue.png"}\n'),
        ("metadata.parquet", b"no table"),
    ],
)
def test_a_table_that_names_no_file_leaves_out_only_its_columns(
    tmp_path: Path, imported: Imported, pictures: Path, table: str, content: bytes
) -> None:
    (pictures / "deep" / table).write_bytes(content)
    (pictures / "metadata.csv").write_text("file_name,text\nred.png,a red wall\n")
    library = imported(pictures)
    assert library.status().counts.files == 4
    assert texts(library, str(pictures / "red.png"))["caption"] == "a red wall"
    (problem,) = merge(library, tmp_path / "out").problems
    assert problem.path == str(pictures / "deep" / table)
    assert "without columns" in problem.reason


def test_thumbnails_are_kept(tmp_path: Path, imported: Imported) -> None:
    archive = tar(tmp_path / "a.tar", WEBDATASET)
    library = imported(archive, thumbnails=True)
    archive.unlink()
    image = library.image(library.search("red")[0].id)
    assert image is not None
    folder = os.path.join(library.path, "thumbnails")
    assert picture_files.thumbnail(image, 512, folder).startswith(b"RIFF")
    with pytest.raises(PictureError, match="cannot be shown"):
        picture_files.thumbnail(image, 256, folder)


def test_the_doctor_and_a_watch_leave_archives_alone(
    tmp_path: Path, imported: Imported, pictures: Path
) -> None:
    from retrieval.watching.affected import AffectedPaths

    archive = tar(pictures / "a.tar", WEBDATASET)
    library = imported(archive)
    library.add(pictures)
    archive.unlink()
    found = Library.check(library.path, files=True).findings
    assert not [each for each in found if "a.tar" in each.message]
    affected = AffectedPaths.read(library._session.catalogue)
    assert [root.path for root in affected.roots] == [str(pictures)]


def test_columns_can_be_named(tmp_path: Path, imported: Imported) -> None:
    rows = [{"thumb": png("red"), "full": png("blue"), "zh": "蓝色", "text": "blue"}]
    file = parquet(tmp_path / "a.parquet", rows)
    library = imported(file, columns=Columns(image="full", captions=("zh",)))
    place = f"{file}/full/000000000"
    assert library.search("blue")[0].open().getpixel((0, 0)) == (0, 0, 255)
    assert texts(library, place) == {
        "caption": "蓝色",
        "columns": "text: blue",
        "name": "a full",
    }
    with pytest.raises(SourceError) as failed:
        list(sources_of([str(file)], Columns(image="none"))[0].pieces(9))
    assert "thumb, full, zh, text" in failed.value.hint


def test_the_output_of_img2dataset_is_one_data_set(tmp_path: Path) -> None:
    for name in ("00000.tar", "00001.tar"):
        tar(tmp_path / name, WEBDATASET)
        parquet(tmp_path / f"{name[:5]}.parquet", [{"url": "https://e.com/0", "caption": "red"}])
        (tmp_path / f"{name[:5]}_stats.json").write_text("{}")
    found = sources_of([str(tmp_path)])
    assert [os.path.basename(source.name) for source in found] == ["00000.tar", "00001.tar"]


def test_ranges_and_patterns(tmp_path: Path) -> None:
    assert list(with_ranges("a-{08..10}-{1..2}")) == [
        f"a-{first}-{second}" for first in ("08", "09", "10") for second in (1, 2)
    ]
    for number in range(3):
        tar(tmp_path / f"{number:02}.tar", WEBDATASET)
    assert len(sources_of([str(tmp_path / "{00..02}.tar")])) == 3
    assert len(sources_of([str(tmp_path / "0[12].tar")])) == 2
    with pytest.raises(SourceError, match=r"03\.tar"):
        sources_of([str(tmp_path / "{00..03}.tar")])
    with pytest.raises(SourceError, match=r"no source"):
        sources_of([str(paint(tmp_path / "red.png", "red"))])


def test_a_saved_search_keeps_an_indexed_address_by_its_content(
    tmp_path: Path, imported: Imported, web: Web
) -> None:
    server, pages = web
    pages |= {"/1.png": png("red"), "/2.png": png("green"), "/3.png": png("blue")}
    addresses = [f"{server}/{number}.png" for number in (1, 2)]
    table = json_lines(tmp_path / "a.jsonl", [{"url": each} for each in addresses])
    library = imported(table, columns=Columns(any_address=True))
    first, other = Query.parse(addresses[0]), Query.parse(f"{server}/3.png")
    library.saved.add("Indexed", first, SearchOptions(k=1))
    library.saved.add("Other", other, SearchOptions(k=1))
    pages.pop("/1.png")
    image = library.image_at(addresses[0])
    assert image is not None
    assert str(library.saved.question("Indexed").query) == f"#{image.id}"
    assert library.saved.question("Other").query == other
    assert [hit.path for hit in library.saved.answer("Indexed").result] == [addresses[1]]
