"""Measure response times of `pixtrieve mcp` from its start, with the SDK's own client.

    python benchmarks/assistants.py [--count N] [--rounds N]

The library contains N drawn pictures; the model is the built-in one or `--model`. The first answer
includes loading the library and the model; each answer contains four small pictures. Memory is the
resident size before the first question (assistants start their servers even if they never use
them) and after the last. `python -c "import mcp.server.lowlevel"` measures the SDK's share.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import astuple, dataclass

from bench import (
    PIXTRIEVE,
    BenchmarkError,
    Machine,
    Program,
    begin,
    made_once,
    median_seconds,
    note,
    options,
    print_table,
    run,
)
from libraries import tables_mark
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from pictures import web_pictures

from retrieval import Library

_QUESTIONS = ("two dogs on a beach", "two dogs on a beach", "a red car at night")
_WRITE_PID = 'echo $$ > "$1"; shift; exec "$@"'


@dataclass(frozen=True, slots=True)
class Session:
    """Seconds until the tools are listed, then for each answer; memory in MB.

    `listed` and `first` count from the start, `same` and `other` from the answer before.
    """

    listed: float
    first: float
    same: float
    other: float
    before_mb: float
    after_mb: float


def library_of(cache: str, model: str, count: int) -> str:
    """Return a library of drawn pictures."""
    pictures = web_pictures(cache, count)

    def make(folder: str) -> None:
        with Library.create(folder, model) as library:
            library.add(pictures)

    name = f"{tables_mark()}-{model.replace('/', '_')}-{count}"
    return made_once(os.path.join(cache, "assistants", name), make)


async def session(library: str) -> Session:
    """Start a server, list its tools and ask the questions."""
    with tempfile.TemporaryDirectory() as folder:
        pid_file = os.path.join(folder, "pid")
        command = ["-c", _WRITE_PID, "sh", pid_file, *PIXTRIEVE, "mcp", "--library", library]
        server = StdioServerParameters(command="sh", args=command, env=dict(os.environ))
        times = [time.perf_counter()]
        async with Client(stdio_client(server)) as client:
            await client.list_tools()
            times.append(time.perf_counter())
            before = _resident_mb(pid_file)
            for question in _QUESTIONS:
                began = time.perf_counter()
                answer = await client.call_tool("search_images", {"query": question})
                times.append(times[-1] + time.perf_counter() - began)
                if answer.is_error or not answer.structured_content["hits"]:
                    raise BenchmarkError(f"no answer: {answer.content}")
            after = _resident_mb(pid_file)
        start, listed, first, same, other = times
        return Session(listed - start, first - start, same - first, other - same, before, after)


def _resident_mb(pid_file: str) -> float:
    with open(pid_file, encoding="ascii") as file:
        pid = file.read().strip()
    size = subprocess.run(
        ("ps", "-o", "rss=", "-p", pid), capture_output=True, text=True, check=True
    )
    return int(size.stdout) / 1024


def main() -> None:
    """Measure and print the table."""
    parser = options(__doc__)
    parser.add_argument(
        "--count", type=int, default=400, help="number of pictures, N (%(default)s)"
    )
    arguments = begin(parser)
    library = library_of(arguments.cache, arguments.model or "pocket", arguments.count)
    asyncio.run(session(library))  # creates the caches of a model's first use
    machine = Machine()
    sdk_runs, runs = [], []
    for number in range(arguments.rounds):
        note(f"round {number + 1} of {arguments.rounds}")
        sdk_runs.append(run(Program((sys.executable, "-c", "import mcp.server.lowlevel"))))
        runs.append(asyncio.run(session(library)))
    listed, first, same, other, before, after = (
        statistics.median(values) for values in zip(*map(astuple, runs), strict=True)
    )
    print_table(
        f"{arguments.count:,} pictures: median of {arguments.rounds}, {machine.line()}",
        ("from the start of pixtrieve mcp", "", ""),
        (
            ("importing the SDK alone", f"{median_seconds(sdk_runs):.2f}", "s"),
            ("tools listed", f"{listed:.2f}", "s"),
            ("first question answered", f"{first:.2f}", "s"),
            ("the same question again, alone", f"{same * 1000:.0f}", "ms"),
            ("another question, alone", f"{other * 1000:.0f}", "ms"),
            ("memory before the first question", f"{before:.0f}", "MB"),
            ("memory after the last", f"{after:.0f}", "MB"),
        ),
    )


if __name__ == "__main__":
    main()
