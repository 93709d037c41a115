"""A live index answers for the catalogue as it is, whatever has become of its cache file.

The file may be deleted, damaged, old or another library's.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.fakes import FakeEncoder
from support.painting import paint
from support.stores import DIM, TOY, assert_nearest, pages_of, unit

import retrieval.stores.live_index
from retrieval import Library, SearchResult
from retrieval.catalogue import Snapshot
from retrieval.stores import Ids, IdSet, Scores, StoreFactory, StoreHeader, Vectors
from retrieval.stores.backends import BACKENDS, store_factory
from retrieval.stores.body import Part
from retrieval.stores.cache_file import CacheKey
from retrieval.stores.exact import merge
from retrieval.stores.flat import FlatStore
from retrieval.stores.live_index import LiveIndex


class Changing:
    """A source of vectors in memory: the vector of an id is a row of a table."""

    table = unit(400, seed=9)

    def __init__(self) -> None:
        self.live: set[int] = set()
        self.removed: list[tuple[int, int]] = []  # id, and the generation it left in
        self.generation = 0
        self.last_id = 0

    def add(self, count: int) -> None:
        self.generation += 1
        for _ in range(count):
            self.last_id += 1
            self.live.add(self.last_id)

    def remove(self, ids: set[int]) -> None:
        self.generation += 1
        self.removed += [(id_, self.generation) for id_ in ids & self.live]
        self.live -= ids

    def snapshot(self) -> Snapshot:
        return Snapshot(self.generation, f"stamp {self.generation}")

    def stamp_of(self, generation: int) -> str | None:
        return f"stamp {generation}"

    def after(
        self, last_id: int, damaged: list[int] | None = None
    ) -> Iterator[tuple[Ids, Vectors]]:
        ids = np.array(sorted(id_ for id_ in self.live if id_ > last_id), np.int64)
        yield from pages_of(ids, self.table[ids % len(self.table)], 7)

    def removed_since(self, generation: int) -> Ids:
        return np.array(sorted({id_ for id_, at in self.removed if at > generation}), np.int64)


@pytest.fixture(scope="module", params=[*BACKENDS, "toy"])
def factory(request: pytest.FixtureRequest) -> Iterator[StoreFactory]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(BACKENDS, "toy", TOY)
        yield store_factory(request.param)


STEPS = st.one_of(
    st.tuples(st.just("add"), st.integers(1, 30)),
    st.tuples(st.just("remove"), st.sets(st.integers(1, 90), min_size=1, max_size=12)),
    st.tuples(st.sampled_from(["refresh", "reopen", "lose the file", "damage the file"])),
)


@settings(max_examples=60)
@given(steps=st.lists(STEPS, max_size=14), k=st.integers(0, 12), seed=st.integers(0, 99))
def test_any_history_is_answered_like_a_new_library(
    factory: StoreFactory,
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[str, int | set[int]]],
    k: int,
    seed: int,
) -> None:
    source = Changing()
    path = tmp_path_factory.mktemp("cache") / "a"
    key = CacheKey(str(path), "model", DIM)
    index = LiveIndex(source, key, factory)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retrieval.stores.live_index, "_FRESH_ROWS", 20)
        patch.setattr(retrieval.stores.live_index, "_SMALL", 10)
        patch.setattr(retrieval.stores.live_index, "_WORTH_SHARE", 0.5)
        for name, *what in steps:
            match name, what:
                case "add", [int(count)]:
                    source.add(count)
                case "remove", [set(removed)]:
                    source.remove(removed)
                case "refresh", _:
                    index.refresh()
                case "reopen", _:
                    index = LiveIndex(source, key, factory)
                case "lose the file", _:
                    path.unlink(missing_ok=True)
                case "damage the file", _:
                    # Not in place: a library that is open has the old file mapped.
                    path.with_name("damaged").write_bytes(b"no store")
                    path.with_name("damaged").replace(path)
            ids = np.array(sorted(source.live), np.int64)
            vectors, query = source.table[ids], unit(1, seed)
            allowed = None if seed % 2 else np.arange(0, 90, 3)
            assert_nearest(index.search(query, k, allowed), ids, vectors, query, k, allowed)
            assert index.count() == len(ids)
            np.testing.assert_array_equal(index.vectors(ids), vectors)
            np.testing.assert_array_equal(index.sample(len(ids) + 1), vectors)


def test_many_rows_that_are_gone_are_asked_for_when_they_are_near(tmp_path: Path) -> None:
    source = Changing()
    source.add(300)
    asked: list[int] = []

    search = FlatStore.search

    def counted(
        store: FlatStore, queries: Vectors, k: int, allowed: IdSet | None = None
    ) -> tuple[Scores, Ids]:
        asked.append(k)
        return search(store, queries, k, allowed)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FlatStore, "search", counted)
        index = LiveIndex(source, CacheKey(str(tmp_path / "a"), "m", DIM), store_factory("faiss"))
        query = source.table[7:8]
        nearest = index.search(query, 100)[1][0]
        source.remove(set(nearest[50:].tolist()))
        asked.clear()
        ids = np.array(sorted(source.live))
        vectors = source.table[ids % len(source.table)]
        assert_nearest(index.search(query, 5), ids, vectors, query, 5)
        assert asked[0] == 5 + 8  # none of the nearest is gone, so once is enough
        source.remove(set(nearest[:50].tolist()))
        ids = np.array(sorted(source.live))
        vectors = source.table[ids % len(source.table)]
        assert_nearest(index.search(query, 5), ids, vectors, query, 5)


def test_answers_of_two_stores_are_merged_by_score_then_id() -> None:
    one = np.array([[0.9, 0.5]], np.float32), np.array([[4, 9]])
    two = np.array([[0.7, 0.5]], np.float32), np.array([[1, 2]])
    scores, ids = merge([one, two], 3)
    assert ids.tolist() == [[4, 1, 2]]
    np.testing.assert_allclose(scores, [[0.9, 0.7, 0.5]])


def header_of(path: str) -> StoreHeader | None:
    found = store_factory("faiss").load(path)
    return found and found[1]


@pytest.fixture
def filled(library: Library, tmp_path: Path) -> Library:
    for number in range(40):
        paint(tmp_path / f"p/{number:02}.png", (number * 6, 255 - number * 6, 40))
    library.add(tmp_path / "p")
    return library


def cache_of(library: Library) -> str:
    folder = os.path.join(library.path, "cache")
    (name,) = os.listdir(folder)
    return os.path.join(folder, name)


def ask(library: Library) -> SearchResult:
    with Library.open(library.path, FakeEncoder()) as fresh:
        return fresh.search("red", 15)


def test_a_deleted_cache_is_rebuilt(filled: Library) -> None:
    before = ask(filled)
    path = cache_of(filled)
    os.remove(path)
    assert ask(filled) == before
    assert header_of(path) is not None
    shutil.rmtree(os.path.dirname(path))
    assert ask(filled) == before


@pytest.mark.parametrize("damage", ["cut", "garbage", "empty"])
def test_a_damaged_cache_is_rebuilt(filled: Library, damage: str) -> None:
    before = ask(filled)
    path = cache_of(filled)
    with open(path, "r+b") as file:
        if damage == "garbage":
            file.write(b"\xff" * 64)
        else:
            file.truncate(os.path.getsize(path) // 2 if damage == "cut" else 0)
    assert ask(filled) == before


def test_an_old_cache_is_brought_up_to_date(filled: Library, tmp_path: Path) -> None:
    path = cache_of(filled)
    old = Path(path).read_bytes()
    paint(tmp_path / "p/new.png", (255, 0, 0))
    os.remove(tmp_path / "p/39.png")
    paint(tmp_path / "p/38.png", (0, 0, 255))
    filled.add()
    fresh = ask(filled)
    assert os.path.basename(fresh.hits[0].path) == "new.png"
    Path(path).write_bytes(old)
    stale = ask(filled)
    assert [hit.path for hit in stale.hits] == [hit.path for hit in fresh.hits]
    assert stale.searched == fresh.searched == 40


def test_newer_and_removed_rows_are_answered_without_writing(
    filled: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrieval.stores.live_index, "_SMALL", 0)
    monkeypatch.setattr(retrieval.stores.live_index, "_WORTH_SHARE", 0.5)
    path = cache_of(filled)
    generation = header_of(path).generation  # type: ignore[union-attr]
    paint(tmp_path / "p/new.png", (255, 0, 0))
    os.remove(tmp_path / "p/39.png")
    os.rename(tmp_path / "p/38.png", tmp_path / "p/renamed.png")
    filled.add()
    assert header_of(path).generation == generation  # type: ignore[union-attr]
    names = [os.path.basename(hit.path) for hit in ask(filled).hits]
    assert names[:3] == ["new.png", "renamed.png", "37.png"]
    assert "39.png" not in names


def test_many_changes_are_worth_a_new_file(
    filled: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrieval.stores.live_index, "_FRESH_ROWS", 3)
    monkeypatch.setattr(retrieval.stores.live_index, "_SMALL", 0)
    monkeypatch.setattr(retrieval.stores.live_index, "_WORTH_SHARE", 9.0)
    path = cache_of(filled)
    before = header_of(path)
    for number in range(8):
        paint(tmp_path / f"p/more{number}.png", (255, number, 0))
    filled.add()
    ask(filled)
    assert header_of(path) != before
    assert header_of(path).count == 48  # type: ignore[union-attr]


def test_a_cache_of_another_library_is_not_believed(filled: Library, tmp_path: Path) -> None:
    with Library.create(tmp_path / "other", FakeEncoder()) as other:
        paint(tmp_path / "q/a.png", "blue")
        other.add(tmp_path / "q")
        before = ask(filled)
        shutil.copy(cache_of(other), cache_of(filled))
    assert ask(filled) == before


def test_a_catalogue_restored_from_a_backup_is_believed(filled: Library, tmp_path: Path) -> None:
    filled.close()
    before = ask(filled)
    shutil.copytree(filled.path, tmp_path / "backup")
    with Library.open(filled.path, FakeEncoder()) as library:
        paint(tmp_path / "p/new.png", (255, 0, 0))
        library.add()
        library.close()
    catalogue = os.path.join(filled.path, "catalogue.sqlite")
    shutil.copy(tmp_path / "backup/catalogue.sqlite", catalogue)
    for suffix in ("-wal", "-shm"):
        if os.path.exists(catalogue + suffix):
            os.remove(catalogue + suffix)
    assert ask(filled) == before


@pytest.mark.parametrize("call", ["os.replace", "os.fsync", "os.makedirs", "body.Part.put"])
def test_a_cache_that_cannot_be_written_costs_no_answer(
    filled: Library,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    call: str,
) -> None:
    before, path = ask(filled), cache_of(filled)
    os.remove(path)
    put = Part.put

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    def full_on_disk(part: Part, *data: Any) -> None:
        if not isinstance(part._file, BytesIO):
            full()
        put(part, *data)

    if call == "body.Part.put":
        monkeypatch.setattr(Part, "put", full_on_disk)
    else:
        monkeypatch.setattr(call, full)
    assert ask(filled) == before
    assert "could not be written" in caplog.text
    assert os.listdir(os.path.dirname(path)) == []


def test_answers_equal_the_brute_force_over_the_export(filled: Library) -> None:
    rows = list(filled.images())
    vectors = np.stack([np.frombuffer(blob, "<f2").astype(np.float32) for _, blob in rows])
    query = FakeEncoder().encode_texts(["red"])[0]
    order = np.argsort(-(vectors @ query), kind="stable")[:15]
    assert [hit.id for hit in ask(filled).hits] == [rows[i][0].id for i in order]
