"""A process that serves a library as `pixtrieve serve` does, with the fake encoder: FOLDER PORT."""

from __future__ import annotations

import sys

import uvicorn

from retrieval.server import index_process
from retrieval.server.app import create_app
from retrieval.server.guard import Rules
from retrieval.server.permission import Permission
from support.fake_model import install
from support.fake_program import FAKE_PROGRAM
from support.fakes import FakeEncoder


def main(folder: str, port: int) -> None:
    """Serve until the process is ended."""
    install(FakeEncoder)
    index_process.PROGRAM = FAKE_PROGRAM
    rules = Rules(frozenset({"127.0.0.1", f"127.0.0.1:{port}"}), "")
    app = create_app(folder, "cpu", rules, None, None, Permission(own_machine=True))
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
