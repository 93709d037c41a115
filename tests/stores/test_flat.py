"""The FAISS store's own ways: threads, the screen and its bound."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import faiss
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from support.stores import (
    assert_nearest,
    awkward,
    header_of,
    pages_of,
    parallel,
    screen_of,
    screened,
    unit,
)

from retrieval.stores import Ids, Scores, Vectors
from retrieval.stores.exact import ExactStore
from retrieval.stores.flat import FlatStore
from retrieval.stores.parallel_scan import ParallelScan
from retrieval.stores.screen import Rows, Screen


def built(ids: Ids, vectors: Vectors) -> FlatStore:
    return FlatStore.build(vectors.shape[1], pages_of(ids, vectors))


@pytest.mark.parametrize("k", [1, 7, 60, 400])
def test_threads_find_what_one_thread_finds(k: int) -> None:
    ids, vectors = np.arange(300) * 5 + 3, unit(300)
    vectors[40:190] = vectors[7]  # equal scores in the shares of several threads
    store = built(ids, vectors)
    chosen = np.sort(np.random.default_rng(4).permutation(ids)[:120])
    with parallel():
        for query in (vectors[7:8], unit(1, seed=2)):
            for allowed in (None, chosen):
                answer = store.search(query, k, allowed)
                assert_nearest(answer, ids, vectors, query, k, allowed)
    assert store._scan._pool is not None


@settings(max_examples=150)
@given(
    n=st.integers(1, 90),
    dim=st.integers(1, 40),
    seed=st.integers(0, 10_000),
    k=st.integers(1, 40),
    share=st.sampled_from([0.0, 0.1, 0.6, 1.0]),
    choices=st.sampled_from([(), (1,), (3, 7)]),
)
def test_a_screen_never_loses_one_of_the_best(
    n: int, dim: int, seed: int, k: int, share: float, choices: tuple[int, ...]
) -> None:
    vectors = awkward(n, dim, seed)
    random = np.random.default_rng(seed)
    ids = np.sort(random.choice(1000, n, replace=False)) + 1
    allowed = None if share == 1 else ids[random.random(n) < share]
    exact = ExactStore(ids, vectors)
    with screened(choices):
        store = built(ids, vectors)
        for query in (vectors[n // 2 : n // 2 + 1], unit(1, seed, dim)):
            want, got = exact.search(query, k, allowed), store.search(query, k, allowed)
            np.testing.assert_array_equal(got[1], want[1])
            np.testing.assert_array_equal(got[0], want[0])


@given(st.integers(0, 10_000), st.integers(1, 40), st.sampled_from([(), (1,), (3, 7)]))
def test_no_score_exceeds_what_a_screen_says(seed: int, dim: int, choices: tuple[int, ...]) -> None:
    vectors = awkward(60, dim, seed)
    with screened(choices):
        screen = screen_of(vectors)
    told = np.setdiff1d(np.arange(60), screen.always)
    codes = codes_of(screen)
    for query in (vectors[3], vectors.mean(axis=0), np.zeros(dim, np.float32), -vectors[5]):
        coded = screen.encode(query)
        sums, rows = everything(screen, coded.code)
        np.testing.assert_array_equal(sums, codes[rows] @ coded.code[0])  # whole numbers, exactly
        most = (codes @ coded.code[0]) * coded.scale + coded.offset + coded.error_bound
        scores = vectors.astype(np.float64) @ query
        assert (scores[told] <= most[told]).all()
        if screen.axes.basis is None:
            assert (most - scores).max() < 0.6


def codes_of(screen: Screen) -> NDArray[np.int64]:
    """Return the numbers that each row is told by, (n, d)."""
    width, found = screen.index.d, np.empty((screen.index.ntotal, screen.index.d), np.int64)
    lists = screen.index.invlists
    for number in range(screen.index.nlist):
        count = lists.list_size(number)
        rows = faiss.rev_swig_ptr(lists.get_ids(number), count)
        codes = faiss.rev_swig_ptr(lists.get_codes(number), count * width)
        found[rows] = codes.reshape(count, width).astype(np.int64) - 128
    return found


def everything(screen: Screen, code: Vectors) -> tuple[Scores, Rows]:
    lists = np.arange(screen.index.nlist)
    return ParallelScan().best(screen.index, code, screen.index.ntotal, lists)


ADDS_UP = """
import faiss, numpy as np
from support.stores import screen_of
from retrieval.stores import screen as module
from retrieval.stores.parallel_scan import ParallelScan
module._CHOICES = ()
random = np.random.default_rng(0)
rows = np.tile([[1], [-1]], (100, 777)) * random.choice([1, 0.9], (200, 777))
rows = rows.astype(np.float16)
screen = screen_of(rows)
coded = screen.encode(np.ones(777, np.float32))
sums, found = ParallelScan().best(screen.index, coded.code, 200, np.arange(1))
codes = np.rint((rows - screen.axes.mean) / np.float32(screen.steps.along))
assert (coded.code == 127).all() and sums.max() > 7_000_000
assert (sums == (codes @ coded.code[0])[found]).all()
print(faiss.SIMDConfig.get_level_name())
"""


@pytest.mark.parametrize("level", ["NONE", "AVX2", "AVX512"])
def test_bytes_are_added_up_exactly_on_every_kind_of_processor(level: str) -> None:
    """Some processors' instructions for bytes stop at 32,767; these sums go far beyond."""
    path = os.pathsep.join(sys.path)
    environment = {**os.environ, "FAISS_SIMD_LEVEL": level, "PYTHONPATH": path}
    command = [sys.executable, "-c", ADDS_UP]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_rows_that_bytes_cannot_tell_are_counted_once() -> None:
    """They are among the rows of the first lists, too; no other row is left out for it."""
    vectors = unit(200)
    allowed = np.zeros(200, bool)
    allowed[[0, 1, *range(150, 160)]] = True

    def score(rows: Rows) -> Scores:
        scores: Scores = vectors[rows] @ vectors[0]
        return scores

    with screened((3, 7)):
        screen = replace(screen_of(vectors), always=np.array([0, 1]))
        for k in range(1, 13):
            best = np.flatnonzero(allowed)
            best = best[np.argsort(-score(best))][:k]
            rows = screen.candidates(vectors[0], k, score, ParallelScan(), allowed)
            assert set(best) <= set(rows)


def test_a_screen_leaves_little_to_compare() -> None:
    vectors = unit(20_000, dim=64)
    screen = screen_of(vectors)
    compared = []

    def score(rows: Rows) -> Scores:
        compared.append(len(rows))
        scores: Scores = vectors[rows] @ vectors[5]
        return scores

    rows = screen.candidates(vectors[5], 10, score, ParallelScan())
    assert sum(compared) < 400
    assert 10 <= len(rows) < 20
    assert set(np.argsort(-(vectors @ vectors[5]))[:10]) <= set(rows.tolist())


def test_a_screen_is_saved_with_its_store(tmp_path: Path) -> None:
    path = str(tmp_path / "a")
    with screened():
        built(np.arange(40), unit(40)).save(path, header_of(range(40)))
    loaded = FlatStore.load(path)
    assert loaded is not None
    assert loaded[0]._screen is not None


def test_a_store_with_a_damaged_part_is_not_loaded(tmp_path: Path) -> None:
    path = tmp_path / "a"
    for tuned, part in ((parallel, b"IxMp"), (screened, b"IxMp"), (screened, b"IwSq")):
        with tuned():
            built(np.arange(40), unit(40)).save(str(path), header_of(range(40)))
        assert FlatStore.load(str(path)) is not None
        whole = path.read_bytes()
        at = whole.rindex(part)  # the name with which FAISS begins an index
        path.write_bytes(whole[:at] + bytes(40) + whole[at + 40 :])
        assert FlatStore.load(str(path)) is None


def test_equal_scores_on_both_sides_of_the_cut_in_few_dimensions() -> None:
    """FAISS's two searches round differently there; each hit must still be found."""
    random = np.random.default_rng(0)
    ids = np.arange(1, 61)
    for _ in range(50):
        rows = unit(5, int(random.integers(10_000)), dim=4)
        vectors = rows[random.integers(0, 5, 60)]
        store = built(ids, vectors)
        query = unit(1, int(random.integers(10_000)), dim=4)
        for k in (1, 7, 20, 39):
            assert_nearest(store.search(query, k), ids, vectors, query, k)
