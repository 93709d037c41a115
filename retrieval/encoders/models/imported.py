"""Models imported from another machine: exports without weights.

$XDG_CACHE_HOME/pixtrieve/openvino/FINGERPRINT/
  imported.json           the model's reference and the parts of its fingerprint
  tokenizer/…             its tokenizer's files, unless it is open_clip's own
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from retrieval.encoders.models.cache import exports_folder
from retrieval.encoders.models.files import ModelFiles
from retrieval.encoders.models.fingerprint import fingerprint_of
from retrieval.encoders.models.references import ModelReference
from retrieval.whole_file import read_record, write_record

RECORD = "imported.json"
TOKENIZER = "tokenizer"


def find(reference: ModelReference) -> ModelFiles | None:
    """Return the imported model that a reference means; None if there is none."""
    wanted = {str(reference)}
    if reference.kind == "published":  # open_clip's tables may turn the name into this one
        wanted.add(f"{reference.name}-quickgelu/{reference.source}")
    for folder, facts in _records().items():
        if facts["reference"] in wanted:
            return _files(reference, folder, facts)
    return None


def references() -> tuple[str, ...]:
    """Return the references of all imported models, sorted."""
    return tuple(sorted({str(facts["reference"]) for facts in _records().values()}))


def write_imported(folder: str, reference: str, parts: Mapping[str, Any]) -> None:
    """Write into an export folder which model it is."""
    write_record(os.path.join(folder, RECORD), {"reference": reference, "parts": dict(parts)})


def _files(reference: ModelReference, folder: str, facts: Mapping[str, Any]) -> ModelFiles:
    parts, inside = facts["parts"], os.path.join(folder, TOKENIZER)
    own = sorted(os.listdir(inside)) if os.path.isdir(inside) else []
    return ModelFiles(
        reference=reference,
        config=parts["config"],
        preprocess=parts["preprocess"],
        weights="",
        folder=folder,
        tokenizer_files=tuple(os.path.join(inside, name) for name in own),
        fingerprint=os.path.basename(folder),
    )


def _records() -> dict[str, dict[str, Any]]:
    """Return the valid records by folder, sorted by name."""
    found: dict[str, dict[str, Any]] = {}
    try:
        names = sorted(os.listdir(exports_folder()))
    except OSError:
        return found
    for name in names:
        folder = os.path.join(exports_folder(), name)
        facts = read_record(os.path.join(folder, RECORD))
        if facts is not None and fingerprint_of(facts["parts"]) == name:
            found[folder] = facts
    return found
