"""`benchmarks/house.py` counts what is there, and finds the circles and exceptions it should."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

from house import circles, count  # noqa: E402


def test_circles_are_found_whole_and_once() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": {"e"}, "e": set[str](), "f": {"f"}}
    assert circles(graph) == [{"a", "b", "c"}]
    assert circles({"a": {"b"}, "b": set()}) == []


def test_it_counts_files_as_they_are() -> None:
    files = {
        "README.md": b"twelve bytes",
        "retrieval/__init__.py": b"",
        "retrieval/one/__init__.py": b"from retrieval.one.deep import thing\n",
        "retrieval/one/deep.py": b"def f():\n    from retrieval import two\n",
        "retrieval/two.py": b"from retrieval.one import deep\n" + b"\n" * 300,
        "tests/support/floors.py": b'FLOORS = [{"one", "one.deep"}, {"two"}]\n',
    }
    counted = {name: (number, which) for name, number, which in count(files)}
    assert counted["entries at the root of `retrieval/`"] == (3, [])
    assert counted["circles between packages"] == (1, ["one ↔ two"])
    assert counted["circles between modules"] == (1, ["one.deep ↔ two"])
    assert counted["exceptions in the floors"] == (1, ["one.deep"])
    assert counted["modules over 300 lines"] == (1, ["retrieval/two.py (301)"])
    assert counted["bytes of README.md"] == (12, [])


def test_it_prints_a_table() -> None:
    command = [sys.executable, str(ROOT / "benchmarks/house.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.count("\n| ") >= 8
