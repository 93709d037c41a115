"""Sentences of the commands that are pinned word for word; all other tests pin what is meant."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.command_line import Run

from retrieval.commands.watch_report import WatchReport
from retrieval.indexing.progress import Progress, Tally, Trouble
from retrieval.watching.watcher import Watching


def lines(out: str) -> list[str]:
    """Return printed lines with T in place of how long something took."""
    return re.sub(r"in \d+(\.\d+)? s\b", "in T", out).splitlines()


def test_indexing(run: Run, pictures: Path) -> None:
    (pictures / "bad.jpg").write_bytes(b"no picture")
    (pictures / "a.psd").write_bytes(b"x")
    first, *_ = lines(run("index", pictures).out)
    assert first == "Indexed 4 new pictures in T (1 damaged, 1 unsupported)"
    first, *_ = lines(run("index").out)
    assert first == "Indexed 0 new pictures in T (6 unchanged)"
    (pictures / "red.png").rename(pictures / "moved.png")
    first, *_ = lines(run("index").out)
    assert first == "Indexed 0 new pictures in T (5 unchanged, 1 moved or copied, 1 gone)"


def test_indexing_a_folder_without_pictures(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    first, *_ = lines(run("index", "empty").out)
    assert first == "No pictures found in empty."
    first, *_ = lines(run("index").out)
    assert first == f"No pictures found in {tmp_path / 'empty'}."


def test_a_folder_that_is_gone(run: Run, indexed: Path) -> None:
    indexed.rename(indexed.with_name("elsewhere"))
    out = lines(run("index").out)
    assert out[0] == "Indexed 0 new pictures in T"
    assert out[1].startswith(f"Unavailable: {indexed} (")
    assert out[1].endswith(
        f"Its pictures stay searchable. To remove them: pixtrieve remove {indexed}"
    )


def test_a_filter_without_a_question(run: Run, indexed: Path) -> None:
    out = run("search", "--where", "width > 1", "-k", "3").out
    assert lines(out)[-1] == "Showing 3 of 4. Use -k for more."
    assert run("search", "--where", "has gps").out == "No pictures match the filter.\n"


def test_confirmation(run: Run, indexed: Path) -> None:
    (indexed / "copy.png").write_bytes((indexed / "red.png").read_bytes())
    run("index")
    assert lines(run("duplicates", "--move-to", "aside").err)[-1] == (
        "Error: Can't ask for confirmation outside a terminal. Review first, then pass --yes."
    )


def test_network_drives(capsys: pytest.CaptureFixture[str]) -> None:
    report = WatchReport("Press Ctrl-C to stop.")
    report.show(Watching(("/nas",), (), (("/nas", 300.0),)))
    assert capsys.readouterr().out.splitlines() == [
        "Watching 1 folder. Press Ctrl-C to stop.",
        "Network drives don't report changes, so /nas is rescanned every 5 min.",
    ]


def test_network_drives_in_the_help(run: Run) -> None:
    help_text = " ".join(run("index", "--help").out.split())
    assert (
        "Network drives don't report changes, so they are rescanned every 5 minutes by default."
        in help_text
    )


def test_a_watch(capsys: pytest.CaptureFixture[str]) -> None:
    report = WatchReport()
    missing = (Trouble("/nas", "the drive is not connected"),)
    report.show(Progress("done", "/a", Tally(encoded=12, removed=1), 0.1, missing=missing))
    first, second = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"\d\d:\d\d  12 new, 1 gone", first)
    assert second == (
        "Unavailable: /nas (the drive is not connected). Its pictures stay searchable."
    )
