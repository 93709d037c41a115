"""Graphs that ship beside the weights they belong to, so that the first use needs no torch.

CHECKPOINT/openvino/
  pack.json                 whose graphs these are (a fingerprint), `Export`, digests, and of each
                            tower which arrays of the checkpoint stand where in its NAME.bin
  image.xml, text.xml       the towers
  constants.dat             the few numbers that are in no array: shapes, mean, deviation, …
  probes.npz                what open_clip makes of the probe inputs: see `proofs`

So there is one copy of the weights. When a tower is first needed, its NAME.bin is put together
from the checkpoint in the user's cache folder, where OpenVINO keeps what it compiles from it; where
nothing can be written it is put together in memory, each time. The numpy text tower needs none of
that: it maps the checkpoint. `export/packing.py` makes all this.
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
from retrieval.encoders.compiled.graphs import placed
from retrieval.encoders.compiled.proofs import PROBES, Probe, read_probes
from retrieval.encoders.compiled.towers import Graph, Placement, model_in_memory
from retrieval.encoders.tensors import Tensors
from retrieval.encoders.texts.numpy_text_tower import WordShape, WordTower
from retrieval.whole_file import whole_file

VERSION = 1
FOLDER = "openvino"
MANIFEST = "pack.json"
CONSTANTS = "constants.dat"
FILES = ("image.xml", "text.xml", CONSTANTS, PROBES)
_PLACES = "shipped-"
_MARK = (
    12  # characters of the manifest's digest: graphs that were made anew get a place of their own
)


def read_pack(weights: str, fingerprint: str) -> PackedGraphs | None:
    """Return the graphs beside a model's weights; None when there are none that belong to it.

    Nor when they are of another version, not whole or damaged.
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
    """Return the SHA-256 of a small file."""
    with open(os.path.join(folder, name), "rb", buffering=0) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class PackedGraphs:
    """The graphs of a checkpoint."""

    def __init__(self, source: str, weights: str, facts: Mapping[str, Any], place: str) -> None:
        """Take graphs from the folder `source`; keep files that are put together in `place`."""
        self.folder = os.path.dirname(place)
        self.export: Export = export_of(facts["export"])
        self._facts = facts
        self._source = source
        self._place = place
        self._tensors = Tensors(weights)

    def words(self) -> WordTower | None:
        """Return the text tower for numpy, if it is of that kind."""
        words = self._facts["words"]
        if words is None:
            return None
        arrays = {name: self._tensors[tensor] for name, tensor in words["arrays"].items()}
        return WordTower(WordShape(**words["shape"]), arrays)

    def probes(self) -> tuple[Probe, ...]:
        """Return what open_clip makes of the probes."""
        return read_probes(self._source, self.export.preprocessing.size)

    def model(self, name: str) -> Any:
        """Return a tower as an openvino.Model."""
        return model_in_memory(self._graph(name))

    def placement(self, name: str, precision: str) -> Placement:
        """Say where a tower is, "image" or "text", and how it is run in a precision."""
        place = placed(self._place, name, precision, self.export)
        if self._is_put_together(name):
            return place
        return replace(place, file="", graph=lambda: self._graph(name))

    def _is_put_together(self, name: str) -> bool:
        """Put a tower's files together, unless they are there; False where that cannot be."""
        sizes = {
            ".bin": self._facts["towers"][name]["size"],
            ".xml": os.path.getsize(os.path.join(self._source, f"{name}.xml")),
        }
        paths = {end: os.path.join(self._place, name + end) for end in sizes}
        try:
            if all(
                os.path.exists(paths[e]) and os.path.getsize(paths[e]) == sizes[e] for e in sizes
            ):
                return True
            self._make_place()
            xml, weights = self._graph(name)
            for end, content in ((".bin", weights.data), (".xml", xml)):
                with whole_file(paths[end]) as file:
                    file.write(content)
        except OSError:
            return False
        return True

    def _make_place(self) -> None:
        """Make the folder, in place of those of graphs that have been made anew since."""
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


def _size(path: str) -> int:
    """Return a file's size, -1 if it is not there."""
    return os.path.getsize(path) if os.path.exists(path) else -1
