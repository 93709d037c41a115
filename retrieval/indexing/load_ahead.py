"""Loads the encoder in the background while the first pictures are read."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from retrieval.encoders import Encoder, Preparing
from retrieval.indexing.calibration import pictures_wanted


class BackgroundEncoder:
    """An encoder that loads in a thread of its own; methods are safe in any thread.

    Loading takes as long as decoding dozens of pictures, and mostly uses a single core.
    """

    def __init__(self, load: Callable[[], Encoder]) -> None:
        self._load = load
        self._lock = threading.Lock()
        self._future: Future[Encoder] | None = None
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="pixtrieve-load")

    def start(self) -> None:
        """Start loading, unless it has started already."""
        self._started()

    def __call__(self) -> Encoder:
        """Wait for the encoder and return it; raises what loading raised."""
        return self._started().result()

    def close(self) -> None:
        """Wait until loading ends, if it has started."""
        self._executor.shutdown(wait=True)

    def _started(self) -> Future[Encoder]:
        with self._lock:
            if self._future is None:
                self._future = self._executor.submit(self._load_and_prepare)
            return self._future

    def _load_and_prepare(self) -> Encoder:
        encoder = self._load()
        # Calibration would replace what is prepared here.
        if isinstance(encoder, Preparing) and not pictures_wanted(encoder):
            encoder.prepare_pictures()
        return encoder
