"""One writer and two servers of the page, three processes, over one vector server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from functools import partial
from pathlib import Path

from support.fakes import FakeEncoder
from support.painting import paint
from support.servers import lite_server
from support.serving import free_port
from support.waiting import until

from retrieval import Library

TESTS = Path(__file__).parents[2]


def found(port: int, query: str, where: str = "") -> list[str]:
    """Return the names of the hits; none while the server starts."""
    asked = urllib.parse.urlencode({"q": query, "where": where, "limit": 3})
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/search?{asked}") as answer:
            hits = json.load(answer)["hits"]
    except (urllib.error.URLError, ConnectionError):
        return []
    return [os.path.basename(hit["path"]) for hit in hits]


def test_readers_in_other_processes_see_the_writers_rows(tmp_path: Path) -> None:
    for name in ("red", "green", "blue"):
        paint(tmp_path / f"p/{name}.png", name)
    processes: list[subprocess.Popen[bytes]] = []
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)])}
    with (
        lite_server(tmp_path) as address,
        Library.create(tmp_path / "library", FakeEncoder()) as writer,
    ):
        writer.add(tmp_path / "p")
        writer.store.use(address)
        ports = [free_port(), free_port()]
        try:
            for port in ports:
                command = [sys.executable, "-m", "support.reader", writer.path, str(port)]
                processes.append(subprocess.Popen(command, env=environment))
            for port in ports:
                until(partial(found, port, "red"), "no answer")
                assert found(port, "red")[0] == "red.png"
            paint(tmp_path / "p/yellow.png", "yellow")
            os.remove(tmp_path / "p/red.png")
            os.rename(tmp_path / "p/green.png", tmp_path / "p/leaf.png")
            writer.add()
            for port in ports:
                assert found(port, "yellow")[0] == "yellow.png"
                assert "red.png" not in found(port, "red")
                assert found(port, "green", "name = 'leaf*'") == ["leaf.png"]
            assert all(process.poll() is None for process in processes)
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait()
