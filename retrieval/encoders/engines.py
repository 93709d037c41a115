"""Which engine encodes with a model: OpenVINO on the processor, torch on a card and as reference.

auto                       cuda or mps if there is such a card, and torch, else cpu
cpu, cpu:f32, cpu:bf16, …  OpenVINO, in the fastest precision that stays equal, or the one named
cpu:int8                   the same, with an image tower that is calibrated when it is first needed
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
from importlib.metadata import version
from typing import TYPE_CHECKING

from retrieval.encoders.compiled import exports
from retrieval.encoders.compiled.graphs import FolderGraphs, Graphs
from retrieval.encoders.compiled.packs import read_pack
from retrieval.encoders.compiled.runtime import load_openvino
from retrieval.encoders.models import tables
from retrieval.encoders.models.cache import user_cache
from retrieval.encoders.models.files import ModelFiles
from retrieval.encoders.models.fingerprint import fingerprint
from retrieval.errors import ModelError

if TYPE_CHECKING:
    from retrieval.encoders import Encoder
    from retrieval.encoders.compiled.exports import Export
    from retrieval.encoders.openclip import OpenClipEncoder

_log = logging.getLogger(__name__)
_notices = logging.getLogger("retrieval.notices")
"""What is well, but takes long enough for somebody to wonder; `commands/logs.py` shows it."""

PRECISIONS = ("f32", "bf16", "f16", "int8")
DEVICES = ("auto", "cpu", *(f"cpu:{name}" for name in PRECISIONS), "torch", "cuda", "mps")


def open_files(files: ModelFiles, device: str) -> Encoder:
    """Load a model for a device, one of `DEVICES`; ModelError for another one.

    Raises MissingExtra where that needs open_clip and torch, and they are not installed.
    """
    if device not in DEVICES:
        raise ModelError(f"there is no device {device}", "choose from " + ", ".join(DEVICES))
    on_card = device == "auto" and bool(files.weights) and _has_card()
    if on_card and not tables.is_installed():
        _say_that_a_card_is_idle()
        on_card = False
    if device == "auto" and not on_card:
        device = "cpu"
    if device == "cpu" or device.startswith("cpu:"):
        return _open_on_cpu(files, device.partition(":")[2])
    return _open_on_torch(files, "cpu" if device == "torch" else device, f"--device {device}")


def _say_that_a_card_is_idle() -> None:
    """Say it once for a user: a card that stays idle at every question is no news."""
    mark = os.path.join(user_cache(), "pixtrieve", "card-is-idle")
    if os.path.exists(mark):
        return
    with suppress(OSError):
        os.makedirs(os.path.dirname(mark), exist_ok=True)
        open(mark, "wb").close()
    _notices.info(
        "Pictures are encoded on the processor; the graphics card can be used once torch is "
        "installed: pip install 'pixtrieve[models]'"
    )


def _open_on_torch(files: ModelFiles, device: str, purpose: str) -> OpenClipEncoder:
    if not files.weights:
        raise ModelError(
            f"{files.reference} was brought in without its weights, so {purpose} cannot be",
            "use --device cpu, or fetch the model itself: pixtrieve models fetch NAME",
        )
    if not tables.is_installed():
        raise tables.missing(purpose)
    from retrieval.encoders.openclip import OpenClipEncoder

    return OpenClipEncoder(files, device=device)


def _open_on_cpu(files: ModelFiles, precision: str) -> Encoder:
    if importlib.util.find_spec("openvino") is None:
        _log.warning("OpenVINO is not installed, so torch is used, which is slower")
        return _open_on_torch(files, "cpu", "encoding without the package openvino")
    identity = fingerprint(files)
    graphs = _graphs_there(files, identity)
    if graphs is None:
        export, otherwise = _exported_now(files, identity)
        if export is None:
            return otherwise
        graphs = FolderGraphs(exports.folder_of(identity), export)
    if precision == "int8":
        from retrieval.encoders.compiled.int8 import Int8Encoder

        return Int8Encoder(files, identity, graphs)
    from retrieval.encoders.compiled.openvino import OpenVinoEncoder

    return OpenVinoEncoder(files, identity, graphs, precision)


def _graphs_there(files: ModelFiles, identity: str) -> Graphs | None:
    """Return the graphs of a model that ship with its weights, or were made of it before."""
    shipped = read_pack(files.weights, identity) if files.folder and files.weights else None
    if shipped is not None:
        return shipped
    export = exports.read_export(identity)
    return None if export is None else FolderGraphs(exports.folder_of(identity), export)


def _exported_now(files: ModelFiles, identity: str) -> tuple[Export | None, OpenClipEncoder]:
    """Export a model; without one, the encoder on torch is to be used, and the log says why."""
    _require_what_exports(files)
    openvino = version("openvino")
    refusal = exports.read_refusal(identity, openvino)
    if not refusal:
        _notices.info(
            "Preparing %s for this processor, once; that can take a minute.", files.reference
        )
    encoder = _open_on_torch(files, "cpu", f"the model {files.reference}")
    try:
        load_openvino()
    except ImportError as error:
        _log.warning("OpenVINO cannot be loaded, so torch is used, which is slower: %s", error)
        return None, encoder
    export = None
    if not refusal:
        export, refusal = _export(encoder, openvino)
    if export is None:
        _log.warning("%s runs on torch, which is slower: %s", files.reference, refusal)
    return export, encoder


def _require_what_exports(files: ModelFiles) -> None:
    """Say what can be done where a model has no graphs and cannot be exported."""
    if not files.weights:
        raise ModelError(
            f"what was brought in of {files.reference} is damaged, or of another version",
            "pack it again where the model is, then: pixtrieve models import FOLDER",
        )
    if tables.is_installed():
        return
    if files.reference.kind == "built-in":
        raise ModelError(
            "the built-in model is damaged: its graphs do not belong to its weights",
            "install Pixtrieve again, or what makes them anew: pip install 'pixtrieve[models]'",
        )
    raise tables.missing(f"the model {files.reference}")


def _export(encoder: OpenClipEncoder, openvino: str) -> tuple[Export | None, str]:
    """Export a model; or remember, and return, why this version of OpenVINO cannot have it."""
    from retrieval.encoders.export.exporting import export

    try:
        try:
            return export(encoder), ""
        except ModelError as error:
            exports.write_refusal(encoder.spec.fingerprint, openvino, error.message)
            return None, error.message
    except OSError as error:
        return None, f"its export could not be written ({error})"


def _has_card() -> bool:
    """Tell, without torch, whether this machine seems to have a card that torch can use."""
    if sys.platform == "darwin":
        return platform.machine() == "arm64"
    if sys.platform == "win32":
        return os.path.exists(r"C:\Windows\System32\nvcuda.dll")
    return os.path.exists("/dev/nvidiactl") or os.path.exists("/dev/dxg")
