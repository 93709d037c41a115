"""Transfer a model to a machine without torch: pack and import its export, without the weights.

FOLDER/
  pixtrieve-model.json      which model it is, and the size and SHA-256 of every other file
  export.json, image.xml, image.bin, text.xml, text.bin, words.json, probes.npz
                            the export: see `compiled.exports`
  tokenizer/…               the tokenizer's files, unless it is open_clip's own

Nothing in the folder can run code: it contains graphs of OpenVINO's own operations, arrays and
JSON. An import must be complete and must reproduce open_clip's vectors of the probe inputs on the
importing machine. It cannot prove that it was made from the weights that its fingerprint names.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from retrieval.encoders.compiled import proofs
from retrieval.encoders.compiled.exports import (
    MANIFEST,
    MODEL_FILES,
    VERSION,
    Export,
    folder_of,
    read_export,
    read_export_in,
    replace_folder,
    write_manifest,
)
from retrieval.encoders.compiled.graphs import FolderGraphs
from retrieval.encoders.compiled.openvino import OpenVinoEncoder, light_tokenizer
from retrieval.encoders.compiled.speeds import EXACT
from retrieval.encoders.engines import open_files
from retrieval.encoders.models import imported, tables
from retrieval.encoders.models.files import TOKENIZER_FILES, ModelFiles
from retrieval.encoders.models.fingerprint import (
    OPEN_CLIPS_OWN,
    digest,
    fingerprint_of,
    parts_of,
)
from retrieval.encoders.models.references import parse
from retrieval.encoders.probes import PROBE_TEXTS
from retrieval.errors import ModelError, ModelNotFound

_IDENTITY = "pixtrieve-model.json"
_FORMAT = 1
_PACK_AGAIN = "pack it again on the machine that has the model: pixtrieve models pack NAME FOLDER"
_KNOWN = frozenset(
    (MANIFEST, *MODEL_FILES, *(f"{imported.TOKENIZER}/{name}" for name in TOKENIZER_FILES))
)
_NEEDED = frozenset((MANIFEST, *MODEL_FILES)) - {"words.json"}


@dataclass(frozen=True, slots=True)
class PackedModel:
    """The record of a packed model. `files` gives the size and SHA-256 of each file by name."""

    reference: str
    fingerprint: str
    parts: Mapping[str, Any]
    files: Mapping[str, tuple[int, str]]


def pack_model(files: ModelFiles, folder: str) -> None:
    """Write a model's export into a new or empty folder; export the model first if necessary.

    Raises ModelError for the built-in model, for a folder that is not empty, for a model that
    cannot be exported, and for one whose tokenizer runs only in open_clip.
    """
    reference = str(files.reference)
    if files.reference.kind == "built-in":
        raise ModelError(
            f"{reference} comes with Pixtrieve on every machine",
            f"use it there without packing: --model {reference}",
        )
    if os.path.isdir(folder) and os.listdir(folder):
        raise ModelError(f"{folder} is not empty", "choose a new or empty folder")
    encoder = open_files(files, "cpu")
    source = folder_of(encoder.spec.fingerprint)
    export = read_export(encoder.spec.fingerprint)
    if not isinstance(encoder, OpenVinoEncoder) or export is None:
        raise ModelError(
            f"{reference} cannot be packed: it has no export for OpenVINO",
            "fetch it on the other machine: pixtrieve models fetch NAME",
        )
    if not export.cleaning:
        raise ModelError(
            f"{reference} cannot be packed: its tokenizer runs only with open_clip",
            "on the other machine, install open_clip: pip install 'pixtrieve[models]'",
        )
    os.makedirs(os.path.join(folder, imported.TOKENIZER), exist_ok=True)
    for name in (*MODEL_FILES, MANIFEST):
        if os.path.exists(os.path.join(source, name)):
            shutil.copyfile(os.path.join(source, name), os.path.join(folder, name))
    for path in files.tokenizer_files:
        shutil.copyfile(path, os.path.join(folder, imported.TOKENIZER, os.path.basename(path)))
    facts = {
        "format": _FORMAT,
        "export": VERSION,
        "reference": reference,
        "fingerprint": encoder.spec.fingerprint,
        "parts": parts_of(files),
        "files": {
            name: (os.path.getsize(path), _digest(path))
            for name in sorted(_KNOWN)
            if os.path.exists(path := os.path.join(folder, name))
        },
    }
    # Written last: this file marks the folder as complete.
    with open(os.path.join(folder, _IDENTITY), "w", encoding="utf-8") as file:
        json.dump(facts, file, indent=1)


def import_model(folder: str) -> str:
    """Import a model that `pack_model` wrote and return its reference.

    Raises ModelNotFound for a folder without a packed model, ModelError for one that is
    incomplete, damaged, of another version, or whose vectors are wrong on this machine.
    """
    packed = read_packed_model(folder)

    def fill(target: str) -> None:
        _copy(packed, folder, target)
        export = _proved_here(packed, target)
        imported.write_imported(target, packed.reference, packed.parts)
        write_manifest(target, export)

    target = folder_of(packed.fingerprint)
    try:
        replace_folder(target, fill, MANIFEST)
    except OSError as error:
        raise ModelError(
            f"{packed.reference} could not be imported: {error}",
            f"check that {os.path.dirname(target)} is writable and its disk has free space",
        ) from error
    return packed.reference


def read_packed_model(folder: str) -> PackedModel:
    """Read which model a folder holds; raises the errors of `import_model`."""
    path = os.path.join(folder, _IDENTITY)
    if not os.path.isfile(path):
        raise ModelNotFound(
            f"{folder} holds no packed model: it contains no {_IDENTITY}",
            "make one on a machine that has the model: pixtrieve models pack NAME FOLDER",
        )
    try:
        with open(path, encoding="utf-8") as file:
            facts = json.load(file)
        made_as = (facts["format"], facts["export"])
        if made_as != (_FORMAT, VERSION):
            newer = max(made_as[0] - _FORMAT, made_as[1] - VERSION) > 0
            raise ModelError(
                f"{folder} was packed by {'a newer' if newer else 'an older'} Pixtrieve",
                "pip install --upgrade pixtrieve" if newer else _PACK_AGAIN,
            )
        packed = PackedModel(
            reference=str(parse(facts["reference"])),
            fingerprint=facts["fingerprint"],
            parts=dict(facts["parts"]),
            files={
                str(name): (int(size), str(sha)) for name, (size, sha) in facts["files"].items()
            },
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{path} is damaged: {error}", _PACK_AGAIN) from error
    if fingerprint_of(packed.parts) != packed.fingerprint:
        raise ModelError(f"{path} is damaged: its fingerprint is another model's", _PACK_AGAIN)
    return packed


def _copy(packed: PackedModel, folder: str, target: str) -> None:
    """Copy the files of a packed model and verify the copies' sizes and digests."""
    strange = sorted(set(packed.files) - _KNOWN)
    missing = sorted(
        name
        for name in _NEEDED | set(packed.files)
        if name not in packed.files or not os.path.isfile(os.path.join(folder, name))
    )
    if strange or missing:
        what = f"lacks {', '.join(missing)}" if missing else f"names {', '.join(strange)}"
        raise ModelError(f"the packed model in {folder} {what}", "copy the whole folder again")
    if any("/" in name for name in packed.files):
        os.makedirs(os.path.join(target, imported.TOKENIZER))
    for name, (size, sha) in packed.files.items():
        copy = os.path.join(target, name)
        shutil.copyfile(os.path.join(folder, name), copy)
        if os.path.getsize(copy) != size or _digest(copy) != sha:
            raise ModelError(
                f"{os.path.join(folder, name)} is damaged", "copy the whole folder again"
            )


def _proved_here(packed: PackedModel, folder: str) -> Export:
    """Check that the export runs correctly here; return it with this machine's cosines."""
    export = read_export_in(folder)
    if export is None or not export.cleaning:
        raise ModelError(f"the packed {packed.reference} is damaged", _PACK_AGAIN)
    tokenizer = _tokenizer_files(packed, folder)
    try:
        return _proved(export, folder, tokenizer)
    except ModelError as error:
        reason = error.message
    except (OSError, ValueError, KeyError, IndexError, TypeError, RuntimeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
    raise ModelError(f"{packed.reference} cannot be used here: {reason}", _PACK_AGAIN)


def _proved(export: Export, folder: str, tokenizer: Sequence[str]) -> Export:
    """Compare the export with its probes; ModelError or the errors of damaged files if wrong."""
    graphs = FolderGraphs(folder, export)
    probes = graphs.probes()
    (text,) = (probe for probe in probes if probe.tower == "text")
    tokenize = light_tokenizer(tokenizer, export.context_length, export.cleaning)
    if not np.array_equal(tokenize(PROBE_TEXTS), text.inputs):
        raise ModelError("its tokenizer returns other tokens")
    words = graphs.numpy_text_tower()
    if words is not None:
        with np.errstate(all="ignore"):  # NaN fails the comparison below
            cosine = proofs.least_cosine(words.run(text.inputs), text.expected)
        proofs.require_equal(cosine)
    towers = {probe.tower: graphs.model(probe.tower) for probe in probes}
    cosines = proofs.least_cosines(probes, towers, proofs.native_precisions())
    proofs.require_equal(cosines[EXACT])
    return replace(export, least_cosine=cosines, cache_mode=proofs.cache_mode(probes, folder))


def _tokenizer_files(packed: PackedModel, folder: str) -> tuple[str, ...]:
    """Return the paths of the tokenizer's files; ModelError if the fingerprint names others."""
    inside = os.path.join(folder, imported.TOKENIZER)
    names = sorted(os.listdir(inside)) if os.path.isdir(inside) else []
    paths = [os.path.join(inside, name) for name in names]
    found = {os.path.basename(path): _digest(path) for path in paths}
    if packed.parts.get("tokenizer") != (
        found or {OPEN_CLIPS_OWN: digest(tables.bpe_vocabulary())}
    ):
        raise ModelError(
            f"the packed {packed.reference} has another tokenizer than its fingerprint names",
            _PACK_AGAIN,
        )
    return tuple(paths)


def _digest(path: str) -> str:
    with open(path, "rb", buffering=0) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
