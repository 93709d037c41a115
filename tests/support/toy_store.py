"""A back end as a newcomer would add it: plain numpy, and numpy's own file format."""

from __future__ import annotations

import json
import zipfile
from dataclasses import asdict

import numpy as np

from retrieval.stores import Ids, IdSet, Pages, Scores, StoreHeader, Vectors
from retrieval.whole_file import whole_file


class ToyStore:
    """Sorts all scores for each query."""

    def __init__(self, ids: Ids, vectors: Vectors) -> None:
        self._row_of = {int(id_): row for row, id_ in enumerate(ids)}
        self._vectors = vectors

    @classmethod
    def build(cls, dim: int, pages: Pages, folder: str | None = None) -> ToyStore:
        rows = [(id_, vector) for page in pages for id_, vector in zip(*page, strict=True)]
        ids = np.array([id_ for id_, _ in rows], np.int64)
        return cls(ids, np.array([vector for _, vector in rows], np.float32).reshape(-1, dim))

    @classmethod
    def load(cls, path: str) -> tuple[ToyStore, StoreHeader] | None:
        try:
            with open(path, "rb") as file, np.load(file) as arrays:
                header = StoreHeader(**json.loads(str(arrays["header"])))
                store = cls(arrays["ids"], arrays["vectors"])
        except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
            return None
        if store._vectors.shape != (header.count, header.dim):
            return None
        return store, header

    def save(self, path: str, header: StoreHeader) -> None:
        with whole_file(path) as file:
            text = json.dumps(asdict(header))
            np.savez(file, header=np.array(text), ids=self.ids(), vectors=self._vectors)

    def search(self, queries: Vectors, k: int, allowed: IdSet | None = None) -> tuple[Scores, Ids]:
        ids = self.ids() if allowed is None else np.intersect1d(self.ids(), allowed)
        vectors, width = self.vectors(ids), min(k, len(ids))
        scores = np.empty((len(queries), width), np.float32)
        found = np.empty((len(queries), width), np.int64)
        for row, query in enumerate(queries):
            cosines = (vectors * query).sum(axis=1)
            order = np.lexsort((ids, -cosines))[:width]
            scores[row], found[row] = cosines[order], ids[order]
        return scores, found

    def ids(self) -> Ids:
        return np.array(list(self._row_of), np.int64)

    def vectors(self, ids: Ids) -> Vectors:
        return self._vectors[[self._row_of[int(id_)] for id_ in ids]]

    def count(self) -> int:
        return len(self._row_of)
