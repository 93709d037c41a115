"""A bounded part of the fault campaign: each kind once or twice; `benchmarks/faults.py` is all."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.waiting import SUBPROCESS_S

ROOT = Path(__file__).parents[2]
KINDS = (
    *("kill-index", "kill-refresh", "kill-model", "kill-migrate", "kill-cache", "kill-map"),
    *("kill-captions", "kill-concept", "kill-remove", "kill-relocate", "kill-aside", "kill-repair"),
    "kill-import",
    *("served", "workers", "cache-cut", "cache-flip", "cache-zero"),
    *("catalogue-cut", "changed", "clock", "writers", "readers", "limit", "read-only"),
    "permission",
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(sys, "getdlopenflags"), reason="needs fork and signals"),
]


def campaign(tmp_path: Path, *arguments: str) -> tuple[int, list[dict[str, Any]], str]:
    """Run the campaign; return its exit code, its results and what it printed."""
    results = tmp_path / "results.jsonl"
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks/faults.py"), "--results", str(results), *arguments],
        capture_output=True, text=True, check=False, timeout=SUBPROCESS_S, cwd=ROOT,
    )  # fmt: skip
    rows = [json.loads(line) for line in results.read_text("utf-8").splitlines()]
    return done.returncode, rows, done.stdout + done.stderr


def test_no_fault_loses_anything_or_makes_an_answer_wrong(tmp_path: Path) -> None:
    only = [argument for kind in KINDS for argument in ("--only", kind)]
    code, rows, said = campaign(tmp_path, *only, "--most", str(len(KINDS)))
    assert {row["kind"] for row in rows} == set(KINDS)
    bad = [row for row in rows if row["how"] not in ("ok", "refused")]
    assert bad == [], said
    assert code == 0, said


def test_it_goes_on_where_it_ended(tmp_path: Path) -> None:
    done = [{"kind": "cache-cut", "number": number, "how": "ok", "said": ""} for number in (0, 1)]
    lines = "".join(json.dumps(row) + "\n" for row in done)
    (tmp_path / "results.jsonl").write_text(lines, "utf-8")
    _, rows, said = campaign(tmp_path, "--only", "cache-cut", "--most", "3")
    assert rows[:2] == done
    assert [row["number"] for row in rows] == [0, 1, 2]
    assert "| all " in said


def test_harm_is_seen() -> None:
    """The judge tells lost from wrong; a trial that nothing can fail would prove nothing."""
    sys.path.insert(0, str(ROOT / "benchmarks"))
    from campaign.outcomes import difference

    right: dict[str, list[Any]] = {
        "words": [[-0.9, "a.png", "x"], [-0.5, "b.png", "y"]],
        "people's": [["red"], []],
    }
    assert difference(right, right) is None
    fewer = difference({**right, "words": right["words"][:1]}, right)
    other = difference({**right, "words": [[-0.8, "a.png", "x"], [-0.5, "b.png", "y"]]}, right)
    gone = difference({**right, "people's": [[], []]}, right)
    assert fewer is not None
    assert other is not None
    assert gone is not None
    assert [fewer.how, other.how, gone.how] == ["lost", "wrong", "lost"]
    assert "-0.8" in other.said
