"""Permissions that are missing, or taken midway."""

from __future__ import annotations

import os
import shutil
from functools import partial
from pathlib import Path
from random import Random

from campaign.children import Moments, forked
from campaign.command_line import commands
from campaign.judging import Bench
from campaign.operations import OPERATIONS
from campaign.outcomes import OK, Outcome, difference

NOBODY = 65534


def _as_user() -> None:
    """Become an ordinary user, if this is root."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)


def _owned_by_user(folder: Path) -> None:
    if os.geteuid() == 0:
        for parent, folders, names in os.walk(folder):
            for name in (".", *folders, *names):
                os.chown(os.path.join(parent, name), NOBODY, NOBODY, follow_symlinks=False)


def read_only(bench: Bench, random: Random) -> Outcome:
    """Take the right to write from a folder or from everything: searches answer all the same."""
    right = bench.right("indexed")
    bench.begin("indexed")
    place = bench.place
    _owned_by_user(place.folder)
    if random.random() < 0.3:
        shutil.rmtree(os.path.join(place.library, "cache"))
    everything = random.random() < 0.7
    for path in (place.folder / "library", *(place.folder / "library").rglob("*")):
        if path.is_dir() or everything:
            path.chmod(0o500 if path.is_dir() else 0o400)
    asked = forked(place.answers, _as_user)
    written = forked(place.switch, _as_user)
    shown = forked(partial(commands, place), _as_user)
    for path in (place.folder / "library", *(place.folder / "library").rglob("*")):
        path.chmod(0o700)
    if asked.how != "done" or shown.how != "done":
        return Outcome("crashed" if asked.how != "hung" else "hung", asked.said or shown.said)
    if differs := difference(asked.value, right):
        return differs
    if written.how not in ("refused", "done"):
        return Outcome("crashed", f"writing: {written.said}")
    outcome = bench.compare(right) if written.how == "refused" else OK
    return Outcome("refused", written.said) if outcome == OK and written.said else outcome


def permission_lost(bench: Bench, random: Random) -> Outcome:
    """Take permissions of a folder or file of the library while an operation runs."""
    name = random.choice(("index", "refresh", "model", "map", "captions", "label", "cache"))
    operation = OPERATIONS[name]
    again = operation.again or operation.run
    moments, _ = bench.measured(name)
    right = bench.right(operation.start, again, name)
    bench.begin(operation.start)
    place = bench.place
    _owned_by_user(place.folder)
    mode = random.choice((0, 0o400, 0o500))
    choice, at = random.random(), random.randint(1, moments)

    def prepare() -> None:
        _as_user()

        def take(_: str) -> None:
            folder = Path(place.library)
            paths = sorted((folder, *folder.rglob("*"))) if folder.exists() else [place.pictures]
            paths.append(place.pictures)
            paths[int(choice * len(paths))].chmod(mode)

        Moments(str(place.folder), at, take).counted().__enter__()

    ended = forked(partial(operation.run, place), prepare)
    for path in (place.folder / "library", place.pictures):
        for each in (path, *path.rglob("*")):
            if each.exists():
                each.chmod(0o700)
    if ended.how not in ("done", "refused"):
        return Outcome("hung" if ended.how == "hung" else "crashed", f"{name}: {ended.said}")
    outcome = bench.judge(operation.start, right, again)
    if outcome == OK and ended.how == "refused":
        return Outcome("refused", f"{name}: {ended.said}")
    return Outcome(outcome.how, f"{name}: {outcome.said}") if outcome.said else outcome
