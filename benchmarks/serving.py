"""Measure `pixtrieve serve` with many clients, with and without concurrent indexing.

    python benchmarks/serving.py [--count N] [--clients N] [--seconds S] [--servers N]

The library contains N random vectors of the built-in model. Each client sends one new query after
another and waits for each answer (a closed loop: more clients wait longer, and no request is
dropped). "Without batching" is the same server that encodes each query by itself. "Servers" are
processes of their own on the same library, each with its share of the clients. The last measurement
runs while `pixtrieve index` adds drawn pictures to the library in another process.
Clients and server share the processors. "cpu" is the processor time of the servers for an answer,
memory their resident size.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from urllib.parse import quote

from bench import PIXTRIEVE, BenchmarkError, Machine, begin, made_once, note, options, print_table
from libraries import library_of
from pictures import web_pictures

from retrieval.encoders import open_encoder

_WORDS = (
    *("dog", "beach", "snow", "red", "bicycle", "child", "night"),
    *("street", "water", "tree", "house", "boat", "bird", "car"),
)
_WARMING_S = 2.0

# Runs in a separate Python process: a server whose library thread encodes each query by itself.
_UNBATCHED = """
import sys
from retrieval.commands import main
from retrieval.server.library_thread import LibraryThread
LibraryThread._encode_together = lambda *_: None
main(sys.argv[1:])
"""


@dataclass(frozen=True, slots=True)
class Load:
    """The results of a load: seconds of each answer, number of failures, memory in MB.

    `worked` are the processor seconds of the servers.
    """

    seconds: list[float]
    lasted: float
    worked: float
    failed: int
    before_mb: float
    after_mb: float


@contextmanager
def server(library: str, *, batching: bool) -> Iterator[tuple[int, int]]:
    """Run the server; yield its port and process id."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = PIXTRIEVE if batching else (sys.executable, "-c", _UNBATCHED)
    command = (*program, "serve", "--library", library, "--port", str(port))
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        for _ in range(600):
            with socket.socket() as knock:
                if knock.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        else:
            raise BenchmarkError("the server does not start")
        yield port, process.pid
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


def resident_mb(process: int) -> float:
    """Return the resident size of a process in MB."""
    with open(f"/proc/{process}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE") / 2**20


def worked_s(process: int) -> float:
    """Return the processor seconds that a process has used."""
    with open(f"/proc/{process}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def questions() -> Iterator[str]:
    """Yield distinct texts."""
    for number in itertools.count():
        first, second = _WORDS[number % len(_WORDS)], _WORDS[number // 7 % len(_WORDS)]
        yield f"a {first} and {number} of {second}"


async def client(port: int, asked: Iterator[str], until: float, seconds: list[float]) -> int:
    """Send queries over one connection until the time is over; return the number of failures."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    failed = 0
    while time.perf_counter() < until:
        began = time.perf_counter()
        address = f"/api/search?limit=60&q={quote(next(asked))}"
        writer.write(f"GET {address} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        failed += not head.startswith(b"HTTP/1.1 200")
        seconds.append(time.perf_counter() - began)
    writer.close()
    return failed


async def clients(ports: Sequence[int], count: int, lasting: float) -> tuple[list[float], int]:
    """Run all clients; return the seconds of all answers and the number of failures."""
    seconds: list[float] = []
    asked, until = questions(), time.perf_counter() + lasting
    failed = await asyncio.gather(
        *(client(ports[number % len(ports)], asked, until, seconds) for number in range(count))
    )
    return seconds, sum(failed)


def load(
    library: str, arguments: argparse.Namespace, *, batching: bool = True, servers: int = 1
) -> Load:
    """Run the clients against servers and return the results; memory is that of all servers."""
    with ExitStack() as stack:
        running = [stack.enter_context(server(library, batching=batching)) for _ in range(servers)]
        ports, processes = zip(*running, strict=True)
        asyncio.run(clients(ports, arguments.clients, _WARMING_S))
        before, began = sum(map(resident_mb, processes)), time.perf_counter()
        idle = sum(map(worked_s, processes))
        seconds, failed = asyncio.run(clients(ports, arguments.clients, arguments.seconds))
        lasted, worked = time.perf_counter() - began, sum(map(worked_s, processes)) - idle
        return Load(seconds, lasted, worked, failed, before, sum(map(resident_mb, processes)))


def beside_indexing(library: str, pictures: str, arguments: argparse.Namespace) -> Load:
    """Run one client per processor against a server while another process adds pictures."""
    count = os.cpu_count() or 1
    with server(library, batching=True) as (port, process):
        asyncio.run(clients([port], count, _WARMING_S))
        before, began, idle = resident_mb(process), time.perf_counter(), worked_s(process)
        index = (*PIXTRIEVE, "index", pictures, "--library", library)
        with subprocess.Popen(index, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
            seconds: list[float] = []
            failed = 0
            while run.poll() is None:
                some, wrong = asyncio.run(clients([port], count, 0.5))
                seconds += some
                failed += wrong
        if run.returncode:
            raise BenchmarkError("indexing failed")
        lasted, worked = time.perf_counter() - began, worked_s(process) - idle
        return Load(seconds, lasted, worked, failed, before, resident_mb(process))


def distinct(cache: str, count: int) -> str:
    """Return a folder of `count` drawn pictures, made distinct by bytes after their end."""
    drawn = web_pictures(cache, 100)

    def make(folder: str) -> None:
        os.mkdir(folder)
        sources = sorted(os.listdir(drawn))
        for number in range(count):
            with open(os.path.join(drawn, sources[number % len(sources)]), "rb") as file:
                data = file.read()
            with open(os.path.join(folder, f"{number:06}.jpg"), "wb") as file:
                file.write(data + str(number).encode())

    return made_once(os.path.join(cache, "pictures", f"distinct-{count}"), make)


def row(name: str, found: Load) -> Sequence[str]:
    """Return a row of the table."""
    ordered = sorted(found.seconds)
    p99 = ordered[int(0.99 * len(ordered))]
    return (
        name,
        f"{len(ordered) / found.lasted:.0f}",
        f"{1000 * statistics.median(ordered):.1f}",
        f"{1000 * p99:.1f}",
        f"{1000 * found.worked / len(ordered):.1f}",
        f"{found.failed}",
        f"{found.before_mb:.0f} → {found.after_mb:.0f}",
    )


def main() -> None:
    """Measure and print the table."""
    parser = options(__doc__)
    parser.add_argument(
        "--count", type=int, default=100_000, help="number of pictures (%(default)s)"
    )
    parser.add_argument("--clients", type=int, default=50, help="(%(default)s)")
    parser.add_argument(
        "--seconds", type=float, default=60, help="duration of each load (%(default)s)"
    )
    parser.add_argument(
        "--added",
        type=int,
        default=5000,
        help="pictures indexed meanwhile (%(default)s); 0 leaves that out",
    )
    parser.add_argument("--servers", type=int, default=2, help="at once, beside one (%(default)s)")
    arguments = begin(parser)
    spec = open_encoder(arguments.model or "pocket").spec
    known = library_of(arguments.cache, spec, arguments.count)
    machine, rows = Machine(), []
    for batching in (True, False):
        name = f"{arguments.clients} clients{'' if batching else ', without batching'}"
        note(name)
        rows.append(row(name, load(known, arguments, batching=batching)))
    for servers in (1, arguments.servers) * 2:  # in turn: other programs disturb both
        name = f"{arguments.clients} clients, {servers} server{'s'[: servers > 1]}"
        note(name)
        rows.append(row(name, load(known, arguments, servers=servers)))
    few = argparse.Namespace(**{**vars(arguments), "clients": os.cpu_count() or 1, "seconds": 10})
    note(f"{few.clients} clients")
    rows.append(row(f"{few.clients} clients", load(known, few)))
    if arguments.added:
        pictures = distinct(arguments.cache, arguments.added)
        with tempfile.TemporaryDirectory(dir=arguments.cache) as folder:
            copy = shutil.copytree(known, os.path.join(folder, "library"))
            note("with concurrent indexing")
            name = f"{few.clients} clients while {arguments.added:,} pictures are indexed"
            rows.append(row(name, beside_indexing(copy, pictures, arguments)))
    print_table(
        f"pixtrieve serve, {arguments.count:,} pictures, model {spec.name}: {machine.line()}",
        ("load", "answers/s", "p50, ms", "p99, ms", "cpu ms", "failed", "memory, MB"),
        rows,
    )


if __name__ == "__main__":
    main()
