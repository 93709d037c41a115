"""Following folders, with real notices of the system and an encoder one can compute by hand."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.fakes import FakeEncoder
from support.painting import paint
from support.watches import FAST, Watch, until

import retrieval.watching.notifications
import retrieval.watching.root_monitor
from retrieval import (
    IndexOptions,
    Library,
    LibraryBusy,
    LibraryError,
    LibraryNotFound,
    MissingExtra,
)
from retrieval.folder.locking import writer_lock
from retrieval.watching.debounce import Debouncer
from retrieval.watching.drives import at_or_below, is_remote, parse
from retrieval.watching.notifications import NotificationsUnavailable

pytest.importorskip("watchfiles")

Names = Callable[..., list[str]]


@pytest.fixture
def watch(library: Library, pictures: Path, encoder: FakeEncoder, names: Names) -> Iterator[Watch]:
    """A watch over the pictures, which are all indexed by now."""
    with Watch(library.path, encoder, [pictures]) as begun:
        begun.follows()
        assert len(names(library, "red")) == 4
        yield begun
    assert begun.error is None
    assert begun.delays == []


def indexed(library: Library) -> set[str]:
    """The paths of all pictures."""
    return {path for row, _ in library.images() for path in row.paths}


def same_as_a_new_library(library: Library, folder: Path, tmp_path: Path) -> bool:
    """Tell whether the library knows what one made now would."""
    with Library.create(tmp_path / f"new-{time.time_ns()}", FakeEncoder()) as new:
        new.add(folder)
        mine, other = (
            sorted((row.paths, blob) for row, blob in each.images()) for each in (library, new)
        )
        return mine == other


def test_new_changed_renamed_and_deleted_files(
    watch: Watch, library: Library, pictures: Path, names: Names, tmp_path: Path
) -> None:
    paint(pictures / "white.png", "white")
    until(lambda: names(library, "white", 1) == ["white.png"])
    paint(pictures / "white.png", (0, 0, 99))
    until(lambda: names(library, "blue", 2) == ["blue.png", "white.png"])
    os.rename(pictures / "red.png", pictures / "rouge.png")
    until(lambda: names(library, "red", 1) == ["rouge.png"])
    os.remove(pictures / "rouge.png")
    until(lambda: "rouge.png" not in names(library, "red"))
    assert same_as_a_new_library(library, pictures, tmp_path)


def test_new_moved_and_deleted_folders(
    watch: Watch, library: Library, pictures: Path, tmp_path: Path, encoder: FakeEncoder
) -> None:
    paint(tmp_path / "elsewhere/far/white.png", "white")
    os.rename(tmp_path / "elsewhere", pictures / "moved in")
    until(lambda: str(pictures / "moved in/far/white.png") in indexed(library))
    paint(pictures / "moved in/far/more/grey.png", (9, 9, 9))
    until(lambda: str(pictures / "moved in/far/more/grey.png") in indexed(library))
    os.rename(pictures / "deep", pictures / "moved in/deep")
    until(lambda: str(pictures / "moved in/deep/down/yellow.png") in indexed(library))
    until(lambda: str(pictures / "deep/blue.png") not in indexed(library))
    assert encoder.images_encoded == 6
    paint(pictures / "moved in/deep/late.png", (99, 9, 9))
    until(lambda: str(pictures / "moved in/deep/late.png") in indexed(library))
    shutil.move(pictures / "moved in/far", tmp_path / "away")
    until(lambda: len(indexed(library)) == 5)
    shutil.rmtree(pictures / "moved in")
    until(lambda: len(indexed(library)) == 2)
    assert same_as_a_new_library(library, pictures, tmp_path)


def test_many_new_folders_are_listened_to_together(
    watch: Watch,
    library: Library,
    pictures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened: list[int] = []
    real = retrieval.watching.notifications._channel

    def counting(folders, stop):  # type: ignore[no-untyped-def]
        opened.append(len(folders))
        return real(folders, stop)

    monkeypatch.setattr(retrieval.watching.notifications, "_channel", counting)
    for number in range(300):
        paint(pictures / f"{number % 10}/{number}/a.png", (number % 256, number // 256, 99))
    until(lambda: len(indexed(library)) == 304)
    assert max(opened) <= 310
    assert len(opened) < 100
    paint(pictures / "7/207/late.png", "white")
    until(lambda: str(pictures / "7/207/late.png") in indexed(library))


def test_only_what_changed_is_looked_at(watch: Watch, library: Library, pictures: Path) -> None:
    before = len(watch.done)
    paint(pictures / "deep/white.png", "white")
    until(lambda: str(pictures / "deep/white.png") in indexed(library))
    until(lambda: len(watch.done) > before)
    assert watch.done[before].tally.found == 1


def test_a_burst_of_files_is_one_run(
    library: Library, encoder: FakeEncoder, tmp_path: Path
) -> None:
    target, count = tmp_path / "p", 5000
    target.mkdir()
    sources = [paint(tmp_path / f"s/{n}.png", (n, 255 - n, n), size=(2, 2)) for n in range(100)]
    pictures = [source.read_bytes() for source in sources]
    encoder.batch_size = 512
    with Watch(library.path, encoder, [target], replace(FAST, quiet=1.0, max_wait=60)) as watch:
        watch.follows()
        for number in range(count):
            # Another content each, past the end of the picture.
            (target / f"{number}.png").write_bytes(pictures[number % 100] + b"%d" % number)
        until(lambda: library.status().counts.files == count)
        until(lambda: watch.encoding)
        assert [progress.tally.encoded for progress in watch.encoding] == [count]


def test_an_endless_trickle_is_indexed_all_the_same(
    library: Library, encoder: FakeEncoder, tmp_path: Path
) -> None:
    stop = threading.Event()

    def trickle() -> None:
        number = 0
        while not stop.wait(0.05):
            paint(tmp_path / f"p/{number}.png", (number % 256, 0, 99))
            number += 1

    (tmp_path / "p").mkdir()
    with Watch(library.path, encoder, [tmp_path / "p"], replace(FAST, max_wait=0.5)) as watch:
        watch.follows()
        dripping = threading.Thread(target=trickle)
        dripping.start()
        until(lambda: len(watch.encoding) > 2)
        stop.set()
        dripping.join()


def test_a_file_that_is_written_slowly_is_never_a_problem(
    watch: Watch, library: Library, pictures: Path, tmp_path: Path
) -> None:
    data = paint(tmp_path / "white.jpg", "white", size=(64, 64)).read_bytes()
    runs = len(watch.done)
    with open(pictures / "slow.jpg", "wb") as file:
        for part in range(4):
            at, to = (len(data) * n // 4 for n in (part, part + 1))
            file.write(data[at:to])
            file.flush()
            if part < 3:  # longer than it takes to be looked at
                seen = len(watch.done)
                until(lambda seen=seen: len(watch.done) > seen)
            assert list(library.problems()) == []
    until(lambda: str(pictures / "slow.jpg") in indexed(library))
    late = watch.done[runs:]
    assert any(progress.waiting == (str(pictures / "slow.jpg"),) for progress in late)
    assert [progress.problems for progress in late] == [()] * len(late)
    assert list(library.problems()) == []


def test_what_stays_broken_is_a_problem_in_the_end(
    library: Library, pictures: Path, encoder: FakeEncoder
) -> None:
    with Watch(library.path, encoder, [pictures], replace(FAST, settle_broken=1.0)) as watch:
        watch.follows()
        (pictures / "bad.jpg").write_bytes(b"no picture")
        until(lambda: [row.path for row in library.problems()] == [str(pictures / "bad.jpg")])
        until(lambda: watch.done[-1].problems)
        assert any(progress.waiting for progress in watch.done)
        paint(pictures / "bad.jpg", "white")
        until(lambda: not list(library.problems()))


def test_a_file_under_a_passing_name_counts_when_it_has_its_own(
    watch: Watch, library: Library, pictures: Path, tmp_path: Path
) -> None:
    source = paint(tmp_path / "white.png", "white")
    shutil.copy(source, pictures / ".white.png.Xa81Zq")
    os.rename(pictures / ".white.png.Xa81Zq", pictures / "white.png")
    until(lambda: str(pictures / "white.png") in indexed(library))
    shutil.copy(source, pictures / "copy.png.part")
    os.rename(pictures / "copy.png.part", pictures / "copy.png")
    until(lambda: str(pictures / "copy.png") in indexed(library))
    assert len(indexed(library)) == 6


def test_sidecars_that_come_change_and_go(
    watch: Watch, library: Library, pictures: Path, names: Names
) -> None:
    def by_text(word: str) -> list[str]:
        hits = library.search(word, look_in="texts").hits
        return [
            os.path.basename(h.path) for h in hits if any(word in text.text for text in h.texts)
        ]

    paint(pictures / "red.jpg", (250, 0, 0))
    (pictures / "red.txt").write_text("a fire engine")
    until(lambda: set(by_text("engine")) == {"red.png", "red.jpg"})
    (pictures / "red.txt").write_text("a tomato")
    until(lambda: set(by_text("tomato")) == {"red.png", "red.jpg"})
    os.remove(pictures / "red.jpg")
    until(lambda: str(pictures / "red.jpg") not in indexed(library))
    assert by_text("tomato") == ["red.png"]
    (pictures / "deep/blue.png.txt").write_text("a lake")
    until(lambda: by_text("lake") == ["blue.png"])
    os.remove(pictures / "red.txt")
    until(lambda: by_text("tomato") == [])


def test_excluded_removed_hidden_and_other_files_start_nothing(
    library: Library, pictures: Path, encoder: FakeEncoder
) -> None:
    library.add(pictures, exclude=["*.gif", "raw"])
    library.remove(pictures / "deep")
    with Watch(library.path, encoder) as watch:
        watch.follows()
        runs = len(watch.done)
        for name in ("a.gif", "raw/a.png", ".hidden.png", ".git/a.png", "@eaDir/a.png"):
            paint(pictures / name, "white")
        paint(pictures / "deep/white.png", "white")
        (pictures / "notes.txt").write_text("no picture beside it")
        (pictures / "film.mp4").write_bytes(b"x")
        paint(pictures / "last.png", "white")
        until(lambda: str(pictures / "last.png") in indexed(library))
        until(lambda: len(watch.done) > runs)
        assert watch.done[runs].tally.found == 1
        watch.follows()
    assert indexed(library) == {str(pictures / f"{n}.png") for n in ("red", "green", "last")}


def test_the_library_may_lie_in_the_folder_that_it_follows(
    pictures: Path, encoder: FakeEncoder, tmp_path: Path
) -> None:
    with Library.create(pictures / "index", encoder) as library:
        with Watch(library.path, encoder, [pictures]) as watch:
            watch.follows()
            runs = len(watch.done)
            paint(pictures / "index/thumbnails/ab/abc.png", "white")
            paint(pictures / "last.png", "white")
            until(lambda: str(pictures / "last.png") in indexed(library))
            until(lambda: len(watch.done) > runs)
            runs = len(watch.done)
            watch.follows()
            assert len(watch.done) == runs + 1
        assert len(indexed(library)) == 5


def test_links_to_folders_are_looked_at_as_a_walk_does(
    watch: Watch, library: Library, pictures: Path, tmp_path: Path
) -> None:
    (pictures / "best").symlink_to(pictures / "deep")
    paint(tmp_path / "elsewhere/white.png", "white")
    (pictures / "far").symlink_to(tmp_path / "elsewhere")
    until(lambda: str(pictures / "far/white.png") in indexed(library))
    paint(pictures / "deep/grey.png", (99, 99, 99))
    paint(tmp_path / "elsewhere/late.png", (9, 99, 9))
    until(lambda: len(indexed(library)) == 7)
    assert same_as_a_new_library(library, pictures, tmp_path)
    assert str(pictures / "deep/grey.png") in indexed(library)


def test_names_that_are_not_text(watch: Watch, library: Library, pictures: Path) -> None:
    source = paint(pictures / "white.png", "white")
    odd = os.fsencode(pictures) + b"/\xff\xfe.png"
    shutil.copy(source, odd)
    until(lambda: os.fsdecode(odd) in indexed(library))
    paint(pictures / "after.png", (9, 9, 9))
    until(lambda: str(pictures / "after.png") in indexed(library))


def test_single_files(library: Library, pictures: Path, encoder: FakeEncoder) -> None:
    with Watch(library.path, encoder, [pictures / "red.png"]) as watch:
        watch.follows()
        paint(pictures / "other.png", "white")
        paint(pictures / "red.jpg", "white")
        os.replace(paint(pictures / "new.tmp.png", "white"), pictures / "red.png")
        until(lambda: encoder.images_encoded == 2)
        assert indexed(library) == {str(pictures / "red.png")}
        (pictures / "red.txt").write_text("a swan")
        until(lambda: len(library.search("swan", look_in="texts").hits) == 1)
        os.remove(pictures / "red.png")
        until(lambda: indexed(library) == set())


@pytest.mark.parametrize("how", ["gone", "empty"])
def test_a_drive_that_is_unplugged_keeps_its_pictures_and_comes_back(
    watch: Watch, library: Library, pictures: Path, tmp_path: Path, names: Names, how: str
) -> None:
    os.rename(pictures, tmp_path / "unplugged")
    if how == "empty":
        pictures.mkdir()
    until(lambda: watch.watching and watch.watching.absent == (str(pictures),))
    assert len(names(library, "red")) == 4
    paint(tmp_path / "unplugged/white.png", "white")
    if how == "empty":
        pictures.rmdir()
    os.rename(tmp_path / "unplugged", pictures)
    until(lambda: str(pictures / "white.png") in indexed(library))
    until(lambda: watch.watching and watch.watching.absent == ())
    paint(pictures / "after.png", (9, 9, 9))
    until(lambda: str(pictures / "after.png") in indexed(library))
    assert len(indexed(library)) == 6


def test_folders_that_another_process_adds_are_followed(
    watch: Watch, library: Library, encoder: FakeEncoder, tmp_path: Path
) -> None:
    paint(tmp_path / "more/white.png", "white")
    with Library.open(library.path, encoder) as other:
        other.add(tmp_path / "more")
    until(lambda: watch.watching and str(tmp_path / "more") in watch.watching.folders)
    paint(tmp_path / "more/grey.png", (9, 9, 9))
    until(lambda: str(tmp_path / "more/grey.png") in indexed(library))


def test_what_changes_while_another_process_writes_is_not_lost(
    library: Library, pictures: Path, encoder: FakeEncoder
) -> None:
    with Watch(library.path, encoder, [pictures]) as watch:
        watch.follows()
        with writer_lock(library.path):
            paint(pictures / "white.png", "white")
            until(lambda: watch.delays)
            assert isinstance(watch.delays[0].error, LibraryBusy)
            assert str(pictures / "white.png") not in indexed(library)
        until(lambda: str(pictures / "white.png") in indexed(library))


def test_it_waits_for_the_library_before_it_begins(
    library: Library, pictures: Path, encoder: FakeEncoder
) -> None:
    with writer_lock(library.path), Watch(library.path, encoder, [pictures]) as watch:
        until(lambda: watch.delays)
    assert watch.error is None


def test_it_goes_on_after_an_error(library: Library, pictures: Path, encoder: FakeEncoder) -> None:
    with Watch(library.path, encoder, [pictures]) as watch:
        watch.follows()
        real, failures = encoder.encode_images, iter(range(2))

        def fail_twice(pixels):  # type: ignore[no-untyped-def]
            for _ in failures:
                raise RuntimeError("out of memory")
            return real(pixels)

        encoder.encode_images = fail_twice  # type: ignore[method-assign]
        paint(pictures / "white.png", "white")
        until(lambda: str(pictures / "white.png") in indexed(library))
        errors = [delay.error.message for delay in watch.delays]
        assert errors == ["RuntimeError: out of memory"] * 2
        first, second = (delay.seconds for delay in watch.delays)
        assert second == 2 * first


def test_a_first_run_that_cannot_be_is_an_error(
    library: Library, pictures: Path, encoder: FakeEncoder
) -> None:
    with Watch(library.path, encoder, [pictures / "nowhere"]) as watch:
        until(lambda: watch.error)
    assert isinstance(watch.error, LibraryError)


def test_it_ends_when_the_library_is_deleted(pictures: Path, tmp_path: Path) -> None:
    encoder = FakeEncoder()
    Library.create(tmp_path / "short", encoder).close()
    with Watch(tmp_path / "short", encoder, [pictures]) as watch:
        watch.follows()
        shutil.rmtree(tmp_path / "short")
        until(lambda: watch.error)
    assert isinstance(watch.error, LibraryNotFound)


def test_a_run_is_halted_and_the_watch_goes_on(
    library: Library, pictures: Path, encoder: FakeEncoder
) -> None:
    options = IndexOptions(batch_size=4)
    with Watch(library.path, encoder, [pictures], options=options) as watch:
        watch.follows()
        real = encoder.encode_images

        def halting(pixels):  # type: ignore[no-untyped-def]
            watch.control.stop_run.set()
            return real(pixels)

        encoder.encode_images = halting  # type: ignore[method-assign]
        for number in range(20):
            paint(pictures / f"{number}.png", (number, 0, 99))
        until(lambda: watch.encoding)
        until(lambda: watch.done[-1].stopped)
        encoder.encode_images = real  # type: ignore[method-assign]
        assert len(indexed(library)) < 24
        watch.follows()
        assert len(indexed(library)) == 24


def test_without_notices_it_looks_again_and_again(
    library: Library, pictures: Path, encoder: FakeEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> Iterator[object]:
        raise OSError('OS file watch limit reached. about ["/a"]')
        yield

    monkeypatch.setattr("watchfiles.watch", refuse)
    with Watch(library.path, encoder, [pictures], replace(FAST, unnotified_rescan=0.2)) as watch:
        watch.follows()
        paint(pictures / "white.png", "white")
        until(lambda: str(pictures / "white.png") in indexed(library))
        watching = watch.watching
    assert watching is not None
    assert watching.polled == ((str(pictures), 0.2),)
    assert "fs.inotify.max_user_watches" in watching.hint


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (RuntimeError("Error creating recommended watcher: (os error 24)"), "max_user_instances"),
        (OSError("OS file watch limit reached"), "max_user_watches"),
        (RuntimeError("something else"), ""),
    ],
)
def test_what_to_do_when_the_system_does_not_listen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, hint: str
) -> None:
    def refuse(*_: object, **__: object) -> Iterator[object]:
        raise error
        yield

    monkeypatch.setattr("watchfiles.watch", refuse)
    with pytest.raises(NotificationsUnavailable) as raised:
        retrieval.watching.notifications.Notifier(threading.Event()).watch([str(tmp_path)])
    assert hint in raised.value.hint


@pytest.mark.skipif(sys.platform != "linux", reason="limits are Linux's")
def test_the_real_limit_of_the_system(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / str(number)).mkdir()
    code = (
        "import os, sys, threading\n"
        "from retrieval.watching.notifications import NotificationsUnavailable, Notifier\n"
        "open('/proc/sys/user/max_inotify_watches', 'w').write('5')\n"
        "notifier = Notifier(threading.Event())\n"
        "folders = [os.path.join(sys.argv[1], str(n)) for n in range(20)]\n"
        "notifier.watch(folders[:4])\n"
        "print('four')\n"
        "try:\n"
        "    notifier.watch(folders)\n"
        "except NotificationsUnavailable as unavailable:\n"
        "    print(unavailable.hint)\n"
        "open(folders[3] + '/a', 'w').close()\n"
        "print(notifier.wait_for_changes())\n"
    )
    command = ["unshare", "-Ur", sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    if "unshare" in done.stderr or "PermissionError" in done.stderr:
        pytest.skip("this system gives no limits of one's own")
    four, hint, changed = done.stdout.splitlines()
    assert four == "four"
    assert "fs.inotify.max_user_watches" in hint
    assert changed == str({str(tmp_path / "3/a")})


def test_a_network_drive_is_looked_at_unasked(
    library: Library, pictures: Path, encoder: FakeEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        retrieval.watching.root_monitor,
        "mounts",
        lambda: {"/": "ext4", str(pictures / "deep"): "nfs4"},
    )
    monkeypatch.setattr(
        retrieval.watching.root_monitor.Notifier,
        "wait_for_changes",
        lambda _: time.sleep(0.1) or set(),
    )
    with Watch(library.path, encoder, [pictures], replace(FAST, remote_rescan=0.2)) as watch:
        watch.follows()
        assert watch.watching is not None
        assert watch.watching.polled == ((str(pictures), 0.2),)
        paint(pictures / "deep/white.png", "white")
        until(lambda: str(pictures / "deep/white.png") in indexed(library))


def test_a_drive_that_is_mounted_below_is_noticed(
    watch: Watch, library: Library, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = len(watch.done)
    mounted = {**retrieval.watching.root_monitor.mounts(), str(pictures / "deep"): "vfat"}
    monkeypatch.setattr(retrieval.watching.root_monitor, "mounts", lambda: mounted)
    until(lambda: len(watch.done) > runs)
    assert watch.done[runs].tally.found == 4


def test_a_missing_extra_is_named(
    library: Library, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    with pytest.raises(MissingExtra) as raised:
        next(library.watch([pictures]))
    assert "pixtrieve[watch]" in raised.value.hint


def test_paths_are_given_out_when_it_has_been_quiet_or_has_taken_too_long() -> None:
    debouncer = Debouncer(1.0, 5.0)
    assert debouncer.take_due(0) == set()
    debouncer.add({"a"}, 10)
    debouncer.add({"b"}, 10.9)
    assert debouncer.take_due(11.5) == set()
    assert debouncer.take_due(11.9) == {"a", "b"}
    assert debouncer.take_due(20) == set()
    for tenths in range(52):
        debouncer.add({"c"}, 30 + tenths / 10)
        if tenths < 50:
            assert debouncer.take_due(30 + tenths / 10) == set()
    assert debouncer.take_due(35.2) == {"c"}


def test_paths_that_are_kept_come_when_it_is_time() -> None:
    debouncer = Debouncer(1.0, 5.0)
    debouncer.schedule({"a", "b"}, 10)
    debouncer.schedule({"b"}, 5)
    debouncer.schedule({"a"}, 20)
    assert debouncer.take_due(4.9) == set()
    assert debouncer.take_due(5) == {"b"}
    debouncer.add({"c"}, 9.5)
    assert debouncer.take_due(10) == {"a"}
    assert debouncer.take_due(10.5) == {"c"}


LISTED = """\
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
40 27 0:50 / /media/my\\040nas rw - nfs4 nas:/pictures rw
41 27 0:51 / /home rw - ext4 /dev/vdb rw
42 41 0:52 / /home/me/phone rw - fuse.jmtpfs jmtpfs rw
nonsense
"""


def test_drives_are_known_by_where_they_are_mounted() -> None:
    found = parse(LISTED)
    assert found["/media/my nas"] == "nfs4"
    assert at_or_below("/media/my nas/2020", found) == {"/media/my nas": "nfs4"}
    assert at_or_below("/home/me", found) == {"/home": "ext4", "/home/me/phone": "fuse.jmtpfs"}
    assert at_or_below("/home2", found) == {"/": "ext4"}
    assert at_or_below("/x", {}) == {}
    assert [is_remote(kind) for kind in ("nfs4", "fuse.sshfs", "cifs", "ext4", "fuseblk")] == [
        *(True, True, True, False, False)
    ]
