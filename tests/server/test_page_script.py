"""The page's plain functions, tested by node's own test runner; skipped where there is no node."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

from support.waiting import SUBPROCESS_S

from retrieval.query.fields import FIELDS

STATIC = Path(__file__).parents[2] / "retrieval" / "server" / "static"
SCRIPT = Path(__file__).parent / "script"


def test_the_script_holds(node: str, tmp_path: Path) -> None:
    shutil.copytree(STATIC, tmp_path / "static")
    shutil.copytree(SCRIPT, tmp_path / "script")
    fields = [field.as_object() for field in FIELDS.values()]
    (tmp_path / "script" / "fields.json").write_text(json.dumps(fields))
    (tmp_path / "package.json").write_text('{"type": "module"}')
    tests = [str(path) for path in sorted((tmp_path / "script").glob("*.test.js"))]
    assert tests
    ran = subprocess.run(
        [node, "--test", *tests], cwd=tmp_path, capture_output=True, text=True, timeout=SUBPROCESS_S
    )
    assert ran.returncode == 0, ran.stdout
