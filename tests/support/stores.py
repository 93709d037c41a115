"""Vectors to fill stores with, the kinds of stores there are, and the check of an answer."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from retrieval.stores import Ids, IdSet, Scores, StoreHeader, Vectors, VectorStore
from retrieval.stores.backends import BACKENDS, Backend, store_factory
from retrieval.stores.body import Body, StoredRows
from retrieval.stores.screen import Screen
from retrieval.vectors import STORED, as_stored, normalise

DIM = 16
TOY = Backend("support.toy_store", "ToyStore")

_ROUNDING = 2e-6  # scores of short vectors in float32 and in float64 differ by less


def unit(n: int, seed: int = 0, dim: int = DIM) -> Vectors:
    """Return n random unit vectors."""
    rows = np.random.default_rng(seed).normal(size=(n, dim)).astype(np.float32)
    return as_stored(normalise(rows)) if n else rows


def awkward(n: int, dim: int, seed: int) -> Vectors:
    """Return unit rows as models make them: a common part, a few great dimensions, copies."""
    random = np.random.default_rng(seed)
    rows = random.normal(size=(n, dim)) + random.normal(size=dim) * random.integers(0, 3)
    rows *= np.where(random.random(dim) < 0.1, 20, 1)
    rows[random.random(n) < 0.3] = rows[0]
    rows[random.random(n) < 0.3] += rows[-1] * random.integers(0, 50)
    return as_stored(normalise(rows.astype(np.float32)))


def header_of(ids: ArrayLike, dim: int = DIM) -> StoreHeader:
    """Return a header that fits a store of these ids."""
    count = np.size(ids)
    return StoreHeader("model", dim, 7, "stamp", count, int(np.max(ids)) if count else 0)


def pages_of(ids: ArrayLike, vectors: Vectors, size: int = 100) -> Iterator[tuple[Ids, Vectors]]:
    """Yield (n,) rising ids and their vectors in pages of `size`."""
    ids = np.asarray(ids, np.int64)
    for at in range(0, len(ids), size):
        yield ids[at : at + size], vectors[at : at + size]


@contextmanager
def parallel() -> Iterator[None]:
    """Let three threads share even the smallest scan of FAISS."""
    threads = faiss.omp_get_max_threads()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("retrieval.stores.flat._WORTH_THREADS", 1)
        faiss.omp_set_num_threads(3)
        yield
    faiss.omp_set_num_threads(threads)


@contextmanager
def screened(choices: tuple[int, ...] = ()) -> Iterator[None]:
    """Let even the smallest FAISS store have a screen of short lists, that compares few rows first.

    `choices` are the numbers of axes that it chooses from.
    """
    with parallel(), pytest.MonkeyPatch.context() as patch:
        for name, value in (("_WORTH_SCREENING", 1), ("_SCREENED_SHARE", 1), ("_FEW", 0)):
            patch.setattr(f"retrieval.stores.flat.{name}", value)
        for name in ("_TOP", "_TOP_A_HIT"):
            patch.setattr(f"retrieval.stores.screen.{name}", 1)
        patch.setattr("retrieval.stores.screen._CHOICES", choices)
        patch.setattr("retrieval.stores.screen._A_LIST", 7)
        patch.setattr("retrieval.stores.axes._SCAN_NS", 1e9)  # as few axes as there may be
        yield


@contextmanager
def many_lists() -> Iterator[None]:
    """Let a store of thousands have a screen, as one of a million has."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("retrieval.stores.flat._WORTH_SCREENING", 1000)
        patch.setattr("retrieval.stores.screen._CHOICES", (15, 31))
        patch.setattr("retrieval.stores.clustered._COMPARED", 100)
        yield


def screen_of(vectors: NDArray[np.floating[Any]]) -> Screen:
    """Return the screen of (n, dim) vectors, in memory."""
    body = Body()
    part = body.part()
    part.append(vectors.astype(STORED))
    return Screen.build(StoredRows(part, 0, *vectors.shape), body)


def photographs(n: int, dim: int) -> Vectors:
    """Return n unit vectors as of pictures: a cone, few strong directions, clusters."""
    random = np.random.default_rng(11)
    strengths = 1 / np.arange(1, dim + 1)
    middles = random.normal(size=(60, dim)) * strengths
    rows = middles[random.integers(0, 60, n)] + 0.6 * random.normal(size=(n, dim)) * strengths
    return as_stored(normalise((rows + 0.8).astype(np.float32)))


@dataclass(frozen=True)
class Kind:
    """A back end, how it is tuned, and whether its stores are saved and loaded before use."""

    backend: str
    loaded: bool
    tuned: Callable[[], AbstractContextManager[None]] = nullcontext


KINDS = {
    **{name: Kind(name, loaded=False) for name in (*BACKENDS, "toy")},
    **{f"{name}, loaded": Kind(name, loaded=True) for name in (*BACKENDS, "toy")},
    "faiss, parallel": Kind("faiss", loaded=False, tuned=parallel),
    "faiss, screened": Kind("faiss", loaded=False, tuned=screened),
    "faiss, few axes": Kind("faiss", loaded=False, tuned=partial(screened, (3, 7, 15))),
    "faiss, few axes, loaded": Kind("faiss", loaded=True, tuned=partial(screened, (3, 7, 15))),
    "ivf, screened": Kind("ivf", loaded=False, tuned=screened),
    "ivf, few axes, loaded": Kind("ivf", loaded=True, tuned=partial(screened, (3, 7, 15))),
    "faiss, screened, loaded": Kind("faiss", loaded=True, tuned=screened),
}


class Maker:
    """Makes stores of one kind; `folder` is for their files."""

    def __init__(self, kind: Kind, folder: Path) -> None:
        self.kind = kind
        self._names = (str(folder / f"índex {number}") for number in itertools.count())

    def path(self) -> str:
        """Return a path that nothing has been saved under."""
        return next(self._names)

    def __call__(
        self, ids: ArrayLike, vectors: Vectors, *, dim: int = DIM, page: int = 100
    ) -> VectorStore:
        """Return a store of (n,) rising ids and their (n, dim) vectors."""
        factory = store_factory(self.kind.backend)
        built = factory.build(dim, pages_of(ids, vectors, page))
        if not self.kind.loaded:
            return built
        path = self.path()
        built.save(path, header_of(ids, dim))
        found = factory.load(path)
        assert found is not None
        assert found[1] == header_of(ids, dim)
        return found[0]


def makers(names: Iterable[str], folder: Path) -> Iterator[Maker]:
    """Yield makers of these kinds, with the toy listed and the kind tuned meanwhile."""
    for name in names:
        with pytest.MonkeyPatch.context() as patch, KINDS[name].tuned():
            patch.setitem(BACKENDS, "toy", TOY)
            yield Maker(KINDS[name], folder)


def assert_nearest(
    answer: tuple[Scores, Ids],
    ids: ArrayLike,
    vectors: Vectors,
    queries: Vectors,
    k: int,
    allowed: IdSet | Sequence[int] | None = None,
) -> None:
    """Check an answer against all scores in float64.

    `ids` (n,) and `vectors` (n, dim) are what the store holds. Scores that differ by no more than
    rounding may be in either order, except those of equal vectors.
    """
    scores, found = answer
    ids = np.asarray(ids, np.int64)
    counts = np.ones(len(ids), bool) if allowed is None else np.isin(ids, allowed)
    ids, vectors = ids[counts], vectors[counts]
    width = min(k, len(ids))
    assert scores.shape == found.shape == (len(queries), width)
    assert scores.dtype == np.float32
    assert found.dtype == np.int64
    truth = queries.astype(np.float64) @ vectors.astype(np.float64).T
    for row in range(len(queries) if width else 0):
        _assert_row(scores[row], found[row], ids, vectors, truth[row])


def _assert_row(
    scores: Scores, found: Ids, ids: Ids, vectors: Vectors, truth: NDArray[np.float64]
) -> None:
    assert set(found.tolist()) <= set(ids.tolist())
    at = np.array([int(np.flatnonzero(ids == id_)[0]) for id_ in found])
    assert len(set(at.tolist())) == len(at), "an id comes twice"
    np.testing.assert_allclose(scores, truth[at], atol=_ROUNDING)
    np.testing.assert_array_equal(np.lexsort((found, -scores)), np.arange(len(found)))
    missed = np.setdiff1d(np.arange(len(ids)), at)
    assert not len(missed) or truth[missed].max() <= scores[-1] + _ROUNDING
    for row in at:
        copies = (vectors == vectors[row]).all(axis=1)
        there = copies[at]
        np.testing.assert_array_equal(found[there], np.sort(ids[copies])[: there.sum()])
        assert len(set(scores[there].tolist())) == 1
