"""The page's plain functions, tested by node's own test runner; skipped where there is no node."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from support.waiting import SUBPROCESS_S

from retrieval.query.fields import FIELDS

STATIC = Path(__file__).parents[2] / "retrieval" / "server" / "static"
SCRIPT = Path(__file__).parent / "script"


@pytest.fixture
def node() -> str:
    found = shutil.which("node")
    if found is None:
        pytest.skip("there is no node on this machine")
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True)
    if int(version.stdout.strip().lstrip("v").split(".")[0]) < 20:
        pytest.skip("node's test runner is too old here: it needs version 20")
    return found


def test_scripts_of_the_first_view_are_loaded_at_once() -> None:
    """Otherwise the browser learns of each from the one that imports it, a round trip later."""
    page = (STATIC / "index.html").read_text()
    announced = re.findall('rel="modulepreload" href="/([a-z_]+[.]js)"', page)
    needed: set[str] = set()
    left = ["app.js"]
    while left:
        script = (STATIC / left.pop()).read_text()
        found = set(re.findall('^import [^;]*?"[.]?/([a-z_]+[.]js)";', script, re.MULTILINE))
        left.extend(found - needed)
        needed |= found
    assert announced == sorted(needed)


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
