"""Reading what is written in a picture, offline: PP-OCR models (extra `ocr`), run by OpenVINO.

The package carries its models and can fetch others; it is only ever told of those on disk.
"""

from __future__ import annotations

import importlib.util
import logging
import os
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retrieval.encoders.compiled.runtime import load_openvino
from retrieval.errors import MissingExtra, ModelUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

SIDE = 1600
"""Pictures are read with their longer side at most so many pixels: small print needs them."""

_LEAST_SURE = 0.6
_MODELS = {
    "Det": "PP-OCRv6_det_small.onnx",
    "Rec": "PP-OCRv6_rec_small.onnx",
    "Cls": "ch_ppocr_mobile_v2.0_cls_mobile.onnx",
}


class Reader:
    """An OCR engine; one picture at a time, from one thread."""

    def __init__(self) -> None:
        """Load the models; MissingExtra when the package is not installed."""
        spec = importlib.util.find_spec("rapidocr")
        if spec is None or not spec.submodule_search_locations:
            raise MissingExtra("rapidocr", "ocr", "reading the text in pictures")
        load_openvino()  # first, so that it tells nobody
        self._engine = _engine(os.path.join(spec.submodule_search_locations[0], "models"))

    def read(self, picture: NDArray[np.uint8]) -> str:
        """Return what is written in an (H, W, 3) uint8 RGB picture, a line each, or ""."""
        found = self._engine(np.ascontiguousarray(picture[:, :, ::-1]))
        lines: Sequence[str] = () if found.txts is None else found.txts
        scores: Sequence[float] = () if found.scores is None else found.scores
        sure = [
            " ".join(line.split())
            for line, score in zip(lines, scores, strict=True)
            if score >= _LEAST_SURE
        ]
        return "\n".join(line for line in sure if any(c.isalnum() for c in line))


def _engine(folder: str) -> Any:
    from rapidocr import EngineType, RapidOCR

    paths = {part: os.path.join(folder, name) for part, name in _MODELS.items()}
    lacking = [path for path in paths.values() if not os.path.isfile(path)]
    if lacking:
        raise ModelUnavailable(
            f"the model for reading text is not there: {lacking[0]}",
            "install the package that carries it again: pip install --force-reinstall rapidocr",
        )
    settings: dict[str, Any] = {"Global.log_level": "error", "Global.max_side_len": SIDE}
    for part, path in paths.items():
        settings |= {f"{part}.model_path": path, f"{part}.engine_type": EngineType.OPENVINO}
    engine = RapidOCR(params=settings)
    logging.getLogger("RapidOCR").handlers.clear()  # what it says is for its own command line
    return engine
