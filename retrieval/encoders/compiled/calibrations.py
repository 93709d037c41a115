"""The cache folder of an image tower quantised to int8, and the record of its accuracy.

$XDG_CACHE_HOME/pixtrieve/openvino/FINGERPRINT/int8/
  image.xml, image.bin    the quantised tower; missing when it is not accurate enough
  calibration.json        `Calibration`
  compiled/               OpenVINO's own cache, for this machine
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass

from retrieval.encoders.compiled.exports import folder_of, replace_folder

LEAST_MEAN_LIKENESS = 0.99
"""A tower below this is not used. Measured: at this value R@10 drops by half a percentage point."""

_VERSION = 1
_MANIFEST = "calibration.json"
_MODEL = ("image.xml", "image.bin")


@dataclass(frozen=True, slots=True)
class Calibration:
    """How an image tower was quantised and how similar its vectors are to those of float32.

    `pictures` is the number of pictures for calibration, `checked` that of other pictures of the
    same user for validation. `mean_cosine` and `least_cosine` compare their vectors with those of
    the exported tower in float32, -1 to 1. `mean_likeness` is the mean cosine after subtracting
    the pictures' mean vector from both: the differences between pictures remain, so the value is
    comparable for a model whose vectors all lie close together. `probe_cosine` is the lowest
    cosine on the artificial pictures of `probes.probe_pixels`. `made_with` names the versions of
    OpenVINO and NNCF.
    """

    pictures: int
    checked: int
    mean_cosine: float
    least_cosine: float
    mean_likeness: float
    probe_cosine: float
    made_with: str

    @property
    def good(self) -> bool:
        """Whether the tower is accurate enough to be used."""
        return self.mean_likeness >= LEAST_MEAN_LIKENESS


def calibration_folder(fingerprint: str) -> str:
    """Return the path of a model's folder for the quantised tower; it may not exist."""
    return os.path.join(folder_of(fingerprint), "int8")


def read_calibration(fingerprint: str) -> Calibration | None:
    """Return a model's calibration; None if there is none or its files are incomplete."""
    folder = calibration_folder(fingerprint)
    try:
        with open(os.path.join(folder, _MANIFEST), encoding="utf-8") as file:
            facts = json.load(file)
        version, sizes = facts.pop("version"), facts.pop("sizes")
        calibration = Calibration(**facts)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    complete = version == _VERSION and (not calibration.good or sizes == _sizes(folder))
    return calibration if complete else None


def write_calibration(fingerprint: str, make: Callable[[str], Calibration]) -> Calibration:
    """Store a calibration: `make(folder)` quantises and writes image.xml and image.bin.

    A tower that is not accurate enough is deleted; only its record stays. Raises what `make`
    raises, and OSError when the cache folder is not writable.
    """
    made: list[Calibration] = []

    def fill(folder: str) -> None:
        calibration = make(folder)
        made.append(calibration)
        # The check compiled the tower here; OpenVINO compiles again after the folder is renamed.
        shutil.rmtree(os.path.join(folder, "compiled"), ignore_errors=True)
        if not calibration.good:
            for name in _MODEL:
                os.unlink(os.path.join(folder, name))
        facts = {"version": _VERSION, "sizes": _sizes(folder), **asdict(calibration)}
        with open(os.path.join(folder, _MANIFEST), "w", encoding="utf-8") as file:
            json.dump(facts, file, indent=1)

    replace_folder(calibration_folder(fingerprint), fill, _MANIFEST)
    return made[0]


def _sizes(folder: str) -> dict[str, int]:
    paths = {name: os.path.join(folder, name) for name in _MODEL}
    return {name: os.path.getsize(path) for name, path in paths.items() if os.path.exists(path)}
