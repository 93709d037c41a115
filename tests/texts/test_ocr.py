"""Reading what is written in pictures."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from support.painting import paint

from retrieval import Library, MissingExtra
from retrieval.texts.ocr import Reader
from retrieval.texts.ocr_run import read_pictures


class FakeReader:
    """Reads the size of a picture."""

    def __init__(self) -> None:
        self.read_so_far = 0

    def read(self, picture: NDArray[np.uint8]) -> str:
        self.read_so_far += 1
        return f"size {picture.shape[1]}" if picture.shape[1] % 2 == 0 else ""


def sign(path: Path, *lines: str) -> Path:
    picture = Image.new("RGB", (900, 160 * len(lines) + 80), (232, 230, 221))
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(64)
    for number, line in enumerate(lines):
        pen.text((60, 50 + 160 * number), line, fill=(30, 30, 60), font=font)
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)
    return path


@pytest.fixture
def many(library: Library, tmp_path: Path) -> Library:
    for number in range(40):
        paint(tmp_path / "many" / f"{number}.png", (number, 5 * number, 99), (100 + number, 80))
    library.add(tmp_path / "many")
    return library


def test_pictures_are_read_once_and_reading_goes_on(many: Library) -> None:
    reader, stop = FakeReader(), threading.Event()
    reading = read_pictures(many._session.catalogue, lambda: reader, 1600, stop)
    first = next(reading)
    stop.set()
    assert list(reading) == []
    assert (first.done, first.total) == (16, 40)
    assert reader.read_so_far == 16
    *_, last = read_pictures(many._session.catalogue, lambda: reader, 1600, threading.Event())
    assert (last.done, last.total, first.found + last.found) == (24, 24, 20)
    assert reader.read_so_far == 40
    assert many.texts.counts()["ocr"] == 20
    (nothing,) = read_pictures(many._session.catalogue, FakeReader, 1600, threading.Event())
    assert nothing.total == 0
    assert many.search("size 120").hits[0].texts[0].text == "size 120"


def test_what_cannot_be_opened_now_is_left_for_later(many: Library, tmp_path: Path) -> None:
    (tmp_path / "many" / "7.png").rename(tmp_path / "away.png")
    *_, last = read_pictures(many._session.catalogue, FakeReader, 1600, threading.Event())
    assert (last.done, last.unreadable) == (40, 1)
    (tmp_path / "away.png").rename(tmp_path / "many" / "7.png")
    *_, last = read_pictures(many._session.catalogue, FakeReader, 1600, threading.Event())
    assert (last.done, last.unreadable) == (1, 0)


def test_a_missing_extra_is_named(many: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    real: Callable[..., object] = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "rapidocr" else real(name)
    )
    with pytest.raises(MissingExtra, match="rapidocr") as caught:
        list(many.texts.read_pictures())
    assert "pixtrieve[ocr]" in caught.value.hint


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("rapidocr") is None, reason="the extra ocr is not installed"
)
def test_signs_are_found_by_what_they_say(library: Library, tmp_path: Path) -> None:
    sign(tmp_path / "p" / "IMG_1.png", "INVOICE 2023-114", "Total 1,250.00 EUR")
    sign(tmp_path / "p" / "IMG_2.jpg", "EMERGENCY EXIT")
    for number in range(3, 9):
        paint(tmp_path / "p" / f"IMG_{number}.png", (230, 230, 10 * number), (200, 100))
    library.add(tmp_path / "p")
    *_, last = library.texts.read_pictures()
    assert (last.done, last.found) == (8, 2)
    for question, name, line in (
        ("invoice 2023", "IMG_1.png", "INVOICE 2023-114"),
        ("emergency exits", "IMG_2.jpg", "EMERGENCY EXIT"),
    ):
        best = library.search(question).hits[0]
        assert os.path.basename(best.path) == name
        assert [(s.source, s.text) for s in best.texts] == [("ocr", line)]


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("rapidocr") is None, reason="the extra ocr is not installed"
)
def test_reading_reaches_for_no_network(tmp_path: Path) -> None:
    code = (
        "import socket, sys\n"
        "def refuse(*a, **k): raise AssertionError('network')\n"
        "socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse\n"
        "import numpy as np\nfrom PIL import Image\nfrom retrieval.texts.ocr import Reader\n"
        f"print(Reader().read(np.asarray(Image.open({os.fspath(tmp_path / 'a.png')!r}))))\n"
    )
    sign(tmp_path / "a.png", "WELCOME")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "WELCOME\n"
    assert Reader.__doc__
