"""The catalogue: the source of truth of a library, in one SQLite file. It has all of the SQL.

    roots ─< files >─ images ─< vectors >─ models

A *file* is a path on disk, an *image* is a content (SHA-256 of the bytes), and a *vector* is a
model's embedding of one view of an image. A renamed or copied file and a second model are therefore
ordinary rows, and no content is encoded twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from retrieval.catalogue.baselines import BaselineRows
from retrieval.catalogue.connection import Connection
from retrieval.catalogue.lookup import Counts, ImageRow, Lookup, ProblemRow
from retrieval.catalogue.models import ModelRow, ModelStatus
from retrieval.catalogue.roots import Root, Roots
from retrieval.catalogue.row_checks import sound
from retrieval.catalogue.texts import CAPTION, COLUMNS, NAME, OCR, SIDECAR, XMP, TextRow, Texts
from retrieval.catalogue.vectors import PARTS, TEXT, VIEWS, WHOLE, Snapshot, Vectors
from retrieval.specs import ModelSpec, is_plausible, preprocessing_of

if TYPE_CHECKING:
    from retrieval.catalogue.albums import AlbumRows, FavouriteRows
    from retrieval.catalogue.concepts import ConceptRows
    from retrieval.catalogue.contents import Contents
    from retrieval.catalogue.duplicates import DuplicateRows
    from retrieval.catalogue.edits import EditRows
    from retrieval.catalogue.facets import FacetRows
    from retrieval.catalogue.filters import Filters
    from retrieval.catalogue.known_contents import KnownContents
    from retrieval.catalogue.own_facts import OwnFacts
    from retrieval.catalogue.relocation import Relocation
    from retrieval.catalogue.saved import SavedRows
    from retrieval.catalogue.scan import Scan, Scope
    from retrieval.catalogue.served import ServedRows, StoreChoice
    from retrieval.catalogue.sidecars import Sidecars
    from retrieval.catalogue.spelling import Spellings
    from retrieval.catalogue.tags import TagRows
    from retrieval.catalogue.timeline import TimelineRows

__all__ = [
    "CAPTION",
    "COLUMNS",
    "NAME",
    "OCR",
    "PARTS",
    "SIDECAR",
    "TEXT",
    "VIEWS",
    "WHOLE",
    "XMP",
    "Catalogue",
    "Counts",
    "ImageRow",
    "Lookup",
    "ModelRow",
    "ModelStatus",
    "ProblemRow",
    "Root",
    "Roots",
    "Snapshot",
    "TextRow",
    "Texts",
    "Vectors",
]


class Catalogue:
    """An open catalogue; its attributes give access to groups of tables.

    Modules that a plain search does not need are imported on first use.
    """

    def __init__(self, path: str, *, create: bool = False) -> None:
        self.path = path
        self._db = Connection(path, create=create)
        self.roots = Roots(self._db)
        self.lookup = Lookup(self._db)
        self.baselines = BaselineRows(self._db)
        self.texts = Texts(self._db)
        self.writing = self._db.writing
        self.trying = self._db.trying
        self.checkpoint = self._db.checkpoint
        self.reading = self._db.reading

    @cached_property
    def contents(self) -> Contents:
        """What writing needs: batches of files and images."""
        from retrieval.catalogue.contents import Contents

        return Contents(self._db)

    @cached_property
    def sidecars(self) -> Sidecars:
        """Sidecars: files beside pictures that describe them."""
        from retrieval.catalogue.sidecars import Sidecars

        return Sidecars(self._db)

    @cached_property
    def own_facts(self) -> OwnFacts:
        """What pictures say of themselves, read again, and the towns that they are near."""
        from retrieval.catalogue.own_facts import OwnFacts

        return OwnFacts(self._db)

    def relocation(self) -> Relocation:
        """Return what changes the paths of indexed folders."""
        from retrieval.catalogue.relocation import Relocation

        return Relocation(self._db)

    @cached_property
    def edits(self) -> EditRows:
        """What only a person can make, for another index of the same pictures."""
        from retrieval.catalogue.edits import EditRows

        return EditRows(self._db)

    def spellings(self) -> Spellings:
        """Return the spellings of paths that look the same, for one operation."""
        from retrieval.catalogue.spelling import Spellings

        return Spellings(self._db)

    @cached_property
    def facets(self) -> FacetRows:
        """Facets: field values for narrowing a search, with counts."""
        from retrieval.catalogue.facets import FacetRows

        return FacetRows(self._db)

    @cached_property
    def filters(self) -> Filters:
        """Filters: the pictures that meet a condition."""
        from retrieval.catalogue.filters import Filters

        return Filters(self._db)

    @cached_property
    def timeline(self) -> TimelineRows:
        """All pictures in an order, and the little that a gallery shows of each."""
        from retrieval.catalogue.timeline import TimelineRows

        return TimelineRows(self._db)

    @cached_property
    def tags(self) -> TagRows:
        """Labels, and the tags of pictures."""
        from retrieval.catalogue.tags import TagRows

        return TagRows(self._db)

    @cached_property
    def concepts(self) -> ConceptRows:
        """Concepts learned from examples."""
        from retrieval.catalogue.concepts import ConceptRows

        return ConceptRows(self._db)

    @cached_property
    def albums(self) -> AlbumRows:
        """Albums, and the pictures in them."""
        from retrieval.catalogue.albums import AlbumRows

        return AlbumRows(self._db)

    @cached_property
    def favourites(self) -> FavouriteRows:
        """Pictures that are marked as favourites."""
        from retrieval.catalogue.albums import FavouriteRows

        return FavouriteRows(self._db)

    @cached_property
    def saved(self) -> SavedRows:
        """Saved searches."""
        from retrieval.catalogue.saved import SavedRows

        return SavedRows(self._db)

    @cached_property
    def duplicates(self) -> DuplicateRows:
        """Luma thumbnails, files and kept groups, for finding duplicates."""
        from retrieval.catalogue.duplicates import DuplicateRows

        return DuplicateRows(self._db)

    def chosen_store(self) -> StoreChoice | None:
        """Return the vector server that the library uses; None if it uses its own files."""
        if self._db.one("SELECT 1 FROM state WHERE key = 'store'") is None:
            return None  # the usual case, which needs no more modules
        return self.served.choice()

    @cached_property
    def served(self) -> ServedRows:
        """What a vector server gets of the library, and which one it uses."""
        from retrieval.catalogue.served import ServedRows

        return ServedRows(self._db, self.filters)

    def scan(self, scope: Scope) -> Scan:
        """Start a comparison of a walk with the catalogue."""
        from retrieval.catalogue.scan import Scan

        return Scan(self._db, scope)

    def vectors(self, model: ModelRow, view: str = WHOLE) -> Vectors:
        """Return one model's vectors: of the pictures (WHOLE), their texts or their parts."""
        return Vectors(self._db, model.id, model.spec.dim, view)

    def all_vectors(self) -> Iterator[tuple[ModelStatus, str, Vectors]]:
        """Yield the vectors of every model and view, with the model and the view."""
        ids = {row[0]: row[1] for row in self._db.rows("SELECT fingerprint, id FROM models")}
        for model in self.models():
            for view in VIEWS:
                vectors = Vectors(self._db, ids[model.fingerprint], model.dim, view)
                yield model, view, vectors

    def known_contents(self, model: ModelRow) -> KnownContents:
        """Return a thread-safe, set-like view of the contents that have a vector."""
        from retrieval.catalogue.known_contents import KnownContents

        return KnownContents(self.path, model.id, model.spec.dim)

    def model(self) -> ModelRow | None:
        """Return the model that searches use; None in a new library.

        LibraryError if what the catalogue says about it is damaged.
        """
        row = self._db.rows(
            "SELECT m.id, m.name, m.fingerprint, m.dim, m.licence, m.preprocessing,"
            f" {sound('models', 'm')} AND {sound('state', 's')} FROM models m"
            " JOIN state s ON s.key = 'model_id' AND s.value = m.id"
        ).fetchone()
        if row is None:
            return None
        id_, name, fingerprint, dim, licence, preprocessing, good = row
        if not good:
            raise self._db.altered("the record of its model", (name,))
        try:
            spec = ModelSpec(name, fingerprint, dim, preprocessing_of(preprocessing), licence)
        except ValueError as error:
            raise self._db.damaged(f"the record of its model: {error}") from error
        if not is_plausible(spec):
            raise self._db.damaged("the record of its model cannot be right")
        return ModelRow(id_, spec)

    def models(self) -> list[ModelStatus]:
        """Return all registered models, including those without vectors."""
        rows = self._db.rows(
            "SELECT m.name, m.fingerprint, m.dim,"
            " (SELECT count(*) FROM vectors v JOIN images i ON i.id = v.image_id"
            "  WHERE v.model_id = m.id AND v.view = 'whole' AND i.orphaned_at IS NULL),"
            " m.id = (SELECT value FROM state WHERE key = 'model_id')"
            " FROM models m ORDER BY m.id"
        )
        return [
            replace(self._db.record(ModelStatus, (*row, False)), in_use=bool(in_use))
            for *row, in_use in rows
        ]

    def use_model(self, model_id: int) -> None:
        """Make searches use this model from now on."""
        self._db.rows(
            "INSERT OR REPLACE INTO state (key, value) VALUES ('model_id', ?)", (model_id,)
        )

    def setting(self, key: str, default: str) -> str:
        """Return what `put_setting` kept; the default if that is nothing, or damaged."""
        row = self._db.rows(
            f"SELECT s.value FROM state s WHERE s.key = ? AND {sound('state', 's')}", (key,)
        ).fetchone()
        return row[0] if row and isinstance(row[0], str) else default

    def put_setting(self, key: str, value: str) -> None:
        """Keep a setting of the library."""
        self._db.rows("INSERT OR REPLACE INTO state (key, value) VALUES (?, ?)", (key, value))

    def version(self) -> int:
        """Return a number that changes when another connection has written (`data_version`)."""
        return int(self._db.one("PRAGMA data_version"))

    def close(self) -> None:
        """Close the file."""
        self._db.close()
