"""Where the towers of a model come from: the folder of its export, or what ships with its weights.

Either way there is a folder for what is made for this machine: `exports` says what lies in it.
"""

from __future__ import annotations

import os
from typing import Any, Protocol

from retrieval.encoders.compiled.exports import Export
from retrieval.encoders.compiled.proofs import Probe, read_probes
from retrieval.encoders.compiled.runtime import load_openvino
from retrieval.encoders.compiled.towers import ROWS_A_REQUEST, Placement, Tower
from retrieval.encoders.texts.numpy_text_tower import WordTower, open_words


class Graphs(Protocol):
    """A model in OpenVINO's form."""

    folder: str
    export: Export

    def placement(self, name: str, precision: str) -> Placement:
        """Say where a tower is, "image" or "text", and how it is run in a precision."""
        ...

    def model(self, name: str) -> Any:
        """Return a tower as an openvino.Model."""
        ...

    def words(self) -> WordTower | None:
        """Return the text tower for numpy, if it is of that kind."""
        ...

    def probes(self) -> tuple[Probe, ...]:
        """Return what open_clip makes of the probes; () when that is not known."""
        ...


class FolderGraphs:
    """The towers of an export, or of a part of it, in its folder."""

    def __init__(self, folder: str, export: Export) -> None:
        self.folder = folder
        self.export = export

    def placement(self, name: str, precision: str) -> Placement:
        """Say where a tower is, "image" or "text", and how it is run in a precision."""
        return placed(self.folder, name, precision, self.export)

    def model(self, name: str) -> Any:
        """Return a tower as an openvino.Model."""
        return load_openvino().Core().read_model(os.path.join(self.folder, f"{name}.xml"))

    def words(self) -> WordTower | None:
        """Return the text tower for numpy, if it is of that kind."""
        return open_words(self.folder)

    def probes(self) -> tuple[Probe, ...]:
        """Return what open_clip makes of the probes."""
        return read_probes(self.folder, self.export.preprocessing.size)


def placed(folder: str, name: str, precision: str, export: Export) -> Placement:
    """Say how a tower whose files lie in a folder is run."""
    return Placement(
        file=os.path.join(folder, f"{name}.xml"),
        # Of its own for each: OpenVINO takes what was compiled in one precision for another's.
        compiled=os.path.join(folder, "compiled", precision),
        cache_mode=export.cache_mode,
        precision=precision,
        rows_a_request=ROWS_A_REQUEST[name],
        dim=export.dim,
    )


def tower_of(graphs: Graphs, name: str, precision: str) -> Tower:
    """Return a tower of a model, "image" or "text", for one precision."""
    return Tower(graphs.placement(name, precision))
