"""Styles and links: only in a terminal, and none with NO_COLOR or TERM=dumb."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from support.command_line import OWN_LIBRARY, Run

from retrieval.commands.table import table
from retrieval.library import Library

ESCAPE = "\x1b["


def in_terminal(folder: Path, **environment: str) -> str:
    """Return what a failing command prints to a pseudo-terminal."""
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    known = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "TERM")}
    subprocess.run(
        [sys.executable, "-m", "retrieval", "status", "--library", str(folder / "none")],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**known, "TERM": "xterm", **environment},
        check=False,
        timeout=600,
    )
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 4096):
            shown += part
    except OSError:  # how Linux says that the other end is closed
        pass
    os.close(ours)
    return shown.decode()


def test_a_terminal_gets_colours(tmp_path: Path) -> None:
    shown = in_terminal(tmp_path)
    assert ESCAPE in shown
    assert "Error:" in click.unstyle(shown)


@pytest.mark.parametrize("variable", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_colours_can_be_switched_off(tmp_path: Path, variable: dict[str, str]) -> None:
    shown = in_terminal(tmp_path, **variable)
    assert "\x1b" not in shown
    assert "Error:" in shown


def test_an_empty_no_color_says_nothing(tmp_path: Path) -> None:
    """The convention (no-color.org) counts only a variable that is not empty."""
    assert ESCAPE in in_terminal(tmp_path, NO_COLOR="")


def test_a_pipe_gets_plain_lines(run: Run, indexed: Path) -> None:
    del indexed
    done = run("search", "red")
    assert "\x1b" not in done.out + done.err
    assert "\x1b" not in run("status").out


def test_styles_change_no_text(run: Run, indexed: Path) -> None:
    """A styled table is the plain one, whose columns are as wide."""
    del run, indexed
    with Library.open(OWN_LIBRARY) as library:
        answer = library.search("red", 3)
    plain = list(table(answer))
    styled = list(table(answer, 500))
    assert [click.unstyle(line) for line in styled] == plain
    assert any(ESCAPE in line for line in styled)
