"""The engines report nothing to anybody: their telemetry is not even loaded."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import models

import retrieval

REPORT = (
    "import os, sys, threading\n"
    "print('openvino_telemetry' in sys.modules, os.listdir(os.environ['HOME']),\n"
    "      [t.name for t in threading.enumerate() if 'ThreadPool' in t.name])\n"
)
QUIET = "False [] []\n"


def run(code: str, home: Path, **environment: str) -> str:
    """Run Python with a home of its own, where the telemetry would leave an identity."""
    home.mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-c", code + "\n" + REPORT],
        env={**os.environ, "HOME": str(home), "CI": "", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout


def test_openvino_is_loaded_without_what_it_sends(tmp_path: Path) -> None:
    code = "from retrieval.encoders.compiled.runtime import load_openvino; load_openvino().Core()"
    assert run(code, tmp_path / "home") == QUIET


@pytest.mark.slow
def test_exporting_and_encoding_send_nothing(tmp_path: Path) -> None:
    model = models.save("oblong", tmp_path / "model")
    code = (
        "from retrieval.encoders import open_encoder\n"
        f"open_encoder('local-dir:{model}', device='cpu').encode_texts(['a dog'])"
    )
    assert run(code, tmp_path / "home", XDG_CACHE_HOME=str(tmp_path / "cache")) == QUIET


def test_others_can_still_import_the_whole_of_it(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from retrieval.encoders.compiled.runtime import load_converter, load_openvino\n"
        "load_openvino()\n"
        "assert 'openvino_telemetry' not in sys.modules\n"
        "assert 'openvino.tools.ovc' not in sys.modules\n"
        "assert callable(load_converter())\n"
        "from openvino.tools.ovc import convert_model"
    )
    assert run(code, tmp_path / "home") == QUIET


def test_nothing_imports_an_engine_but_through_the_runtime() -> None:
    for path in Path(retrieval.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert not {name.split(".")[0] for name in names} & {"openvino", "nncf"}, path
