"""The kinds of faults: each is a function that breaks something once and says what happened.

To add an operation that is killed at random moments, add a line to `OPERATIONS`; to add a fault of
another kind, add a line to `KINDS`.
"""

from __future__ import annotations

import gc
import os
import resource
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from fault_children import Child, Ended, Moments, forked, kill_at
from fault_place import OtherEncoder, Place, Templates, change, library_files, paint, paint_first

from retrieval import Library, SearchOptions
from retrieval.catalogue import schema
from retrieval.errors import PictureError, PixtrieveError
from retrieval.images import Problem, ReadLimits
from retrieval.images.decoding import read_picture
from retrieval.images.thumbnails import thumbnail

PICTURES = 24
NOBODY = 65534
OUTCOMES = ("ok", "refused", "lost", "wrong", "crashed", "hung")


@dataclass(frozen=True)
class Outcome:
    """What became of a trial, one of `OUTCOMES`, and what was seen."""

    how: str
    said: str = ""


OK = Outcome("ok")


@dataclass(frozen=True)
class Operation:
    """Something that is killed: what it does, from which state, and how it is done again.

    `again` finishes what was killed; None for doing the same once more.
    """

    run: Callable[[Place], object]
    start: str = "indexed"
    again: Callable[[Place], object] | None = None


def _open_only(place: Place) -> None:
    Library.open(place.library).close()


def _search_without_cache(place: Place) -> None:
    shutil.rmtree(os.path.join(place.library, "cache"), ignore_errors=True)
    place.answers()


def _label(place: Place) -> None:
    with place.open() as library:
        library.tags.label(("red", "blue", "green"), least=0.2)


def _learn(place: Place) -> None:
    with place.open() as library:
        library.concepts.learn("greenery", [str(place.pictures / "kept/green.png")])
        library.concepts.tag("greenery")


def _collect(place: Place) -> None:
    with place.open() as library:
        green = place.pictures / "kept/green.png"
        library.albums.add("meadows", [green])
        library.albums.move("meadows", [green], 1)
        library.albums.merge("meadows", "colours")
        library.favourites.add([green])
        library.saved.add("greens", "green", SearchOptions(k=3), replacing=True)
        library.saved.look("reds")


def _captions(place: Place) -> None:
    with place.open() as library:
        library.texts.put({place.pictures / "kept/green.png": ["a meadow", "grass"]})
        for _ in library.texts.encode():
            pass


def _remove(place: Place) -> None:
    with place.open() as library:
        if library.image_at(place.pictures / "0/000.png") or not library.status().counts.files:
            library.remove(place.pictures / "0")


def _backup(place: Place) -> None:
    with place.open() as library:
        library.backup(place.folder / "backup.zip", replace=True)


def _restore(place: Place) -> None:
    if Library.exists(place.library):
        _backup(place)
    Library.restore(place.folder / "backup.zip", place.library, replace=True)


def _edits(place: Place) -> None:
    with place.open() as library:
        library.export_edits(place.folder / "edits.json", replace=True)
        library.import_edits(place.folder / "edits.json")


def _thumbnails(place: Place) -> None:
    for path in sorted(place.pictures.rglob("*.png")):
        thumbnail(str(path), 64)


@contextmanager
def _newer_schema() -> Iterator[None]:
    """Let this program know one more migration, which rewrites many rows."""

    def m999_trial(db: Any) -> None:
        for statement in (
            "CREATE TABLE trial (id INTEGER, path TEXT, vector BLOB)",
            "ALTER TABLE images ADD COLUMN trial INTEGER",
            "INSERT INTO trial SELECT f.id, f.path, v.embedding FROM files f, vectors v",
            "UPDATE images SET trial = id * 2",
            "CREATE INDEX trial_paths ON trial (path)",
        ):
            db.execute(statement)

    real = schema.MIGRATIONS
    changed: Any = schema
    changed.MIGRATIONS = [*real, m999_trial]
    try:
        yield
    finally:
        changed.MIGRATIONS = real


OPERATIONS: dict[str, Operation] = {
    "index": Operation(Place.index, "new"),
    "refresh": Operation(Place.index, "changed"),
    "migrate": Operation(_open_only, "indexed"),
    "model": Operation(Place.switch, "indexed"),
    "cache": Operation(_search_without_cache, "changed, indexed"),
    "map": Operation(Place.draw_map, "changed, indexed"),
    "label": Operation(_label),
    "concept": Operation(_learn),
    "collect": Operation(_collect),
    "captions": Operation(_captions),
    "remove": Operation(_remove),
    "thumbnails": Operation(_thumbnails),
    "backup": Operation(_backup),
    "restore": Operation(_restore),
    "edits": Operation(_edits),
}


@dataclass
class Bench:
    """What all trials share: the place, the templates, and the right answers."""

    place: Place
    templates: Templates
    _right: dict[str, Any] = field(default_factory=dict)
    _measured: dict[str, tuple[int, float]] = field(default_factory=dict)

    def warm_up(self) -> None:
        """Do everything once, so that trials fork with all modules and tables loaded.

        An ordinary user might not even be allowed to read the modules.
        """
        self.start("new")
        for step in (self.place.index, self.place.annotate, self.place.draw_map, self.place.switch):
            step()
        self.place.answers()
        commands(self.place)
        _thumbnails(self.place)
        assert threading.active_count() == 1, "a fork would lose threads"
        gc.collect()
        gc.freeze()

    def start(self, state: str) -> None:
        """Put the place into one of the states of a library."""
        self.templates.take(state, partial(self._make, state))

    def begin(self, state: str) -> None:
        """Start a trial in a state that `judge` knows the right cosines of."""
        self.cosines(state)
        self.start(state)

    def _make(self, state: str) -> None:
        place = self.place
        paint_first(place.pictures, PICTURES)
        if state == "new":
            return
        _must(forked(place.index))
        _must(forked(place.annotate))
        _must(forked(place.draw_map))
        if state == "indexed, both models":
            _must(forked(place.switch))
            _must(forked(place.answers))
        if state.startswith("changed"):
            change(place.pictures, PICTURES, Random(5))
        if state == "changed, indexed":
            _must(forked(place.index))

    def right(
        self, state: str, run: Callable[[Place], object] | None = None, name: str = ""
    ) -> Any:
        """Return the answers after an operation that nothing disturbed, in a state; remembered."""
        key = f"{state}, {name}"
        if key not in self._right:
            self.start(state)
            if run is not None:
                _must(forked(partial(run, self.place)))
            _must(forked(self.place.index))
            self._right[key] = _must(forked(self.place.answers))
        return self._right[key]

    def cosines(self, state: str) -> set[tuple[Any, ...]]:
        """Return the cosines that are right before, during and after an operation on a state."""
        key = f"cosines {state}"
        if key not in self._right:
            found: set[tuple[Any, ...]] = set()
            for switch in (False, True):
                self.start(state)
                if state != "new":
                    found |= self._cosines()
                _must(forked(self.place.index))
                if switch:
                    _must(forked(self.place.switch))
                found |= self._cosines()
            self._right[key] = found
        result: set[tuple[Any, ...]] = self._right[key]
        return result

    def _cosines(self) -> set[tuple[Any, ...]]:
        return {tuple(row) for row in _must(forked(self.place.cosines_now))}

    def measured(self, name: str) -> tuple[int, float]:
        """Return how many moments an operation has, and its seconds."""
        if name not in self._measured:
            operation = OPERATIONS[name]

            def count() -> int:
                with _moments(self.place, 0, lambda _: None) as moments, _prepared(name):
                    operation.run(self.place)
                return moments.count

            self.start(operation.start)
            moments = _must(forked(count))
            self.start(operation.start)
            began = time.monotonic()
            with _prepared(name):
                _must(forked(partial(operation.run, self.place)))
            self._measured[name] = int(moments), time.monotonic() - began
        return self._measured[name]

    def judge(
        self, before: str, right: Any, again: Callable[[Place], object] | None = None
    ) -> Outcome:
        """Check a library after a fault: now, and after the work is done again.

        `before` is the state it began in, `right` what it must answer in the end.
        """
        now = forked(self.place.cosines_now)
        if now.how in ("crashed", "hung", "killed"):
            return Outcome("hung" if now.how == "hung" else "crashed", f"at once: {now.said}")
        if now.how == "done":
            strange = {tuple(row) for row in now.value} - self.cosines(before)
            if strange:
                return Outcome("wrong", f"at once: {sorted(strange)[:3]}")
        refused = now.said if now.how == "refused" else ""
        steps = (*((partial(again, self.place),) if again else ()), self.place.index)
        return self.compare(right, Outcome("refused", refused) if refused else OK, steps)

    def compare(
        self, right: Any, otherwise: Outcome = OK, steps: Sequence[Callable[[], object]] = ()
    ) -> Outcome:
        """Compare the library's answers, after some steps, with the right ones."""

        def work() -> Any:
            for step in steps:
                step()
            return self.place.answers()

        found = forked(work)
        if found.how != "done":
            how = {"refused": "lost", "killed": "crashed"}.get(found.how, found.how)
            return Outcome(how, f"in the end: {found.said}")
        return difference(found.value, right) or otherwise


def difference(found: Any, right: Any) -> Outcome | None:
    """Return how answers differ from the right ones; None if they do not."""
    for name, rows in right.items():
        if found[name] != rows:
            how = "lost" if name == "people's" or len(found[name]) < len(rows) else "wrong"
            return Outcome(how, f"{name}: {_first_difference(found[name], rows)}")
    return None


def _first_difference(found: list[Any], right: list[Any]) -> str:
    """Return the first row that differs, cut down to what differs in it."""
    for one, other in zip(found, right, strict=False):
        if one != other:
            pairs = zip(str(one).split(", "), str(other).split(", "), strict=False)
            differ = [f"{a} instead of {b}" for a, b in pairs if a != b]
            return f"{one[:2]}: {'; '.join(differ[:3])}"
    return f"{len(found)} rows instead of {len(right)}"


def _must(ended: Ended) -> Any:
    if ended.how != "done":
        raise RuntimeError(f"a step that nothing disturbed {ended.how}: {ended.said}")
    return ended.value


@contextmanager
def _moments(place: Place, at: int, act: Callable[[str], None]) -> Iterator[Moments]:
    with Moments(str(place.folder), at, act).counted() as moments:
        yield moments


@contextmanager
def _prepared(name: str) -> Iterator[None]:
    if name == "migrate":
        with _newer_schema():
            yield
    else:
        yield


def killed(name: str, bench: Bench, random: Random) -> Outcome:
    """Kill an operation, at one of its moments or after a random time."""
    operation = OPERATIONS[name]
    again = operation.again or operation.run
    moments, seconds = bench.measured(name)
    with _prepared(name):
        right = bench.right(operation.start, again, name)
        bench.begin(operation.start)
        work = partial(operation.run, bench.place)
        if random.random() < 0.6:
            child = Child(work, kill_at(str(bench.place.folder), random.randint(1, moments)))
        else:
            child = Child(work)
            time.sleep(random.uniform(0, seconds * 1.1))
            child.kill()
        ended = child.finish()
        if ended.how in ("crashed", "hung"):
            return Outcome(ended.how, ended.said)
        return bench.judge(operation.start, right, again)


def killed_again_and_again(bench: Bench, random: Random) -> Outcome:
    """Kill indexing at ten moments, each run going on where the last one ended."""
    moments, _ = bench.measured("index")
    right = bench.right("new")
    bench.begin("new")
    for _ in range(10):
        Child(
            bench.place.index, kill_at(str(bench.place.folder), random.randint(5, moments))
        ).finish()
    return bench.judge("new", right)


def damaged(kind: str, bench: Bench, random: Random, *, catalogue: bool) -> Outcome:
    """Damage one file of a library: of the catalogue, or of everything beside it."""
    right = bench.right("indexed, both models")
    bench.begin("indexed, both models")
    files = [p for p in library_files(bench.place) if ("catalogue" in p.name) == catalogue]
    path = random.choice(files)
    content = path.read_bytes()
    path.write_bytes(broken(content, kind, random))
    if catalogue and random.random() < 0.3:  # without caches, answers come from the catalogue
        shutil.rmtree(os.path.join(bench.place.library, "cache"))
    outcome = _after_damage(bench, right)
    return Outcome(outcome.how, f"{path.name}: {outcome.said}") if outcome.said else outcome


def _after_damage(bench: Bench, right: Any) -> Outcome:
    """Search, run commands, index and search again, all in one process."""
    place = bench.place

    def work() -> list[Any]:
        found: list[Any] = []
        for step in (place.answers, partial(commands, place), place.index, place.answers):
            try:
                found.append(step())
            except PixtrieveError as error:
                if not (error.message and error.hint):
                    raise
                # A catalogue cannot be made anew; whatever else is damaged must not be refused.
                return [*found, f"{step}: {error.message} → {error.hint}"]
        return found

    ended = forked(work)
    if ended.how != "done":
        return Outcome("hung" if ended.how == "hung" else "crashed", ended.said)
    for value in ended.value:
        if isinstance(value, dict) and (differs := difference(value, right)):
            return differs
    last = ended.value[-1]
    return Outcome("refused", last) if isinstance(last, str) else OK


def commands(place: Place) -> None:
    """Run `status` and `search` as commands: no traceback, and an exit code of the contract."""
    from retrieval.commands import main

    for arguments in (["status"], ["search", "red", "--json"]):
        read, write = os.pipe()
        output = os.open(os.devnull, os.O_WRONLY)
        saved = os.dup(1), os.dup(2)
        os.dup2(output, 1)
        os.dup2(write, 2)
        code: Any = None
        try:
            main(["--library", place.library, *arguments])
        except SystemExit as ended:
            code = ended.code or 0
        finally:
            for number, kept in enumerate(saved, 1):
                os.dup2(kept, number)
            for opened in (write, output, *saved):
                os.close(opened)
        with open(read, "rb") as pipe:
            said = pipe.read().decode("utf-8", "replace")
        assert code in (0, 1, 2), (arguments, code, said)
        assert "Traceback" not in said, said
        assert code == 0 or said.strip(), "it failed without a word"


def broken(content: bytes, kind: str, random: Random) -> bytes:
    """Return other content: cut, with a flipped bit, zeroed bytes, or overwritten bytes."""
    at = random.randrange(len(content))
    if kind == "cut":
        return content[:at]
    if kind == "flip":
        flipped = bytearray(content)
        flipped[at] ^= 1 << random.randrange(8)
        return bytes(flipped)
    size = random.choice((1, 16, 512, 4096))
    at = at // size * size
    size = min(size, len(content) - at)
    filled = bytes(size) if kind == "zero" else random.randbytes(size)
    return content[:at] + filled + content[at + size :]


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


_MUTATIONS: tuple[Callable[[Path, Random], object], ...] = (
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
    act = partial(random.choice(_MUTATIONS), path, random)
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
    return _as_indexed_anew(bench)


def _serve(path: Path) -> None:
    """Make the thumbnail and the model's picture of a file that may not be one any more."""
    with suppress(PictureError):
        thumbnail(str(path), 64)
    found = read_picture(str(path), OtherEncoder().spec.preprocessing, ReadLimits(), lambda _: True)
    assert not isinstance(found, Problem) or found.reason


def _as_indexed_anew(bench: Bench) -> Outcome:
    """Compare the cosines of a library with those of a new library of the same pictures."""
    place = bench.place
    found = forked(place.cosines_now)
    if found.how != "done":
        return Outcome(found.how, found.said)
    shutil.rmtree(place.library)
    _must(forked(place.index))
    right = _must(forked(place.cosines_now))
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
    return _as_indexed_anew(bench)


def two_writers(bench: Bench, random: Random) -> Outcome:
    """Let two processes write at once: one of them is refused, or waits; nothing is lost."""
    first, second = random.choices(sorted(set(OPERATIONS) - {"migrate", "cache", "index"}), k=2)
    start = random.choice(("changed", "indexed"))
    one, two = OPERATIONS[first].run, OPERATIONS[second].run

    def both(place: Place) -> None:
        one(place)
        two(place)

    bench.begin(start)
    children = [Child(partial(run, bench.place)) for run in (one, two)]
    ends = [child.finish() for child in children]
    for ended in ends:
        if ended.how not in ("done", "refused"):
            return Outcome("hung" if ended.how == "hung" else "crashed", ended.said)
    for run in (one, two):  # what was refused is done now
        ended = forked(partial(run, bench.place))
        if ended.how != "done":
            return Outcome("lost", f"afterwards: {ended.said}")
    _must(forked(bench.place.index))
    found = forked(bench.place.answers)
    right = bench.right(start, both, f"{first}, {second}")
    return (
        difference(found.value, right) or OK if found.how == "done" else Outcome("lost", found.said)
    )


def readers(bench: Bench, random: Random) -> Outcome:
    """Search all the time while another process indexes, switches models or rewrites caches."""
    name = random.choice(("index", "refresh", "model", "remove", "cache", "label"))
    operation = OPERATIONS[name]
    right = bench.cosines(operation.start)
    bench.start(operation.start)
    place = bench.place
    stop = place.folder / "stop"

    def reading() -> list[list[Any]]:
        found: set[tuple[Any, ...]] = set()
        while True:
            last = stop.exists()
            if Library.exists(place.library):
                found |= place.cosines()
            if last:
                return [list(row) for row in sorted(found)]
            time.sleep(0.001)

    reader = Child(reading)
    ended = forked(partial(operation.run, place))
    stop.touch()
    read = reader.finish()
    for each in (ended, read):
        if each.how != "done":
            return Outcome("crashed" if each.how == "killed" else each.how, each.said)
    strange = {tuple(row) for row in read.value} - right
    return Outcome("wrong", str(sorted(strange)[:3])) if strange else OK


def size_limit(bench: Bench, random: Random) -> Outcome:
    """Let every write beyond a size fail, as a quota does."""
    name = random.choice(("index", "refresh", "model", "cache", "map", "captions", "label"))
    limit = random.choice((0, random.randrange(4096), random.randrange(400_000)))

    def limited() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

    return _disturbed(bench, name, limited)


def _disturbed(bench: Bench, name: str, prepare: Callable[[], None]) -> Outcome:
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


@dataclass(frozen=True)
class Kind:
    """A kind of fault: what it is in words, and the trial; `mounts` if it mounts small disks."""

    what: str
    trial: Callable[[Bench, Random], Outcome]
    share: int = 1  # trials of it beside one of the others
    mounts: bool = False


_DAMAGES = {"cut": "cut short", "flip": "one bit", "zero": "zeroed", "noise": "overwritten"}

KINDS: dict[str, Kind] = {
    **{
        f"kill-{name}": Kind(f"`kill -9` during: {name}", partial(killed, name))
        for name in OPERATIONS
    },
    "kill-again": Kind("`kill -9` ten times in one index", killed_again_and_again),
    **{
        f"cache-{name}": Kind(f"a file beside the catalogue: {what}", partial(
            damaged, name, catalogue=False), share=4)
        for name, what in _DAMAGES.items()
    },
    **{
        f"catalogue-{name}": Kind(f"the catalogue: {what}", partial(
            damaged, name, catalogue=True), share=4)
        for name, what in _DAMAGES.items()
    },
    "changed": Kind("a picture changed while it is read", changed_while_read, share=2),
    "clock": Kind("the clock set back", clock_back),
    "writers": Kind("two writers at once", two_writers),
    "readers": Kind("searches through everything", readers),
    "limit": Kind("no file may grow beyond a size", size_limit, share=2),
    "full": Kind("a full disk", disk_full, share=2, mounts=True),
    "read-only": Kind("a read-only library", read_only),
    "permission": Kind("permission lost midway", permission_lost, share=2),
}  # fmt: skip
