"""Texts that belong to pictures: stores captions, collects and encodes other texts, reads OCR."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from retrieval.catalogue import CAPTION, TextRow
from retrieval.context import Context
from retrieval.images import ReadLimits

if TYPE_CHECKING:
    from retrieval.texts.ocr_run import OcrProgress

_PAGE = 1000

Noted = Callable[
    [Literal["ocr", "descriptions"], threading.Event],
    AbstractContextManager[Callable[[int, int], None]],
]
"""Tells other processes about long work: `retrieval.indexing.run_note.noted_task`."""


@dataclass(frozen=True, slots=True)
class StoredCaptions:
    """The number of pictures whose captions were stored, and the paths that are not indexed."""

    pictures: int
    unknown: tuple[str, ...]


class Texts:
    """The texts of a library's pictures: `Library.texts`."""

    def __init__(self, context: Context, noted: Noted) -> None:
        self._context = context
        self._noted = noted

    def put(
        self, captions: Mapping[str, Sequence[str]] | Mapping[Path, Sequence[str]]
    ) -> StoredCaptions:
        """Set the captions of indexed pictures, by path, replacing earlier captions.

        Captions belong to the picture's content: copies share them, a renamed file keeps them. A
        search finds their words at once, their meaning after `encode`. Raises LibraryBusy when
        another process is writing.
        """
        catalogue = self._context.catalogue
        by_image: dict[int, list[str]] = {}
        unknown: list[str] = []
        with self._context.writer():
            spellings = catalogue.spellings()
            for path, lines in captions.items():
                absolute = os.path.abspath(os.path.expanduser(os.fspath(path)))
                image_id = spellings.image_at(absolute)
                if image_id is None:
                    unknown.append(absolute)
                else:
                    by_image.setdefault(image_id, []).extend(
                        " ".join(line.split()) for line in lines
                    )
            pages = list(by_image.items())
            for start in range(0, len(pages), _PAGE):
                with catalogue.writing():
                    for image_id, lines in pages[start : start + _PAGE]:
                        text = "\n".join(dict.fromkeys(filter(None, lines)))
                        catalogue.texts.put(image_id, {CAPTION: text})
        return StoredCaptions(len(by_image), tuple(unknown))

    def encode(self, *, stop: threading.Event | None = None) -> Iterator[int]:
        """Encode descriptions that have no vector yet, as indexing does; yield counts, in pages.

        Raises LibraryBusy when another process is writing, ModelError when the model is needed and
        cannot be loaded.
        """
        from retrieval.texts.collect import encode_descriptions

        stop, done = stop or threading.Event(), 0
        with self._context.writer(), self._noted("descriptions", stop) as show:
            for count in encode_descriptions(self._context.catalogue, self._context.model, stop):
                done += count
                show(done, 0)
                yield count

    def read_pictures(
        self, *, stop: threading.Event | None = None, limits: ReadLimits | None = None
    ) -> Iterator[OcrProgress]:
        """Run OCR on the pictures that were not read yet; yield progress.

        Raises MissingExtra when the OCR package is not installed, LibraryBusy when another process
        is writing.
        """
        from retrieval.texts.ocr import SIDE, Reader
        from retrieval.texts.ocr_run import read_pictures

        stop = stop or threading.Event()
        with self._context.writer(), self._noted("ocr", stop) as show:
            for progress in read_pictures(self._context.catalogue, Reader, SIDE, stop, limits):
                show(progress.done, progress.total)
                yield progress

    def of(self, image_id: int) -> tuple[TextRow, ...]:
        """Return the texts of a picture (`Hit.id`), the most informative source first."""
        return self._context.catalogue.texts.of_image(image_id)

    def counts(self) -> dict[str, int]:
        """Return the number of pictures that have a text, by source."""
        return self._context.catalogue.texts.counts()
