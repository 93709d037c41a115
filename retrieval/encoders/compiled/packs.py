"""Graphs that ship beside their weights, so that the first use needs no torch.

CHECKPOINT/openvino/
  pack.json                 the model's fingerprint, `Export`, digests, and for each tower the
                            positions of the checkpoint's arrays in its NAME.bin
  image.xml, text.xml       the towers
  constants.dat             the few numbers that are in no array: shapes, mean, deviation, …
  probes.npz                open_clip's vectors of the probe inputs: see `proofs`

So there is only one copy of the weights. The first use of a tower assembles its NAME.bin from the
checkpoint in the user's cache folder, where OpenVINO also caches what it compiles; NAME.json beside
it has the SHA-256. If that folder is not writable, each use assembles it in memory. The numpy text
tower needs none of this: it maps the checkpoint. `export/packing.py` writes these files.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.encoders.compiled.exports import Export, export_of, folder_of
from retrieval.encoders.compiled.graphs import placement_in
from retrieval.encoders.compiled.proofs import PROBES, Probe, read_probes
from retrieval.encoders.compiled.towers import Graph, Placement, model_in_memory
from retrieval.encoders.models.fingerprint import have_digests
from retrieval.encoders.tensors import Tensors
from retrieval.encoders.texts.numpy_text_tower import NumpyTextTower, TextTowerShape
from retrieval.errors import ModelError
from retrieval.whole_file import read_record, whole_file, write_record

VERSION = 1
FOLDER = "openvino"
MANIFEST = "pack.json"
CONSTANTS = "constants.dat"
FILES = ("image.xml", "text.xml", CONSTANTS, PROBES)
_PLACES = "shipped-"
_MARK = 12  # characters of the manifest's digest, so that rebuilt graphs get another folder


def read_pack(weights: str, fingerprint: str) -> PackedGraphs | None:
    """Return the graphs beside a model's weights.

    None if they are missing, incomplete, damaged, of another version or of another model.
    """
    folder = os.path.join(os.path.dirname(weights), FOLDER)
    try:
        with open(os.path.join(folder, MANIFEST), "rb") as file:
            content = file.read()
        facts = json.loads(content)
        if (facts["version"], facts["fingerprint"]) != (VERSION, fingerprint):
            return None
        if {name: digest_of(folder, name) for name in FILES} != facts["digests"]:
            return None
        mark = hashlib.sha256(content).hexdigest()[:_MARK]
        place = os.path.join(folder_of(fingerprint), _PLACES + mark)
        return PackedGraphs(folder, weights, facts, place)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def digest_of(folder: str, name: str) -> str:
    """Return the SHA-256 (hex) of a small file."""
    with open(os.path.join(folder, name), "rb", buffering=0) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def require_own_weights(weights: str, fingerprint: str) -> None:
    """Raise ModelError if the graphs beside the weights were made from other weights."""
    path = os.path.join(os.path.dirname(weights), FOLDER, MANIFEST)
    try:
        with open(path, "rb") as file:
            made_from = json.load(file)["fingerprint"]
    except (OSError, ValueError, KeyError, TypeError):
        return  # the graphs are missing or damaged, not the weights
    if made_from != fingerprint:
        raise ModelError(
            f"the weights of the built-in model are damaged: {weights}", "reinstall Pixtrieve"
        )


def _are_there(folder: str, wanted: Mapping[str, str]) -> bool:
    try:
        return have_digests(folder, wanted)
    except OSError:
        return False


def is_intact(place: str) -> bool:
    """Tell whether the assembled towers in a folder are those of their records."""
    names = [f"{name}.json" for name in ("image", "text")]
    paths = [path for name in names if os.path.exists(path := os.path.join(place, name))]
    records = [read_record(path) for path in paths]
    return all(record is not None and _are_there(place, record) for record in records)


class PackedGraphs:
    """The graphs that ship with a checkpoint."""

    def __init__(self, source: str, weights: str, facts: Mapping[str, Any], place: str) -> None:
        """Read graphs from the folder `source`; write assembled files to the folder `place`."""
        self.folder = os.path.dirname(place)
        self.export: Export = export_of(facts["export"])
        self._facts = facts
        self._source = source
        self._place = place
        self._tensors = Tensors(weights)

    def numpy_text_tower(self) -> NumpyTextTower | None:
        """Return the text tower in numpy; None for an architecture that it does not support."""
        words = self._facts["words"]
        if words is None:
            return None
        arrays = {name: self._tensors[tensor] for name, tensor in words["arrays"].items()}
        return NumpyTextTower(TextTowerShape(**words["shape"]), arrays)

    def probes(self) -> tuple[Probe, ...]:
        """Return the probes with open_clip's vectors."""
        return read_probes(self._source, self.export.preprocessing.size)

    def model(self, name: str) -> Any:
        """Return a tower as an openvino.Model."""
        return model_in_memory(self._graph(name))

    def placement(self, name: str, precision: str) -> Placement:
        """Return where a tower ("image" or "text") is and how it runs in a precision."""
        placement = placement_in(self._place, name, precision, self.export)
        if self._assemble(name):
            return placement
        return replace(placement, file="", graph=lambda: self._graph(name))

    def _assemble(self, name: str) -> bool:
        """Write a tower's files unless they exist; False if the folder is not writable."""
        record = os.path.join(self._place, f"{name}.json")
        try:
            wanted = read_record(record)
            if wanted is not None and _are_there(self._place, wanted):
                return True
            self._make_place()
            made: dict[str, str] = {}
            xml, weights = self._graph(name)
            for end, content in ((".bin", weights.data), (".xml", xml)):
                with whole_file(os.path.join(self._place, name + end)) as file:
                    file.write(content)
                made[name + end] = hashlib.sha256(content).hexdigest()
            write_record(record, made)
        except OSError:
            return False
        return True

    def _make_place(self) -> None:
        """Create the folder; delete the folders of earlier graphs of this model."""
        if not os.path.isdir(self._place):
            os.makedirs(self.folder, exist_ok=True)
            for name in os.listdir(self.folder):
                if name.startswith(_PLACES):
                    shutil.rmtree(os.path.join(self.folder, name), ignore_errors=True)
            os.makedirs(self._place, exist_ok=True)

    def _graph(self, name: str) -> Graph:
        tower = self._facts["towers"][name]
        weights: NDArray[np.uint8] = np.zeros(tower["size"], np.uint8)
        constants = np.fromfile(os.path.join(self._source, CONSTANTS), np.uint8)
        for offset, size, tensor, start in tower["pieces"]:
            source = self._tensors[tensor].reshape(-1).view(np.uint8) if tensor else constants
            weights[offset : offset + size] = source[start : start + size]
        with open(os.path.join(self._source, f"{name}.xml"), "rb") as file:
            return file.read(), weights
