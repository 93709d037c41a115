"""The cache folder of a model that has been exported for OpenVINO; it is written atomically.

$XDG_CACHE_HOME/pixtrieve/openvino/FINGERPRINT/
  image.xml, image.bin    pixels (n, H, W, 3) uint8 → unit vectors (n, dim)
  text.xml, text.bin      token ids (n, any number up to context) int64 → unit vectors (n, dim)
  words.json              places of `numpy_text_tower`'s weights in text.bin, if it supports them
  probes.npz              open_clip's vectors of the probe inputs: see `proofs`
  export.json             `Export` (dim, preprocessing, tokenizer, accuracy), SHA-256 of the above
  compiled/               OpenVINO's own cache, for this machine: see `towers`
  texts-….f32             vectors of fixed texts: see `text_cache`
  speeds.json             how fast each precision is on this processor: see `speeds`
  cosines.json            accuracy of precisions that the exporting machine does not support
  int8/                   the image tower quantised on the user's pictures: see `calibrations`
  refused.txt             instead of all others: why this model cannot be exported
  imported.json           which model it is, if it was imported: see `models.imported`
  shipped-…/              the towers of a model that ships with its graphs: see `packs`

All JSON files here are records with a checksum of their own (`whole_file`).
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from retrieval.encoders.models.cache import exports_folder
from retrieval.encoders.models.fingerprint import digests, have_digests
from retrieval.specs import Preprocessing, preprocessing_of
from retrieval.whole_file import read_record, write_record

VERSION = 8
MANIFEST = "export.json"
MODEL_FILES = ("image.xml", "image.bin", "text.xml", "text.bin", "words.json", "probes.npz")
_REFUSED = "refused.txt"


@dataclass(frozen=True, slots=True)
class Export:
    """The properties of an exported model.

    `cleaning` names the tokenizer's text cleaning ("" when only open_clip can run the tokenizer).
    `cut` is true if the text tower accepts tokens without the padding after a text's end.
    `cache_mode` is the mode of OpenVINO's compile cache; some models load wrong from one of them.
    `least_cosine` is, by precision, the lowest cosine to open_clip's vectors of the probe inputs.
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
    """Return the path of a model's export folder; it may not exist."""
    return os.path.join(exports_folder(), fingerprint)


def read_export(fingerprint: str) -> Export | None:
    """Return a model's export; None if it is missing, incomplete, damaged or of another version.

    The record has the SHA-256 of each file; files that are unchanged since they were read are not
    read again.
    """
    return read_export_in(folder_of(fingerprint))


def read_export_in(folder: str) -> Export | None:
    """Return the export in any folder; None as `read_export` does."""
    facts = read_record(os.path.join(folder, MANIFEST))
    if facts is None:
        return None
    try:
        if facts.pop("version") != VERSION or not are_intact(folder, facts.pop("digests")):
            return None
        return export_of(facts)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def are_intact(folder: str, wanted: Mapping[str, str]) -> bool:
    """Tell whether the model's files in a folder are those of a record, and no others."""
    return set(wanted) == set(_present(folder)) and have_digests(folder, wanted)


def export_of(facts: Mapping[str, Any]) -> Export:
    """Rebuild an Export from the result of `asdict`; or raise what other facts cause."""
    return Export(**{**facts, "preprocessing": preprocessing_of(facts["preprocessing"])})


def read_refusal(fingerprint: str, openvino_version: str) -> str:
    """Return why this version of OpenVINO cannot convert a model, "" if it was not tried."""
    try:
        with open(os.path.join(folder_of(fingerprint), _REFUSED), encoding="utf-8") as file:
            version, _, reason = file.read().partition("\n")
    except OSError:
        return ""
    return reason if version == openvino_version else ""


def write_export(fingerprint: str, write_models: Callable[[str], Export]) -> Export:
    """Write an export atomically; `write_models(folder)` writes the model's files."""
    written: list[Export] = []

    def fill(folder: str) -> None:
        export = write_models(folder)
        write_manifest(folder, export)
        written.append(export)

    replace_folder(folder_of(fingerprint), fill, MANIFEST)
    return written[0]


def write_manifest(folder: str, export: Export) -> None:
    """Write the manifest of an export folder; it marks the folder as complete, so it comes last."""
    names = _present(folder)
    found = digests([os.path.join(folder, name) for name in names])
    facts = {"version": VERSION, "digests": dict(zip(names, found, strict=True)), **asdict(export)}
    write_record(os.path.join(folder, MANIFEST), facts)


def write_refusal(fingerprint: str, openvino_version: str, reason: str) -> None:
    """Record that a model cannot be exported, so that not every start tries again."""

    def fill(folder: str) -> None:
        with open(os.path.join(folder, _REFUSED), "w", encoding="utf-8") as file:
            file.write(f"{openvino_version}\n{reason}")

    replace_folder(folder_of(fingerprint), fill, MANIFEST)


def _present(folder: str) -> list[str]:
    """Return the names of the model's files that are there."""
    return [name for name in MODEL_FILES if os.path.exists(os.path.join(folder, name))]


def replace_folder(target: str, fill: Callable[[str], None], manifest: str) -> None:
    """Replace a folder atomically: `fill(folder)` writes a temporary one, which is then renamed.

    If `fill` raises, the temporary folder is deleted. The file named `manifest` marks a complete
    folder.
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
            # Another process has written the same folder in the meantime.
            shutil.rmtree(temporary, ignore_errors=True)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
