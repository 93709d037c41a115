"""A library: one folder that holds the index of some pictures, wherever those are."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Unpack

import numpy as np
from numpy.typing import NDArray

from retrieval.encoders import Encoder, open_encoder
from retrieval.images import ReadLimits
from retrieval.library.base import AnyPath, OpenLibrary, absolute
from retrieval.query.options import SearchKeywords, SearchOptions

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


class Library(OpenLibrary):
    """An index on disk. Use it from one thread; other processes may read while one writes.

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
        """Index one path, several, or all that the library knows; return the last progress record.

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
        """Bring the library up to date with folders and files, or with all that it knows.

        Lazy: yields progress, and works only while it is iterated. `exclude` are globs for single
        names or for paths relative to the folder named. They are remembered: for an indexed folder
        they replace earlier ones, for a part of one they are added; None keeps those. Setting
        `stop` ends the run after the batch in flight. Raises LibraryBusy when another process is
        writing, LibraryError for a path that does not exist, ModelError when a new picture needs a
        model that cannot be loaded.
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

        Yields the progress of each run, the last record of which has the phase "done"; what is
        watched, and how; and what delays a run. Files that are still being written wait, and so
        does everything while another process writes. What `iter_index` raises at `paths` or
        `exclude`, LibraryBusy apart, is raised; MissingExtra without `watchfiles`. Later errors are
        yielded.
        """
        from retrieval.indexing.progress import IndexOptions
        from retrieval.watching.runs import watch
        from retrieval.watching.watcher import WatchControl, WatchTiming

        globs = None if exclude is None else _strings(exclude)
        timing, control = timing or WatchTiming(), control or WatchControl()
        names, options = _strings(paths), options or IndexOptions()
        return watch(self._session, names, options, globs, timing, control)

    def remove(self, path: AnyPath) -> int:
        """Take a file or folder out of the library (not off the disk); return how many files.

        What lies below an indexed folder stays out when that folder is indexed again, until it
        is named itself. Vectors are deleted at once. LibraryError when nothing is known there.
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
        """Encode all pictures with another model, then answer with that one; yields progress.

        Until all is done, and if it is stopped, the old vectors serve; what is encoded is kept.
        The old vectors stay, so going back is quick. Raises LibraryError at the end, and goes on
        with the old model, when pictures that it finds cannot be read now (an unplugged drive),
        unless `anyway`.
        """
        from retrieval.indexing.progress import IndexOptions
        from retrieval.indexing.runs import change_model

        device = self._session.device
        encoder = open_encoder(model, device=device) if isinstance(model, str) else model
        stop = stop or threading.Event()
        return change_model(self._session, encoder, options or IndexOptions(), stop, anyway=anyway)

    def forget_model(self, name: str) -> int:
        """Delete the vectors of a model that is not in use; return how many there were.

        `name` is its reference, or the beginning of its fingerprint. LibraryError when there is no
        such model, or it is in use.
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
        """Return the k pictures that answer a question best, best first.

        A `str` is a text, whatever it looks like; a `Query` has several terms, and `Query.parse`
        reads their written form ("2:dog - people"); a `Path`, `bytes`, Pillow image or (H, W, 3)
        uint8 array is a picture; a (dim,) float array is an embedding. None lists the pictures that
        fit `where`, newest first. `SearchOptions` says what the other options mean; `limits` are
        for reading pictures of the question. Raises QueryError or PictureError for a question that
        cannot be asked, ModelError when the model is needed and cannot be loaded.
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
        """Answer several questions, in their order: see `search`. Texts are encoded together."""
        from retrieval.search.answering import answer_all

        questions = [asked] if isinstance(asked, str | bytes) else list(asked)
        wanted = SearchOptions(k=k, **options)
        return answer_all(self._session.context(), questions, wanted, limits)

    def answer(
        self, asked: Askable | None, options: SearchOptions, *, limits: ReadLimits | None = None
    ) -> SearchResult:
        """Do what `search` does, with options that are put together already."""
        from retrieval.search.answering import answer_all

        return answer_all(self._session.context(), [asked], options, limits)[0]

    def embed(self, asked: Askable, limits: ReadLimits | None = None) -> NDArray[np.float32]:
        """Return the unit vector (dim,) of a question's positive terms, added: see `search`."""
        from retrieval.search.answering import embed

        return embed(self._session.context(), asked, limits)

    @property
    def concepts(self) -> Concepts:
        """What a person taught by examples: see `retrieval.tagging.concepts`."""
        from retrieval.tagging.concepts import Concepts

        return Concepts(self._session.context())

    @property
    def tags(self) -> Tags:
        """Labels that pictures are given by what they show: see `retrieval.tagging.labels`."""
        from retrieval.tagging.labels import Tags

        return Tags(self._session.context())

    def classify(
        self,
        items: Item | Sequence[Item],
        labels: str | Sequence[str] = (),
        concepts: str | Sequence[str] = (),
    ) -> list[Classified]:
        """Say which label texts and pictures are, and how likely they show concepts.

        A `str` is a text, a path-like a picture's file, an `int` the id of an indexed picture.
        Without labels and concepts, the library's own labels are taken: `tagging.classifying`.
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

        Without a corpus (`tagging.corpora.read_corpus`), everyday things in English are chosen
        from. `asked` is as in `search`.
        """
        from retrieval.tagging.corpora import read_corpus
        from retrieval.tagging.describing import describe

        return describe(asked, corpus or read_corpus(), k, self._session.context())

    def translate(
        self, text: str, corpus: Corpus, to: str, k: int = 3, *, via: Via = "texts"
    ) -> tuple[Description, ...]:
        """Return the texts of a corpus, in the language `to`, that say what a text says.

        By the texts' own vectors, or by the captions of the nearest pictures.
        """
        from retrieval.tagging.describing import translate

        return translate(text, corpus, to, k, via, self._session.context())

    @property
    def texts(self) -> Texts:
        """Captions and all other text that comes with pictures: see `retrieval.texts`."""
        from retrieval.texts import Texts

        return Texts(self._session.context())

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
