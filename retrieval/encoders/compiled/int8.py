"""Encode pictures in int8, with ranges calibrated on the user's own pictures.

This happens only on request (`--device cpu:int8`), because the vectors are similar but not equal to
those of float32. Texts, and pictures until the tower is quantised, are encoded in the precision
that is chosen automatically.
"""

from __future__ import annotations

import importlib.util
import logging
import os

import numpy as np
from numpy.typing import NDArray

from retrieval.encoders.checks import require_pixels, unit_rows
from retrieval.encoders.compiled.calibrations import (
    LEAST_MEAN_LIKENESS,
    Calibration,
    calibration_folder,
    read_calibration,
    write_calibration,
)
from retrieval.encoders.compiled.graphs import FolderGraphs, Graphs, tower_of
from retrieval.encoders.compiled.openvino import OpenVinoEncoder
from retrieval.encoders.compiled.quantising import quantise
from retrieval.encoders.compiled.towers import Tower
from retrieval.encoders.models.files import ModelFiles
from retrieval.encoders.probes import probe_pixels
from retrieval.errors import MissingExtra, ModelError

_log = logging.getLogger(__name__)

_WANTED = 256
_FEWEST = 32
"""Encoding fewer pictures takes less time than calibrating on them."""


class Int8Encoder(OpenVinoEncoder):
    """An exported model whose image tower is quantised, now or after `calibrate`."""

    def __init__(self, files: ModelFiles, fingerprint: str, graphs: Graphs) -> None:
        super().__init__(files, fingerprint, graphs)
        self._unquantised = self._pictures
        self._calibration = read_calibration(fingerprint)
        if self._calibration is not None and self._calibration.good:
            self._pictures = self._quantised(calibration_folder(fingerprint))

    def pictures_wanted(self) -> int:
        """Return the number of pictures that `calibrate` needs, 0 for none.

        Raises MissingExtra when a calibration is needed and NNCF is not installed.
        """
        if self._pictures is not self._unquantised:
            return 0
        if importlib.util.find_spec("nncf") is None:
            raise MissingExtra("nncf", "int8", "calibrating a model for --device cpu:int8")
        if self._calibration is not None and self._calibration.made_with == _versions():
            self._warn(_shortfall(self._calibration))
            return 0
        return _WANTED

    def calibrate(self, pixels: NDArray[np.uint8]) -> None:
        """Quantise the image tower on (n, H, W, 3) pixels; every fifth picture only checks it.

        The result is stored for the next time. If there are too few pictures, if it fails or if
        the tower is not accurate enough, the encoder stays as it was and logs a warning.
        """
        require_pixels(pixels, self.spec)
        if len(pixels) < _FEWEST:
            self._warn(f"{len(pixels)} pictures are too few to calibrate on ({_FEWEST} at least)")
            return
        aside = np.arange(len(pixels)) % 5 == 0
        try:
            calibration = write_calibration(
                self.spec.fingerprint,
                lambda folder: self._quantise(pixels[~aside], pixels[aside], folder),
            )
        except (ModelError, OSError) as error:
            self._warn(str(error))
            return
        self._calibration = calibration
        if not calibration.good:
            self._warn(_shortfall(calibration))
            return
        _log.info("%s in int8: %s", self.spec.name, calibration)
        self._pictures = self._quantised(calibration_folder(self.spec.fingerprint))

    def _quantise(
        self, pixels: NDArray[np.uint8], others: NDArray[np.uint8], folder: str
    ) -> Calibration:
        place = self.graphs.placement("image", "f32")
        if not place.file:
            raise ModelError(f"the cache folder {self.graphs.folder} is not writable")
        quantise(place.file, pixels, os.path.join(folder, "image.xml"))
        exact = tower_of(self.graphs, "image", "f32")
        tower = self._quantised(folder)

        def both(some: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
            rows = (each.run(some, "THROUGHPUT") for each in (exact, tower))
            wanted, found = (unit_rows(each, self.spec) for each in rows)
            return wanted, found

        wanted, found = both(others)
        cosines = (wanted * found).sum(axis=1)
        probes, found_probes = both(probe_pixels(self.spec.preprocessing.size))
        return Calibration(
            pictures=len(pixels),
            checked=len(others),
            mean_cosine=float(cosines.mean()),
            least_cosine=float(cosines.min()),
            mean_likeness=_likeness(wanted, found),
            probe_cosine=float((probes * found_probes).sum(axis=1).min()),
            made_with=_versions(),
        )

    def _quantised(self, folder: str) -> Tower:
        # Layers that are not quantised run in the precision chosen for the model.
        return tower_of(FolderGraphs(folder, self._export), "image", self._precision)

    def _warn(self, problem: str) -> None:
        _log.warning(
            "%s encodes pictures in %s, not int8: %s", self.spec.name, self._precision, problem
        )


def _likeness(wanted: NDArray[np.float32], found: NDArray[np.float32]) -> float:
    """Return the mean cosine of two sets of vectors (n, dim), both less the mean of `wanted`."""
    middle = wanted.mean(axis=0)
    wanted, found = wanted - middle, found - middle
    lengths = np.linalg.norm(wanted, axis=1) * np.linalg.norm(found, axis=1)
    return float(((wanted * found).sum(axis=1) / np.maximum(lengths, 1e-12)).mean())


def _shortfall(calibration: Calibration) -> str:
    return (
        f"calibrated on {calibration.pictures} pictures, its vectors of others are too far from "
        f"float32 (likeness {calibration.mean_likeness:.4f}, "
        f"at least {LEAST_MEAN_LIKENESS} is needed)"
    )


def _versions() -> str:
    from importlib.metadata import version

    return f"openvino {version('openvino')}, nncf {version('nncf')}"
