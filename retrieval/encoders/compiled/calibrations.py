"""The cache folder of an image tower quantised to int8, and the record of its accuracy.

$XDG_CACHE_HOME/pixtrieve/openvino/FINGERPRINT/int8/
  image.xml, image.bin    the quantised tower; missing when it is not accurate enough
  calibration.json        `Calibration`
  compiled/               OpenVINO's own cache, for this machine
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass

from retrieval.encoders.compiled.exports import folder_of, replace_folder
from retrieval.encoders.models.fingerprint import digests, have_digests
from retrieval.whole_file import read_record, write_record

LEAST_MEAN_LIKENESS = 0.99
"""A tower below this is not used. Measured: at this value R@10 drops by half a percentage point."""

_VERSION = 2
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
    """Return a model's calibration; None if there is none or its files are damaged."""
    folder = calibration_folder(fingerprint)
    facts = read_record(os.path.join(folder, _MANIFEST))
    if facts is None:
        return None
    try:
        version, wanted = facts.pop("version"), facts.pop("digests")
        calibration = Calibration(**facts)
        complete = set(wanted) == set(_MODEL if calibration.good else ())
        intact = version == _VERSION and complete and have_digests(folder, wanted)
    except (OSError, KeyError, TypeError, AttributeError):
        return None
    return calibration if intact else None


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
        names = _MODEL if calibration.good else ()
        found = digests([os.path.join(folder, name) for name in names])
        by_name = dict(zip(names, found, strict=True))
        facts = {"version": _VERSION, "digests": by_name, **asdict(calibration)}
        write_record(os.path.join(folder, _MANIFEST), facts)

    replace_folder(calibration_folder(fingerprint), fill, _MANIFEST)
    return made[0]
