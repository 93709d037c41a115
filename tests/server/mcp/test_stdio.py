"""`pixtrieve mcp` as a process of its own, over stdio."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.painting import paint

import retrieval.context
from retrieval import Library

pytest.importorskip("mcp")
pytest.importorskip("fastapi")
from mcp import Client, StdioServerParameters
from mcp.types import CallToolResult
from support.mcp_client import TOOLS, call, complaint, facts, names, seen, talk
from support.waiting import SUBPROCESS_S

# `pixtrieve mcp` as a process of its own, with an encoder that writes to standard output.
FAKE = """
import sys
from support.fake_model import install
from support.fakes import FakeEncoder
from retrieval.commands import main

class Noisy(FakeEncoder):
    def encode_texts(self, texts):
        print("a line that is no protocol", flush=True)
        return super().encode_texts(texts)

install(Noisy)
main(sys.argv[1:])
"""


def started(folder: str) -> StdioServerParameters:
    here = Path(__file__).parents[2]
    return StdioServerParameters(
        command=sys.executable,
        args=["-W", "error", "-c", FAKE, "mcp", "--library", folder],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(here), str(here.parent)])},
    )


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_every_tool_answers_over_stdio(folder: str, mode: str, pictures: Path) -> None:
    async def all_of_them(client: Client) -> list[CallToolResult]:
        assert {tool.name for tool in (await client.list_tools()).tools} == TOOLS
        return [
            await client.call_tool("search_images", {"query": "red", "limit": 2}),
            await client.call_tool("similar_images", {"path": str(pictures / "red.png")}),
            await client.call_tool("describe_image", {"id": 1}),
            await client.call_tool("library_status", {}),
            await client.call_tool("search_images", {"query": "- red"}),
        ]

    search, similar, described, status, wrong = talk(started(folder), all_of_them, mode)
    assert names(search) == ["red.png", "yellow.png"]
    assert names(similar)[0] == "yellow.png"
    assert len(seen(described)) == 1
    assert facts(status)["pictures"] == 34
    assert "exclude" in complaint(wrong)


def test_without_a_library_it_ends_with_an_explanation(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "retrieval", "mcp", "--library", str(tmp_path)],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert "there is no library in" in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="signals of its own")
def test_it_ends_with_its_input_and_when_interrupted(folder: str) -> None:
    parameters = started(folder)
    for end in ("input", "interrupt"):
        process = subprocess.Popen(
            [parameters.command, *parameters.args],
            env=parameters.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert process.stdin
        assert process.stdout
        ask = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        process.stdin.write(json.dumps(ask).encode() + b"\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["id"] == 1
        if end == "input":
            process.stdin.close()
        else:
            process.send_signal(signal.SIGINT)
        assert process.wait(SUBPROCESS_S) == (0 if end == "input" else -signal.SIGINT)
        assert process.stdout.read() == b""
        process.stdin.close()
        process.stdout.close()


@pytest.mark.slow
def test_the_built_in_model_answers_over_stdio(tmp_path: Path) -> None:
    for colour in ("red", "green", "blue"):
        paint(tmp_path / f"pictures/{colour}.png", colour)
    with Library.create(tmp_path / "library", "pocket") as library:
        library.add(tmp_path / "pictures")
    parameters = StdioServerParameters(
        command=sys.executable,
        args=["-m", "retrieval", "mcp", "--library", str(tmp_path / "library")],
        cwd=str(Path(retrieval.__file__).parent.parent),
        env=dict(os.environ),
    )
    answer = call(parameters, "search_images", query="red", limit=3)
    assert set(names(answer)) == {"red.png", "green.png", "blue.png"}
    assert len(seen(answer)) == 3
    assert facts(call(parameters, "library_status"))["languages"] == "English"
