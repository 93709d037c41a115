"""The approximate store: what it finds, beside the exact oracle, and when it must be exact."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.stores import (
    assert_nearest,
    awkward,
    header_of,
    many_lists,
    pages_of,
    photographs,
    unit,
)

from retrieval.stores import ApproximateStore, Ids, IdSet, Vectors
from retrieval.stores.backends import BACKENDS, store_factory
from retrieval.stores.clustered import GREATEST_K, TARGET, ClusteredStore
from retrieval.stores.exact import ExactStore
from retrieval.stores.tuning import TUNED, read_tuning

ROWS, WIDTH = 6000, 48


def saved(path: Path, ids: Ids, vectors: Vectors) -> ClusteredStore:
    with many_lists():
        built = ClusteredStore.build(vectors.shape[1], pages_of(ids, vectors))
    built.save(str(path), header_of(ids, vectors.shape[1]))
    return loaded(path)


def loaded(path: Path) -> ClusteredStore:
    found = ClusteredStore.load(str(path))
    assert found is not None
    return found[0]


@pytest.fixture(scope="module")
def pictures() -> Vectors:
    return photographs(ROWS + 200, WIDTH)[:ROWS]


@pytest.fixture(scope="module")
def texts() -> Vectors:
    """Questions off the pictures' distribution, as those in words are."""
    apart = photographs(ROWS + 200, WIDTH)[ROWS:] + 0.4 * unit(200, 7, WIDTH)
    return np.asarray(apart / np.linalg.norm(apart, axis=1, keepdims=True), np.float32)


@pytest.fixture(scope="module")
def store(
    pictures: Vectors, texts: Vectors, tmp_path_factory: pytest.TempPathFactory
) -> ClusteredStore:
    made = saved(tmp_path_factory.mktemp("clustered") / "a", np.arange(ROWS) * 3, pictures)
    made.tune(texts[:120])
    return made


def recall(
    store: ClusteredStore, oracle: ExactStore, queries: Vectors, allowed: IdSet | None
) -> float:
    found = [store.search(query[None], 10, allowed) for query in queries]
    wanted = [oracle.search(query[None], 10, allowed) for query in queries]
    return float(np.mean([np.isin(w[1], f[1]).mean() for w, f in zip(wanted, found, strict=True)]))


def test_every_listed_store_that_is_not_exact_says_so() -> None:
    for name, backend in BACKENDS.items():
        built = store_factory(name).build(4, pages_of(range(3), unit(3, dim=4)))
        assert isinstance(built, ApproximateStore) != backend.exact, name


def test_it_finds_what_it_promises_and_looks_at_a_part(
    store: ClusteredStore, pictures: Vectors, texts: Vectors
) -> None:
    tuning, screen = store.tuning, store._screen
    assert tuning is not None
    assert screen is not None
    assert 0 < tuning.probes < screen.index.nlist
    oracle = ExactStore(np.arange(ROWS) * 3, pictures)
    assert recall(store, oracle, texts[120:], None) > TARGET - 0.04
    assert recall(store, oracle, pictures[:80], None) > TARGET - 0.04
    assert abs(tuning.recall_texts - recall(store, oracle, texts[1:120:2], None)) < 1e-6


def test_scores_are_true_and_a_smaller_k_is_a_prefix(
    store: ClusteredStore, pictures: Vectors, texts: Vectors
) -> None:
    scores, ids = store.search(texts[:1], 40)
    np.testing.assert_allclose(scores[0], pictures[ids[0] // 3] @ texts[0], atol=1e-6)
    assert (np.diff(scores[0]) <= 0).all()
    np.testing.assert_array_equal(store.search(texts[:1], 7)[1], ids[:, :7])


def test_a_filter_keeps_what_it_allows_and_few_rows_are_searched_exactly(
    store: ClusteredStore, pictures: Vectors, texts: Vectors
) -> None:
    ids, random = np.arange(ROWS) * 3, np.random.default_rng(2)
    oracle = ExactStore(ids, pictures)
    half, few = (np.sort(random.choice(ids, size, replace=False)) for size in (ROWS // 2, 300))
    assert recall(store, oracle, texts[:60], half) > TARGET - 0.06
    assert np.isin(store.search(texts[:1], 30, half)[1], half).all()
    for k in (1, 10, 300, 400):
        assert_nearest(store.search(texts[:2], k, few), ids, pictures, texts[:2], k, few)


def test_many_rows_and_exact_answers_miss_nothing(
    store: ClusteredStore, pictures: Vectors, texts: Vectors
) -> None:
    ids = np.arange(ROWS) * 3
    for k, search in ((GREATEST_K + 1, store.search), (10, store.exact)):
        assert_nearest(search(texts[:3], k), ids, pictures, texts[:3], k)


def test_tuning_is_kept_for_this_store_only(
    tmp_path: Path, pictures: Vectors, texts: Vectors
) -> None:
    path = tmp_path / "a"
    made = saved(path, np.arange(1000), pictures[:1000])
    assert made.tuning is None
    assert_nearest(made.search(texts[:1], 9), np.arange(1000), pictures[:1000], texts[:1], 9)
    tuning = made.tune(texts)
    assert loaded(path).tuning == tuning == read_tuning(str(path))
    (tmp_path / ("a" + TUNED)).write_bytes(b'{"of": [], "probes": -3}')
    assert loaded(path).tuning is None
    made.tune(texts)
    saved(path, np.arange(900), pictures[:900])
    assert loaded(path).tuning is None  # that was of the store before


def test_a_store_without_a_screen_is_exact(texts: Vectors, pictures: Vectors) -> None:
    store = ClusteredStore.build(WIDTH, pages_of(np.arange(50), pictures[:50]))
    tuning = store.tune(texts)
    assert tuning.probes == 0
    assert (tuning.recall_texts, tuning.recall_pictures) == (1, 1)
    assert_nearest(store.search(texts[:2], 10), np.arange(50), pictures[:50], texts[:2], 10)


def test_copies_in_number_come_by_rising_id(tmp_path: Path, texts: Vectors) -> None:
    vectors = awkward(2000, WIDTH, 3)
    store = saved(tmp_path / "a", np.arange(2000), vectors)
    store.tune(texts)
    scores, ids = store.search(vectors[:1], 100)
    assert (np.lexsort((ids[0], -scores[0])) == np.arange(100)).all()
