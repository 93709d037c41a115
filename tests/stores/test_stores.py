"""Every vector store gives the oracle's answers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import faiss
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from retrieval.stores import VectorStore
from retrieval.stores.cache_file import CacheHeader, read_header, read_trailer
from retrieval.stores.exact import ExactStore, merge
from retrieval.stores.flat import FlatStore
from retrieval.stores.screen import Screen
from retrieval.stores.sharing import SharedScan
from retrieval.vectors import as_stored, normalise

DIM = 16


def unit(n: int, seed: int = 0, dim: int = DIM) -> NDArray[np.float32]:
    rows = np.random.default_rng(seed).normal(size=(n, dim)).astype(np.float32)
    return as_stored(normalise(rows)) if n else rows


def mapped(store: FlatStore, tmp_path: Any) -> FlatStore:
    header = CacheHeader("fp", DIM, 1, "stamp", store.count(), 0)
    path = str(tmp_path / "índex.faiss")
    store.save(path, header)
    loaded = FlatStore.load(path)
    assert loaded is not None
    assert loaded[1] == header
    return loaded[0]


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let even the smallest scan be shared out, among three threads."""
    monkeypatch.setattr("retrieval.stores.flat._WORTH_SHARING", 1)
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(3)
    yield
    faiss.omp_set_num_threads(before)


@pytest.fixture
def screened(shared: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let even the smallest store have a screen, and the screen keep hardly more than k."""
    for name, value in (("_WORTH_SCREENING", 1), ("_SCREENED_SHARE", 1), ("_FEW", 0)):
        monkeypatch.setattr(f"retrieval.stores.flat.{name}", value)
    for name, value in (("_KEPT", 1), ("_KEPT_A_HIT", 1)):
        monkeypatch.setattr(f"retrieval.stores.screen.{name}", value)


def built(ids: Any, vectors: NDArray[np.float32]) -> FlatStore:
    order = np.argsort(ids)
    ids = np.array(ids, np.int64)[order]
    return FlatStore.build(vectors.shape[1], [(ids, vectors[order])] if len(ids) else [])[0]


KINDS = ["exact", "flat", "mapped", "shared", "screened", "screened and mapped"]


@pytest.fixture(params=KINDS)
def filled(request: pytest.FixtureRequest, tmp_path: Any) -> Any:
    """Return a function that makes a store of the kind under test with these rows in it."""
    if request.param == "shared":
        request.getfixturevalue("shared")
    if "screened" in request.param:
        request.getfixturevalue("screened")

    def make(ids: Any, vectors: NDArray[np.float32]) -> VectorStore:
        if request.param == "exact":
            store: VectorStore = ExactStore(DIM)
            store.upsert(np.array(ids, np.int64), vectors)
            return store
        if "screened" in request.param:
            flat = built(ids, vectors)
            assert flat._screen or not len(ids)
        else:
            flat = FlatStore(DIM)
            flat.upsert(np.array(ids, np.int64), vectors)
        return mapped(flat, tmp_path) if "mapped" in request.param else flat

    return make


def oracle(ids: Any, vectors: Any, queries: Any, k: int) -> tuple[Any, Any]:
    """Return scores and ids computed in float64, ties by id, for rows that are in order."""
    scores = queries.astype(np.float64) @ vectors.astype(np.float64).T
    order = np.argsort(-np.round(scores, 6), axis=1, kind="stable")[:, :k]
    return np.take_along_axis(scores, order, 1), np.array(ids)[order]


def check(store: VectorStore, ids: Any, vectors: Any, queries: Any, k: int) -> None:
    scores, found = store.search(queries, k)
    want_scores, want_ids = oracle(ids, vectors, queries, k)
    assert scores.dtype == np.float32
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, want_ids)
    np.testing.assert_allclose(scores, want_scores, atol=2e-6)


def test_finds_what_the_oracle_finds(filled: Any) -> None:
    ids, vectors = np.arange(300) * 7 + 3, unit(300)
    check(filled(ids, vectors), ids, vectors, unit(5, seed=1), 10)


@pytest.mark.usefixtures("shared")
@pytest.mark.parametrize("k", [1, 7, 60, 400])
def test_a_shared_scan_finds_what_one_processor_finds(k: int) -> None:
    order = np.random.default_rng(4).permutation(300) * 5 + 3
    vectors = unit(300)
    vectors[40:90] = vectors[7]  # ties across the shares
    store = FlatStore(DIM)
    store.upsert(order.astype(np.int64), vectors)
    allowed = np.sort(order[:120]).astype(np.int64)
    for query in (vectors[7:8], unit(1, seed=2)):
        for ids in (None, allowed):
            exact = ExactStore(DIM)
            exact.upsert(order.astype(np.int64), vectors)
            want, got = exact.search(query, k, ids), store.search(query, k, ids)
            np.testing.assert_array_equal(got[1], want[1])
            np.testing.assert_allclose(got[0], want[0], atol=2e-6)
    assert store._scan._pool is not None


def awkward(n: int, dim: int, seed: int) -> NDArray[np.float32]:
    """Return unit rows as models make them: a common part, a few great dimensions, copies."""
    random = np.random.default_rng(seed)
    rows = random.normal(size=(n, dim)) + random.normal(size=dim) * random.integers(0, 3)
    rows *= np.where(random.random(dim) < 0.1, 20, 1)
    rows[random.random(n) < 0.3] = rows[0]
    rows[random.random(n) < 0.3] += rows[-1] * random.integers(0, 50)
    return as_stored(normalise(rows.astype(np.float32)))


@settings(max_examples=150)
@given(
    n=st.integers(1, 90),
    dim=st.integers(1, 40),
    seed=st.integers(0, 10_000),
    k=st.integers(1, 40),
    share=st.sampled_from([0.0, 0.1, 0.6, 1.0]),
    kept=st.sampled_from([1, 12]),
)
def test_a_screen_never_loses_one_of_the_best(
    n: int, dim: int, seed: int, k: int, share: float, kept: int
) -> None:
    vectors = awkward(n, dim, seed)
    random = np.random.default_rng(seed)
    ids = np.sort(random.choice(1000, n, replace=False)) + 1
    allowed = None if share == 1 else ids[random.random(n) < share]
    exact = ExactStore(dim)
    exact.upsert(ids, vectors)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("retrieval.stores.flat._WORTH_SCREENING", 1)
        patch.setattr("retrieval.stores.flat._SCREENED_SHARE", 1)
        patch.setattr("retrieval.stores.flat._FEW", 0)
        patch.setattr("retrieval.stores.screen._KEPT", kept)
        patch.setattr("retrieval.stores.screen._KEPT_A_HIT", 1)
        store = built(ids, vectors)
        for query in (
            vectors[n // 2 : n // 2 + 1],
            normalise(random.normal(size=(1, dim)).astype(np.float32)),
        ):
            want, got = exact.search(query, k, allowed), store.search(query, k, allowed)
            np.testing.assert_array_equal(got[1], want[1])
            np.testing.assert_array_equal(got[0], want[0])


@given(st.integers(0, 10_000), st.integers(1, 40))
def test_a_screen_knows_how_far_off_it_is(seed: int, dim: int) -> None:
    vectors = awkward(60, dim, seed)
    screen = Screen.build(vectors.astype(np.float16))
    for query in (vectors[3], vectors.mean(axis=0), np.zeros(dim, np.float32)):
        asked = screen._ask(query)
        sums, rows = screen.index.search(asked.code, len(vectors))
        codes = np.rint((vectors[rows[0]] - screen.centre) / np.float32(screen.step))
        np.testing.assert_array_equal(sums[0], codes @ asked.code[0])  # whole numbers, exactly
        off = sums[0] * asked.unit + asked.offset - vectors[rows[0]].astype(np.float64) @ query
        assert np.abs(off).max() <= asked.doubt
        assert asked.doubt < 0.3


ADDS_UP = """
import faiss, numpy as np
from retrieval.stores.screen import Screen
random = np.random.default_rng(0)
rows = np.tile([[1], [-1]], (100, 777)) * random.choice([1, 0.9], (200, 777))
rows = rows.astype(np.float16)
screen = Screen.build(rows)
asked = screen._ask(np.ones(777, np.float32))
sums, found = screen.index.search(asked.code, 200)
codes = np.rint((rows - screen.centre) / np.float32(screen.step))
assert (asked.code == 127).all() and sums.max() > 10_000_000
assert (sums[0] == (codes @ asked.code[0])[found[0]]).all()
print(faiss.SIMDConfig.get_level_name())
"""


@pytest.mark.parametrize("level", ["NONE", "AVX2", "AVX512"])
def test_bytes_are_added_up_exactly_on_every_kind_of_processor(level: str) -> None:
    """Some processors' instructions for bytes stop at 32,767; these sums go far beyond."""
    environment = {**os.environ, "FAISS_SIMD_LEVEL": level}
    command = [sys.executable, "-c", ADDS_UP]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_a_screen_leaves_little_to_compare() -> None:
    vectors = unit(20_000, dim=64)
    screen = Screen.build(vectors.astype(np.float16))
    compared = []

    def score(rows: Any) -> Any:
        compared.append(len(rows))
        return vectors[rows] @ vectors[5]

    rows = screen.holding_the_best(vectors[5], 10, score, SharedScan())
    assert compared == [10]
    assert 10 <= len(rows) < 100
    assert set(np.argsort(-(vectors @ vectors[5]))[:10]) <= set(rows.tolist())


@pytest.mark.usefixtures("screened")
def test_a_store_that_changes_loses_its_screen() -> None:
    store = built(np.arange(40), unit(40))
    assert store._screen
    store.upsert(np.array([3]), unit(1, seed=5))
    assert store._screen is None
    assert store.search(unit(1, seed=5), 1)[1].tolist() == [[3]]


@pytest.mark.usefixtures("screened")
def test_a_damaged_screen_is_not_loaded(tmp_path: Any) -> None:
    store = built(np.arange(40), unit(40))
    path = tmp_path / "a.faiss"
    store.save(str(path), CacheHeader("fp", DIM, 1, "stamp", 40, 39))
    trailer = read_trailer(str(path))
    assert trailer is not None
    whole, (_, screen, _) = path.read_bytes(), trailer[1]
    path.write_bytes(whole[: screen.start] + bytes(40) + whole[screen.start + 40 :])
    assert FlatStore.load(str(path)) is None


def test_k_beyond_the_number_of_vectors(filled: Any) -> None:
    ids, vectors = [5, 9], unit(2)
    check(filled(ids, vectors), ids, vectors, unit(3, seed=1), 10)


def test_empty_store_and_k_zero(filled: Any) -> None:
    scores, ids = filled([], unit(0)).search(unit(2, seed=1), 5)
    assert scores.shape == ids.shape == (2, 0)
    scores, ids = filled([1], unit(1)).search(unit(2, seed=1), 0)
    assert scores.shape == ids.shape == (2, 0)


def test_ties_come_by_rising_id_and_a_smaller_k_is_a_prefix(filled: Any) -> None:
    vectors = unit(200)
    vectors[50:90] = vectors[7]
    ids = np.arange(200)
    store = filled(np.random.default_rng(3).permutation(200), vectors)
    order = np.random.default_rng(3).permutation(200)
    tied = np.sort(np.concatenate([order[50:90], order[7:8]]))
    longest = store.search(vectors[7:8], 60)[1][0]
    np.testing.assert_array_equal(longest[:41], tied)
    for k in (1, 5, 15, 40, 41, 42):
        np.testing.assert_array_equal(store.search(vectors[7:8], k)[1][0], longest[:k])
    assert len(ids) == store.count()


def test_only_allowed_ids(filled: Any) -> None:
    ids, vectors = np.arange(100), unit(100)
    store = filled(ids, vectors)
    allowed = np.array([3, 50, 51, 99], np.int64)
    scores, found = store.search(unit(4, seed=1), 3, allowed)
    want = oracle(allowed, vectors[allowed], unit(4, seed=1), 3)
    np.testing.assert_array_equal(found, want[1])
    np.testing.assert_allclose(scores, want[0], atol=2e-6)
    assert store.search(unit(1), 9, allowed)[1].shape == (1, 4)
    assert store.search(unit(1), 9, np.empty(0, np.int64))[1].shape == (1, 0)
    assert store.search(unit(1), 9, np.array([1234], np.int64))[1].shape == (1, 0)


def test_removed_ids_are_gone_and_unknown_ones_ignored(filled: Any) -> None:
    ids, vectors = np.arange(50), unit(50)
    store = filled(ids, vectors)
    store.remove(np.array([0, 7, 12345], np.int64))
    left = np.setdiff1d(ids, [0, 7])
    assert store.count() == 48
    check(store, left, vectors[left], unit(3, seed=2), 48)


def test_upsert_replaces_and_the_last_of_a_repeated_id_counts(filled: Any) -> None:
    store = filled([1, 2], unit(2))
    fresh = unit(3, seed=5)
    store.upsert(np.array([2, 3, 3], np.int64), fresh)
    assert store.count() == 3
    check(store, [1, 2, 3], np.stack([unit(2)[0], fresh[0], fresh[2]]), unit(2, seed=6), 3)


@settings(max_examples=60)
@given(
    steps=st.lists(
        st.tuples(st.booleans(), st.lists(st.integers(0, 30), min_size=1, max_size=8)), max_size=12
    ),
    k=st.integers(0, 12),
)
def test_any_history_ends_like_the_oracle(steps: Any, k: int) -> None:
    exact, flat, table = ExactStore(DIM), FlatStore(DIM), unit(31, seed=9)
    table[20:24] = table[3]
    for adds, listed in steps:
        ids = np.array(listed, np.int64)
        for store in (exact, flat):
            if adds:
                store.upsert(ids, table[ids])
            else:
                store.remove(ids)
    for query in (table[3:4], unit(1, seed=10)):
        one, two = exact.search(query, k), flat.search(query, k)
        np.testing.assert_array_equal(one[1], two[1])
        np.testing.assert_allclose(one[0], two[0], atol=2e-6)


def test_merge_keeps_the_best_of_both() -> None:
    one = np.array([[0.9, 0.5]], np.float32), np.array([[4, 9]])
    two = np.array([[0.7, 0.5]], np.float32), np.array([[1, 2]])
    scores, ids = merge([one, two], 3)
    assert ids.tolist() == [[4, 1, 2]]
    np.testing.assert_allclose(scores, [[0.9, 0.7, 0.5]])


def test_damaged_files_are_not_loaded(tmp_path: Any) -> None:
    store = FlatStore(DIM)
    store.upsert(np.arange(10), unit(10))
    path = tmp_path / "a.faiss"
    store.save(str(path), CacheHeader("fp", DIM, 1, "stamp", 10, 9))
    whole = path.read_bytes()
    assert read_header(str(path)) is not None
    for damaged in (b"", b"x", whole[:-1], whole[:100], whole[200:], b"\0" * 50 + whole[50:]):
        path.write_bytes(damaged)
        assert FlatStore.load(str(path)) is None
    assert FlatStore.load(str(tmp_path / "missing")) is None
    path.write_bytes(whole)
    assert FlatStore.load(str(path)) is not None


def test_a_failed_save_leaves_the_old_file_and_no_litter(tmp_path: Any, monkeypatch: Any) -> None:
    store = FlatStore(DIM)
    store.upsert(np.arange(3), unit(3))
    path = tmp_path / "a.faiss"
    store.save(str(path), CacheHeader("fp", DIM, 1, "stamp", 3, 2))
    before = path.read_bytes()
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        store.save(str(path), CacheHeader("fp", DIM, 2, "stamp", 3, 2))
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.faiss"]


def test_ties_across_the_cut_in_few_dimensions() -> None:
    """FAISS's two searches round differently there; each hit has still to be found."""
    random = np.random.default_rng(0)
    for _ in range(50):
        vectors = normalise(random.standard_normal((5, 4), np.float32))[random.integers(0, 5, 60)]
        store = FlatStore(4)
        store.upsert(np.arange(1, 61), vectors)
        query = normalise(random.standard_normal((1, 4), np.float32))
        for k in (1, 7, 20, 39):
            scores, ids = store.search(query, k)
            assert len(set(ids[0].tolist())) == k
            assert (np.diff(scores[0]) <= 0).all()
