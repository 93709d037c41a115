"""Change the code of a few packages in small ways, and see whether a test notices.

    python benchmarks/mutants.py [--package P …] [--count N] [--seed S]

First all fast tests of the packages run once, and coverage notes which tests run which lines. Then
each of a random sample of changes (`mutating`) is made in a process of its own, and the tests that
run its line are run until one fails. A change that no test notices survives: it shows a missing
assertion, or it changes nothing that matters. Changes of the second kind are named, with the
reason, in `equivalent.txt`. Results go to a file, and a later run goes on from there.
"""

from __future__ import annotations

import argparse
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from types import CodeType, ModuleType
from typing import Any

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")

from bench import beside, note, print_table
from mutating import Mutant, mutants, mutated

ROOT = Path(__file__).parents[1]
TESTS = {
    "query": ("tests/query", "tests/search"),
    "catalogue": ("tests/catalogue", "tests/library", "tests/folder"),
    "stores": ("tests/stores", "tests/search"),
    "search": ("tests/search", "tests/library"),
}
"""The packages, and the tests that are about them."""

_QUIET = ("-q", "-x", "-W", "ignore", "-m", "not slow", "--import-mode=importlib", "-p",
          "no:cacheprovider", "-p", "no:xdist", "-p", "no:randomly")  # fmt: skip
_HEAVY = ("numpy", "PIL.Image", "pytest", "hypothesis", "faiss", "click")
_MOST_TESTS = 60
"""Tests that are run for one change: a line that all tests run needs no more."""


def main() -> int:
    """Try the changes that were not tried yet; return 1 if one survives that is not explained."""
    given = _options()
    os.chdir(ROOT)
    folder = Path(given.results or Path(tempfile.gettempdir(), f"mutants-{given.seed}"))
    folder.mkdir(parents=True, exist_ok=True)
    results = folder / "results.json"
    done: dict[str, str] = json.loads(results.read_text("utf-8")) if results.exists() else {}
    known, rows, unexplained = _equivalent(), [], []
    for name in _HEAVY:
        importlib.import_module(name)
    for package in given.package or TESTS:
        covered = _covered(package, folder)
        counts: Counter[str] = Counter()
        for mutant in _sample(package, given.count, given.seed):
            if mutant.key not in done:
                tests = _tests_of(mutant, covered)
                done[mutant.key] = _tried(mutant, tests, given.limit) if tests else "not run"
                results.write_text(json.dumps(done, indent=1, ensure_ascii=False), "utf-8")
            how = done[mutant.key]
            counts[how] += 1
            if how in ("survived", "not run"):
                counts["equivalent"] += mutant.key in known
                if mutant.key not in known:
                    unexplained.append(mutant)
                    note(f"{how}: line {mutant.line} of {mutant.key}")
        rows.append(_row(package, counts))
    head = ["package", "mutants", "killed", "no end", "survived", "not run", "of these equivalent"]
    print_table("What tests notice", head, rows)
    return int(bool(unexplained))


def _row(package: str, counts: Counter[str]) -> list[str]:
    tried = counts.total() - counts["equivalent"]
    names = ("killed", "no end", "survived", "not run", "equivalent")
    return [package, str(tried), *(str(counts[name]) for name in names)]


def _sample(package: str, count: int, seed: int) -> list[Mutant]:
    found = [
        mutant
        for path in sorted((ROOT / "retrieval" / package).rglob("*.py"))
        for mutant in mutants(str(path.relative_to(ROOT)), path.read_text("utf-8"))
    ]
    return Random(f"{seed} {package}").sample(found, min(count, len(found)))


def _covered(package: str, folder: Path) -> Mapping[str, Mapping[int, Sequence[str]]]:
    """Return the tests that run each line of the package's modules, fast ones first."""
    kept = folder / f"covered-{package}.json"
    if not kept.exists():
        note(f"{package}: which tests run which lines")
        data = folder / f"coverage-{package}"
        subprocess.run(
            (sys.executable, "-m", "pytest", *_QUIET, "--cov", f"retrieval.{package}",
             "--cov-context=test", "--cov-report=", *TESTS[package]),
            env={**os.environ, "COVERAGE_FILE": str(data)},
            check=True,
        )  # fmt: skip
        kept.write_text(json.dumps(_lines(data)), "utf-8")
    found = json.loads(kept.read_text("utf-8"))
    return {path: {int(line): tests for line, tests in lines.items()}
            for path, lines in found.items()}  # fmt: skip


def _lines(data: Path) -> dict[str, dict[int, list[str]]]:
    from coverage import CoverageData

    read = CoverageData(str(data))
    read.read()
    return {
        os.path.relpath(path, ROOT): {
            line: sorted({context.partition("|")[0] for context in contexts})
            for line, contexts in read.contexts_by_lineno(path).items()
        }
        for path in read.measured_files()
    }


def _tests_of(mutant: Mutant, covered: Mapping[str, Mapping[int, Sequence[str]]]) -> Sequence[str]:
    """Return the tests to run: those of the line; for code of the module itself, some of all."""
    lines = covered.get(mutant.module, {})
    tests = [test for test in lines.get(mutant.line, ()) if test]
    if not tests and "" in lines.get(mutant.line, ()):  # it runs when the module is imported
        tests = sorted({test for each in lines.values() for test in each if test})
    return Random(mutant.key).sample(tests, min(_MOST_TESTS, len(tests)))


def _tried(mutant: Mutant, tests: Sequence[str], limit_s: float) -> str:
    """Run tests with a change, in a process of its own; return "killed", "survived", "no end"."""
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        try:
            os.setsid()
            code = _run(mutant, tests)
        except BaseException:
            code = 99
        os._exit(code)
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return "survived" if os.waitstatus_to_exitcode(status) == 0 else "killed"
        time.sleep(0.05)
    os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return "no end"


def _run(mutant: Mutant, tests: Sequence[str]) -> int:
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    sys.meta_path.insert(0, Changed(mutant))
    import pytest

    return int(pytest.main([*_QUIET, *tests]))


class Changed(importlib.abc.MetaPathFinder):
    """Imports one module with a change."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant
        parts = Path(mutant.module).with_suffix("").parts
        self._name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return where the changed module is; None for every other module."""
        if fullname != self._name:
            return None
        file = str(ROOT / self._mutant.module)
        loader = _Loader(fullname, file)
        loader.number = self._mutant.number
        return importlib.util.spec_from_file_location(fullname, file, loader=loader)


class _Loader(importlib.machinery.SourceFileLoader):
    number = 0

    def get_code(self, fullname: str) -> CodeType | None:
        """Return the changed code, which is never kept."""
        source = Path(self.path).read_text("utf-8")
        code: Any = compile(mutated(source, self.number), self.path, "exec")
        return code if isinstance(code, CodeType) else None


def _equivalent() -> set[str]:
    """Return the keys of the changes that are known to change nothing that matters."""
    lines = Path(beside("equivalent.txt")).read_text("utf-8").splitlines()
    return {line for line in lines if line and not line.startswith(("#", " "))}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--package", action="append", choices=TESTS, help="this package")
    parser.add_argument("--count", type=int, default=60, help="changes of each (%(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit", type=float, default=600, help="seconds for one (%(default)s)")
    parser.add_argument("--results", metavar="FOLDER", help="where results are kept")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
