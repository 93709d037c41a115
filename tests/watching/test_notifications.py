"""Notices of the system: how few are opened, and what happens where there are none."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.fakes import FakeEncoder
from support.painting import paint
from support.waiting import until
from support.watches import FAST, Watch, indexed

import retrieval.watching.notifications
from retrieval import Library, MissingExtra
from retrieval.watching.notifications import NotificationsUnavailable, Notifier

pytest.importorskip("watchfiles")


def test_many_new_folders_share_few_channels(
    watch: Watch,
    library: Library,
    pictures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened: list[int] = []
    real = retrieval.watching.notifications._channel

    def counting(folders: Collection[str], stop: threading.Event) -> Iterator[set[tuple[Any, str]]]:
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


def test_without_notifications_it_polls(
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
        standing = watch.watching
    assert standing is not None
    assert standing.polled == ((str(pictures), 0.2),)
    assert "fs.inotify.max_user_watches" in standing.hint


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (RuntimeError("Error creating recommended watcher: (os error 24)"), "max_user_instances"),
        (OSError("OS file watch limit reached"), "max_user_watches"),
        (RuntimeError("something else"), ""),
    ],
)
def test_the_hint_when_notifications_are_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, hint: str
) -> None:
    def refuse(*_: object, **__: object) -> Iterator[object]:
        raise error
        yield

    monkeypatch.setattr("watchfiles.watch", refuse)
    with pytest.raises(NotificationsUnavailable) as raised:
        Notifier(threading.Event()).watch([str(tmp_path)])
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
        "except NotificationsUnavailable as error:\n"
        "    print(error.hint)\n"
        "open(folders[3] + '/a', 'w').close()\n"
        "print(notifier.wait_for_changes())\n"
    )
    command = ["unshare", "-Ur", sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    if "unshare" in done.stderr or "PermissionError" in done.stderr:
        pytest.skip("this system gives no limits of one's own")
    four, hint, heard = done.stdout.splitlines()
    assert four == "four"
    assert "fs.inotify.max_user_watches" in hint
    assert heard == str({str(tmp_path / "3/a")})


def test_a_missing_extra_is_named(
    library: Library, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    with pytest.raises(MissingExtra) as raised:
        next(library.watch([pictures]))
    assert "pixtrieve[watch]" in raised.value.hint
