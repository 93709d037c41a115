"""The source of a model's towers: its export folder, or graphs that ship with its weights.

Both have a folder for files of this machine: `exports` lists them.
"""

from __future__ import annotations

import os
from typing import Any, Protocol

from retrieval.encoders.compiled.exports import Export
from retrieval.encoders.compiled.proofs import Probe, read_probes
from retrieval.encoders.compiled.runtime import load_openvino
from retrieval.encoders.compiled.towers import ROWS_PER_REQUEST, Placement, Tower
from retrieval.encoders.texts.numpy_text_tower import NumpyTextTower, open_numpy_text_tower


class Graphs(Protocol):
    """A model's towers in OpenVINO's format."""

    folder: str
    export: Export

    def placement(self, name: str, precision: str) -> Placement:
        """Return where a tower ("image" or "text") is and how it runs in a precision."""
        ...

    def model(self, name: str) -> Any:
        """Return a tower as an openvino.Model."""
        ...

    def numpy_text_tower(self) -> NumpyTextTower | None:
        """Return the text tower in numpy; None for an architecture that it does not support."""
        ...

    def probes(self) -> tuple[Probe, ...]:
        """Return the probes with open_clip's vectors."""
        ...


class FolderGraphs:
    """The towers in an export folder, which may hold only one of them."""

    def __init__(self, folder: str, export: Export) -> None:
        self.folder = folder
        self.export = export

    def placement(self, name: str, precision: str) -> Placement:
        """Return where a tower ("image" or "text") is and how it runs in a precision."""
        return placement_in(self.folder, name, precision, self.export)

    def model(self, name: str) -> Any:
        """Return a tower as an openvino.Model."""
        return load_openvino().Core().read_model(os.path.join(self.folder, f"{name}.xml"))

    def numpy_text_tower(self) -> NumpyTextTower | None:
        """Return the text tower in numpy; None for an architecture that it does not support."""
        return open_numpy_text_tower(self.folder)

    def probes(self) -> tuple[Probe, ...]:
        """Return the probes with open_clip's vectors."""
        return read_probes(self.folder, self.export.preprocessing.size)


def placement_in(folder: str, name: str, precision: str, export: Export) -> Placement:
    """Return how a tower whose files are in a folder runs."""
    return Placement(
        file=os.path.join(folder, f"{name}.xml"),
        # One folder per precision: OpenVINO mistakes what it compiled in one for another.
        compiled=os.path.join(folder, "compiled", precision),
        cache_mode=export.cache_mode,
        precision=precision,
        rows_per_request=ROWS_PER_REQUEST[name],
        dim=export.dim,
    )


def tower_of(graphs: Graphs, name: str, precision: str) -> Tower:
    """Return a model's tower ("image" or "text") for one precision."""
    return Tower(graphs.placement(name, precision))
