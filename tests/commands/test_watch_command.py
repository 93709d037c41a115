"""`pixtrieve index --watch` and `serve --watch` as processes, with an encoder one can compute."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from support.painting import paint
from support.waiting import SUBPROCESS_S, until

from retrieval.commands import main
from retrieval.commands.watch_report import WatchReport
from retrieval.errors import LibraryBusy
from retrieval.indexing.progress import Progress, Tally, Trouble
from retrieval.watching.watcher import Delayed, Watching

pytest.importorskip("watchfiles")

CHILD = """
import sys
from support.fake_model import install
from support.fakes import FakeEncoder
from retrieval.commands import main
install(FakeEncoder)
main(sys.argv[1:])
"""


class Process:
    """A `pixtrieve` that runs; `out` is what it has printed so far."""

    def __init__(self, folder: Path, arguments: Sequence[str]) -> None:
        self._log = folder / "out.log"
        with self._log.open("wb") as log:
            tests = str(Path(__file__).parents[1])
            self.child = subprocess.Popen(
                [sys.executable, "-c", CHILD, *arguments],
                cwd=folder,
                env={
                    **os.environ,
                    "PYTHONPATH": os.pathsep.join([tests, *sys.path]),
                    "PIXTRIEVE_LIBRARY": str(folder / "library"),
                },
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def out(self) -> str:
        return self._log.read_text("utf-8")

    def says(self, pattern: str) -> None:
        """Wait until it has printed something."""
        until(lambda: re.search(pattern, self.out) or self.child.poll() is not None)
        assert re.search(pattern, self.out), self.out

    def interrupt(self) -> int:
        """Press Ctrl-C; return the exit code."""
        self.child.send_signal(signal.SIGINT)
        return self.child.wait(SUBPROCESS_S)


Start = Callable[..., Process]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as held:

        def begin(*arguments: str) -> Process:
            process = Process(tmp_path, arguments)
            held.callback(process.child.wait)
            held.callback(process.child.kill)
            return process

        yield begin


def test_index_says_what_each_run_came_to_and_ends_with_success(
    start: Start, pictures: Path
) -> None:
    process = start("index", str(pictures), "--model", "fast", "--watch", "--poll", "3600")
    process.says(r"Indexed 4 new pictures in ")
    process.says(r"Watching 1 folder\. .*Ctrl-C")
    paint(pictures / "white.png", "white")
    process.says(r"\d\d:\d\d  1 new\n")
    os.rename(pictures / "white.png", pictures / "deep/white.png")
    process.says(r"\d\d:\d\d  1 moved or copied, 1 gone\n")
    assert process.interrupt() == 0
    assert "Traceback" not in process.out
    assert len(re.findall(r"^\d\d:\d\d  ", process.out, re.MULTILINE)) == 2

    again = start("index", "--watch")
    again.says(r"Indexed 0 new pictures in .* \(5 unchanged\)")
    assert again.interrupt() == 0


def test_serve_follows_the_folders(start: Start, pictures: Path) -> None:
    pytest.importorskip("uvicorn")
    assert start("index", str(pictures), "--model", "fast").child.wait(SUBPROCESS_S) == 0
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = start("serve", "--watch", "--port", str(port))
    process.says(r"Watching 1 folder\.")
    paint(pictures / "white.png", "white")
    process.says(r"\d\d:\d\d  1 new\n")
    process.interrupt()
    assert "Traceback" not in process.out


@pytest.mark.parametrize("command", ["index", "serve"])
def test_poll_goes_with_watch(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--poll", "60"])
    assert ended.value.code == 2
    assert "--poll needs --watch" in capsys.readouterr().err


def test_troubles_are_reported_once(capsys: pytest.CaptureFixture[str]) -> None:
    def said(*events: object) -> str:
        for event in events:
            report.show(event)  # type: ignore[arg-type]
        printed = capsys.readouterr()
        return printed.out + printed.err

    report = WatchReport("Press Ctrl-C to stop.")
    there = Watching(("/a", "/b"))
    assert said(there).startswith("Watching 2 folders. ")
    assert said(there, Progress("done", "/a", Tally(found=9), 0.1)) == ""
    gone = Watching(("/a", "/b"), ("/b",))
    missing = Progress("done", "/b", Tally(), 0.1, missing=(Trouble("/b", "not there"),))
    assert said(missing, gone, missing).count("/b (not there)") == 1
    assert said(there).endswith(": /b\n")
    assert "/b" in said(gone)

    busy = Delayed(LibraryBusy("it is being written", "wait"), 3)
    assert said(busy, busy).count("it is being written") == 1
    assert "in 3.0 s" not in said(busy)
    assert said(Progress("done", "/a", Tally(encoded=1000), 0.1)).endswith("  1,000 new\n")
    assert "it is being written" in said(busy)

    nas = Watching(("/a", "/b"), (), (("/b", 300.0),))
    assert said(there, nas, nas).count("/b is rescanned every 5 min.") == 1
    deaf = Watching(("/a", "/b"), (), (("/a", 60.0), ("/b", 60.0)), "too many folders", "raise it")
    reason, hint, *paths = said(deaf).splitlines()
    assert "too many folders" in reason
    assert "raise it" in hint
    assert [line.split(", ")[1] for line in paths] == [
        "/a is rescanned every 60 s.",
        "/b is rescanned every 60 s.",
    ]
    told = Progress(
        "done", "/a", Tally(texts_updated=2, bad=1), 0.1, problems=(Trouble("/a/x", "bad"),)
    )
    lines = said(told).splitlines()
    assert lines[0].endswith("  2 with changed texts, 1 damaged")
    assert lines[1] == "  /a/x: bad"
