"""Import OpenVINO and NNCF without their telemetry.

`import openvino` also imports its model converter, which sends an event to an analytics service
every time, unless the user opts out. It sends on a thread that delays the end of the process. NNCF
does the same. Both work without the package that sends, so it is hidden during the import.
Importing the converter only when needed also saves half of OpenVINO's import time.

If other code has imported openvino in the process before, nothing changes.
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
    """Return the module openvino without its converter; ImportError if it is not installed."""
    with _hidden(_SENDER, _CONVERTER):
        return importlib.import_module("openvino")


def load_converter() -> Callable[..., Any]:
    """Return `convert_model`, which converts a torch module to an openvino.Model."""
    load_openvino()
    with _hidden(_SENDER):
        convert: Callable[..., Any] = importlib.import_module(_CONVERTER).convert_model
        return convert


def load_decoder() -> type[Any]:
    """Return the class that traces a torch module for OpenVINO's PyTorch front end."""
    load_converter()
    decoder = importlib.import_module("openvino.frontend.pytorch.ts_decoder")
    found: type[Any] = decoder.TorchScriptPythonDecoder
    return found


def load_nncf() -> Any:
    """Return the module nncf, which imports torch if available; ImportError if not installed."""
    load_openvino()
    with _hidden(_SENDER):
        return importlib.import_module("nncf")


@contextmanager
def _hidden(*names: str) -> Iterator[None]:
    """Make imports of these modules fail as if they were not installed."""
    modules: dict[str, Any] = sys.modules
    hidden = [name for name in names if name not in modules]
    modules.update(dict.fromkeys(hidden))
    try:
        yield
    finally:
        for name in hidden:
            del modules[name]
