"""Which engine encodes with a model: OpenVINO on the processor, torch on a card and as reference.

auto                       cuda or mps if there is such a card, else cpu
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
from importlib.metadata import version
from typing import TYPE_CHECKING

from retrieval.encoders.compiled import exports
from retrieval.encoders.compiled.runtime import load_openvino
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
    """Load a model for a device, one of `DEVICES`; ModelError for another one."""
    if device not in DEVICES:
        raise ModelError(f"there is no device {device}", "choose from " + ", ".join(DEVICES))
    if device == "auto" and not _has_card():
        device = "cpu"
    if device == "cpu" or device.startswith("cpu:"):
        return _open_on_cpu(files, device.partition(":")[2])
    return _open_on_torch(files, "cpu" if device == "torch" else device)


def _open_on_torch(files: ModelFiles, device: str) -> OpenClipEncoder:
    from retrieval.encoders.openclip import OpenClipEncoder

    return OpenClipEncoder(files, device=device)


def _open_on_cpu(files: ModelFiles, precision: str) -> Encoder:
    if importlib.util.find_spec("openvino") is None:
        _log.warning("OpenVINO is not installed, so torch is used, which is slower")
        return _open_on_torch(files, "cpu")
    identity = fingerprint(files)
    export = exports.read_export(identity)
    if export is None:
        export, otherwise = _exported_now(files, identity)
        if export is None:
            return otherwise
    if precision == "int8":
        from retrieval.encoders.compiled.int8 import Int8Encoder

        return Int8Encoder(files, identity, export)
    from retrieval.encoders.compiled.openvino import OpenVinoEncoder

    return OpenVinoEncoder(files, identity, export, precision)


def _exported_now(files: ModelFiles, identity: str) -> tuple[Export | None, OpenClipEncoder]:
    """Export a model; without one, the encoder on torch is to be used, and the log says why."""
    openvino = version("openvino")
    refusal = exports.read_refusal(identity, openvino)
    if not refusal:
        _notices.info(
            "Preparing %s for this processor, once; that can take a minute.", files.reference
        )
    encoder = _open_on_torch(files, "cpu")
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
