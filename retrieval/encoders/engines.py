"""Choose the engine for a device: OpenVINO on the processor, torch on a graphics card.

auto                       cuda or mps if such a card and torch are available, else cpu
cpu, cpu:f32, cpu:bf16, …  OpenVINO, in the fastest accurate precision, or in the one named
cpu:int8                   OpenVINO, with an image tower that is quantised on first use
torch                      open_clip on torch on the processor: the reference
cuda, mps                  open_clip on torch on a graphics card
"""

from __future__ import annotations

import importlib.util
import logging
import os
import platform
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from retrieval.encoders.compiled import exports
from retrieval.encoders.compiled.graphs import FolderGraphs, Graphs
from retrieval.encoders.compiled.packs import read_pack, require_own_weights
from retrieval.encoders.compiled.runtime import load_openvino
from retrieval.encoders.models import tables
from retrieval.encoders.models.cache import user_cache
from retrieval.encoders.models.files import ModelFiles
from retrieval.encoders.models.fingerprint import fingerprint
from retrieval.errors import ModelError

if TYPE_CHECKING:
    from retrieval.encoders.compiled.exports import Export
    from retrieval.encoders.openclip import OpenClipEncoder
    from retrieval.encoders.protocols import Encoder

_log = logging.getLogger(__name__)
_notices = logging.getLogger("retrieval.notices")
"""For messages that users should see although nothing is wrong; `commands/logs.py` shows them."""

PRECISIONS = ("f32", "bf16", "f16", "int8")
DEVICES = ("auto", "cpu", *(f"cpu:{name}" for name in PRECISIONS), "torch", "cuda", "mps")


def open_files(files: ModelFiles, device: str) -> Encoder:
    """Load a model for a device, one of `DEVICES`; ModelError for another device.

    Raises MissingExtra when that needs open_clip and torch and they are not installed.
    """
    if device not in DEVICES:
        raise ModelError(f"there is no device {device}", "choose from " + ", ".join(DEVICES))
    on_card = device == "auto" and bool(files.weights) and _has_card()
    if on_card and not tables.is_installed():
        _notify_idle_card()
        on_card = False
    if device == "auto" and not on_card:
        device = "cpu"
    if device == "cpu" or device.startswith("cpu:"):
        return _open_on_cpu(files, device.partition(":")[2])
    return _open_on_torch(files, "cpu" if device == "torch" else device, f"--device {device}")


def _notify_idle_card() -> None:
    """Log, once per user, that the graphics card is unused because torch is not installed."""
    mark = os.path.join(user_cache(), "pixtrieve", "card-is-idle")
    if os.path.exists(mark):
        return
    with suppress(OSError):
        os.makedirs(os.path.dirname(mark), exist_ok=True)
        open(mark, "wb").close()
    _notices.info(
        "Encoding on the processor. To use the graphics card, install torch: "
        "pip install 'pixtrieve[models]'"
    )


def _open_on_torch(files: ModelFiles, device: str, purpose: str) -> OpenClipEncoder:
    if not files.weights:
        raise ModelError(
            f"{files.reference} was imported without its weights, which {purpose} needs",
            "use --device cpu, or fetch the model with its weights: pixtrieve models fetch NAME",
        )
    if not tables.is_installed():
        raise tables.missing(purpose)
    from retrieval.encoders.openclip import OpenClipEncoder

    return OpenClipEncoder(files, device=device)


def _open_on_cpu(files: ModelFiles, precision: str) -> Encoder:
    if importlib.util.find_spec("openvino") is None:
        _log.warning("OpenVINO is not installed; using torch, which is slower")
        return _open_on_torch(files, "cpu", "encoding without the package openvino")
    identity = fingerprint(files)
    graphs = _existing_graphs(files, identity)
    if graphs is None:
        export, otherwise = _export_now(files, identity)
        if export is None:
            return otherwise
        graphs = FolderGraphs(exports.folder_of(identity), export)
    if precision == "int8":
        from retrieval.encoders.compiled.int8 import Int8Encoder

        return Int8Encoder(files, identity, graphs)
    from retrieval.encoders.compiled.openvino import OpenVinoEncoder

    return OpenVinoEncoder(files, identity, graphs, precision)


def _existing_graphs(files: ModelFiles, identity: str) -> Graphs | None:
    """Return a model's graphs that ship with its weights or were exported before, if any."""
    if files.reference.kind == "built-in":
        require_own_weights(files.weights, identity)
    shipped = read_pack(files.weights, identity) if files.folder and files.weights else None
    if shipped is not None:
        return shipped
    export, folder = exports.read_export(identity), exports.folder_of(identity)
    if export is None and os.path.exists(os.path.join(folder, exports.MANIFEST)):
        _notices.info(
            "The files prepared for %s are damaged, or another version of Pixtrieve made them.",
            files.reference,
        )
    return None if export is None else FolderGraphs(folder, export)


def _export_now(files: ModelFiles, identity: str) -> tuple[Export | None, OpenClipEncoder]:
    """Export a model; return the export and the encoder on torch that it was made with.

    If the export fails, it is None, a warning gives the reason, and the encoder on torch serves
    instead.
    """
    from importlib.metadata import version  # 15 ms that a question on the command line saves

    _require_exportable(files)
    openvino = version("openvino")
    refusal = exports.read_refusal(identity, openvino)
    if not refusal:
        _notices.info(
            "Preparing %s for this processor. This is done once and can take a minute.",
            files.reference,
        )
    encoder = _open_on_torch(files, "cpu", f"the model {files.reference}")
    try:
        load_openvino()
    except ImportError as error:
        _log.warning("OpenVINO cannot be loaded; using torch, which is slower: %s", error)
        return None, encoder
    export = None
    if not refusal:
        export, refusal = _export(encoder, openvino)
    if export is None:
        _log.warning("%s runs on torch, which is slower: %s", files.reference, refusal)
    return export, encoder


def _require_exportable(files: ModelFiles) -> None:
    """Raise an error with a remedy if a model without graphs cannot be exported here."""
    if not files.weights:
        raise ModelError(
            f"the imported model {files.reference} is damaged or of another version",
            f"on the machine that has the model: pixtrieve models pack {files.reference} FOLDER; "
            "then here: pixtrieve models import FOLDER",
        )
    if tables.is_installed():
        return
    if files.reference.kind == "built-in":
        raise ModelError(
            "the built-in model is damaged: its graphs do not match its weights",
            "reinstall Pixtrieve, or install what rebuilds the graphs: "
            "pip install 'pixtrieve[models]'",
        )
    raise tables.missing(f"the model {files.reference}")


def _export(encoder: OpenClipEncoder, openvino: str) -> tuple[Export | None, str]:
    """Export a model; if this version of OpenVINO cannot, record and return the reason."""
    from retrieval.encoders.export.exporting import export

    try:
        try:
            return export(encoder), ""
        except ModelError as error:
            exports.write_refusal(encoder.spec.fingerprint, openvino, error.message)
            return None, error.message
    except OSError as error:
        return None, f"the export could not be written ({error})"


def _has_card() -> bool:
    """Guess, without torch, whether this machine has a graphics card that torch can use."""
    if sys.platform == "darwin":
        return platform.machine() == "arm64"
    if sys.platform == "win32":
        return os.path.exists(r"C:\Windows\System32\nvcuda.dll")
    return os.path.exists("/dev/nvidiactl") or os.path.exists("/dev/dxg")
