"""`pixtrieve search --image`: a file, standard input, an address on the web."""

from __future__ import annotations

import http.server
import io
import json
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.command_line import Run
from support.painting import paint

import retrieval.commands.evaluate
import retrieval.context
import retrieval.folder.opening
import retrieval.images.decoding
import retrieval.library
from retrieval.images import ReadLimits
from retrieval.specs import Preprocessing


def test_searching_with_a_picture(
    run: Run, indexed: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert run("search", "--image", indexed / "red.png", "-k1").out.endswith("yellow.png\n")
    own = run("search", "--image", indexed / "red.png", "-k1", "--include-self")
    assert own.out.endswith("red.png\n")
    stranger = paint(tmp_path / "stranger.png", (0, 0, 200))
    stdin = io.TextIOWrapper(io.BytesIO(stranger.read_bytes()))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert run("search", "--image", "-", "-k1").out.endswith("blue.png\n")


def test_an_empty_standard_input_is_named(
    run: Run, indexed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    done = run("search", "--image", "-")
    assert (done.code, done.out) == (1, "")
    assert "Standard input is empty" in done.err


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """The address of a small web server over tmp_path/web."""
    folder = tmp_path / "web"
    paint(folder / "green.jpg", "green")
    (folder / "page.html").write_text("<!doctype html><p>no picture")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=str(folder))  # type: ignore[arg-type]

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_searching_with_an_address(run: Run, indexed: Path, web: str) -> None:
    done = run("search", "--image", f"{web}/green.jpg", "-k1", "--json")
    found = json.loads(done.out)
    assert found["hits"][0]["path"].endswith("green.png")
    assert found["query"] == f"{web}/green.jpg"
    missing = run("search", "--image", f"{web}/none.jpg")
    assert missing.code == 1
    assert "404" in missing.err
    page = run("search", "--image", f"{web}/page.html")
    assert page.code == 1
    assert "web page" in page.err
    dead = run("search", "--image", "http://127.0.0.1:9/a.jpg")
    assert dead.code == 1
    assert "cannot be downloaded" in dead.err


def test_exact_decoding_of_the_picture_that_asks(
    run: Run, indexed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[bool, float]] = []
    real = retrieval.images.decoding.decode

    def decode(file: Any, how: Preprocessing, limits: ReadLimits) -> Any:
        asked.append((limits.exact, limits.max_megapixels))
        return real(file, how, limits)

    monkeypatch.setattr(retrieval.images.decoding, "decode", decode)
    stranger = paint(tmp_path / "stranger.png", (0, 0, 200))
    for options in (["--exact-decode"], ["--max-megapixels", "7"]):
        assert run("search", "--image", stranger, *options).code == 0
        stdin = io.TextIOWrapper(io.BytesIO(stranger.read_bytes()))
        monkeypatch.setattr(sys, "stdin", stdin)
        assert run("search", "--image", "-", *options).code == 0
    assert asked == [(True, 250.0)] * 2 + [(False, 7.0)] * 2
