"""What a worker can do, each operation as a function of the request and of the parent.

It returns the facts and the bytes of the answer; raises PictureError.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from io import BytesIO
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from retrieval.errors import PictureError
from retrieval.images import Content, Picture, Problem, ReadLimits, reasons
from retrieval.images.decoding import decoded, pixels_from_bytes, read_facts, read_in_steps
from retrieval.images.isolation.limits import MEMORY_PER_PIXEL, SPARE_MEMORY, limit_memory
from retrieval.images.isolation.messages import Message, receive, send
from retrieval.images.thumbnails import small_picture, small_picture_of, thumbnail, thumbnail_of
from retrieval.specs import Preprocessing

Answer = tuple[dict[str, Any], tuple[bytes | memoryview, ...]]

FREE_PIXELS = 1_000_000
"""Up to this size, a picture is decoded without asking the parent: that takes longer."""


class Parent:
    """The process that sent the request: it is asked during the work, and shares its budget."""

    def __init__(self, requests: IO[bytes], answers: IO[bytes]) -> None:
        self._requests, self._answers = requests, answers
        self._most: int | None = None
        self._allowed = 0
        self.ran_out = False

    def begin(self, max_memory: int | None) -> None:
        """Begin a request, which may allocate `max_memory` bytes; None: by its pixels."""
        self._most = max_memory
        self._allow(max_memory or SPARE_MEMORY)

    @contextmanager
    def hold(self, pixels: int) -> Iterator[None]:
        """Wait for a share of the budget of all workers: see `PixelBudget.hold`."""
        if pixels > FREE_PIXELS:
            self.ask({"admit": pixels})
            if self._most is None:
                self._allow(SPARE_MEMORY + MEMORY_PER_PIXEL * pixels)
        yield  # the parent takes the share back when the next one is asked for, or at the end

    def out_of_memory(self) -> PictureError:
        """Return the error for a picture that needs more than this process may have."""
        self.ran_out = True
        return PictureError(reasons.too_much_memory(self._allowed))

    def ask(self, question: dict[str, Any]) -> Any:
        """Ask the parent and return its answer; end if there is no parent any more."""
        send(self._answers, question)
        answer = receive(self._requests)
        if answer is None:
            raise SystemExit
        return answer.facts["answer"]

    def tell(self, facts: dict[str, Any]) -> None:
        """Tell the parent something that needs no answer."""
        send(self._answers, facts)

    def _allow(self, extra: int) -> None:
        if extra != self._allowed:
            limit_memory(extra)
            self._allowed = extra


def _read(request: Message, parent: Parent) -> Answer:
    def wanted(content: Content) -> bool:
        found = [content.sha256.hex(), content.size, content.mtime_ns]
        return bool(parent.ask({"content": found}))

    facts = request.facts
    result = read_in_steps(
        facts["path"],
        preprocessing_of(facts),
        limits_of(facts),
        wanted,
        lambda: parent.tell({"reading": True}),
    )
    return _answer_of(result)


def _decode(request: Message, parent: Parent) -> Answer:
    facts, data = request.facts, bytes(request.data)
    how = preprocessing_of(facts), limits_of(facts)
    return _answer_of(decoded(BytesIO(data), b"", (len(data), facts["mtime_ns"]), how))


def _answer_of(result: Picture | Problem) -> Answer:
    if isinstance(result, Problem):
        return {"problem": asdict(result)}, ()
    found: dict[str, Any] = {"size": result.size, "mtime_ns": result.mtime_ns}
    if result.pixels is None or result.info is None:
        return {"picture": found}, ()
    info = asdict(result.info)
    luma = info.pop("luma_thumbnail")
    views = [part.view for part in result.parts]
    found |= {"shape": result.pixels.shape, "info": info, "luma": len(luma), "views": views}
    parts = (_buffer(part.pixels) for part in result.parts)
    return {"picture": found}, (_buffer(result.pixels), *parts, luma)


def _pixels(request: Message, parent: Parent) -> Answer:
    facts = request.facts
    pixels = pixels_from_bytes(bytes(request.data), preprocessing_of(facts), limits_of(facts))
    return {"shape": pixels.shape}, (_buffer(pixels),)


def _small(request: Message, parent: Parent) -> Answer:
    facts = request.facts
    if facts["path"] is None:
        pixels = small_picture_of(BytesIO(request.data), facts["side"], limits_of(facts))
    else:
        pixels = small_picture(facts["path"], facts["side"], limits_of(facts))
    return {"shape": pixels.shape}, (_buffer(pixels),)


def _facts(request: Message, parent: Parent) -> Answer:
    info = asdict(read_facts(request.facts["path"], limits_of(request.facts)))
    del info["luma_thumbnail"]
    return {"info": info}, ()


def _thumbnail(request: Message, parent: Parent) -> Answer:
    facts = request.facts
    if facts["path"] is not None:
        return {}, (thumbnail(facts["path"], facts["side"], limits_of(facts), facts["at"]),)
    file = BytesIO(request.data)
    made = thumbnail_of(file, facts["side"], limits_of(facts), facts["kind"], facts["at"])
    return {"placeholder": made.placeholder.hex()}, (made.data,)


OPERATIONS: dict[str, Callable[[Message, Parent], Answer]] = {
    "read": _read,
    "decode": _decode,
    "pixels": _pixels,
    "small": _small,
    "facts": _facts,
    "thumbnail": _thumbnail,
}


def failure(error: PictureError) -> dict[str, Any]:
    """Return an error as values, of which `pictures` makes an error again."""
    return {
        "message": error.message,
        "hint": error.hint,
        "transient": isinstance(error, reasons.TransientError),
        "megapixels": error.megapixels if isinstance(error, reasons.TooManyPixelsError) else None,
    }


def preprocessing_of(facts: dict[str, Any]) -> Preprocessing:
    """Return the preprocessing in a request; JSON has made lists of its tuples."""
    written: dict[str, Any] = facts["preprocessing"]
    given: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in written.items()}
    return Preprocessing(**given)


def limits_of(facts: dict[str, Any]) -> ReadLimits:
    """Return the limits in a request."""
    return ReadLimits(**facts["limits"])


def _buffer(pixels: NDArray[np.uint8]) -> memoryview:
    return np.ascontiguousarray(pixels).data.cast("B")
