"""The encoder is loaded beside the first reading, once, and only if a picture is to be encoded."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.fakes import FakeEncoder
from support.painting import paint
from support.waiting import WAIT_S

import retrieval.context
from retrieval import Library, ModelError
from retrieval.context import LazyEncoder
from retrieval.encoders import ModelIdentity
from retrieval.images import Picture, Problem
from retrieval.images.decoding import read_picture
from retrieval.indexing.load_ahead import BackgroundEncoder


class Prepared(FakeEncoder):
    """Counts how often it was got ready."""

    wanted = 0

    def __init__(self) -> None:
        super().__init__()
        self.ready = 0

    def prepare_pictures(self) -> None:
        self.ready += 1

    def prepare_texts(self) -> None:
        raise AssertionError("no text was to be read")

    def pictures_wanted(self) -> int:
        return self.wanted

    def calibrate(self, pixels: NDArray[np.uint8]) -> None:
        self.wanted = 0


@pytest.fixture
def closed() -> Iterator[list[BackgroundEncoder]]:
    """Encoders to close after the test."""
    ahead: list[BackgroundEncoder] = []
    yield ahead
    for each in ahead:
        each.close()


def test_it_is_loaded_once_whoever_asks_first(closed: list[BackgroundEncoder]) -> None:
    encoder, loaded = Prepared(), []

    def load() -> Prepared:
        loaded.append(threading.current_thread())
        return encoder

    ahead = BackgroundEncoder(load)
    closed.append(ahead)
    everyone = threading.Barrier(8)

    def ask() -> None:
        everyone.wait(WAIT_S)
        ahead.start()

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    assert ahead() is encoder
    assert ahead() is encoder
    assert len(loaded) == 1
    assert loaded[0] is not threading.current_thread()
    assert encoder.ready == 1


def test_one_that_wants_to_see_pictures_first_is_not_got_ready(
    closed: list[BackgroundEncoder],
) -> None:
    encoder = Prepared()
    encoder.wanted = 5
    ahead = BackgroundEncoder(lambda: encoder)
    closed.append(ahead)
    assert ahead() is encoder
    assert encoder.ready == 0


def test_what_loading_raises_reaches_whoever_needs_it(closed: list[BackgroundEncoder]) -> None:
    def load() -> FakeEncoder:
        raise ModelError("no such weights")

    ahead = BackgroundEncoder(load)
    closed.append(ahead)
    ahead.start()
    for _ in range(2):
        with pytest.raises(ModelError, match="no such weights"):
            ahead()


def test_pictures_are_read_while_it_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        paint(tmp_path / f"p/{number}.png", (number * 60, 0, 9))
    last_read = threading.Event()

    def reading(path: str, *rest: Any) -> Picture | Problem:
        picture = read_picture(path, *rest)
        if path.endswith("3.png"):
            last_read.set()
        return picture

    class Slow(Prepared):
        def prepare_pictures(self) -> None:
            # Only the reading of the last picture ends this.
            assert last_read.wait(WAIT_S)
            super().prepare_pictures()

    monkeypatch.setattr("retrieval.indexing.read_file.read_picture", reading)
    encoder = Slow()
    with Library.create(tmp_path / "l", encoder) as library:
        done = library.add(tmp_path / "p")
    assert (done.tally.encoded, encoder.ready) == (4, 1)


def test_a_librarys_encoder_is_loaded_once_whoever_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[FakeEncoder] = []
    asked = threading.Barrier(4)

    def opening(name: str, *, device: str) -> FakeEncoder:
        time.sleep(0.05)  # long enough for the others to come
        opened.append(FakeEncoder())
        return opened[-1]

    spec = FakeEncoder().spec
    monkeypatch.setattr(
        retrieval.context, "identify", lambda name: ModelIdentity(name, spec.fingerprint)
    )
    monkeypatch.setattr(retrieval.context, "open_encoder", opening)
    lazy = LazyEncoder(spec, "cpu")

    def ask(_: int) -> object:
        asked.wait(WAIT_S)
        return lazy()

    with ThreadPoolExecutor(4) as everyone:
        found = list(everyone.map(ask, range(4)))
    assert len(opened) == 1
    assert all(encoder is opened[0] for encoder in found)


def test_it_is_not_loaded_where_nothing_is_to_be_encoded(
    library: Library, pictures: Path, encoder: FakeEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    (pictures / "bad.jpg").write_bytes(b"no picture")
    library.add(pictures)
    ahead: list[str] = []

    def load() -> FakeEncoder:
        name = threading.current_thread().name
        if name.startswith("pixtrieve-load"):
            ahead.append(name)
        return encoder

    library._session.use(replace(library._session.model, encoder=load))
    shutil.copy(pictures / "red.png", pictures / "copy.png")
    (pictures / "bad.jpg").write_bytes(b"still no picture")
    again = library.add(pictures)
    assert (again.tally.reused, again.tally.bad, ahead) == (1, 1, [])
    paint(pictures / "new.png", "white")
    assert library.add(pictures).tally.encoded == 1
    assert len(ahead) == 1


def test_a_model_that_cannot_be_loaded_ends_the_run_and_loses_nothing(
    tmp_path: Path, pictures: Path
) -> None:
    with Library.create(tmp_path / "l", FakeEncoder()) as library:
        model = library._session.model
        library._session.use(replace(model, encoder=_fail))
        with pytest.raises(ModelError, match="no such weights"):
            library.add(pictures)
        library._session.use(model)
        assert library.add(pictures).tally.encoded == 4


def _fail() -> FakeEncoder:
    raise ModelError("no such weights")
