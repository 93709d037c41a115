"""Break a small library in every way and compare its answers with those of a sound one.

    python benchmarks/faults.py [--trials N] [--only KIND …] [--seed S]

Each trial starts from a library of a few pictures with captions, labels, a concept, a map and the
vectors of two models, and suffers one fault: a kill at a random moment, a damaged file, a full
disk, … Then the library must answer as if nothing had happened, or refuse with a message and a
hint; and after `index`, all answers must be those of a library that was never disturbed. What
became of it:

    ok       the right answers
    refused  a clear error; where the fault is over, the right answers after the next run
    lost     something that was in the library, or that a person made, is gone
    wrong    an answer that differs
    crashed  an exception that is no PixtrieveError, or a signal
    hung     no end within two minutes

After a damage or a kill, `pixtrieve doctor` examines the library, too. It must name the damaged
file or table and nothing else; what it said is a table of its own: see `campaign.examining`.

Every trial is seeded by its kind and number, so `--only KIND --number N` repeats it alone. Results
go to a file, and a later run goes on from there. Full disks are small tmpfs mounts, which need
root; elsewhere they are left out.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

# A forked process has none of its parent's threads, so the libraries start none.
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")

from bench import note, print_table
from campaign.disks import can_mount
from campaign.examining import SAYINGS
from campaign.judging import Bench
from campaign.kinds import KINDS
from campaign.outcomes import OUTCOMES, Outcome
from campaign.place import Place, Templates, fake_models

_BAD = ("lost", "wrong", "crashed", "hung")
_BAD_SAYINGS = ("missed", "besides", "crashed")


def main() -> int:
    """Run the trials that are not done yet; return 1 if a fault did harm."""
    given = _options()
    os.nice(given.nice)
    fake_models()
    kinds = given.only or [name for name, kind in KINDS.items() if not kind.mounts or can_mount()]
    results = Path(given.results or Path(tempfile.gettempdir(), f"faults-{given.seed}.jsonl"))
    done = {(row["kind"], row["number"]): row for row in _read(results)}
    with tempfile.TemporaryDirectory(dir=given.folder, prefix="pixtrieve-faults-") as folder:
        os.chmod(folder, 0o755)  # an ordinary user's trials get there
        os.environ["XDG_CACHE_HOME"] = os.path.join(folder, "user-cache")
        place = Place(Path(folder, "place"))
        bench = Bench(place, Templates(place, Path(folder, "templates")))
        bench.warm_up()
        for kind, number in islice(_wanted(kinds, given.trials, given.number), given.most):
            if (kind, number) in done and given.number is None:
                continue
            outcome = _trial(bench, kind, number, given.seed)
            row = {"kind": kind, "number": number, **asdict(outcome)}
            done[kind, number] = row
            with open(results, "a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            if outcome.how in _BAD or given.number is not None:
                note(f"{kind} --number {number}: {outcome.how}: {outcome.said}")
            if outcome.doctor in _BAD_SAYINGS:
                note(f"{kind} --number {number}: doctor: {outcome.doctor}: {outcome.diagnosis}")
    return _report([row for row in done.values() if row["kind"] in kinds])


def _trial(bench: Bench, kind: str, number: int, seed: int) -> Outcome:
    random = Random(f"{seed} {kind} {number}")
    try:
        return KINDS[kind].trial(bench, random)
    except (RuntimeError, OSError) as error:
        raise SystemExit(
            f"{kind} --number {number}: the campaign itself failed: {error}"
        ) from error


def _wanted(kinds: list[str], trials: int, number: int | None) -> Iterator[tuple[str, int]]:
    """Yield kinds and numbers in turns, so that all kinds are tried early on."""
    if number is not None:
        yield from ((kind, number) for kind in kinds)
        return
    shares = {kind: KINDS[kind].share for kind in kinds}
    for turn in range(trials):
        for extra in range(max(shares.values())):
            for kind in kinds:
                if extra < shares[kind]:
                    yield kind, turn * shares[kind] + extra


def _report(rows: list[dict[str, Any]]) -> int:
    total = _table("What a library survives", rows, "how", OUTCOMES)
    asked = [row for row in rows if row["doctor"]]
    said = _table("What the doctor says of it", asked, "doctor", SAYINGS) if asked else Counter()
    return int(any(total[how] for how in _BAD) or any(said[how] for how in _BAD_SAYINGS))


def _table(
    title: str, rows: list[dict[str, Any]], column: str, values: tuple[str, ...]
) -> Counter[str]:
    """Print how often each kind of fault had each value of a column; return the sums."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        counts[row["kind"]][row[column]] += 1
    table = [
        [
            KINDS[kind].what,
            str(counts[kind].total()),
            *(str(counts[kind][value]) for value in values),
            f"`python benchmarks/faults.py --only {kind}`",
        ]
        for kind in KINDS
        if kind in counts
    ]
    total: Counter[str] = sum(counts.values(), Counter())
    every = "`python benchmarks/faults.py`"
    table.append(["all", str(total.total()), *(str(total[value]) for value in values), every])
    print_table(title, ["fault", "trials", *values, "command"], table)
    return total


def _read(results: Path) -> list[dict[str, Any]]:
    if not results.exists():
        return []
    return [json.loads(line) for line in results.read_text("utf-8").splitlines()]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    shared = "/dev/shm" if os.path.isdir("/dev/shm") else None
    parser.add_argument("--trials", type=int, default=10, help="rounds of all kinds (%(default)s)")
    parser.add_argument("--most", type=int, help="end after so many trials of all kinds")
    parser.add_argument("--only", action="append", choices=KINDS, metavar="KIND", help="this kind")
    parser.add_argument("--number", type=int, help="repeat one trial of --only")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--nice", type=int, default=0, help="lower the priority by this")
    parser.add_argument("--results", metavar="FILE", help="where results are kept (JSON lines)")
    parser.add_argument("--folder", default=shared, help="where the library is (%(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
