"""The vector stores by name. A back end is imported when it is used for the first time."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from retrieval.errors import MissingExtra, PixtrieveError

if TYPE_CHECKING:
    from retrieval.stores import BuiltStore, Pages, StoreFactory, StoreHeader, VectorStore


@dataclass(frozen=True, slots=True)
class Backend:
    """Where the factory of a back end is: a name in a module.

    `package` is the top-level module of an optional package that it imports, and `extra` the extra
    of Pixtrieve that installs it; both are empty when Pixtrieve itself brings all that it needs.
    An `exact` one misses nothing.
    """

    module: str
    factory: str
    package: str = ""
    extra: str = ""
    exact: bool = True


BACKENDS = {
    "exact": Backend("retrieval.stores.exact", "ExactStore"),
    "faiss": Backend("retrieval.stores.flat", "FlatStore"),
    "ivf": Backend("retrieval.stores.clustered", "ClusteredStore", exact=False),
}

DEFAULT = "faiss"
"""The back end that libraries use. Its name is the suffix of the cache files, too."""


APPROXIMATE = "ivf"
"""The back end of libraries whose pictures are searched approximately."""

INDEXES = ("exact", APPROXIMATE)
"""The kinds of index that a library may use."""

WANTED = ("auto", *INDEXES)
"""What a user may want: `auto` changes to another kind where exact answers take too long."""


def store_factory(name: str) -> StoreFactory:
    """Return the factory of a back end.

    Raises PixtrieveError for a name that is not listed, MissingExtra when its package is not
    installed.
    """
    backend = BACKENDS.get(name)
    if backend is None:
        raise PixtrieveError(
            f"there is no vector store named {name!r}", f"choose one of: {', '.join(BACKENDS)}"
        )
    try:
        module = import_module(backend.module)
    except ModuleNotFoundError as error:
        if backend.package and error.name == backend.package:
            purpose = f"the vector store {name}"
            raise MissingExtra(backend.package, backend.extra, purpose) from error
        raise
    factory: StoreFactory = getattr(module, backend.factory)
    return factory


class LaterFactory:
    """The factory of a back end that is imported when it is used: a filter alone needs none."""

    def __init__(self, name: str) -> None:
        self._name = name

    def build(self, dim: int, pages: Pages, folder: str | None = None) -> BuiltStore:
        """Build a store: see `StoreFactory`. Raises what `store_factory` raises."""
        return store_factory(self._name).build(dim, pages, folder)

    def load(self, path: str) -> tuple[VectorStore, StoreHeader] | None:
        """Load a store: see `StoreFactory`. Raises what `store_factory` raises."""
        return store_factory(self._name).load(path)
