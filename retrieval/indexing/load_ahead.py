"""Loads the encoder beside the reading of the first pictures: neither waits for the other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from retrieval.encoders import Encoder, Preparing
from retrieval.indexing.calibration import pictures_wanted


class EncoderAhead:
    """An encoder that can be asked for before it is needed; safe in any thread.

    Loading takes as long as decoding dozens of pictures, and most of it keeps one processor busy.
    """

    def __init__(self, load: Callable[[], Encoder]) -> None:
        self._load = load
        self._lock = threading.Lock()
        self._loaded: Future[Encoder] | None = None
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="pixtrieve-load")

    def begin(self) -> None:
        """Begin to load it, if that has not begun yet."""
        self._begun()

    def __call__(self) -> Encoder:
        """Return it, as soon as it is there; raises whatever loading it raised."""
        return self._begun().result()

    def close(self) -> None:
        """Wait for what has begun."""
        self._executor.shutdown(wait=True)

    def _begun(self) -> Future[Encoder]:
        with self._lock:
            if self._loaded is None:
                self._loaded = self._executor.submit(self._load_and_prepare)
            return self._loaded

    def _load_and_prepare(self) -> Encoder:
        encoder = self._load()
        # One that wants to see pictures first is another one afterwards.
        if isinstance(encoder, Preparing) and not pictures_wanted(encoder):
            encoder.prepare_pictures()
        return encoder
