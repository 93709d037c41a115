"""The command line, in this process, with an encoder one can compute by hand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.command_line import OWN_LIBRARY, Done, Run
from support.fake_model import install
from support.fakes import FakeEncoder

from retrieval.commands import main


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Run:
    """Return a function that runs `pixtrieve` with a fake model, in an empty folder."""
    encoder = FakeEncoder()
    install(lambda: encoder, monkeypatch.setattr)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PIXTRIEVE_LIBRARY", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user-cache"))
    own = str(tmp_path / OWN_LIBRARY)
    monkeypatch.setattr("retrieval.commands.library_choice.default_library", lambda: own)

    def pixtrieve(*arguments: str | os.PathLike[str]) -> Done:
        capfdbinary.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([os.fspath(argument) for argument in arguments])
        out, err = (
            stream.decode("utf-8", "surrogateescape") for stream in capfdbinary.readouterr()
        )
        return Done(int(ended.value.code or 0), out, err)

    return pixtrieve


@pytest.fixture
def indexed(run: Run, pictures: Path) -> Path:
    assert run("index", pictures, "--model", "fast").code == 0
    return pictures
