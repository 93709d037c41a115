"""Disks that fill up."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
from collections.abc import Callable
from functools import cache, partial
from random import Random
from tempfile import TemporaryDirectory

from campaign.children import forked
from campaign.judging import Bench
from campaign.operations import OPERATIONS
from campaign.outcomes import OK, Outcome


def size_limit(bench: Bench, random: Random) -> Outcome:
    """Let every write beyond a size fail, as a quota does."""
    name = random.choice(("index", "refresh", "model", "cache", "map", "captions", "label"))
    limit = random.choice((0, random.randrange(4096), random.randrange(400_000)))

    def limited() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

    return disturbed(bench, name, limited)


def disturbed(bench: Bench, name: str, prepare: Callable[[], None]) -> Outcome:
    """Run an operation under a fault: it is done or refused; afterwards it is done for good."""
    operation = OPERATIONS[name]
    again = operation.again or operation.run
    right = bench.right(operation.start, again, name)
    bench.begin(operation.start)
    ended = forked(partial(operation.run, bench.place), prepare)
    if ended.how not in ("done", "refused"):
        return Outcome("hung" if ended.how == "hung" else "crashed", f"{name}: {ended.said}")
    outcome = bench.judge(operation.start, right, again)
    if outcome == OK and ended.how == "refused":
        return Outcome("refused", f"{name}: {ended.said}")
    return Outcome(outcome.how, f"{name}: {outcome.said}") if outcome.said else outcome


@cache
def can_mount() -> bool:
    """Tell whether this process may mount small disks."""
    if os.geteuid() != 0:
        return False
    with TemporaryDirectory() as folder:
        mounted = subprocess.run(_mount(folder, 65536), capture_output=True, check=False)
        if mounted.returncode == 0:
            subprocess.run(["umount", folder], check=True)
        return mounted.returncode == 0


def _mount(folder: str, size: int) -> list[str]:
    return ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder]


def disk_full(bench: Bench, random: Random) -> Outcome:
    """Run an operation on a small disk of its own, from empty to nearly enough."""
    place = bench.place
    name = random.choice(("index", "refresh", "model", "map"))
    operation = OPERATIONS[name]
    again = operation.again or operation.run
    right = bench.right(operation.start, again, name)
    bench.begin(operation.start)
    outside = place.folder / "outside"
    if os.path.exists(place.library):
        os.rename(place.library, outside)
    os.makedirs(place.library)
    used = (
        sum(p.stat().st_size for p in outside.rglob("*") if p.is_file()) if outside.exists() else 0
    )
    pages = random.randrange(1, 120)
    size = used + 4096 * (12 + pages)
    subprocess.run(_mount(place.library, size), check=True)
    try:
        if outside.exists():
            shutil.copytree(outside, place.library, dirs_exist_ok=True)
        ended = forked(partial(operation.run, place))
        now = forked(place.cosines_now)
        shutil.rmtree(outside, ignore_errors=True)
        shutil.copytree(place.library, outside)
    finally:
        subprocess.run(["umount", place.library], check=True)
    os.rmdir(place.library)
    os.rename(outside, place.library)
    for each in (ended, now):
        if each.how not in ("done", "refused"):
            return Outcome("hung" if each.how == "hung" else "crashed", f"{name}: {each.said}")
    if name != "index" and now.how == "refused":
        return Outcome("lost", f"{name}, {size} bytes: a search was refused: {now.said}")
    outcome = bench.judge(operation.start, right, again)
    return (
        Outcome(outcome.how, f"{name}, {size} bytes: {outcome.said}") if outcome.said else outcome
    )
