"""Each benchmark runs, in a tiny setting and without other programs, and prints its tables."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from painting import paint

ROOT = Path(__file__).parent.parent / "benchmarks"
TINY = {
    "indexing.py": ("--web", "3", "--photos", "1", "--devices", "cpu:f32"),
    "asking.py": ("--sizes", "30", "60", "--questions", "2"),
    "assistants.py": ("--count", "6"),
    "rescan.py": ("--files", "30"),
    "memory.py": ("--count", "1"),
    "decoding.py": ("--count", "1", "--only", "JPEG,"),
    "models.py": ("pocket", "--count", "2"),
    "card.py": ("--device", "torch", "--batches", "2", "32"),
}


def bench(name: str, cache: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    common = ("--cache", str(cache), "--rounds", "1", "--without-peers", "--model", "pocket")
    command = [sys.executable, str(ROOT / name), *common, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "tables"),
    [
        ("indexing.py", 4),
        ("asking.py", 2),
        ("assistants.py", 1),
        ("rescan.py", 1),
        ("memory.py", 1),
        ("decoding.py", 3),
        ("models.py", 1),
        ("card.py", 2),
    ],
)
def test_it_runs_twice(name: str, tables: int, tmp_path: Path) -> None:
    """What the first run leaves in the cache folder serves the second."""
    for _ in range(2):
        done = bench(name, tmp_path / "cache", *TINY[name])
        assert done.returncode == 0, done.stderr
        lines = done.stdout.splitlines()
        rules = [number for number, line in enumerate(lines) if line.startswith("| --")]
        assert len(rules) == tables
        assert all(any(map(str.isdigit, lines[rule + 1])) for rule in rules)
    assert "making" not in done.stderr


@pytest.mark.slow
def test_a_program_that_fails_is_not_measured(tmp_path: Path) -> None:
    done = bench("indexing.py", tmp_path, *TINY["indexing.py"], "--model", "local-dir:/nowhere")
    assert done.returncode != 0
    assert "there is no folder /nowhere" in done.stderr
    assert "| pixtrieve" not in done.stdout


@pytest.mark.slow
def test_precisions_are_compared(tmp_path: Path) -> None:
    for number in range(4):
        paint(tmp_path / f"{number}.png", (60 * number, 0, 90))
    captions = tmp_path / "captions.jsonl"
    lines = [{"file": f"{number}.png", "captions": ["red", "blue"]} for number in range(4)]
    captions.write_text("\n".join(map(json.dumps, lines)))
    done = bench("precision.py", tmp_path / "cache", "--captions", str(captions))
    assert done.returncode == 0, done.stderr
    rows = [line.split("|") for line in done.stdout.splitlines() if line.startswith("| cpu:")]
    assert {"cpu:f32", "cpu:int8"} <= {row[1].strip() for row in rows}
    assert all(float(row[4]) > 0.99 for row in rows), "cosines to torch"
    assert all(float(row[6]) > 0 for row in rows), "pictures a second"
