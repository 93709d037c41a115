"""Feed mutated files, questions, filters and requests to everything that reads them.

    python benchmarks/fuzz.py [--target T …] [--count N] [--seed S]

Inputs are real files and questions with structured mutations, made in code: see `fuzzing/targets`.
Every input must give a result or a PixtrieveError: no other exception, no crash, no more than
{seconds} seconds of processor time or {megabytes} MB of memory. Each input is seeded by its target
and number: `--number N` repeats one alone. Results are added up in a file, and a later run goes on
after the inputs that were done.
"""

from __future__ import annotations

import argparse
import json
import mmap
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")

from bench import note, print_table
from fuzzing.cases import Case
from fuzzing.targets import TARGETS

from retrieval.errors import PixtrieveError

SECONDS, MEGABYTES, HANGS_S = 5.0, 400, 120.0
_AT_ONCE = 5_000
_ENOUGH = 20  # findings of a target


def main() -> int:
    """Run the inputs that were not run yet; return 1 if there are findings."""
    given = _options()
    os.nice(given.nice)
    path = Path(given.results or Path(tempfile.gettempdir(), f"fuzz-{given.seed}.json"))
    results: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    for target in given.target or TARGETS:
        if given.number is not None:
            found = _repeat(target, given.seed, given.number)
            note(f"{target} --number {given.number}: {found or 'nothing wrong'}")
            return int(bool(found))
        row = results.setdefault(target, {"count": 0, "seconds": 0.0, "mb": 0.0, "findings": {}})
        while row["count"] < given.count and len(row["findings"]) < _ENOUGH:
            size = min(_AT_ONCE, given.count - row["count"])
            _run(target, given.seed, range(row["count"], row["count"] + size), row)
            path.write_text(json.dumps(results, indent=1), "utf-8")
    return _report({name: results[name] for name in given.target or TARGETS})


def _run(target: str, seed: int, numbers: Sequence[int], row: dict[str, Any]) -> None:
    """Run inputs in processes of their own; what ends one of these is a finding, too."""
    at, end = numbers[0], numbers[-1] + 1
    while at < end:
        reached, died = _in_child(target, seed, range(at, end), row)
        if died:
            row["findings"][str(reached)] = died
            note(f"{target} --number {reached}: {died}")
        at = reached + 1 if died else end
        row["count"] = at


def _in_child(
    target: str, seed: int, numbers: Sequence[int], row: dict[str, Any]
) -> tuple[int, str]:
    """Return the last number that a process worked on, and how it died ("" if it did not)."""
    shared = mmap.mmap(-1, 8)
    with tempfile.TemporaryDirectory(prefix="pixtrieve-fuzz-", dir=_folder()) as folder:
        report = Path(folder, "report.json")
        pid = os.fork()
        if pid == 0:
            try:
                facts = _work(target, seed, numbers, Path(folder), shared)
                report.write_text(json.dumps(facts), "utf-8")
            except BaseException:
                traceback.print_exc()
                os._exit(3)
            os._exit(0)
        died = _watched(pid, shared)
        reached = int.from_bytes(shared[:8], "little")
        if report.exists():
            facts = json.loads(report.read_text("utf-8"))
            row["findings"].update(facts["findings"])
            for name in ("seconds", "mb"):
                row[name] = round(max(row[name], facts[name]), 3)
            for number, said in facts["findings"].items():
                note(f"{target} --number {number}: {said[-600:]}")
        return reached, died


def _watched(pid: int, shared: mmap.mmap) -> str:
    """Wait for a process; end it when it works on one input for too long."""
    last, since = b"", time.monotonic()
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            code = os.waitstatus_to_exitcode(status)
            return f"crashed: the process ended with {code}" if code else ""
        if shared[:8] != last:
            last, since = shared[:8], time.monotonic()
        elif time.monotonic() - since > HANGS_S:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return f"hung: no end after {HANGS_S:.0f} s"
        time.sleep(0.05)


def _work(
    target: str, seed: int, numbers: Sequence[int], folder: Path, shared: mmap.mmap
) -> dict[str, Any]:
    """Run inputs in this process; return the findings, the most seconds and the most memory."""
    case = TARGETS[target](folder)
    findings: dict[str, str] = {}
    most, base = 0.0, _peak_mb()
    for number in numbers:
        shared[:8] = number.to_bytes(8, "little")
        began = time.process_time()
        said = _finding(case, Random(f"{seed} {target} {number}"))
        took = time.process_time() - began
        most = max(most, took)
        if took > SECONDS:
            said = said or f"slow: {took:.1f} s"
        if said:
            findings[str(number)] = said
        if len(findings) >= _ENOUGH:
            break
    mb = _peak_mb() - base
    if mb > MEGABYTES:
        findings["memory"] = f"{mb:.0f} MB in inputs {numbers[0]} to {numbers[-1]}"
    return {"findings": findings, "seconds": most, "mb": mb}


def _finding(case: Case, random: Random) -> str:
    """Return what is wrong with the answer to one input; "" if nothing is."""
    try:
        case(random)
    except PixtrieveError as error:
        return "" if error.message.strip() else "an error without a message"
    except BaseException:
        return traceback.format_exc()[-1500:]
    return ""


def _repeat(target: str, seed: int, number: int) -> str:
    with tempfile.TemporaryDirectory(prefix="pixtrieve-fuzz-", dir=_folder()) as folder:
        return _finding(TARGETS[target](Path(folder)), Random(f"{seed} {target} {number}"))


def _folder() -> str | None:
    return "/dev/shm" if os.path.isdir("/dev/shm") else None


def _peak_mb() -> float:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def _report(results: dict[str, Any]) -> int:
    rows = [
        [name, f"{row['count']:,}", str(len(row["findings"])), f"{row['seconds']:.2f} s",
         f"{row['mb']:.0f} MB", f"`python benchmarks/fuzz.py --target {name}`"]
        for name, row in results.items()
    ]  # fmt: skip
    total = sum(row["count"] for row in results.values())
    findings = sum(len(row["findings"]) for row in results.values())
    rows.append(["all", f"{total:,}", str(findings), "", "", "`python benchmarks/fuzz.py`"])
    head = ["target", "inputs", "findings", "slowest input", "memory", "command"]
    print_table("Mutated inputs", head, rows)
    return int(findings > 0)


def _options() -> argparse.Namespace:
    described = (__doc__ or "").format(seconds=f"{SECONDS:.0f}", megabytes=MEGABYTES)
    parser = argparse.ArgumentParser(
        description=described, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--target", action="append", choices=TARGETS, metavar="T")
    parser.add_argument("--count", type=int, default=1000, help="inputs of each (%(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--number", type=int, help="repeat one input of --target")
    parser.add_argument("--nice", type=int, default=0, help="lower the priority by this")
    parser.add_argument("--results", metavar="FILE", help="where results are kept (JSON)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
