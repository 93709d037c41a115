"""A library: one folder with the index of pictures, which stay where they are."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Unpack

import numpy as np
from numpy.typing import NDArray

from retrieval.encoders import Encoder, open_encoder
from retrieval.images import ReadLimits
from retrieval.library.base import AnyPath
from retrieval.library.exchange import ExchangingLibrary
from retrieval.query.options import SearchKeywords, SearchOptions
from retrieval.query.spelling import absolute

if TYPE_CHECKING:
    from retrieval.duplicates.finding import Duplicates
    from retrieval.indexing.progress import IndexOptions, Progress
    from retrieval.map import LibraryMap
    from retrieval.search.query_vectors import Askable
    from retrieval.search.results import SearchResult
    from retrieval.tagging.classifying import Classified, Item
    from retrieval.tagging.concepts import Concepts
    from retrieval.tagging.corpora import Corpus
    from retrieval.tagging.describing import Description, Via
    from retrieval.tagging.labels import Tags
    from retrieval.texts import Texts
    from retrieval.watching.watcher import WatchControl, WatchEvent, WatchTiming


class Library(ExchangingLibrary):
    """An index on disk. Use it from one thread; other processes can read while one writes.

    >>> with Library.open("index_data") as library:  # doctest: +SKIP
    ...     for hit in library.search("two dogs on a beach"):
    ...         print(hit.score, hit.path)

    After `close`, and in any other thread, methods raise LibraryError.
    """

    def add(
        self,
        paths: AnyPath | Iterable[AnyPath] = (),
        *,
        options: IndexOptions | None = None,
        exclude: str | Iterable[str] | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Progress:
        """Index one path, several, or all known to the library; return the last progress record.

        Arguments and errors are those of `iter_index`.
        """
        last: Progress | None = None
        for progress in self.iter_index(paths, options=options, exclude=exclude):
            last = progress
            if on_progress is not None:
                on_progress(progress)
        assert last is not None
        return last

    def iter_index(
        self,
        paths: AnyPath | Iterable[AnyPath] = (),
        *,
        options: IndexOptions | None = None,
        exclude: str | Iterable[str] | None = None,
        stop: threading.Event | None = None,
    ) -> Iterator[Progress]:
        """Update the library from folders and files, or from all those that it knows.

        Lazy: yields progress, and works only while it is iterated. `exclude` are globs for single
        names, or for paths relative to the given folder. The library stores them: for an indexed
        folder they replace the earlier ones, for a part of one they are added, and None changes
        nothing. Setting `stop` ends the run after the current batch. Raises LibraryBusy if another
        process is writing, LibraryError for a path that does not exist, ModelError if a new picture
        needs a model that cannot be loaded.
        """
        from retrieval.indexing.progress import IndexOptions
        from retrieval.indexing.runs import index_paths

        stop = stop or threading.Event()
        globs = None if exclude is None else _strings(exclude)
        return index_paths(self._session, _strings(paths), options or IndexOptions(), globs, stop)

    def watch(
        self,
        paths: AnyPath | Iterable[AnyPath] = (),
        *,
        options: IndexOptions | None = None,
        exclude: str | Iterable[str] | None = None,
        timing: WatchTiming | None = None,
        control: WatchControl | None = None,
    ) -> Iterator[WatchEvent]:
        """Index like `iter_index`, then follow changes until `control.stop` is set.

        Yields the progress of each run, whose last record has the phase "done"; what is watched,
        and how; and what delays a run. Files that are still being written are indexed later, and
        runs wait while another process writes. Raises the errors of `iter_index` about `paths` or
        `exclude`, except LibraryBusy, and MissingExtra without `watchfiles`. Yields later errors.
        """
        from retrieval.indexing.progress import IndexOptions
        from retrieval.watching.runs import watch
        from retrieval.watching.watcher import WatchControl, WatchTiming

        globs = None if exclude is None else _strings(exclude)
        timing, control = timing or WatchTiming(), control or WatchControl()
        names, options = _strings(paths), options or IndexOptions()
        return watch(self._session, names, options, globs, timing, control)

    def remove(self, path: AnyPath) -> int:
        """Remove a file or folder from the library, not from disk; return the number of files.

        A path below an indexed folder stays out when that folder is indexed again, until the path
        itself is indexed. Deletes the vectors at once. Raises LibraryError if the library knows no
        file there.
        """
        from retrieval.indexing.runs import remove

        return remove(self._session, absolute(path))

    def use_model(
        self,
        model: str | Encoder,
        options: IndexOptions | None = None,
        *,
        stop: threading.Event | None = None,
        anyway: bool = False,
    ) -> Iterator[Progress]:
        """Encode all pictures with another model, then search with it; yields progress.

        Searches use the old vectors until all pictures are encoded. A stopped run keeps the new
        vectors that it has. The old vectors stay, so switching back is quick. If indexed pictures
        cannot be read now (an unplugged drive), keeps the old model and raises LibraryError at the
        end, unless `anyway` is set.
        """
        from retrieval.indexing.progress import IndexOptions
        from retrieval.indexing.runs import change_model

        device = self._session.device
        encoder = open_encoder(model, device=device) if isinstance(model, str) else model
        stop = stop or threading.Event()
        return change_model(self._session, encoder, options or IndexOptions(), stop, anyway=anyway)

    def forget_model(self, name: str) -> int:
        """Delete the vectors of a model that is not in use; return their number.

        `name` is its reference, or the beginning of its fingerprint. Raises LibraryError if the
        library does not have the model, or uses it.
        """
        from retrieval.indexing.runs import forget_model

        return forget_model(self._session, name)

    def search(
        self,
        asked: Askable | None,
        k: int = 10,
        *,
        limits: ReadLimits | None = None,
        **options: Unpack[SearchKeywords],
    ) -> SearchResult:
        """Return the k pictures that match a query best, best first.

        A `str` is a text, whatever it looks like. A `Query` has several terms, and `Query.parse`
        reads its written form ("2:dog - people"). A `Path`, `bytes`, Pillow image or (H, W, 3)
        uint8 array is a picture. A (dim,) float array is an embedding. None lists the pictures that
        match `where`, newest first. `SearchOptions` documents the other options; `limits` apply to
        the pictures of the query. Raises QueryError or PictureError for an invalid query,
        ModelError if the model is needed and cannot be loaded.
        """
        return self.answer(asked, SearchOptions(k=k, **options), limits=limits)

    def search_many(
        self,
        asked: Iterable[Askable],
        k: int = 10,
        *,
        limits: ReadLimits | None = None,
        **options: Unpack[SearchKeywords],
    ) -> list[SearchResult]:
        """Answer several queries, in their order: see `search`. Texts are encoded together."""
        from retrieval.search.answering import answer_all

        queries = [asked] if isinstance(asked, str | bytes) else list(asked)
        shared = SearchOptions(k=k, **options)
        return answer_all(self._session.context(), queries, shared, limits)

    def answer(
        self, asked: Askable | None, options: SearchOptions, *, limits: ReadLimits | None = None
    ) -> SearchResult:
        """Answer one query like `search`, with the options in one object."""
        from retrieval.search.answering import answer_all

        return answer_all(self._session.context(), [asked], options, limits)[0]

    def embed(self, asked: Askable, limits: ReadLimits | None = None) -> NDArray[np.float32]:
        """Return the unit vector (dim,) of the weighted sum of a query's positive terms."""
        from retrieval.search.answering import embed

        return embed(self._session.context(), asked, limits)

    @property
    def concepts(self) -> Concepts:
        """Concepts that are taught by examples: see `retrieval.tagging.concepts`."""
        from retrieval.tagging.concepts import Concepts

        return Concepts(self._session.context())

    @property
    def tags(self) -> Tags:
        """Labels for what pictures show: see `retrieval.tagging.labels`."""
        from retrieval.tagging.labels import Tags

        return Tags(self._session.context())

    def classify(
        self,
        items: Item | Sequence[Item],
        labels: str | Sequence[str] = (),
        concepts: str | Sequence[str] = (),
    ) -> list[Classified]:
        """Rank labels for texts and pictures, and return the probabilities of concepts.

        A `str` is a text, a path-like a picture file, an `int` the id of an indexed picture.
        Without labels and concepts, uses the library's own labels: see `tagging.classifying`.
        """
        from retrieval.tagging.classifying import classify

        several = [items] if isinstance(items, str | int | os.PathLike) else items
        names, taught = _strings(labels), _strings(concepts)
        if not names and not taught:
            names = list(self._session.catalogue.tags.labels())
        return classify(several, names, taught, self._session.context())

    def describe(
        self, asked: Askable, corpus: Corpus | None = None, k: int = 5
    ) -> tuple[Description, ...]:
        """Return the texts of a corpus nearest to a picture, best first: see `tagging.describing`.

        The default corpus is a list of everyday things in English; `tagging.corpora.read_corpus`
        reads others. `asked` is as in `search`.
        """
        from retrieval.tagging.corpora import read_corpus
        from retrieval.tagging.describing import describe

        return describe(asked, corpus or read_corpus(), k, self._session.context())

    def translate(
        self, text: str, corpus: Corpus, to: str, k: int = 3, *, via: Via = "texts"
    ) -> tuple[Description, ...]:
        """Return the texts of a corpus in the language `to` that mean the same as a text.

        Compares the vectors of texts, or takes the captions of the pictures nearest to the text.
        """
        from retrieval.tagging.describing import translate

        return translate(text, corpus, to, k, via, self._session.context())

    @property
    def texts(self) -> Texts:
        """Captions and all other texts of pictures: see `retrieval.texts`."""
        from retrieval.indexing.run_note import noted_task
        from retrieval.texts import Texts

        return Texts(self._session.context(), partial(noted_task, self._session.path))

    @property
    def duplicates(self) -> Duplicates:
        """Files and pictures that the library has more than once: see `retrieval.duplicates`."""
        from retrieval.duplicates.finding import Duplicates

        return Duplicates(self._session.context())

    @property
    def map(self) -> LibraryMap:
        """The pictures as a map, similar ones side by side: see `retrieval.map`."""
        from retrieval.map import LibraryMap

        context = self._session.context()
        return LibraryMap(context, self._session.map_path(context.model.row.spec.fingerprint))


def _strings(values: AnyPath | Iterable[AnyPath]) -> list[str]:
    """Return paths or patterns as text; a single one counts as a list of one."""
    if isinstance(values, str | os.PathLike):
        return [os.fspath(values)]
    return [os.fspath(value) for value in values]
