"""A fake encoder that takes its time, and writes down each picture that it encodes."""

from __future__ import annotations

import json
import time

import numpy as np
from numpy.typing import NDArray

from support.fakes import FakeEncoder


class SlowEncoder(FakeEncoder):
    """Appends the mean colour of each picture to a file, as JSON with a comma."""

    def __init__(self, log: str, seconds: float) -> None:
        super().__init__()
        self._log, self._seconds = log, seconds

    def encode_images(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        time.sleep(self._seconds)
        with open(self._log, "a") as log:
            for picture in pixels:
                log.write(json.dumps(picture.mean(axis=(0, 1)).round().tolist()) + ",")
        return super().encode_images(pixels)
