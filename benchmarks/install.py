"""Measure installation: its time and size, the time of the demo, and a cold search.

    python benchmarks/install.py [--rounds N] [--most-mb MB] [--most-seconds S]

This runs `pip install .` without extras in a new environment, then the demo in a new folder with an
empty user's cache, then searches of the demo's library from the shell. Pip uses its own cache. The
benchmark fails if torch or another package of an extra is installed, or if a given limit is
exceeded (--most-seconds limits the installation and the demo together).
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
    """Copy the package's sources, because a build writes files beside them."""
    target = os.path.join(folder, "sources")
    names = ("pyproject.toml", "README.md", "LICENSE")
    shutil.copytree(os.path.join(_CHECKOUT, "retrieval"), os.path.join(target, "retrieval"))
    for name in names:
        shutil.copyfile(os.path.join(_CHECKOUT, name), os.path.join(target, name))
    return target


@dataclass(frozen=True, slots=True)
class Took:
    """Wall time, and processor time summed over all cores, in seconds."""

    seconds: float
    processor: float


def timed(program: Program) -> Took:
    """Run a program and return its time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ran = run(program)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Took(ran.seconds, used)


def environment_in(folder: str) -> tuple[str, Took]:
    """Install the base into a new environment; return its folder of programs and the time."""
    environment, sources = os.path.join(folder, "environment"), sources_in(folder)
    run(Program((sys.executable, "-m", "venv", environment)))
    programs = os.path.join(environment, "bin")
    note("installing")
    pip = (os.path.join(programs, "python"), "-m", "pip", "install", "--quiet", sources)
    return programs, timed(Program(pip, folder, {"PYTHONPATH": ""}))


def require_no_extras(python: str, folder: str) -> None:
    """Raise BenchmarkError if a package of an extra is installed."""
    code = (
        "import importlib.util as u, sys\n"
        f"found = [n for n in {_EXTRAS!r} if u.find_spec(n)]\n"
        "sys.exit('the base install includes ' + ', '.join(found) if found else 0)"
    )
    run(Program((python, "-c", code), folder, {"PYTHONPATH": ""}))


def megabytes(folder: str) -> float:
    """Return a folder's size on disk in megabytes."""
    paths = (os.path.join(at, name) for at, _, names in os.walk(folder) for name in names)
    return sum(os.lstat(path).st_blocks * 512 for path in paths) / _MB


def main() -> None:
    """Install, measure and print the table; exit with 1 when a limit is exceeded."""
    parser = options(__doc__)
    parser.add_argument("--most-mb", type=float, help="fail if the environment is larger")
    parser.add_argument(
        "--most-seconds", type=float, help="fail if installation and demo take longer"
    )
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
                (f"a cold search, median of {arguments.rounds}", question),
            )
        ),
    )
    print(f"\nThe environment takes {size:.0f} MB.")
    took = installing.seconds + demo.seconds
    if arguments.most_mb and size > arguments.most_mb:
        raise BenchmarkError(f"{size:.0f} MB exceed the limit of {arguments.most_mb:.0f} MB")
    if arguments.most_seconds and took > arguments.most_seconds:
        raise BenchmarkError(f"{took:.1f} s exceed the limit of {arguments.most_seconds:.0f} s")


if __name__ == "__main__":
    main()
