"""Runs command lines, each in a process of its own whose standard streams are in some state.

`python -m support.stream_states STATE RESULTS` reads a JSON list of command lines from standard
input and writes [exit code, standard output, standard error] of each, in their order, to RESULTS.
The processes are forked from one that has imported Pixtrieve, with the fake encoder: a hundred of
them take seconds.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence

from support.command_line import every_command
from support.fake_model import install
from support.fakes import FakeEncoder

STDIN, STDOUT, STDERR = 0, 1, 2
_NAMES = {STDIN: "stdin", STDOUT: "stdout", STDERR: "stderr"}


def _closed(*descriptors: int) -> Callable[[], None]:
    def close() -> None:
        for descriptor in descriptors:
            os.close(descriptor)
            setattr(sys, _NAMES[descriptor], None)  # as Python does it

    return close


def _onto(path: str, descriptor: int, flags: int) -> Callable[[], None]:
    def put() -> None:
        os.dup2(os.open(path, flags), descriptor)

    return put


def _unread(*descriptors: int) -> Callable[[], None]:
    def pipe() -> None:
        reader, writer = os.pipe()
        for descriptor in descriptors:
            os.dup2(writer, descriptor)
        os.close(reader)

    return pipe


def _in_a_deleted_folder() -> None:
    os.chdir(folder := tempfile.mkdtemp())
    os.rmdir(folder)


STATES: dict[str, Callable[[], None]] = {
    "ordinary": lambda: None,
    "stdin closed": _closed(STDIN),
    "stdout closed": _closed(STDOUT),
    "stderr closed": _closed(STDERR),
    "all closed": _closed(STDIN, STDOUT, STDERR),
    "stdout full": _onto("/dev/full", STDOUT, os.O_WRONLY),
    "stderr full": _onto("/dev/full", STDERR, os.O_WRONLY),
    "stdout read-only": _onto(os.devnull, STDOUT, os.O_RDONLY),
    "stdout unread": _unread(STDOUT),
    "stderr unread": _unread(STDERR),
    "deleted folder": _in_a_deleted_folder,
}


def _run(arguments: Sequence[str], state: str) -> tuple[int, str, str]:
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        if not (child := os.fork()):
            os.dup2(out.fileno(), STDOUT)
            os.dup2(err.fileno(), STDERR)
            code = 99
            try:
                STATES[state]()
                code = _main(arguments)
            except BaseException:
                os.write(err.fileno(), traceback.format_exc().encode())
            os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        out.seek(0)
        err.seek(0)
        return code, out.read().decode("utf-8", "replace"), err.read().decode("utf-8", "replace")


def _main(arguments: Sequence[str]) -> int:
    from retrieval.commands import main

    sys.argv = ["pixtrieve", *arguments]
    try:
        main()
    except SystemExit as ended:
        for stream in (sys.stdout, sys.stderr):  # as Python does it at its end
            stream.flush()
        return int(ended.code or 0)
    raise AssertionError("main returned")


if __name__ == "__main__":
    encoder = FakeEncoder()
    install(lambda: encoder)
    list(every_command())  # imports all of them once, rather than in each process
    importlib.import_module("faiss")
    commands = json.load(sys.stdin)
    with open(sys.argv[2], "w", encoding="utf-8") as results:
        json.dump([_run(each, sys.argv[1]) for each in commands], results)
