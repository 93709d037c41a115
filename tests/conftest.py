"""What the suite shares: pictures one can name, a library, the shared data if it is here."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from support.fakes import FakeEncoder
from support.painting import paint

from retrieval import Library, Query
from retrieval.scoring.calibration import Calibration, Logistic

# How long an example takes says more of what else the machine does than of the code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def no_library_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep commands that name no library away from that of whoever runs the tests."""
    monkeypatch.setenv("PIXTRIEVE_LIBRARY", str(tmp_path / "library-of-the-test"))


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder with red.png, green.png, deep/blue.png, deep/down/yellow.png."""
    folder = tmp_path / "pictures"
    for name in ("red", "green", "deep/blue", "deep/down/yellow"):
        paint(folder / f"{name}.png", name.split("/")[-1])
    return folder


@pytest.fixture
def encoder() -> FakeEncoder:
    return FakeEncoder()


@pytest.fixture
def library(tmp_path: Path, encoder: FakeEncoder) -> Iterator[Library]:
    with Library.create(tmp_path / "library", encoder) as made:
        yield made


@pytest.fixture
def names() -> Callable[..., list[str]]:
    """Return a function that searches and gives the files' names, best first."""

    def search(library: Library, query: object, k: int = 10, **options: bool) -> list[str]:
        asked = Query.parse(query) if isinstance(query, str) else query
        hits = library.search(asked, k, **options).hits  # type: ignore[arg-type]
        return [os.path.basename(hit.path) for hit in hits]

    return search


@pytest.fixture
def mixed(library: Library, tmp_path: Path) -> Library:
    """Mostly grey pictures, so that colours stand out, and some of two colours."""
    for number in range(40):
        paint(tmp_path / f"p/grey{number:02}.png", (100 + number, 100, 140 - number))
    for name, colour in (
        ("red", (250, 0, 0)),
        ("blue", (0, 0, 250)),
        ("green", (0, 250, 0)),
        ("purple", (200, 0, 200)),
        ("yellow", (200, 200, 0)),
    ):
        paint(tmp_path / f"p/{name}.png", colour)
    library.add(tmp_path / "p")
    return library


@pytest.fixture
def calibrated(monkeypatch: pytest.MonkeyPatch) -> Calibration:
    """Let the fake encoder have a calibration: a cosine of 0.8 is as likely as not."""
    hits, answers = Logistic(-16.0, {"score": 20.0}), Logistic(-16.0, {"score, first": 20.0})
    fitted = Calibration(hits, hits, answers, 0.1)
    monkeypatch.setattr("retrieval.search.search.calibration_of", lambda _: fitted)
    return fitted


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real pictures, named by PIXTRIEVE_DATA."""
    folder = os.environ.get("PIXTRIEVE_DATA")
    if not folder:
        pytest.skip("PIXTRIEVE_DATA does not name the shared data")
    return Path(folder)


@pytest.fixture
def drive_at_deep(
    pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], AbstractContextManager[str]]:
    """Return a context in which pictures/deep is another file system, as a drive is."""

    @contextmanager
    def plugged_in() -> Iterator[str]:
        real, drive = os.stat, str(pictures / "deep")

        def another_device(path: Any, *rest: Any, **options: Any) -> os.stat_result:
            status = real(path, *rest, **options)
            if not str(path).startswith(drive):
                return status
            return os.stat_result([*status[:2], status.st_dev + 1, *status[3:]])

        with monkeypatch.context() as patch:
            patch.setattr("os.stat", another_device)
            yield drive

    return plugged_in
