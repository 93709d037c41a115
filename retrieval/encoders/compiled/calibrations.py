"""The folder of an image tower in eight-bit whole numbers: what lies in it, and how good it is.

$XDG_CACHE_HOME/pixtrieve/openvino/FINGERPRINT/int8/
  image.xml, image.bin    as the export's, quantised; missing when it was not good enough
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
"""A tower below it is not used. Measured: there R@10 drops by half a percentage point."""

_VERSION = 1
_MANIFEST = "calibration.json"
_MODEL = ("image.xml", "image.bin")


@dataclass(frozen=True, slots=True)
class Calibration:
    """How an image tower was quantised and how near its vectors are to those of float32.

    `pictures` were calibrated on; `checked` others, of the same person, gave the cosines to the
    exported tower in float32, -1 to 1. `mean_likeness` is the mean cosine of what is left of both
    vectors without the pictures' mean vector: that is what tells pictures apart, and it means the
    same for a model whose vectors all lie close together. `probe_cosine` is the lowest on
    the artificial pictures of `probes.probe_pixels`. `made_with` names the versions.
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
        """Tell whether the tower is near enough to be used."""
        return self.mean_likeness >= LEAST_MEAN_LIKENESS


def calibration_folder(fingerprint: str) -> str:
    """Return where the quantised tower of a model lies, or would."""
    return os.path.join(folder_of(fingerprint), "int8")


def read_calibration(fingerprint: str) -> Calibration | None:
    """Return how a model was quantised; None when it was not, or the tower is not whole."""
    folder = calibration_folder(fingerprint)
    try:
        with open(os.path.join(folder, _MANIFEST), encoding="utf-8") as file:
            facts = json.load(file)
        version, sizes = facts.pop("version"), facts.pop("sizes")
        calibration = Calibration(**facts)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    whole = version == _VERSION and (not calibration.good or sizes == _sizes(folder))
    return calibration if whole else None


def write_calibration(fingerprint: str, make: Callable[[str], Calibration]) -> Calibration:
    """Quantise with `make(folder)`, which leaves image.xml and image.bin there; keep the result.

    What is not good enough is not kept, only the record of it. Raises what `make` raises, and
    OSError when the cache cannot be written.
    """
    made: list[Calibration] = []

    def fill(folder: str) -> None:
        calibration = make(folder)
        made.append(calibration)
        # Compiled to be checked; it would be made anew where the tower comes to lie.
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
