"""What every vector server does, against the exact oracle: see `retrieval.stores.served`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.servers import SERVERS, connected, rows_of, spec_of
from support.stores import DIM, assert_nearest, awkward, unit

from retrieval.errors import StoreError
from retrieval.stores import Ids, IdSet, Scores, Vectors
from retrieval.stores.served import Header, ServedStore
from retrieval.stores.served.answers import compared, exact_answer
from retrieval.stores.served.expression import Compare, Fails, OneOfIds
from retrieval.stores.served.milvus import MilvusStore
from retrieval.stores.served.pgvector import PgStore

KINDS: list[type[ServedStore]] = [MilvusStore, PgStore]  # for mypy
HEADER = Header("model", DIM, "form", 7, "stamp", {6: "s", 7: "stamp"}, 3, 9, 1.5, [4])


@pytest.fixture(scope="module", params=SERVERS)
def store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServedStore]:
    server: Any = SERVERS[request.param]
    with server(tmp_path_factory.mktemp("server")) as address:
        store = connected(address)
        yield store
        for name in store.collections():
            if name.startswith("pixtrieve_test_"):
                store.drop(name)
        store.close()


class Filled:
    """A collection that is emptied and filled again for each example: making one takes longer."""

    def __init__(self, store: ServedStore, dim: int = DIM) -> None:
        self.store, self.spec = store, spec_of(f"filled_{dim}", dim)
        store.make(self.spec)

    def fill(self, ids: Any, vectors: Vectors) -> None:
        old = self.store.find(self.spec, Compare("id", ">=", 0), 16_000)
        self.store.delete(self.spec, np.setdiff1d(old, ids))
        if len(ids):
            self.store.upsert(self.spec, rows_of(ids, vectors))

    def search(self, query: Vectors, k: int, allowed: IdSet | None = None) -> tuple[Scores, Ids]:
        def some(ids: Ids) -> tuple[Ids, Vectors]:
            found, vectors = self.store.fetch(self.spec, -1, 4000)
            kept = np.isin(found, ids)
            return found[kept], vectors[kept]

        test = None if allowed is None else OneOfIds(tuple(allowed.tolist()))
        answer = exact_answer(
            query,
            k,
            lambda wanted: self.store.nearest(self.spec, query, wanted, test, fresh=True),
            some,
            self.store.most,
        )
        assert answer is not None
        return answer


@pytest.fixture(scope="module")
def filled(store: ServedStore) -> Filled:
    return Filled(store)


@pytest.mark.parametrize("k", [0, 1, 49, 50, 51])
def test_any_k(filled: Filled, k: int) -> None:
    ids, vectors, query = np.arange(50) * 7 + 3, unit(50), unit(1, seed=1)
    filled.fill(ids, vectors)
    assert_nearest(filled.search(query, k), ids, vectors, query, k)


def test_an_empty_collection(filled: Filled) -> None:
    nothing = np.empty(0, np.int64)
    filled.fill(nothing, unit(0))
    for k in (0, 5):
        assert_nearest(filled.search(unit(1), k), nothing, unit(0), unit(1), k)
    assert filled.store.count(filled.spec) == 0
    assert [len(each) for each in filled.store.marks(filled.spec, 10)] == [0, 0, 0]
    assert filled.store.fetch(filled.spec, -1, 10)[1].shape == (0, DIM)


def test_equal_scores_come_by_rising_id_and_a_smaller_k_is_a_prefix(filled: Filled) -> None:
    ids, vectors = np.arange(200) * 2, unit(200)
    copies = np.sort(np.random.default_rng(3).permutation(200)[:41])
    vectors[copies] = vectors[copies[0]]
    filled.fill(ids, vectors)
    query = vectors[copies[:1]]
    longest = filled.search(query, 60)
    assert_nearest(longest, ids, vectors, query, 60)
    for k in (1, 5, 40, 41, 42):
        np.testing.assert_array_equal(filled.search(query, k)[1], longest[1][:, :k])


@settings(max_examples=12)
@given(
    n=st.integers(0, 40),
    seed=st.integers(0, 10_000),
    k=st.integers(0, 50),
    share=st.sampled_from([0.0, 0.1, 0.6, 1.0]),
)
def test_any_vectors(filled: Filled, n: int, seed: int, k: int, share: float) -> None:
    vectors, random = awkward(n, DIM, seed) if n else unit(0), np.random.default_rng(seed)
    ids = np.sort(random.choice(1000, n, replace=False))
    allowed = None if share == 1 else np.flatnonzero(random.random(1000) < share)
    filled.fill(ids, vectors)
    query = np.concatenate([vectors[n // 2 :][:1], unit(1, seed)])[:1]
    assert_nearest(filled.search(query, k, allowed), ids, vectors, query, k, allowed)


def test_one_dimension(store: ServedStore) -> None:
    spec = spec_of("one", 1)
    store.make(spec)
    store.upsert(spec, rows_of([5, 8], [[1.0], [-1.0]]))
    np.testing.assert_array_equal(store.fetch(spec, 0, 9)[1], [[1.0], [-1.0]])
    query = np.ones((1, 1), np.float32)
    assert store.nearest(spec, query, 1, None, fresh=True)[1].tolist() == [5]


def test_rows_are_replaced_deleted_counted_and_fetched_as_they_were_sent(filled: Filled) -> None:
    store, spec = filled.store, filled.spec
    ids, vectors = np.array([0, 5, 9, 3000]), unit(4)
    filled.fill(ids, vectors)
    newer = unit(2, seed=9)
    store.upsert(spec, rows_of([5, 9], newer))
    vectors[1:3] = newer
    found, fetched = store.fetch(spec, -1, 3000)
    np.testing.assert_array_equal(found, ids)
    np.testing.assert_array_equal(fetched, vectors)
    np.testing.assert_array_equal(store.marks(spec, 3000)[1], rows_of(ids, vectors).vector_marks)
    assert store.marks(spec, 9)[0].tolist() == [0, 5, 9]
    assert store.count(spec) == 4
    store.delete(spec, np.array([5, 77]))
    assert store.count(spec) == 3
    assert store.fetch(spec, 0, 3000)[0].tolist() == [9, 3000]
    assert sorted(store.find(spec, Fails(OneOfIds((9,))), 10).tolist()) == [0, 3000]
    assert len(store.find(spec, Compare("id", ">=", 0), 2)) == 2
    store.delete(spec, np.empty(0, np.int64))


def test_headers_are_replaced_and_go_with_their_collection(store: ServedStore) -> None:
    spec = spec_of("header", DIM)
    assert store.header(spec.name) is None
    store.make(spec)
    assert store.header(spec.name) is None
    store.publish(spec.name, HEADER)
    other = Header("model", DIM, "form", 8, "é'\"\\", {}, 4, 9, 2.5)
    assert store.header(spec.name) == HEADER
    store.publish(spec.name, other)
    assert store.header(spec.name) == other
    assert spec.name in store.collections()
    store.make(spec)
    assert store.header(spec.name) is None
    store.publish(spec.name, HEADER)
    store.drop(spec.name)
    assert store.header(spec.name) is None
    assert spec.name not in store.collections()
    store.drop(spec.name)


def test_too_many_dimensions_are_refused(store: ServedStore) -> None:
    with pytest.raises(StoreError, match="vectors of up to"):
        store.make(spec_of("wide", 40_000))


def test_an_index_needs_a_pgvector_that_scans_on(
    store: ServedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not isinstance(store, PgStore):
        pytest.skip("another server")
    spec = replace(spec_of("indexed", DIM), index="HNSW")
    store.make(spec)
    rows = PgStore._rows

    def older(store: PgStore, sql: str, values: Sequence[object] = ()) -> list[tuple[object, ...]]:
        return [("0.7.4",)] if "extversion" in sql else rows(store, sql, values)

    monkeypatch.setattr(PgStore, "_rows", older)
    with pytest.raises(StoreError, match=r"0\.8 or newer; the server has 0\.7\.4"):
        store.make(spec)


def test_an_unknown_collection_is_an_error_with_a_hint(store: ServedStore) -> None:
    with pytest.raises(StoreError) as raised:
        store.count(spec_of("unknown", DIM))
    assert "pixtrieve store use faiss" in raised.value.hint


def test_what_a_server_cannot_decide_is_left_to_the_caller() -> None:
    ids, vectors = np.arange(90), np.repeat(unit(1), 90, axis=0)

    def some(wanted: Ids) -> tuple[Ids, Vectors]:
        return wanted, vectors[wanted]

    def nearest(wanted: int) -> tuple[Scores, Ids]:
        found = ids[::-1][:wanted]  # equal scores, the highest ids first
        return np.full(len(found), vectors[0] @ vectors[0], np.float32), found

    assert exact_answer(vectors[:1], 5, nearest, some, most=80) is None
    found = exact_answer(vectors[:1], 5, nearest, some, most=91)
    assert found is not None
    assert found[1].tolist() == [[0, 1, 2, 3, 4]]
    assert compared(vectors[:1], 5, ids, some)[1].tolist() == [[0, 1, 2, 3, 4]]
