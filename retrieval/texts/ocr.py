"""Reads the text in a picture, offline: PP-OCR models (extra `ocr`) run by OpenVINO.

The package contains its models and can download others; it gets only paths of those on disk.
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
"""The longer side in pixels at which pictures are read; small print needs this many."""

_MIN_CONFIDENCE = 0.6
_MODELS = {
    "Det": "PP-OCRv6_det_small.onnx",
    "Rec": "PP-OCRv6_rec_small.onnx",
    "Cls": "ch_ppocr_mobile_v2.0_cls_mobile.onnx",
}


class Reader:
    """An OCR engine; reads one picture at a time, in one thread."""

    def __init__(self) -> None:
        """Load the models; MissingExtra when the package is not installed."""
        spec = importlib.util.find_spec("rapidocr")
        if spec is None or not spec.submodule_search_locations:
            raise MissingExtra("rapidocr", "ocr", "reading the text in pictures")
        load_openvino()  # first, because it suppresses OpenVINO's telemetry
        self._engine = _engine(os.path.join(spec.submodule_search_locations[0], "models"))

    def read(self, picture: NDArray[np.uint8]) -> str:
        """Return the text in an (H, W, 3) uint8 RGB picture, line by line, or ""."""
        found = self._engine(np.ascontiguousarray(picture[:, :, ::-1]))
        lines: Sequence[str] = () if found.txts is None else found.txts
        scores: Sequence[float] = () if found.scores is None else found.scores
        sure = [
            " ".join(line.split())
            for line, score in zip(lines, scores, strict=True)
            if score >= _MIN_CONFIDENCE
        ]
        return "\n".join(line for line in sure if any(c.isalnum() for c in line))


def _engine(folder: str) -> Any:
    from rapidocr import EngineType, RapidOCR

    paths = {part: os.path.join(folder, name) for part, name in _MODELS.items()}
    missing = [path for path in paths.values() if not os.path.isfile(path)]
    if missing:
        raise ModelUnavailable(
            f"the OCR model {missing[0]} is missing",
            "reinstall the package that contains it: pip install --force-reinstall rapidocr",
        )
    settings: dict[str, Any] = {"Global.log_level": "error", "Global.max_side_len": SIDE}
    for part, path in paths.items():
        settings |= {f"{part}.model_path": path, f"{part}.engine_type": EngineType.OPENVINO}
    engine = RapidOCR(params=settings)
    logging.getLogger("RapidOCR").handlers.clear()  # its log is meant for its own command line
    return engine
