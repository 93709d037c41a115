"""OpenVINO and NNCF, imported so that they tell nobody that they are used.

`import openvino` also imports its model converter, which sends an event to an analytics service,
every time, on a thread that the process waits for at its end, unless the user has found out how to
opt out; NNCF does the same. Both do without when the package that sends is not there, so it is
hidden while they are imported. Leaving the converter out until it is needed saves a question half
of OpenVINO's import.

In a process that imported openvino before this room did, that choice was made by others and stays.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_SENDER = "openvino_telemetry"
_CONVERTER = "openvino.tools.ovc"


def load_openvino() -> Any:
    """Return the module openvino, without its converter; ImportError when it is not installed."""
    with _hidden(_SENDER, _CONVERTER):
        return importlib.import_module("openvino")


def load_converter() -> Callable[..., Any]:
    """Return `convert_model`: a torch module to an openvino.Model."""
    load_openvino()
    with _hidden(_SENDER):
        convert: Callable[..., Any] = importlib.import_module(_CONVERTER).convert_model
        return convert


def load_decoder() -> type[Any]:
    """Return what follows a torch module on its way for OpenVINO's front end."""
    load_converter()
    decoder = importlib.import_module("openvino.frontend.pytorch.ts_decoder")
    found: type[Any] = decoder.TorchScriptPythonDecoder
    return found


def load_nncf() -> Any:
    """Return the module nncf; ImportError when it is not installed.

    It imports torch where that is installed.
    """
    load_openvino()
    with _hidden(_SENDER):
        return importlib.import_module("nncf")


@contextmanager
def _hidden(*names: str) -> Iterator[None]:
    """Let imports of some modules fail, as if they were not installed."""
    modules: dict[str, Any] = sys.modules
    hidden = [name for name in names if name not in modules]
    modules.update(dict.fromkeys(hidden))
    try:
        yield
    finally:
        for name in hidden:
            del modules[name]
