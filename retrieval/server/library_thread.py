"""The one thread that owns the library, and the queue of requests for it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from retrieval.encoders import Encoder, Preparing
from retrieval.encoders.models.fingerprint import forget_digests
from retrieval.library import Library
from retrieval.query import Query
from retrieval.search.results import SearchResult
from retrieval.specs import ModelSpec

T = TypeVar("T")

_REMEMBERED_TEXTS = 4096


class RememberingEncoder:
    """An encoder that caches the vectors of the most recent texts.

    `load` returns the model's own encoder; it is called when needed, and may be slow once.
    """

    def __init__(self, spec: ModelSpec, load: Callable[[], Encoder]) -> None:
        self.spec = spec
        self._encoder = load
        self._known: OrderedDict[str, NDArray[np.float32]] = OrderedDict()

    def load(self) -> None:
        """Load the model now rather than at the first query."""
        encoder = self._encoder()
        if isinstance(encoder, Preparing):
            encoder.prepare_texts()

    @property
    def batch_size(self) -> int:
        """The encoder's preferred number of pictures per batch."""
        return self._encoder().batch_size

    def encode_images(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Encode (n, H, W, 3) pictures: (n, dim)."""
        return self._encoder().encode_images(pixels)

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode texts: (n, dim). Texts that are not cached are encoded in one batch."""
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new:
            self._known.update(zip(new, self._encoder().encode_texts(new), strict=True))
        for text in texts:
            self._known.move_to_end(text)
        rows = np.stack([self._known[text] for text in texts])
        while len(self._known) > _REMEMBERED_TEXTS:
            self._known.popitem(last=False)
        return rows


@dataclass(frozen=True, slots=True)
class Request:
    """A search in the queue; `run` does it and returns the result."""

    query: Query | None
    run: Callable[[Library], SearchResult]


class LibraryThread:
    """Takes requests from any thread and answers them on its own, in batches, in order.

    It opens the library, loads the model and verifies the vector cache at once. With `lazy` it
    opens and loads at the first request, and verifies nothing. Errors of loading are raised here
    or, with `lazy`, by that request's future.
    """

    def __init__(self, path: str, device: str, *, lazy: bool = False) -> None:
        self._path, self._device, self._lazy = path, device, lazy
        self._waiting: list[tuple[Request, Future[SearchResult]]] = []
        self._lock = threading.Lock()
        self._thread = ThreadPoolExecutor(1, "library")
        self._library: Library | None = None
        self._fingerprint = ""
        if not lazy:
            self._thread.submit(self._current).result()

    def ask(self, request: Request) -> Future[SearchResult]:
        """Queue a request; cancel the future if its result is no longer needed."""
        future: Future[SearchResult] = Future()
        with self._lock:
            self._waiting.append((request, future))
        self._thread.submit(self._answer_all)
        return future

    def call(self, function: Callable[[Library], T]) -> Future[T]:
        """Run any other function of the library on its thread."""
        return self._thread.submit(lambda: function(self._current()))

    def close(self) -> None:
        """Answer the requests in the queue, then close the library."""
        self._thread.submit(self._close).result()
        self._thread.shutdown()

    def _answer_all(self) -> None:
        with self._lock:
            taken, self._waiting = self._waiting, []
        batch = [(r, future) for r, future in taken if future.set_running_or_notify_cancel()]
        if not batch:
            return
        try:
            library = self._current()
            self._encode_together(library, [request.query for request, _ in batch])
        except BaseException as error:  # pass it on to every caller
            for _, future in batch:
                future.set_exception(error)
            return
        for request, future in batch:
            try:
                future.set_result(request.run(library))
            except BaseException as error:
                future.set_exception(error)

    def _encode_together(self, library: Library, queries: Sequence[Query | None]) -> None:
        terms = [term for query in queries if query is not None for term in query.terms]
        texts = [t.value for t in terms if t.kind == "text" and t.value.strip()]
        if len(texts) > 1:
            library.encoder().encode_texts(texts)

    def _current(self) -> Library:
        """Return the library; reopen it if another process has changed its model."""
        if self._library is None or self._library.model.fingerprint != self._fingerprint:
            self._close()
            if not self._lazy:
                forget_digests()  # reads the model's files again, whatever was remembered
            with Library.open(self._path, device=self._device) as plain:
                encoder = RememberingEncoder(plain.model, plain.encoder)
            if not self._lazy:
                encoder.load()
            self._fingerprint = encoder.spec.fingerprint
            self._library = Library.open(self._path, encoder)
            if not self._lazy:
                self._library.verify_cache()
        return self._library

    def _close(self) -> None:
        if self._library is not None:
            self._library.close()
            self._library = None
