"""What the rooms below log reaches the person at the terminal: once, in words, harmlessly."""

from __future__ import annotations

import io
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.painting import paint

from retrieval.commands.logs import set_up_logging
from retrieval.encoders.models.references import built_in_folder


@pytest.fixture
def clean() -> Iterator[None]:
    """A process in which nothing was set up; handlers and levels are put back afterwards."""
    loggers = [logging.getLogger(name) for name in ("", "retrieval", "retrieval.notices")]
    before = [(logger, logger.handlers[:], logger.level) for logger in loggers]
    loggers[1].handlers.clear()
    yield
    for logger, handlers, level in before:
        logger.handlers[:] = handlers
        logger.setLevel(level)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_warnings_and_notices_are_lines(clean: None, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        set_up_logging(verbose=False)
    logging.getLogger("retrieval.encoders.engines").warning("%s runs on torch", "a\x1b[2Jmodel")
    logging.getLogger("retrieval.encoders.engines").info("details")
    logging.getLogger("retrieval.notices").info("Preparing %s.", "it")
    logging.getLogger("another.library").warning("chatter")
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == "Warning: a\\x1b[2Jmodel runs on torch\nPreparing it.\n"


def test_a_line_of_progress_gives_way(clean: None, monkeypatch: pytest.MonkeyPatch) -> None:
    set_up_logging(verbose=False)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    logging.getLogger("retrieval.notices").info("Preparing it.")
    assert terminal.getvalue().startswith("\r\x1b[K")
    assert "Preparing it.\n" in terminal.getvalue()


@pytest.mark.slow
def test_a_model_that_is_prepared_says_so_the_first_time(tmp_path: Path) -> None:
    paint(tmp_path / "p/red.png", "red")

    def said(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "retrieval", *arguments, "--library", str(tmp_path / "l")],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")},
        )
        return done.stderr

    bare = shutil.ignore_patterns("openvino")  # the built-in model itself ships prepared
    shutil.copytree(built_in_folder(), tmp_path / "model", ignore=bare)
    model = f"local-dir:{tmp_path / 'model'}"
    first = said("index", str(tmp_path / "p"), "--model", model, "--device", "cpu")
    told = f"Preparing {model} for this processor."
    assert first.count(told) == 1
    assert "Warning" not in first
    assert "Preparing" not in said("index", str(tmp_path / "p"), "--device", "cpu")
    assert said("search", "red", "--device", "cpu") == ""
