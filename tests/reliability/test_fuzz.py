"""Some inputs of each target of `benchmarks/fuzz.py`, always the same ones."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.waiting import SUBPROCESS_S

ROOT = Path(__file__).parents[2]
COUNT = 100

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(sys, "getdlopenflags"), reason="needs fork and signals"),
]


def test_no_input_does_harm(tmp_path: Path) -> None:
    for extra in ("mcp", "fastapi", "tokenizers"):
        pytest.importorskip(extra)
    results = tmp_path / "results.json"
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks/fuzz.py"), "--results", str(results),
         "--count", str(COUNT)],
        capture_output=True, text=True, check=False, timeout=SUBPROCESS_S, cwd=ROOT,
    )  # fmt: skip
    rows = json.loads(results.read_text("utf-8"))
    assert {name: row["findings"] for name, row in rows.items() if row["findings"]} == {}
    assert {row["count"] for row in rows.values()} == {COUNT}
    assert len(rows) >= 19
    assert done.returncode == 0, done.stderr


def test_findings_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exceptions, crashes and memory are reported with the input that repeats them."""
    sys.path.insert(0, str(ROOT / "benchmarks"))
    import os
    from random import Random

    import fuzz
    from fuzzing import targets

    from retrieval.errors import QueryError

    def make(_: Path) -> Callable[[Random], None]:
        seen: list[int] = []

        def case(_: Random) -> None:
            seen.append(1)
            if len(seen) == 2:
                raise QueryError("refused", "write it otherwise")
            if len(seen) == 3:
                raise KeyError("not on purpose")
            if len(seen) == 4:
                os._exit(7)  # as a crash in a decoder would

        return case

    monkeypatch.setitem(targets.TARGETS, "bad", make)
    row = {"count": 0, "seconds": 0.0, "mb": 0.0, "findings": {}}
    fuzz._run("bad", 1, range(4), row)
    assert row["count"] == 4
    found = row["findings"]
    assert isinstance(found, dict)
    assert "crashed" in found["3"]
    assert "0" not in found
    assert "1" not in found
