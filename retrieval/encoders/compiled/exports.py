"""The folder of a model that has been exported for OpenVINO: what lies in it, whole or not at all.

$XDG_CACHE_HOME/pixtrieve/openvino/FINGERPRINT/
  image.xml, image.bin    pixels (n, H, W, 3) uint8 → unit vectors (n, dim)
  text.xml, text.bin      token ids (n, any number up to context) int64 → unit vectors (n, dim)
  words.json              where in text.bin `words` finds the weights, if it knows such a tower
  probes.npz              what open_clip makes of the probe inputs: see `proofs`
  export.json             `Export`: dim, preprocessing, tokenizer, how equal it is
  compiled/               OpenVINO's own cache, for this machine
  texts-….npy             vectors of texts that every library asks for: `kept_texts`
  speeds.json             how fast each precision is on this processor: `speeds`
  cosines.json            how equal precisions are that the exporting machine did not have
  int8/                   the image tower once more, calibrated on pictures: see `calibrations`
  refused.txt             instead of all that: why this model cannot be exported
  imported.json           which model it is, if it was brought in: see `models.imported`
  shipped-…/              the towers of a model whose weights have their graphs beside them: `packs`
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from retrieval.encoders.models.cache import exports_folder
from retrieval.specs import Preprocessing

VERSION = 7
MANIFEST = "export.json"
MODEL_FILES = ("image.xml", "image.bin", "text.xml", "text.bin", "words.json", "probes.npz")
_REFUSED = "refused.txt"


@dataclass(frozen=True, slots=True)
class Export:
    """What an exported model is.

    `cleaning` names how the tokenizer cleans a text ("" when only open_clip can run it).
    `cut` tells whether the text tower takes tokens without the padding behind a text's end.
    `cache_mode` is how OpenVINO is to keep what it compiles: some models come back wrong in one.
    `least_cosine` is, by precision, the lowest cosine to open_clip's vectors over the probe inputs.
    """

    dim: int
    preprocessing: Preprocessing
    licence: str
    context_length: int
    cleaning: str
    cut: bool
    cache_mode: str
    least_cosine: Mapping[str, float]


def folder_of(fingerprint: str) -> str:
    """Return where the export of a model lies, or would."""
    return os.path.join(exports_folder(), fingerprint)


def read_export(fingerprint: str) -> Export | None:
    """Return what was exported, None when nothing was, or not whole, or by another version."""
    return read_export_in(folder_of(fingerprint))


def read_export_in(folder: str) -> Export | None:
    """Do as `read_export` does, with a folder that may lie anywhere."""
    try:
        with open(os.path.join(folder, MANIFEST), encoding="utf-8") as file:
            facts = json.load(file)
        if facts.pop("version") != VERSION or facts.pop("sizes") != _sizes(folder):
            return None
        return export_of(facts)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def export_of(facts: Mapping[str, Any]) -> Export:
    """Put together what `asdict` took apart; TypeError or KeyError when it is something else."""
    preprocessing = dict(facts["preprocessing"])
    for key in ("size", "mean", "std"):
        preprocessing[key] = tuple(preprocessing[key])
    return Export(**{**facts, "preprocessing": Preprocessing(**preprocessing)})


def read_refusal(fingerprint: str, openvino_version: str) -> str:
    """Return why this version of OpenVINO could not express a model, "" if it was not tried."""
    try:
        with open(os.path.join(folder_of(fingerprint), _REFUSED), encoding="utf-8") as file:
            version, _, reason = file.read().partition("\n")
    except OSError:
        return ""
    return reason if version == openvino_version else ""


def write_export(fingerprint: str, write_models: Callable[[str], Export]) -> Export:
    """Fill a folder beside its place with `write_models(folder)`, then put it there."""
    written: list[Export] = []

    def fill(folder: str) -> None:
        export = write_models(folder)
        write_manifest(folder, export)
        written.append(export)

    replace_folder(folder_of(fingerprint), fill, MANIFEST)
    return written[0]


def write_manifest(folder: str, export: Export) -> None:
    """Say what the export is that lies in a folder: the last thing that makes it whole."""
    facts: dict[str, Any] = {"version": VERSION, "sizes": _sizes(folder), **asdict(export)}
    with open(os.path.join(folder, MANIFEST), "w", encoding="utf-8") as file:
        json.dump(facts, file, indent=1)


def write_refusal(fingerprint: str, openvino_version: str, reason: str) -> None:
    """Remember that a model cannot be exported, so that it is not tried at every start."""

    def fill(folder: str) -> None:
        with open(os.path.join(folder, _REFUSED), "w", encoding="utf-8") as file:
            file.write(f"{openvino_version}\n{reason}")

    replace_folder(folder_of(fingerprint), fill, MANIFEST)


def _sizes(folder: str) -> dict[str, int]:
    """Return the sizes of the model's files: a file that is missing or cut short shows."""
    paths = {name: os.path.join(folder, name) for name in MODEL_FILES}
    return {name: os.path.getsize(path) for name, path in paths.items() if os.path.exists(path)}


def replace_folder(target: str, fill: Callable[[str], None], manifest: str) -> None:
    """Fill a folder beside its place with `fill(folder)`, then put it there, or leave no trace.

    The file named `manifest` tells a folder that is whole.
    """
    os.makedirs(os.path.dirname(target), exist_ok=True)
    temporary = tempfile.mkdtemp(dir=os.path.dirname(target), suffix=".tmp")
    try:
        fill(temporary)
        shutil.rmtree(target, ignore_errors=True)
        try:
            os.rename(temporary, target)
        except OSError:
            if not os.path.exists(os.path.join(target, manifest)):
                raise
            # Another process has put the same thing there meanwhile.
            shutil.rmtree(temporary, ignore_errors=True)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
