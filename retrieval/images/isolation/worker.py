"""The worker program: `python -m retrieval.images.isolation.worker PARENT`.

It reads requests from its standard input and answers on its standard output until the input ends.
A request names an operation of `operations`. Everything else in this process sees empty streams.
"""

from __future__ import annotations

import os
import sys
from typing import IO

from retrieval.errors import PictureError
from retrieval.images import budget
from retrieval.images.isolation.limits import limit_memory, settle_in
from retrieval.images.isolation.messages import PIPE_BYTES, receive, send
from retrieval.images.isolation.operations import OPERATIONS, Parent, failure


def main() -> None:
    """Serve until the parent closes the pipe."""
    requests, answers = _own_pipes()
    settle_in(int(sys.argv[1]))
    parent = Parent(requests, answers)
    budget.share(parent)
    send(answers, {"ready": True})
    while (request := receive(requests)) is not None:
        parent.begin(request.facts["max_memory"])
        try:
            facts, parts = OPERATIONS[request.facts["do"]](request, parent)
        except PictureError as error:
            facts, parts = {"error": failure(error)}, ()
        send(answers, {**facts, "last": parent.ran_out}, *parts)
        if parent.ran_out:
            return


def _own_pipes() -> tuple[IO[bytes], IO[bytes]]:
    """Return the two pipes, and put empty streams in their place: a decoder may print."""
    requests, answers = os.dup(0), os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)
    limit_memory(2**30)
    return os.fdopen(requests, "rb"), os.fdopen(answers, "wb", PIPE_BYTES)


if __name__ == "__main__":
    main()
