"""Make the graphs that ship beside a checkpoint and take their weights from it: see `packs`.

The conversion keeps layers such as batch norms separate. If OpenVINO folded them here, the results
would be in no array of the checkpoint. It folds them when it compiles.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
from numpy.typing import NDArray

from retrieval.encoders.compiled import packs, proofs
from retrieval.encoders.compiled.exports import Export
from retrieval.encoders.compiled.runtime import load_decoder, load_openvino
from retrieval.encoders.compiled.speeds import EXACT
from retrieval.encoders.compiled.towers import CACHE_MODES
from retrieval.encoders.export import reference_probes
from retrieval.encoders.export.causal import causal_tower, text_tower_arrays
from retrieval.encoders.export.exporting import cleaning_of, image_tower, text_tower
from retrieval.encoders.openclip import OpenClipEncoder
from retrieval.encoders.silenced import silenced
from retrieval.encoders.tensors import Tensors
from retrieval.encoders.texts.numpy_text_tower import NumpyTextTower
from retrieval.errors import ModelError

_BOUNDARY = 64
_MOST_CONSTANTS = 1_000_000  # bytes
_TYPES = {"f32": "<f4", "f16": "<f2", "i64": "<i8"}

Arrays = Mapping[str, NDArray[Any]]


def pack(encoder: OpenClipEncoder, weights: str) -> str:
    """Write the graphs of a loaded model beside its weights, a safetensors file; return the folder.

    The output is deterministic: the same checkpoint gives the same files. Raises ModelError for a
    model that cannot be packed or whose graphs do not reproduce open_clip's vectors.
    """
    tensors, constants = Tensors(weights), _Constants()
    probes = reference_probes.probes_of(encoder)
    target = os.path.join(os.path.dirname(weights), packs.FOLDER)
    with tempfile.TemporaryDirectory() as folder:
        towers = {}
        for name in ("image", "text"):
            path = os.path.join(folder, f"{name}.xml")
            towers[name] = _write_tower(_converted(encoder, name), path, tensors, constants)
        constants.write(os.path.join(folder, packs.CONSTANTS))
        proofs.write_probes(folder, probes)
        facts = {
            "version": packs.VERSION,
            "fingerprint": encoder.spec.fingerprint,
            "digests": {name: packs.digest_of(folder, name) for name in packs.FILES},
            "towers": towers,
            "words": _numpy_tower(encoder, tensors, probes),
            "export": asdict(_described(encoder)),
        }
        _prove(packs.PackedGraphs(folder, weights, facts, os.path.join(folder, "placed")), probes)
        shutil.rmtree(target, ignore_errors=True)
        os.mkdir(target)
        for name in packs.FILES:
            shutil.copyfile(os.path.join(folder, name), os.path.join(target, name))
        with open(os.path.join(target, packs.MANIFEST), "w", encoding="utf-8") as file:
            json.dump(facts, file, sort_keys=True)
    return target


def _described(encoder: OpenClipEncoder) -> Export:
    """Return the model's properties.

    `least_cosine` stays empty, so that the result does not depend on this machine's processor;
    each machine measures the precisions that it supports.
    """
    if not (cleaning := cleaning_of(encoder)):
        raise ModelError("its tokenizer runs only in open_clip")
    return Export(
        dim=encoder.spec.dim,
        preprocessing=encoder.spec.preprocessing,
        licence=encoder.spec.licence,
        context_length=reference_probes.probe_tokens(encoder).shape[1],
        cleaning=cleaning,
        cut=causal_tower(encoder.model) is not None,
        cache_mode=CACHE_MODES[0],
        least_cosine={},
    )


def _prove(graphs: packs.PackedGraphs, probes: Sequence[proofs.Probe]) -> None:
    """Raise ModelError unless the graphs reproduce open_clip's vectors in every way they run."""
    towers = {probe.tower: graphs.model(probe.tower) for probe in probes}
    proofs.require_equal(proofs.least_cosines(probes, towers, [EXACT])[EXACT])
    folders = {os.path.dirname(graphs.placement(name, EXACT).file) for name in towers}
    if {proofs.cache_mode(probes, folder) for folder in folders} != {graphs.export.cache_mode}:
        raise ModelError("OpenVINO's compile cache does not reproduce it")


def _converted(encoder: OpenClipEncoder, name: str) -> Any:
    """Return a tower as an openvino.Model that keeps the arrays of the checkpoint as they are."""
    load_openvino()
    passes = importlib.import_module("openvino.passes")
    written = image_tower(encoder) if name == "image" else text_tower(encoder)
    try:
        with silenced():
            model = written.convert_with(_convert_unchanged)
    except Exception as error:
        raise ModelError(f"OpenVINO cannot convert the {name} tower: {error}") from error
    folding = passes.Manager()  # folds computations of shapes, such as paddings
    folding.register_pass(passes.ConstantFolding())
    folding.run_passes(model)
    return model


def _convert_unchanged(module: Any, *, example_input: Any, input: list[int]) -> Any:  # noqa: A002
    """Convert like `convert_model`, but without its transformations of the graph."""
    decoder = load_decoder()(module, example_input=example_input)
    manager = importlib.import_module("openvino.frontend").FrontEndManager()
    front_end = manager.load_by_framework("pytorch")
    model = front_end.convert(front_end.load(decoder))
    model.reshape(input)
    return model


class _Constants:
    """Constants that are in no array of the checkpoint, without duplicates."""

    def __init__(self) -> None:
        self._content = bytearray()
        self._known: dict[bytes, int] = {}

    def place(self, content: bytes) -> int:
        """Add a constant unless it is known; return its offset in bytes."""
        if content not in self._known:
            self._content += b"\0" * (-len(self._content) % 8)
            self._known[content] = len(self._content)
            self._content += content
        return self._known[content]

    def write(self, path: str) -> None:
        """Write all constants to a file; ModelError if they are too large."""
        if len(self._content) > _MOST_CONSTANTS:
            raise ModelError(
                f"{len(self._content):,} bytes of its graphs are not in the checkpoint, "
                f"more than {_MOST_CONSTANTS:,}",
                "only towers whose weights OpenVINO uses unchanged can be packed",
            )
        with open(path, "wb") as file:
            file.write(self._content)


def _write_tower(model: Any, path: str, tensors: Tensors, constants: _Constants) -> dict[str, Any]:
    """Write a tower's graph and return the positions of arrays in its weights."""
    known = {(array.dtype.str, array.tobytes()): name for name, array in tensors.items()}
    _take_halves(model, known)
    for number, operation in enumerate(model.get_ordered_ops()):
        operation.set_friendly_name(f"n{number}")  # the front end's names differ between runs
    with tempfile.TemporaryDirectory() as folder:
        saved = os.path.join(folder, "tower.xml")
        load_openvino().save_model(model, saved, compress_to_fp16=False)
        document = ET.parse(saved)  # noqa: S314 - written by OpenVINO a moment ago
        with open(os.path.join(folder, "tower.bin"), "rb") as file:
            weights = file.read()
    document.getroot().set("name", "tower")
    pieces: dict[tuple[str, bytes], tuple[int, int, str, int]] = {}
    end = 0
    for data in (layer.find("data") for layer in document.iter("layer") if _is_constant(layer)):
        assert data is not None
        start, size = int(data.get("offset", "")), int(data.get("size", ""))
        content = weights[start : start + size]
        key = _TYPES.get(data.get("element_type", ""), ""), content
        if key not in pieces:
            tensor = known.get(key, "")
            pieces[key] = end, size, tensor, 0 if tensor else constants.place(content)
            end += size + -size % _BOUNDARY
        data.set("offset", str(pieces[key][0]))
    document.write(path, xml_declaration=True)
    return {"size": end, "pieces": list(pieces.values())}


def _is_constant(layer: ET.Element) -> bool:
    return layer.get("type") == "Const"


def _take_halves(model: Any, known: Mapping[tuple[str, bytes], str]) -> None:
    """Replace constants that the checkpoint has in half floats by those, plus a conversion."""
    ov = load_openvino()
    operations = importlib.import_module("openvino.opset13")
    for constant in model.get_ordered_ops():
        if constant.get_type_name() != "Constant" or constant.get_element_type() != ov.Type.f32:
            continue
        full = constant.data
        with np.errstate(over="ignore"):
            halves = full.astype(np.float16)
        only_halves = ("<f4", full.tobytes()) not in known and ("<f2", halves.tobytes()) in known
        if not only_halves or not np.array_equal(halves.astype(np.float32), full):
            continue
        stored = operations.constant(halves, dtype=ov.Type.f16)
        widened = operations.convert(stored, "f32").output(0)
        for user in constant.output(0).get_target_inputs():
            user.replace_source_output(widened)


def _numpy_tower(
    encoder: OpenClipEncoder, tensors: Tensors, probes: Sequence[proofs.Probe]
) -> dict[str, Any] | None:
    """Return shape and array names of the numpy text tower; None for other architectures."""
    found = text_tower_arrays(encoder.model)
    if found is None:
        return None
    shape, arrays = found
    prefix = "" if "text_projection" in tensors else "text."
    names = {name: prefix + name for name in arrays}
    mapped: Arrays = {name: tensors[tensor] for name, tensor in names.items()}
    for name, array in arrays.items():
        if not np.array_equal(mapped[name].astype(np.float32), array):
            raise ModelError(f"the checkpoint has other numbers in {names[name]}")
    probe = next(probe for probe in probes if probe.tower == "text")
    proofs.require_equal(
        proofs.least_cosine(NumpyTextTower(shape, mapped).run(probe.inputs), probe.expected)
    )
    return {"shape": asdict(shape), "arrays": names}
