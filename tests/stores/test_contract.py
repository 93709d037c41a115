"""What every vector store does, back end by back end: see `retrieval.stores`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.stores import (
    DIM,
    KINDS,
    TOY,
    Maker,
    assert_nearest,
    awkward,
    header_of,
    makers,
    pages_of,
    unit,
)
from support.toy_store import ToyStore

from retrieval.stores import StoreFactory
from retrieval.stores.backends import BACKENDS, store_factory
from retrieval.stores.clustered import ClusteredStore
from retrieval.stores.exact import ExactStore
from retrieval.stores.flat import FlatStore

FACTORIES: list[StoreFactory] = [ExactStore, FlatStore, ClusteredStore, ToyStore]  # for mypy


@pytest.fixture(scope="module", params=KINDS)
def make(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Maker]:
    yield from makers([request.param], tmp_path_factory.mktemp("stores"))


@pytest.fixture(scope="module", params=[*BACKENDS, "toy"])
def factory(request: pytest.FixtureRequest) -> Iterator[StoreFactory]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(BACKENDS, "toy", TOY)
        yield store_factory(request.param)


def test_finds_the_nearest(make: Maker) -> None:
    ids, vectors, queries = np.arange(300) * 7 + 3, unit(300), unit(5, seed=1)
    assert_nearest(make(ids, vectors).search(queries, 10), ids, vectors, queries, 10)
    assert_nearest(make(ids, vectors).search(queries[:1], 10), ids, vectors, queries[:1], 10)


@pytest.mark.parametrize("k", [0, 1, 49, 50, 51, 1000])
def test_any_k(make: Maker, k: int) -> None:
    ids, vectors, queries = np.arange(50), unit(50), unit(3, seed=1)
    assert_nearest(make(ids, vectors).search(queries, k), ids, vectors, queries, k)


def test_an_empty_store(make: Maker) -> None:
    store, nothing = make([], unit(0)), np.empty(0, np.int64)
    for k in (0, 5):
        assert_nearest(store.search(unit(2), k), nothing, unit(0), unit(2), k)
        assert_nearest(store.search(unit(1), k, np.array([3])), nothing, unit(0), unit(1), k)
    assert store.count() == 0
    np.testing.assert_array_equal(store.ids(), nothing)
    assert store.vectors(nothing).shape == (0, DIM)


def test_equal_scores_come_by_rising_id_and_a_smaller_k_is_a_prefix(make: Maker) -> None:
    ids, vectors = np.arange(200) * 2, unit(200)
    copies = np.sort(np.random.default_rng(3).permutation(200)[:41])
    vectors[copies] = vectors[copies[0]]
    store, query = make(ids, vectors), vectors[copies[:1]]
    longest = store.search(query, 60)
    assert_nearest(longest, ids, vectors, query, 60)
    np.testing.assert_array_equal(longest[1][0, :41], ids[copies])
    for k in (1, 5, 15, 40, 41, 42):
        np.testing.assert_array_equal(store.search(query, k)[1], longest[1][:, :k])


@pytest.mark.parametrize(
    "allowed",
    [[], [1234], [3], [3, 50, 51, 99], [3, 50, 51, 99, 1234, 5678], range(100), range(0, 200, 3)],
    ids=str,
)
def test_only_allowed_ids(make: Maker, allowed: list[int]) -> None:
    ids, vectors, chosen = np.arange(100), unit(100), np.array(allowed, np.int64)
    vectors[50] = vectors[49]
    store = make(ids, vectors)
    for queries in (unit(4, seed=1), vectors[50:51]):
        for k in (0, 1, 3, 40, 200):
            assert_nearest(store.search(queries, k, chosen), ids, vectors, queries, k, chosen)


def test_ids_and_vectors_are_as_they_were_given(make: Maker) -> None:
    ids, vectors = np.array([0, 5, 9, 4000, 70_000]), unit(5)
    store = make(ids, vectors)
    assert store.count() == 5
    np.testing.assert_array_equal(store.ids(), ids)
    assert store.ids().dtype == np.int64
    np.testing.assert_array_equal(store.vectors(ids[[3, 0, 3]]), vectors[[3, 0, 3]])
    assert store.vectors(ids).dtype == np.float32


@pytest.mark.parametrize("unknown", [[1], [0, 1], [70_001], [-1]])
def test_an_unknown_id_has_no_vector(make: Maker, unknown: list[int]) -> None:
    with pytest.raises(KeyError):
        make([0, 5, 70_000], unit(3)).vectors(np.array(unknown))


@pytest.mark.parametrize("page", [1, 7, 300])
def test_pages_may_have_any_size(make: Maker, page: int) -> None:
    ids, vectors = np.arange(23) * 3, unit(23)
    store = make(ids, vectors, page=page)
    np.testing.assert_array_equal(store.vectors(store.ids()), vectors)
    assert_nearest(store.search(unit(1, 1), 9), ids, vectors, unit(1, 1), 9)


@settings(max_examples=50)
@given(
    n=st.integers(0, 60),
    dim=st.integers(1, 24),
    seed=st.integers(0, 10_000),
    k=st.integers(0, 70),
    share=st.sampled_from([0.0, 0.1, 0.6, 1.0]),
    page=st.integers(1, 70),
)
def test_any_vectors(
    make: Maker, n: int, dim: int, seed: int, k: int, share: float, page: int
) -> None:
    vectors, random = awkward(n, dim, seed) if n else unit(0, dim=dim), np.random.default_rng(seed)
    ids = np.sort(random.choice(1000, n, replace=False))
    allowed = None if share == 1 else np.flatnonzero(random.random(1000) < share)
    store = make(ids, vectors, dim=dim, page=page)
    queries = np.concatenate([vectors[n // 2 :][:1], unit(1, seed, dim)])
    for asked in (queries, queries[:1]):
        assert_nearest(store.search(asked, k, allowed), ids, vectors, asked, k, allowed)


def test_a_saved_store_is_loaded_as_it_was(factory: StoreFactory, tmp_path: Path) -> None:
    ids, vectors, path = np.arange(90) * 11, awkward(90, DIM, 4), str(tmp_path / "índex")
    built = factory.build(DIM, pages_of(ids, vectors))
    built.save(path, header_of(ids))
    loaded = factory.load(path)
    assert loaded is not None
    store, header = loaded
    assert header == header_of(ids)
    np.testing.assert_array_equal(store.ids(), built.ids())
    np.testing.assert_array_equal(store.vectors(ids), built.vectors(ids))
    for one, two in zip(store.search(vectors, 20), built.search(vectors, 20), strict=True):
        np.testing.assert_array_equal(one, two)
    assert os.listdir(tmp_path) == ["índex"]


def test_a_store_that_was_loaded_keeps_its_vectors_when_another_is_saved(
    factory: StoreFactory, tmp_path: Path
) -> None:
    ids, path = np.arange(50), str(tmp_path / "a")
    for seed in (1, 2):
        factory.build(DIM, pages_of(ids, unit(50, seed))).save(path, header_of(ids))
        if seed == 1:
            loaded = factory.load(path)
    newer = factory.load(path)
    assert loaded is not None
    assert newer is not None
    np.testing.assert_array_equal(loaded[0].vectors(ids), unit(50, 1))
    assert_nearest(loaded[0].search(unit(1), 9), ids, unit(50, 1), unit(1), 9)
    np.testing.assert_array_equal(newer[0].vectors(ids), unit(50, 2))


def test_a_failed_save_leaves_the_old_store_and_no_litter(
    factory: StoreFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids, path = np.arange(3), str(tmp_path / "a")
    store = factory.build(DIM, pages_of(ids, unit(3)))
    store.save(path, header_of(ids))

    def full(*_: object, **__: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="disk full"):
        store.save(path, replace(header_of(ids), generation=8))
    loaded = factory.load(path)
    assert loaded is not None
    assert loaded[1] == header_of(ids)
    assert os.listdir(tmp_path) == ["a"]


def test_nothing_is_loaded_from_what_is_no_store(factory: StoreFactory, tmp_path: Path) -> None:
    assert factory.load(str(tmp_path / "missing")) is None
    assert factory.load(str(tmp_path)) is None
    for content in (b"", b"x", b"\0" * 5000, b"a text\n" * 500):
        (tmp_path / "a").write_bytes(content)
        assert factory.load(str(tmp_path / "a")) is None


def test_nothing_is_loaded_from_another_back_ends_store(
    factory: StoreFactory, tmp_path: Path
) -> None:
    path = str(tmp_path / "a")
    for other in map(store_factory, BACKENDS):
        other.build(DIM, pages_of(range(9), unit(9))).save(path, header_of(range(9)))
        assert (factory.load(path) is None) == (other is not factory)


def test_nothing_is_loaded_when_header_and_content_differ(
    factory: StoreFactory, tmp_path: Path
) -> None:
    store, path = factory.build(DIM, pages_of(range(9), unit(9))), str(tmp_path / "a")
    for wrong in (header_of(range(8)), header_of(range(9), DIM * 2), header_of([])):
        store.save(path, wrong)
        assert factory.load(path) is None


def test_nothing_is_loaded_from_a_file_whose_beginning_is_damaged(
    factory: StoreFactory, tmp_path: Path
) -> None:
    path = tmp_path / "a"
    factory.build(DIM, pages_of(range(9), unit(9))).save(str(path), header_of(range(9)))
    path.write_bytes(bytes(50) + path.read_bytes()[50:])
    assert factory.load(str(path)) is None


@settings(max_examples=60)
@example(begin=8, end=0)
@given(begin=st.integers(0, 3000), end=st.integers(0, 3000))
def test_nothing_is_loaded_from_a_part_of_a_file(
    factory: StoreFactory, tmp_path_factory: pytest.TempPathFactory, begin: int, end: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "a part"
    factory.build(DIM, pages_of(range(9), unit(9))).save(str(path), header_of(range(9)))
    whole = path.read_bytes()
    path.write_bytes(whole[begin : max(len(whole) - end, 0)])
    assert (factory.load(str(path)) is None) == (begin > 0 or end > 0)
