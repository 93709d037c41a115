"""`serve --watch`: folders are followed while questions are answered."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.fakes import FakeEncoder
from support.painting import paint
from support.waiting import WAIT_S, until
from support.watches import FAST

from retrieval import Library, Progress
from retrieval.errors import LibraryBusy
from retrieval.folder.locking import writer_lock
from retrieval.watching.watcher import Delayed, WatchEvent

pytest.importorskip("fastapi")
pytest.importorskip("watchfiles")
from fastapi.testclient import TestClient

from retrieval.server import guard
from retrieval.server.app import create_app
from retrieval.server.indexing import Following

HOST = "localhost:8090"


@pytest.fixture
def events() -> list[WatchEvent]:
    """What the watch has said."""
    return []


@pytest.fixture
def begin(folder: str, events: list[WatchEvent]) -> Iterator[Callable[[], TestClient]]:
    """Return a function that starts a server which follows its library's folders."""
    with ExitStack() as held:

        def start() -> TestClient:
            app = create_app(
                folder,
                "auto",
                guard.Rules(frozenset({HOST})),
                following=Following(FAST, events.append),
            )
            return held.enter_context(TestClient(app, base_url=f"http://{HOST}"))

        yield start
    assert [thread for thread in threading.enumerate() if thread.name == "indexing"] == []


@pytest.fixture
def client(begin: Callable[[], TestClient], events: list[WatchEvent]) -> TestClient:
    """The server, when it has looked at everything once."""
    started = begin()
    until(lambda: done(events))
    return started


def done(events: list[WatchEvent]) -> list[Progress]:
    return [e for e in events if isinstance(e, Progress) and e.phase == "done"]


def first(client: TestClient, question: str) -> str:
    answer = client.get("/api/search", params={"q": question}).json()
    return str(os.path.basename(answer["hits"][0]["path"]))


def state(client: TestClient) -> dict[str, Any]:
    """The last of the events that the API sends, when no run is going on."""
    with client.stream("GET", "/api/indexing") as sent:
        lines = [line for line in sent.iter_lines() if line.startswith("data: ")]
    return dict(json.loads(lines[-1].removeprefix("data: ")))


def test_a_picture_that_is_copied_in_is_found_without_more_ado(
    client: TestClient, pictures: Path
) -> None:
    assert first(client, "white") != "white.png"
    paint(pictures / "white.png", "white")
    until(lambda: first(client, "white") == "white.png")
    os.remove(pictures / "white.png")
    until(lambda: first(client, "white") != "white.png")
    facts = state(client)
    assert (facts["watching"], facts["running"], facts["error"]) == (True, False, "")
    assert facts["progress"]["phase"] == "done"


def test_a_run_from_the_page_is_the_watchs_own(
    client: TestClient, events: list[WatchEvent], encoder: FakeEncoder, pictures: Path
) -> None:
    real, begun, go_on = encoder.encode_images, threading.Event(), threading.Event()

    def slow(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        begun.set()
        go_on.wait(WAIT_S)
        return real(pixels)

    encoder.encode_images = slow  # type: ignore[method-assign]
    paint(pictures / "white.png", "white")
    begun.wait(WAIT_S)
    assert client.post("/api/indexing").status_code == 409
    go_on.set()
    until(lambda: not state(client)["running"])
    runs = len(done(events))
    started = client.post("/api/indexing")
    assert (started.status_code, started.json()["running"]) == (202, True)
    assert not state(client)["running"]
    assert len(done(events)) == runs + 1
    assert done(events)[-1].tally.found == 35
    assert not any(isinstance(event, Delayed) for event in events)


def test_a_run_is_stopped_and_the_folders_are_followed_all_the_same(
    client: TestClient, pictures: Path
) -> None:
    assert client.delete("/api/indexing").json()["watching"]
    paint(pictures / "white.png", "white")
    until(lambda: first(client, "white") == "white.png")


def locked(held: ExitStack, folder: str) -> bool:
    """Take the writer's lock if the watch does not have it just now."""
    try:
        held.enter_context(writer_lock(folder))
    except LibraryBusy:
        return False
    return True


def test_another_process_that_writes_is_waited_for(
    client: TestClient, folder: str, pictures: Path
) -> None:
    with ExitStack() as held:
        until(lambda: locked(held, folder))
        assert client.post("/api/indexing").status_code == 202
        assert "is being written by" in state(client)["error"]
        paint(pictures / "white.png", "white")
    until(lambda: first(client, "white") == "white.png")
    until(lambda: state(client)["error"] == "")


def test_a_library_without_folders_has_nothing_to_watch(
    begin: Callable[[], TestClient], folder: str, encoder: FakeEncoder, pictures: Path
) -> None:
    with Library.open(folder, encoder) as library:
        library.remove(pictures)
    client = begin()
    assert client.post("/api/indexing").status_code == 202
    assert not state(client)["running"]
    with Library.open(folder, encoder) as library:
        library.add(pictures)
    paint(pictures / "white.png", "white")
    until(lambda: first(client, "white") == "white.png")


def test_when_the_watch_has_ended_runs_are_started_as_without_it(
    client: TestClient, folder: str, events: list[WatchEvent]
) -> None:
    os.rename(Path(folder, "catalogue.sqlite"), Path(folder, "away"))
    until(lambda: any(isinstance(event, Delayed) for event in events))
    os.rename(Path(folder, "away"), Path(folder, "catalogue.sqlite"))
    until(lambda: not state(client)["watching"])
    assert "no longer exists" in state(client)["error"]
    assert client.post("/api/indexing").status_code == 202
    facts = state(client)
    assert (facts["running"], facts["watching"], facts["error"]) == (False, False, "")
