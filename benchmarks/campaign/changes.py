"""Pictures that change while they are read, and a clock that goes back."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from campaign.children import forked
from campaign.judging import Bench, must
from campaign.outcomes import OK, Outcome
from campaign.place import OtherEncoder, paint

from retrieval.errors import PictureError
from retrieval.images import Problem, ReadLimits
from retrieval.images.decoding import read_picture
from retrieval.images.thumbnails import thumbnail


def _cut(path: Path, random: Random) -> None:
    os.truncate(path, random.randrange(path.stat().st_size + 1))


def _rewrite(path: Path, random: Random) -> None:
    paint(path, (random.randrange(256), random.randrange(256), 7), (30, 20))


def _replace(path: Path, random: Random) -> None:
    paint(path.with_name("new.tmp.png"), (random.randrange(256), 3, random.randrange(256)))
    os.replace(path.with_name("new.tmp.png"), path)


def _become_folder(path: Path, _: Random) -> None:
    path.unlink()
    path.mkdir()


def _become_pipe(path: Path, _: Random) -> None:
    path.unlink()
    os.mkfifo(path)


def _become_device(path: Path, _: Random) -> None:
    """Link to an endless file. A link that leads nowhere is kept on purpose: see `Unreadable`."""
    path.unlink()
    path.symlink_to("/dev/zero")


MUTATIONS: tuple[Callable[[Path, Random], object], ...] = (
    *(_cut, _rewrite, _replace, _become_folder, _become_pipe, _become_device),
    lambda path, _: path.unlink(),
    lambda path, _: path.chmod(0),
    lambda path, _: path.rename(path.with_name("moved.png")),
    lambda path, _: shutil.rmtree(path.parent),
)
"""What may happen to a picture while it is read."""


def changed_while_read(bench: Bench, random: Random) -> Outcome:
    """Change, cut or remove a picture between the walk, the open, the read and the commit."""
    place = bench.place
    bench.begin(random.choice(("new", "changed")))
    names = sorted(p for p in place.pictures.rglob("*.png") if p.parent.name != "kept")
    path = random.choice(names)
    act = partial(random.choice(MUTATIONS), path, random)
    number = random.choice((0, 0, 1))  # before the open, or at the second look at it
    seen: list[str] = []

    def watching() -> None:
        real, stat = os.open, os.fstat

        def opened(name: Any, *rest: Any, **how: Any) -> int:
            if os.fspath(name) == str(path):
                seen.append("open")
                if number == 0 and len(seen) == 1:
                    act()
            return real(name, *rest, **how)

        def status(descriptor: int) -> os.stat_result:
            found = stat(descriptor)
            if seen and number == 1 and len(seen) == 1:
                seen.append("stat")
                act()
            return found

        changed: Any = os
        changed.open, changed.fstat = opened, status

    ended = forked(place.index, watching)
    if ended.how != "done":
        return Outcome("crashed" if ended.how in ("killed", "refused") else ended.how, ended.said)
    served = forked(partial(_serve, path))
    if served.how in ("crashed", "hung"):
        return Outcome(served.how, served.said)
    again = forked(place.index)
    if again.how != "done":
        return Outcome("crashed" if again.how == "killed" else again.how, again.said)
    return as_indexed_anew(bench)


def _serve(path: Path) -> None:
    """Make the thumbnail and the model's picture of a file that may not be one any more."""
    with suppress(PictureError):
        thumbnail(str(path), 64)
    found = read_picture(str(path), OtherEncoder().spec.preprocessing, ReadLimits(), lambda _: True)
    assert not isinstance(found, Problem) or found.reason


def as_indexed_anew(bench: Bench) -> Outcome:
    """Compare the cosines of a library with those of a new library of the same pictures."""
    place = bench.place
    found = forked(place.cosines_now)
    if found.how != "done":
        return Outcome(found.how, found.said)
    shutil.rmtree(place.library)
    must(forked(place.index))
    right = must(forked(place.cosines_now))
    if sorted(found.value) == sorted(right):
        return OK
    missing = [row for row in right if row not in found.value]
    strange = [row for row in found.value if row not in right]
    return Outcome("wrong" if strange else "lost", f"not {missing[:2]} but {strange[:2]}")


def clock_back(bench: Bench, random: Random) -> Outcome:
    """Set the clock back between two runs: new files are older than what was indexed."""
    place = bench.place
    bench.begin("changed")
    back = random.choice((1, 3600, 86_400 * 40, 86_400 * 365 * 30))

    def earlier() -> None:
        now, now_ns = time.time, time.time_ns
        changed: Any = time
        changed.time = lambda: now() - back
        changed.time_ns = lambda: now_ns() - back * 10**9

    for path in sorted(place.pictures.rglob("new-*.png")):
        moment = time.time() - back
        os.utime(path, (moment, moment))
    for path in sorted(place.pictures.rglob("*.png"))[:4]:
        if path.parent.name != "kept":
            paint(path, (random.randrange(256), 1, 1), (31, 21))
            os.utime(path, (time.time() - back, time.time() - back))
    for _ in range(2):
        ended = forked(place.index, earlier)
        if ended.how != "done":
            return Outcome("crashed" if ended.how == "killed" else ended.how, ended.said)
    return as_indexed_anew(bench)
