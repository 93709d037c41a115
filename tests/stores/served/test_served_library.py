"""A library whose vectors are searched on a server gives the answers of one that uses its files."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.fakes import FakeEncoder
from support.painting import paint
from support.servers import SERVERS, lite_server

from retrieval import Library, LibraryError, PixtrieveError
from retrieval.catalogue import WHOLE
from retrieval.catalogue.served import ServedVectors
from retrieval.errors import StoreError
from retrieval.stores import Ids, Scores, Vectors
from retrieval.stores.served import CollectionSpec, ServedStore, index
from retrieval.stores.served.expression import Test
from retrieval.stores.served.index import ServedIndex

QUESTIONS = ["red", "green blue", "2:red + blue", "red - green", "yellow"]
FILTERS = [
    None,
    "width = 12",
    "name = 'a*'",
    "not name = 'a*'",
    "path in '/'",
    "name ~ '1'",
    "size > 1",
]


@pytest.fixture(scope="module", params=SERVERS)
def address(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    server: Any = SERVERS[request.param]
    with server(tmp_path_factory.mktemp("server")) as address:
        yield address


@pytest.fixture(scope="module", params=["milvus grpc", "milvus"])
def one_address(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of one server, where others would do no more."""
    server: Any = SERVERS[request.param]
    with server(tmp_path_factory.mktemp("server")) as address:
        yield address


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """A library of 40 pictures, one of them with two files."""
    for number in range(40):
        name = f"{'ab'[number % 2]}{number:02}.png"
        paint(tmp_path / "p" / name, (number * 6, 255 - number * 5, number * 37 % 256))
    shutil.copy(tmp_path / "p/a02.png", tmp_path / "p/b-copy.png")
    with Library.create(tmp_path / "library", FakeEncoder()) as library:
        library.add(tmp_path / "p")
        yield library
        if library.store.address() != "faiss":
            library.store.delete()


def answers(library: Library) -> list[list[tuple[str, float]]]:
    return [
        [(hit.path, round(hit.score, 5)) for hit in library.search(question, 12, where=where)]
        for question in QUESTIONS
        for where in FILTERS
    ]


def on_files(library: Library) -> list[list[tuple[str, float]]]:
    """Return the answers of a copy of the library, which uses its own files."""
    copy = f"{library.path}-copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(library.path, copy)
    with Library.open(copy, FakeEncoder()) as other:
        return answers(other)


def served_index(library: Library) -> ServedIndex:
    found = library._session.context().images
    assert isinstance(found, ServedIndex)
    return found


@pytest.mark.parametrize("few", [True, False], ids=["here", "by the server"])
def test_answers_are_those_of_files(
    library: Library, address: str, few: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not few:
        monkeypatch.setattr(index, "_FEW", 0)
    right = answers(library)
    sent: list[tuple[int, int]] = []
    library.store.use(address, lambda done, total: sent.append((done, total)))
    assert sent[-1] == (40, 40)
    assert library.store.address() == address
    assert served_index(library).count() == 40
    assert answers(library) == right
    status = library.store.status()
    assert (status.rows, status.current, status.error) == (40, True, "")
    assert library.status().counts.images == 40


def test_the_server_follows_the_library(library: Library, address: str, tmp_path: Path) -> None:
    library.store.use(address)
    pictures = tmp_path / "p"
    paint(pictures / "new.png", (255, 0, 0))
    os.remove(pictures / "a00.png")
    os.rename(pictures / "b01.png", pictures / "a-renamed.png")
    os.remove(pictures / "b-copy.png")
    library.add()
    assert library.store.status().current
    assert [hit.path for hit in library.search("red", 1)] == [str(pictures / "new.png")]
    assert answers(library) == on_files(library)
    assert library.remove(pictures / "new.png") == 1
    assert library.store.status().rows == 39
    library.relocate(pictures, tmp_path / "moved")
    assert answers(library) == on_files(library)
    library.store.sync()
    assert library.store.status().current
    assert answers(library) == on_files(library)


def test_a_reader_sees_what_the_server_does_not_have_yet(
    library: Library, one_address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.store.use(one_address)
    with Library.open(library.path, FakeEncoder()) as reader:
        answers(reader)
        with monkeypatch.context() as patch:
            patch.setattr(ServedIndex, "refresh", lambda self, *, anyway=False: False)
            paint(tmp_path / "p/new.png", (255, 0, 0))
            os.remove(tmp_path / "p/a04.png")
            library.add()
        assert library.store.status().rows == 40
        assert not library.store.status().current
        assert os.path.basename(reader.search("red", 1).hits[0].path) == "new.png"
        assert answers(reader) == on_files(library)
        library.add()
        assert library.store.status().current
        assert answers(reader) == on_files(library)


def test_a_server_that_lost_everything_is_filled_by_the_next_question(
    library: Library, one_address: str, caplog: pytest.LogCaptureFixture
) -> None:
    library.store.use(one_address)
    right = answers(library)
    server, spec = library._session.server.connected(), served_index(library)._key.spec
    server.drop(spec.name)
    with Library.open(library.path, FakeEncoder()) as reader, caplog.at_level(logging.WARNING):
        assert answers(reader) == right
    assert "being sent" in caplog.text
    assert library.store.status().rows == 40
    server.delete(spec, np.arange(1, 9))
    library.verify_cache()
    assert "pixtrieve store sync" in caplog.text
    library.store.sync()
    assert library.store.status().rows == 40
    assert answers(library) == right


def test_no_question_is_answered_from_half_a_collection_while_another_process_writes(
    library: Library, one_address: str
) -> None:
    library.store.use(one_address)
    library._session.server.connected().drop(served_index(library)._key.spec.name)
    with (
        Library.open(library.path, FakeEncoder()) as reader,
        library._session.writer(),
        pytest.raises(StoreError, match="is being written by"),
    ):
        reader.search("red")


def test_a_fill_that_was_killed_goes_on_and_sends_only_the_rest(
    library: Library, one_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = answers(library)
    library.store.use(one_address)
    server, key = library._session.server.connected(), served_index(library)._key
    whole = server.header(key.spec.name)
    assert whole is not None
    server.make(key.spec)
    kinds: list[int] = []
    upsert = type(server).upsert

    def failing(self: ServedStore, spec: Any, rows: Any) -> None:
        kinds.append(len(rows.ids))
        if len(kinds) == 2:
            raise StoreError("killed")
        upsert(self, spec, rows)

    monkeypatch.setattr(type(server), "upsert", failing)
    monkeypatch.setattr("retrieval.catalogue.served._PAGE", 15)
    with pytest.raises(StoreError, match="killed"):
        library.store.sync()
    assert server.count(key.spec) == 15
    library.store.sync()
    assert kinds == [15, 15, 15, 10]
    assert answers(library) == right
    again = server.header(key.spec.name)
    assert again is not None
    assert (again.count, again.generation) == (whole.count, whole.generation)


def test_a_snapshot_goes_back_into_files(
    library: Library, one_address: str, tmp_path: Path
) -> None:
    right = answers(library)
    library.store.use(one_address)
    file = tmp_path / "vectors.parquet"
    assert library.store.snapshot(file) == 40
    with pytest.raises(LibraryError, match="exists"):
        library.store.snapshot(file)
    session = library._session
    session.drop_caches(library.model.fingerprint)
    assert library.store.use_snapshot(file) == 40
    assert library.store.address() == "faiss"
    (cache,) = (
        each for each in os.listdir(Path(library.path) / "cache") if each.endswith(".faiss")
    )
    written = (Path(library.path) / "cache" / cache).stat().st_mtime_ns
    assert answers(library) == right
    assert (Path(library.path) / "cache" / cache).stat().st_mtime_ns == written
    paint(tmp_path / "p/new.png", (255, 0, 0))
    library.store.use(one_address)
    library.remove(tmp_path / "p/a00.png")
    with pytest.raises(LibraryError, match="not a snapshot of this library as it is"):
        library.store.use_snapshot(file)
    for content in (b"", b"x" * 100, file.read_bytes()[:-100]):
        (tmp_path / "bad").write_bytes(content)
        with pytest.raises(LibraryError, match="not a snapshot"):
            library.store.use_snapshot(tmp_path / "bad")


def test_a_snapshot_with_other_vectors_is_refused(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "s"
    folder.mkdir()
    with lite_server(folder) as address:
        library.store.use(address)
        store = library._session.server.connected()
        fetch = store.fetch

        def swapped(spec: CollectionSpec, after: int, upto: int) -> tuple[Ids, Vectors]:
            ids, vectors = fetch(spec, after, upto)
            vectors[[3, 4]] = vectors[[4, 3]]
            return ids, vectors

        monkeypatch.setattr(store, "fetch", swapped)
        library.store.snapshot(tmp_path / "v.parquet")
        with pytest.raises(LibraryError, match="other vectors"):
            library.store.use_snapshot(tmp_path / "v.parquet")
        assert library.store.address() == address
        library.store.delete()


def test_no_answer_has_a_picture_that_the_filter_excludes(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server's copy of what filters ask may be wrong: another program may write to it."""
    folder = tmp_path / "s"
    folder.mkdir()
    monkeypatch.setattr(index, "_FEW", 0)
    with lite_server(folder) as address:
        library.store.use(address)
        store = library._session.server.connected()
        nearest = store.nearest

        def unfiltered(
            spec: CollectionSpec, query: Vectors, k: int, test: Test | None, *, fresh: bool
        ) -> tuple[Scores, Ids]:
            return nearest(spec, query, k, None, fresh=fresh)

        monkeypatch.setattr(store, "nearest", unfiltered)
        right = on_files(library)
        assert answers(library) == right
        library.store.delete()


def test_without_its_server_a_library_reads_its_vectors_once(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "s"
    folder.mkdir()
    with lite_server(folder) as address:
        library.store.use(address)
    with Library.open(library.path, FakeEncoder()) as other:
        images = served_index(other)
        reads, after = [], ServedVectors.after

        def counted(
            vectors: ServedVectors, last_id: int, damaged: list[int] | None = None
        ) -> Iterator[tuple[Ids, Vectors]]:
            reads.append(last_id)
            return after(vectors, last_id, damaged)

        monkeypatch.setattr(ServedVectors, "after", counted)
        assert (images.count(), len(images.sample(9)), len(images.damaged())) == (40, 9, 0)
        assert reads == [0]
        other.store.use("faiss")


def test_a_copy_of_a_library_leaves_the_servers_data_alone(
    library: Library, one_address: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    library.store.use(one_address)
    right = answers(library)
    shutil.copytree(library.path, tmp_path / "copy")
    with Library.open(tmp_path / "copy", FakeEncoder()) as copy:
        assert copy.store.address() == "faiss"
        copy.remove(tmp_path / "p/a00.png")
        assert "was copied or moved from" in caplog.text
        copy.store.use(one_address)
        assert copy.store.status().rows == 39
        assert copy._session.server.key("x", 4, WHOLE) != library._session.server.key("x", 4, WHOLE)
        copy.store.delete()
    assert library.store.status().rows == 40
    assert answers(library) == right


def test_another_model_gets_a_collection_of_its_own(library: Library, one_address: str) -> None:
    library.store.use(one_address)
    right = answers(library)
    for _ in library.use_model(FakeEncoder("fake-2")):
        pass
    server = library._session.server.connected()
    mine = [
        name for name in server.collections() if served_index(library)._key.spec.name[:18] in name
    ]
    assert len(mine) == 2
    assert library.forget_model("fake") == 40
    assert len(set(server.collections()) & set(mine)) == 1
    assert answers(library) == right


def test_captions_are_searched_on_the_server(
    library: Library, one_address: str, tmp_path: Path
) -> None:
    library.store.use(one_address)
    (tmp_path / "p/a10.txt").write_text("blue blue")
    library.add()
    assert library.search("blue", 3, look_in="texts").hits
    assert answers(library) == on_files(library)


def test_a_server_that_is_down_stops_no_indexing(tmp_path: Path, library: Library) -> None:
    folder = tmp_path / "s"
    folder.mkdir()
    with lite_server(folder) as address:
        library.store.use(address)
    with Library.open(library.path, FakeEncoder()) as other:
        with pytest.raises(StoreError, match="could not") as raised:
            other.search("red")
        assert "pixtrieve store use faiss" in raised.value.hint
        assert "could not" in other.store.status().error
        paint(tmp_path / "p/new.png", (255, 0, 0))
        other.add()
        assert other.status().counts.images == 41
        with pytest.raises(StoreError):
            other.store.use(address + "?index=HNSW")
        assert other.store.address() == address
        other.store.use("faiss")
        assert os.path.basename(other.search("red", 1).hits[0].path) == "new.png"


@pytest.mark.parametrize(
    "wrong",
    ["milvus", "milvus:", "fiass", "milvus:localhost", "milvus:http://a:b@host:19530", "milvus:ftp://x",
     "milvus:http://host?index=IVF", "milvus:http://host?x=1", "pgvector:x.db", "pgvector:http://x",
     "pgvector:postgresql://u:p@host/db"],
)  # fmt: skip
def test_wrong_addresses_are_refused_with_the_right_form(library: Library, wrong: str) -> None:
    with pytest.raises(PixtrieveError) as raised:
        library.store.use(wrong)
    assert raised.value.hint
    assert library.store.address() == "faiss"
