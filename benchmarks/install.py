"""What it takes to get going: seconds of installing and of the demo, megabytes, a cold question.

    python benchmarks/install.py [--rounds N] [--most-mb MB] [--most-seconds S]

A fresh environment gets what `pip install .` brings, without extras; the demo runs in it, in a new
folder and with an empty user's cache; then the demo's library is asked from the shell. Packages
come from pip's own cache where they are there. Fails when torch or another package of an extra got
in, or when a limit that is given is passed (installing and the demo together, in seconds).
"""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import sys
import tempfile
from dataclasses import dataclass

from bench import BenchmarkError, Machine, Program, note, options, print_table, run

_CHECKOUT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_EXTRAS = ("torch", "torchvision", "timm", "open_clip", "transformers", "nncf", "scipy")
_QUESTION = "three purple balls on a street in falling snow"
_MB = 2**20


def sources_in(folder: str) -> str:
    """Copy what the package is built from: building leaves things beside it."""
    target = os.path.join(folder, "sources")
    names = ("pyproject.toml", "README.md", "LICENSE")
    shutil.copytree(os.path.join(_CHECKOUT, "retrieval"), os.path.join(target, "retrieval"))
    for name in names:
        shutil.copyfile(os.path.join(_CHECKOUT, name), os.path.join(target, name))
    return target


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds by the clock, and of all processors together."""

    seconds: float
    processor: float


def timed(program: Program) -> Took:
    """Run a program."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ran = run(program)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Took(ran.seconds, used)


def environment_in(folder: str) -> tuple[str, Took]:
    """Install the base into a new environment; return its folder of programs, and how long."""
    environment, sources = os.path.join(folder, "environment"), sources_in(folder)
    run(Program((sys.executable, "-m", "venv", environment)))
    programs = os.path.join(environment, "bin")
    note("installing")
    pip = (os.path.join(programs, "python"), "-m", "pip", "install", "--quiet", sources)
    return programs, timed(Program(pip, folder, {"PYTHONPATH": ""}))


def require_no_extras(python: str, folder: str) -> None:
    """Raise BenchmarkError when a package is there that only an extra brings."""
    code = (
        "import importlib.util as u, sys\n"
        f"found = [n for n in {_EXTRAS!r} if u.find_spec(n)]\n"
        "sys.exit('the base install has brought ' + ', '.join(found) if found else 0)"
    )
    run(Program((python, "-c", code), folder, {"PYTHONPATH": ""}))


def megabytes(folder: str) -> float:
    """Return what a folder takes on the disk."""
    paths = (os.path.join(at, name) for at, _, names in os.walk(folder) for name in names)
    return sum(os.lstat(path).st_blocks * 512 for path in paths) / _MB


def main() -> None:
    """Install, measure and print; exit with 1 when a limit is passed."""
    parser = options(__doc__)
    parser.add_argument("--most-mb", type=float, help="fail if it is larger")
    parser.add_argument("--most-seconds", type=float, help="fail if it takes longer")
    arguments = parser.parse_args()
    machine = Machine()
    with tempfile.TemporaryDirectory(prefix="pixtrieve-") as folder:
        programs, installing = environment_in(folder)
        require_no_extras(os.path.join(programs, "python"), folder)
        size = megabytes(os.path.join(folder, "environment"))
        alone = {"PYTHONPATH": "", "XDG_CACHE_HOME": os.path.join(folder, "cache")}
        pixtrieve = os.path.join(programs, "pixtrieve")
        note("the demo")
        demo = timed(Program((pixtrieve, "demo"), folder, alone))
        library = os.path.join(folder, "pixtrieve-demo", "library")
        ask = Program((pixtrieve, "search", _QUESTION, "--library", library), folder, alone)
        run(ask)
        asked = [timed(ask) for _ in range(arguments.rounds)]
    question = Took(
        statistics.median(took.seconds for took in asked),
        statistics.median(took.processor for took in asked),
    )
    print_table(
        f"The base install: {machine.line()}",
        ("what", "seconds", "of a processor"),
        (
            (name, f"{took.seconds:.2f}", f"{took.processor:.2f}")
            for name, took in (
                ("pip install", installing),
                ("pixtrieve demo", demo),
                (f"a cold question, median of {arguments.rounds}", question),
            )
        ),
    )
    print(f"\nThe environment takes {size:.0f} MB.")
    took = installing.seconds + demo.seconds
    if arguments.most_mb and size > arguments.most_mb:
        raise BenchmarkError(f"{size:.0f} MB are more than {arguments.most_mb:.0f}")
    if arguments.most_seconds and took > arguments.most_seconds:
        raise BenchmarkError(f"{took:.1f} s are more than {arguments.most_seconds:.0f}")


if __name__ == "__main__":
    main()
