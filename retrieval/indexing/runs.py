"""Indexing runs of an open library, with its current model or with the one that replaces it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence

from retrieval.catalogue import PARTS, TEXT, ModelRow
from retrieval.catalogue.healing import NOTHING, Damage
from retrieval.catalogue.scan import Scope
from retrieval.context import ModelInUse
from retrieval.encoders import Encoder
from retrieval.errors import LibraryError
from retrieval.folder.session import Session
from retrieval.indexing.facts import place_pictures
from retrieval.indexing.index_kind import settle_index
from retrieval.indexing.progress import IndexOptions, Progress
from retrieval.indexing.removal import remove_path
from retrieval.indexing.run_note import noted
from retrieval.indexing.scopes import choose_paths, plan_scopes, remember_excludes
from retrieval.indexing.shards.data_sets import DataSet
from retrieval.indexing.shards.merging import Merger
from retrieval.indexing.updating import Indexer
from retrieval.search.baselines import measure_baselines
from retrieval.texts.collect import encode_descriptions, refresh_texts

_log = logging.getLogger(__name__)


def index_paths(
    session: Session,
    paths: Sequence[str],
    options: IndexOptions,
    exclude: Sequence[str] | None,
    stop: threading.Event,
) -> Iterator[Progress]:
    """Bring a library up to date with folders and files: see `Library.iter_index`."""
    with session.writer():
        model = session.model
        chosen, skipped = choose_paths(paths, session.catalogue.roots.all())
        scopes = plan_scopes(session.catalogue, chosen)
        if exclude is not None:
            with session.catalogue.writing():
                for scope in scopes:
                    remember_excludes(session.catalogue, scope, exclude)
        yield from noted(session.path, _indexer(session, model, options, stop).run(scopes, skipped))


def index_scopes(
    session: Session,
    plan: Callable[[], list[Scope]],
    options: IndexOptions,
    stop: threading.Event,
) -> Iterator[Progress]:
    """Bring a library up to date with the scopes that `plan` returns once the lock is held."""
    with session.writer():
        model = session.model
        scopes = plan()
        if scopes:
            yield from noted(session.path, _indexer(session, model, options, stop).run(scopes))


def change_model(
    session: Session,
    encoder: Encoder,
    options: IndexOptions,
    stop: threading.Event,
    *,
    anyway: bool,
) -> Iterator[Progress]:
    """Encode all pictures with another model, then switch to it: see `Library.use_model`."""
    catalogue = session.catalogue
    with session.writer():
        old = session.model
        with catalogue.writing():
            row = ModelRow(catalogue.contents.register_model(encoder.spec), encoder.spec)
        new = ModelInUse(row, lambda: encoder)
        steps = _indexer(session, new, options, stop).run(plan_scopes(catalogue, []))
        for progress in noted(session.path, steps):
            yield progress
        if progress.stopped:
            return
        lacking = catalogue.lookup.count_lacking(row.id, old.row.id)
        if lacking and not anyway:
            raise LibraryError(
                f"{row.spec.name} could not encode {lacking:,} of the pictures: their files "
                "cannot be read now",
                "connect the drive (or raise --max-megapixels) and run this command again, or "
                "switch without them: --anyway",
            )
        catalogue.use_model(row.id)
        session.use(new)


def forget_model(session: Session, name: str) -> int:
    """Delete the vectors of a model that is not in use: see `Library.forget_model`."""
    catalogue = session.catalogue
    with session.writer():
        named = [
            model
            for model in catalogue.models()
            if name == model.name or (len(name) >= 8 and model.fingerprint.startswith(name))
        ]
        old = next((model for model in named if not model.in_use), None)
        if old is None:
            problem = "is in use" if named else "is not one of the library's"
            raise LibraryError(f"the model {name} {problem}", "to list the models: pixtrieve model")
        with catalogue.writing():
            count = catalogue.contents.forget_model(old.fingerprint)
        session.drop_caches(old.fingerprint)
    return count


def remove(session: Session, path: str) -> int:
    """Take a file or folder out of a library; return how many files: see `Library.remove`."""
    with session.writer():
        removed = remove_path(session.catalogue, path)
        # The cache files must not keep removed vectors; the next search rebuilds them.
        for model in session.catalogue.models():
            session.drop_caches(model.fingerprint)
    return removed


def import_shards(session: Session, data_set: DataSet, stop: threading.Event) -> Iterator[Progress]:
    """Add pictures that were encoded elsewhere: see `Library.iter_import`."""
    with session.writer():
        model = session.model
        merger = Merger(session.catalogue, model.row, data_set.folders, stop)
        yield from noted(session.path, _merge(session, model, merger, data_set, stop))


def _merge(
    session: Session, model: ModelInUse, merger: Merger, data_set: DataSet, stop: threading.Event
) -> Iterator[Progress]:
    mend, refresh = _upkeep(session, model)
    mend(True)
    report = merger.report
    yield from merger.merge(data_set.shards())
    for count in refresh_texts(session.catalogue, stop):
        report.count(texts_updated=count)
        yield report.progress("encode")
    for _ in place_pictures(session.catalogue, stop):
        yield report.progress("encode")
    for count in encode_descriptions(session.catalogue, model, stop, merger.texts.vector):
        report.count(described=count)
        yield report.progress("encode")
    refresh()
    yield report.final((), stopped=stop.is_set())


def _indexer(
    session: Session, model: ModelInUse, options: IndexOptions, stop: threading.Event
) -> Indexer:
    mend, refresh = _upkeep(session, model, options.index)
    return Indexer(session.catalogue, model, options, stop=stop, mend=mend, refresh=refresh)


def _upkeep(
    session: Session, model: ModelInUse, wanted_index: str | None = None
) -> tuple[Callable[[bool], None], Callable[[], None]]:
    """Return what mends damaged vectors before a run, and what refreshes the caches after it.

    `wanted_index` is for `settle_index`.
    """
    catalogue = session.catalogue
    images = session.index_of(model.row, indexing=True)
    others = {view: session.index_of(model.row, view, indexing=True) for view in (TEXT, PARTS)}

    def mend(thorough: bool) -> None:
        """Drop damaged vectors and rows, so that this run makes them anew.

        `thorough` reads all rows: the other way, a watch would do that for each changed file.
        """
        rows = catalogue.contents.damaged_rows() if thorough else NOTHING
        with catalogue.reading():
            damaged = images.damaged().tolist()
            for view, index in others.items():
                if catalogue.vectors(model.row, view).exist():
                    damaged += index.damaged().tolist()
            wrong = catalogue.contents.wrong_orphans()
        damaged += rows.vectors
        if damaged or wrong or rows:
            again = catalogue.contents.mend(damaged, rows)
            _tell(rows, len(again))

    def refresh() -> None:
        nonlocal images  # `mend` of the next run must look into the index that is used
        with catalogue.reading():
            written = images.refresh()
            # Whatever makes older cache files stale makes these stale, too.
            for view, index in others.items():
                if catalogue.vectors(model.row, view).exist():
                    index.refresh(anyway=written)
        if written:
            with catalogue.writing():
                catalogue.contents.outdate_caches()
        images = settle_index(session, model, images, wanted_index, rebuilt=written)
        measure_baselines(catalogue, model, images, changed=written)

    return mend, refresh


def _tell(rows: Damage, again: int) -> None:
    """Log what a fault of the disk had changed in the catalogue."""
    if rows:
        _log.warning(
            "a fault had changed rows of the catalogue (%d pictures, %d texts, %d vectors); they "
            "are read again",
            *(len(rows.images), len(rows.texts), len(rows.vectors)),
        )
    if left := len(rows.images) - again:
        _log.warning(
            "%d of these pictures cannot be read now; connect their drive and index again", left
        )
