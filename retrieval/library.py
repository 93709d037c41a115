"""A library: one folder that holds the index of some pictures, wherever those are.

folder/
  catalogue.sqlite   the truth: files, pictures, vectors
  cache/*.faiss      made from it, may be deleted at any time
  writer.lock        held by whoever writes
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retrieval.catalogue import Catalogue, ImageRow, ModelStatus, ProblemRow
from retrieval.catalogue.roots import relative, root_of
from retrieval.context import LazyEncoder, ModelInUse
from retrieval.encoders import Encoder, open_encoder
from retrieval.errors import LibraryError
from retrieval.folder.opening import create_catalogue, has_catalogue, open_catalogue
from retrieval.folder.session import Session
from retrieval.folder.status import Status, read_status
from retrieval.images import ReadLimits
from retrieval.indexing.progress import IndexOptions, Progress
from retrieval.specs import ModelSpec

if TYPE_CHECKING:
    from types import TracebackType

    from retrieval.catalogue.facets import Facets
    from retrieval.duplicates.finding import Duplicates
    from retrieval.map import LibraryMap
    from retrieval.query import Example
    from retrieval.query.options import Grouping, Sort
    from retrieval.query.where import Condition
    from retrieval.search.fusion import Fuse
    from retrieval.search.query_vectors import Askable, EmbeddedQuery
    from retrieval.search.results import LookIn, SearchResult
    from retrieval.tagging.classifying import Classified, Item
    from retrieval.tagging.concepts import Concepts
    from retrieval.tagging.corpora import Corpus
    from retrieval.tagging.describing import Description, Via
    from retrieval.tagging.labels import Tags
    from retrieval.texts import Texts
    from retrieval.watching.watcher import WatchControl, WatchEvent, WatchTiming


class Library:
    """An index on disk. Use it from one thread; other processes may read while one writes.

    >>> with Library.open("index_data") as library:  # doctest: +SKIP
    ...     for hit in library.search("two dogs on a beach").hits:
    ...         print(hit.score, hit.path)
    """

    def __init__(self, path: str, catalogue: Catalogue, model: ModelInUse, device: str) -> None:
        """Use `create` or `open`."""
        self.path = path
        self._session = Session(path, catalogue, model, device)

    @classmethod
    def exists(cls, path: str | os.PathLike[str]) -> bool:
        """Tell whether there is a library in the folder."""
        return has_catalogue(os.fspath(path))

    @classmethod
    def create(
        cls, path: str | os.PathLike[str], model: str | Encoder, *, device: str = "auto"
    ) -> Library:
        """Make a library for a model: a reference such as `local-dir:/models/x`, or an encoder.

        The model is loaded first, so that nothing is made when it cannot be. Raises LibraryError
        when there is a library already, ModelError when the model cannot be loaded.
        """
        folder = os.path.abspath(os.fspath(path))
        if has_catalogue(folder):  # before a model is loaded for nothing
            raise LibraryError(f"{folder} is a library already", "open it, or name another folder")
        encoder = open_encoder(model, device=device) if isinstance(model, str) else model
        catalogue, row = create_catalogue(folder, encoder.spec)
        return cls(folder, catalogue, ModelInUse(row, lambda: encoder), device)

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        model: str | Encoder | None = None,
        *,
        device: str = "auto",
    ) -> Library:
        """Open a library; its model is loaded when first needed.

        `model` may say where the library's model lies now, when it has moved. Raises
        LibraryNotFound when there is none, ModelMismatch when `model` is another one.
        """
        folder = os.path.abspath(os.fspath(path))
        catalogue, row = open_catalogue(folder, model)
        loaded = None if isinstance(model, str) else model
        encoder = LazyEncoder(row.spec, device, loaded)
        return cls(folder, catalogue, ModelInUse(row, encoder), device)

    @property
    def model(self) -> ModelSpec:
        """The model that the library answers with; another process may have changed it."""
        return self._session.model.row.spec

    def index(
        self,
        paths: Sequence[str | os.PathLike[str]] = (),
        *,
        options: IndexOptions | None = None,
        exclude: Sequence[str] | None = None,
        stop: threading.Event | None = None,
    ) -> Iterator[Progress]:
        """Bring the library up to date with folders and files, or with all that it knows.

        Yields progress; nothing happens unless the iterator is run. `exclude` are globs, matched
        with paths relative to the folder named and with single names; they are remembered. For
        an indexed folder they replace earlier ones, for a part of one they are added; None keeps
        those. Setting `stop` ends the run after the batch in flight. Raises LibraryBusy when
        another process is writing, LibraryError for a path that does not exist, ModelError when
        a new picture needs a model that cannot be loaded.
        """
        from retrieval.indexing.runs import index_paths

        names = [os.fspath(path) for path in paths]
        return index_paths(
            self._session, names, options or IndexOptions(), exclude, stop or threading.Event()
        )

    def add(
        self,
        *paths: str | os.PathLike[str],
        options: IndexOptions | None = None,
        exclude: Sequence[str] | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Progress:
        """Index paths to the end and return the last progress record: see `index`."""
        last: Progress | None = None
        for progress in self.index(paths, options=options, exclude=exclude):
            last = progress
            if on_progress is not None:
                on_progress(progress)
        assert last is not None
        return last

    def watch(
        self,
        paths: Sequence[str | os.PathLike[str]] = (),
        *,
        options: IndexOptions | None = None,
        exclude: Sequence[str] | None = None,
        timing: WatchTiming | None = None,
        control: WatchControl | None = None,
    ) -> Iterator[WatchEvent]:
        """Index like `index`, then follow what changes, until `control.stop` is set.

        Yields the progress of each run, the last record of which has the phase "done"; what is
        watched, and how; and what delays a run. Files that are still being written wait, and so
        does everything while another process writes. What `index` raises at `paths` or `exclude`,
        LibraryBusy apart, is raised; MissingExtra without `watchfiles`. Later errors are yielded.
        """
        from retrieval.watching.runs import watch
        from retrieval.watching.watcher import WatchControl, WatchTiming

        names = [os.fspath(path) for path in paths]
        options = options or IndexOptions()
        timing, control = timing or WatchTiming(), control or WatchControl()
        return watch(self._session, names, options, exclude, timing, control)

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
        from retrieval.indexing.runs import change_model

        device = self._session.device
        encoder = open_encoder(model, device=device) if isinstance(model, str) else model
        stop = stop or threading.Event()
        return change_model(self._session, encoder, options or IndexOptions(), stop, anyway=anyway)

    def models(self) -> list[ModelStatus]:
        """Return the models that the library has vectors of."""
        return self._session.catalogue.models()

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
        where: str | Condition | None = None,
        sort: Sort | None = None,
        group: Grouping | None = None,
        diverse: bool = False,
        look_in: LookIn = "all",
        fuse: Fuse = "add",
        include_self: bool = False,
        min_confidence: float = 0.0,
        explain: bool = False,
        limits: ReadLimits | None = None,
        like: Sequence[Example] = (),
        unlike: Sequence[Example] = (),
    ) -> SearchResult:
        """Return the k pictures that answer a question best, best first.

        A `str` is a question in its written form, mostly plain text; a `Query` one of several
        terms (`retrieval.query.terms`); a `Path`, `bytes`, Pillow image or (H, W, 3) uint8 array is
        a picture; a (dim,) float array is an embedding. `fuse` says how terms become one score
        (`asking.fusion`), `look_in` whether words are looked for in the pictures, in the texts that
        come with them, or in both. Pictures of the question that are in the library are left out
        (with their exact copies), unless `include_self`. `limits` are for reading pictures of the
        question. Hits (by id) and pictures (by path) that are what was meant, `like`, or not,
        `unlike`, turn the question's positive terms (`retrieval.search.feedback`).

        Only pictures that fit `where` count (`retrieval.query.where`); with None for a question,
        those are listed, newest first. `group`, `diverse` and `sort` are as in `asking.arranging`:
        the k best are chosen, then sorted. Raises QueryError or PictureError for a question that
        cannot be asked, ModelError when the model is needed and cannot be loaded.
        """
        from retrieval.query.options import Arrangement
        from retrieval.search.results import Wanted
        from retrieval.search.search import answer

        condition = _condition(where) if isinstance(where, str) else where
        question = None if asked is None else self._understand(asked, limits)
        if question is not None and (like or unlike):
            from retrieval.search.feedback import with_feedback

            question = with_feedback(question, like, unlike, self._session.context())
        terms = () if question is None or include_self else question.terms
        own = {term.image_id for term in terms if term.image_id is not None}
        wanted = Wanted(k, fuse, min_confidence, explain, own, look_in=look_in)
        arrangement = Arrangement(sort, group, diverse)
        return answer(self._session.context(), question, wanted, condition, arrangement)

    def remove(self, path: str | os.PathLike[str]) -> int:
        """Take a file or folder out of the library (not off the disk); return how many files.

        What lies below an indexed folder stays out when that folder is indexed again, until it
        is named itself. Vectors are deleted at once. LibraryError when nothing is known there.
        """
        from retrieval.indexing.runs import remove

        return remove(self._session, os.path.abspath(os.path.expanduser(os.fspath(path))))

    def embed(self, asked: Askable, limits: ReadLimits | None = None) -> NDArray[np.float32]:
        """Return the unit vector (dim,) of a question's positive terms, added: see `search`."""
        from retrieval.search.ranking import sum_of

        return sum_of(self._understand(asked, limits).positive)

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
        self, items: Sequence[Item], labels: Sequence[str] = (), concepts: Sequence[str] = ()
    ) -> list[Classified]:
        """Say which label texts and pictures are, how likely they show concepts.

        A `str` is a text, a path-like a picture's file, an `int` the id of an indexed picture.
        Without labels and concepts those that the library is labelled with are taken. See
        `retrieval.tagging.classifying`.
        """
        from retrieval.tagging.classifying import classify

        if not labels and not concepts:
            labels = self._session.catalogue.tags.labels()
        return classify(items, labels, concepts, self._session.context())

    def describe(
        self, asked: Askable, corpus: Corpus | None = None, k: int = 5
    ) -> tuple[Description, ...]:
        """Return the texts of a corpus nearest to a picture, best first: see `describing`.

        Without a corpus (`retrieval.tagging.corpora.read_corpus`) everyday things in English are
        chosen from. `asked` is as in `search`.
        """
        from retrieval.tagging.corpora import read_corpus
        from retrieval.tagging.describing import describe

        return describe(asked, corpus or read_corpus(), k, self._session.context())

    def translate(
        self, text: str, corpus: Corpus, to: str, k: int = 3, *, via: Via = "texts"
    ) -> tuple[Description, ...]:
        """Return the texts of a corpus, in the language `to`, that say what a text says.

        By the texts' own vectors, or by the captions of the nearest pictures: see `describing`.
        """
        from retrieval.tagging.describing import translate

        return translate(text, corpus, to, k, via, self._session.context())

    @property
    def texts(self) -> Texts:
        """Captions and whatever else comes with pictures in words: see `retrieval.texts`."""
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

    def status(self) -> Status:
        """Return what the library holds."""
        return read_status(self.path, self._session.catalogue, self.model)

    def facets(self, folders: int = 2000) -> Facets:
        """Return what pictures can be narrowed by; no more than so many folders, the fullest."""
        from retrieval.catalogue.facets import Facets

        rows, tags = self._session.catalogue.facets, self._session.catalogue.tags
        with self._session.catalogue.reading():
            return Facets(
                months=rows.months(),
                cameras=rows.cameras(),
                formats=rows.formats(),
                folders=rows.folders(folders),
                tags=tuple(tags.all()),
            )

    def problems(self) -> Iterator[ProblemRow]:
        """Yield the files that could not be used, and why."""
        return self._session.catalogue.lookup.problems()

    def image(self, image_id: int) -> ImageRow | None:
        """Return the picture with that id (`Hit.id`), or None when the library has none such."""
        return self._session.catalogue.lookup.by_id(image_id)

    def image_at(self, path: str | os.PathLike[str]) -> ImageRow | None:
        """Return the picture that a file had when it was indexed, or None; nothing is opened."""
        absolute = os.path.abspath(os.path.expanduser(os.fspath(path)))
        root = root_of(self._session.catalogue.roots.all(), absolute)
        if root is None:
            return None
        image_id = self._session.catalogue.sidecars.image_at(root, relative(root, absolute))
        return None if image_id is None else self.image(image_id)

    def images(self) -> Iterator[tuple[ImageRow, bytes]]:
        """Yield every picture with its stored vector: see `retrieval.vectors` for the format."""
        return self._session.catalogue.lookup.images(self._session.model.row.id)

    @contextmanager
    def stored_vectors(self) -> Iterator[Callable[[bytes], NDArray[np.float32] | None]]:
        """Give a function, safe in any thread, from a content's sha256 to its vector or None."""
        known = self._session.catalogue.known_contents(self._session.model.row)
        try:
            yield known.vector
        finally:
            known.close()

    def encoder(self) -> Encoder:
        """Return the model, loaded; ModelMismatch when its checkpoint has changed since."""
        return self._session.last_model.encoder()

    def close(self) -> None:
        """Close the catalogue."""
        self._session.catalogue.close()

    def __enter__(self) -> Library:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _understand(self, asked: Askable, limits: ReadLimits | None) -> EmbeddedQuery:
        from retrieval.search.query_vectors import as_query, embed_query

        return embed_query(as_query(asked), self._session.catalogue, self._session.model, limits)


def _condition(where: str) -> Condition:
    from retrieval.query.where import parse

    return parse(where)
