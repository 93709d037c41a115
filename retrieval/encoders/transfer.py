"""Carries a model from a machine that has it to one that has no torch: its export, without weights.

FOLDER/
  pixtrieve-model.json      which model it is, and the size and SHA-256 of every other file
  export.json, image.xml, image.bin, text.xml, text.bin, words.json, probes.npz
                            as `compiled.exports` has them
  tokenizer/…               the tokenizer's files, if it is not open_clip's own

Nothing in it can run code: graphs of OpenVINO's own operations, arrays, JSON. What is brought in
has to be whole, and has to give open_clip's vectors of the probe inputs on the machine that it
comes to. That it was made of the weights that its fingerprint names, it can only claim.
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
_PACK_AGAIN = "pack it again where the model is: pixtrieve models pack NAME FOLDER"
_KNOWN = frozenset(
    (MANIFEST, *MODEL_FILES, *(f"{imported.TOKENIZER}/{name}" for name in TOKENIZER_FILES))
)
_NEEDED = frozenset((MANIFEST, *MODEL_FILES)) - {"words.json"}


@dataclass(frozen=True, slots=True)
class Carried:
    """What a folder says that it holds. `files` are size and SHA-256 by name."""

    reference: str
    fingerprint: str
    parts: Mapping[str, Any]
    files: Mapping[str, tuple[int, str]]


def pack_model(files: ModelFiles, folder: str) -> None:
    """Write a model's export into a folder, new or empty; it is exported first if need be.

    Raises ModelError for a model that has none, or whose tokenizer runs only in open_clip.
    """
    reference = str(files.reference)
    if files.reference.kind == "built-in":
        raise ModelError(f"{reference} comes with Pixtrieve on every machine")
    if os.path.isdir(folder) and os.listdir(folder):
        raise ModelError(f"{folder} is not empty", "name a new folder")
    encoder = open_files(files, "cpu")
    source = folder_of(encoder.spec.fingerprint)
    export = read_export(encoder.spec.fingerprint)
    if not isinstance(encoder, OpenVinoEncoder) or export is None:
        raise ModelError(f"{reference} has no export that could be packed")
    if not export.cleaning:
        raise ModelError(f"the tokenizer of {reference} runs only where open_clip is installed")
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
    with open(os.path.join(folder, _IDENTITY), "w", encoding="utf-8") as file:  # last: it is whole
        json.dump(facts, file, indent=1)


def import_model(folder: str) -> str:
    """Bring in what `pack_model` wrote and return the model's reference.

    Raises ModelNotFound for a folder that holds nothing of the kind, ModelError for one that is
    half there, damaged, of another version, or that does not give the vectors it should here.
    """
    carried = read_carried(folder)

    def fill(target: str) -> None:
        _copy(carried, folder, target)
        export = _proved_here(carried, target)
        imported.write_record(target, carried.reference, carried.parts)
        write_manifest(target, export)

    try:
        replace_folder(folder_of(carried.fingerprint), fill, MANIFEST)
    except OSError as error:
        raise ModelError(
            f"{carried.reference} could not be brought in: {error}",
            "see that the user's cache folder can be written and has room",
        ) from error
    return carried.reference


def read_carried(folder: str) -> Carried:
    """Read which model a folder holds; errors as `import_model`."""
    path = os.path.join(folder, _IDENTITY)
    if not os.path.isfile(path):
        raise ModelNotFound(
            f"{folder} holds no packed model: there is no {_IDENTITY} in it",
            "make one where the model is: pixtrieve models pack NAME FOLDER",
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
        carried = Carried(
            reference=str(parse(facts["reference"])),
            fingerprint=facts["fingerprint"],
            parts=dict(facts["parts"]),
            files={
                str(name): (int(size), str(sha)) for name, (size, sha) in facts["files"].items()
            },
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{path} is damaged: {error}", _PACK_AGAIN) from error
    if fingerprint_of(carried.parts) != carried.fingerprint:
        raise ModelError(f"{path} is damaged: its fingerprint is another model's", _PACK_AGAIN)
    return carried


def _copy(carried: Carried, folder: str, target: str) -> None:
    """Copy the files that belong to it, and see that the copies are what they should be."""
    strange = sorted(set(carried.files) - _KNOWN)
    missing = sorted(
        name
        for name in _NEEDED | set(carried.files)
        if name not in carried.files or not os.path.isfile(os.path.join(folder, name))
    )
    if strange or missing:
        what = f"lacks {', '.join(missing)}" if missing else f"names {', '.join(strange)}"
        raise ModelError(f"the packed model in {folder} {what}", "copy the whole folder again")
    if any("/" in name for name in carried.files):
        os.makedirs(os.path.join(target, imported.TOKENIZER))
    for name, (size, sha) in carried.files.items():
        copy = os.path.join(target, name)
        shutil.copyfile(os.path.join(folder, name), copy)
        if os.path.getsize(copy) != size or _digest(copy) != sha:
            raise ModelError(
                f"{os.path.join(folder, name)} is damaged", "copy the whole folder again"
            )


def _proved_here(carried: Carried, folder: str) -> Export:
    """Return what the export is on this machine, after the proof that it runs here as it should."""
    export = read_export_in(folder)
    if export is None or not export.cleaning:
        raise ModelError(f"the packed {carried.reference} is damaged", _PACK_AGAIN)
    tokenizer = _tokenizer_files(carried, folder)
    try:
        return _proved(export, folder, tokenizer)
    except ModelError as error:
        reason = error.message
    except (OSError, ValueError, KeyError, IndexError, TypeError, RuntimeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
    raise ModelError(f"{carried.reference} cannot be used here: {reason}", _PACK_AGAIN)


def _proved(export: Export, folder: str, tokenizer: Sequence[str]) -> Export:
    """Raise ModelError, or what damaged files raise, unless the export is as it should be."""
    graphs = FolderGraphs(folder, export)
    probes = graphs.probes()
    (text,) = (probe for probe in probes if probe.tower == "text")
    tokenize = light_tokenizer(tokenizer, export.context_length, export.cleaning)
    if not np.array_equal(tokenize(PROBE_TEXTS), text.inputs):
        raise ModelError("its tokenizer gives other tokens")
    words = graphs.words()
    if words is not None:
        with np.errstate(all="ignore"):  # what is no number is not equal either
            cosine = proofs.least_cosine(words.run(text.inputs), text.expected)
        proofs.require_equal(cosine)
    towers = {probe.tower: graphs.model(probe.tower) for probe in probes}
    cosines = proofs.least_cosines(probes, towers, proofs.native_precisions())
    proofs.require_equal(cosines[EXACT])
    return replace(export, least_cosine=cosines, cache_mode=proofs.cache_mode(probes, folder))


def _tokenizer_files(carried: Carried, folder: str) -> tuple[str, ...]:
    """Return the paths of the tokenizer's files, which must be those of the fingerprint."""
    inside = os.path.join(folder, imported.TOKENIZER)
    names = sorted(os.listdir(inside)) if os.path.isdir(inside) else []
    paths = [os.path.join(inside, name) for name in names]
    found = {os.path.basename(path): _digest(path) for path in paths}
    if carried.parts.get("tokenizer") != (
        found or {OPEN_CLIPS_OWN: digest(tables.bpe_vocabulary())}
    ):
        raise ModelError(f"{carried.reference} has another tokenizer than it says", _PACK_AGAIN)
    return tuple(paths)


def _digest(path: str) -> str:
    with open(path, "rb", buffering=0) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
