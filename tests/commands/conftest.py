"""What the tests of the commands share."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.command_line import Run, command_line


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Run:
    """Return a function that runs `pixtrieve` with a fake model, in an empty folder."""
    return command_line(tmp_path, monkeypatch, capfdbinary)


@pytest.fixture
def indexed(run: Run, pictures: Path) -> Path:
    """Return the folder of four pictures, indexed in the user's own library."""
    assert run("index", pictures, "--model", "fast").code == 0
    return pictures
