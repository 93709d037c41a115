"""Commands, run in this process as a shell would run them."""

from __future__ import annotations

import os
from typing import Any

from campaign.place import Place


def commands(place: Place) -> None:
    """Run `status` and `search` as commands: no traceback, and an exit code of the contract."""
    from retrieval.commands import main

    for arguments in (["status"], ["search", "red", "--json"]):
        read, write = os.pipe()
        output = os.open(os.devnull, os.O_WRONLY)
        saved = os.dup(1), os.dup(2)
        os.dup2(output, 1)
        os.dup2(write, 2)
        code: Any = None
        try:
            main(["--library", place.library, *arguments])
        except SystemExit as ended:
            code = ended.code or 0
        finally:
            for number, kept in enumerate(saved, 1):
                os.dup2(kept, number)
            for opened in (write, output, *saved):
                os.close(opened)
        with open(read, "rb") as pipe:
            said = pipe.read().decode("utf-8", "replace")
        assert code in (0, 1, 2), (arguments, code, said)
        assert "Traceback" not in said, said
        assert code == 0 or said.strip(), "it failed without a word"
