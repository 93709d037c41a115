"""Folders on drives that come and go, and on network drives."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from support.fakes import FakeEncoder
from support.painting import paint
from support.waiting import until
from support.watches import FAST, Watch, indexed

from retrieval import Library
from retrieval.watching.drives import at_or_below, is_remote, mounts, parse
from retrieval.watching.notifications import Notifier

pytest.importorskip("watchfiles")

Names = Callable[..., list[str]]


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


def test_a_network_drive_is_polled(
    library: Library, pictures: Path, encoder: FakeEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hear_nothing(_: Notifier) -> set[str]:
        time.sleep(0.1)
        return set()

    monkeypatch.setattr(
        "retrieval.watching.root_monitor.mounts",
        lambda: {"/": "ext4", str(pictures / "deep"): "nfs4"},
    )
    monkeypatch.setattr(Notifier, "wait_for_changes", hear_nothing)
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
    mounted = {**mounts(), str(pictures / "deep"): "vfat"}
    monkeypatch.setattr("retrieval.watching.root_monitor.mounts", lambda: mounted)
    until(lambda: len(watch.done) > runs)
    assert watch.done[runs].tally.found == 4


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
