"""The file that notes what was sent to a collection last: ids and marks of payloads."""

from __future__ import annotations

import logging
import os
import zipfile
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.errors import reason_of
from retrieval.stores import Ids
from retrieval.stores.served import Header, Marks
from retrieval.whole_file import open_regular, require_inside, whole_file

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sent:
    """The rows of a collection: rising ids (n,) and the marks of their payloads (n,)."""

    ids: Ids
    payload_marks: Marks


def load_sent(path: str, header: Header) -> Sent | None:
    """Return what was noted when `header` was published; None without a sound note of that."""
    try:
        require_inside(os.path.dirname(os.path.dirname(path)), path)
        with open_regular(path) as opened, np.load(opened, allow_pickle=False) as file:
            mark, sent = str(file["mark"]), Sent(file["ids"], file["payload_marks"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    sound = all(_is_column(each) for each in (sent.ids, sent.payload_marks))
    if not sound or len(sent.ids) != len(sent.payload_marks) or mark != _mark(header):
        return None
    return sent if (np.diff(sent.ids) > 0).all() else None


def save_sent(path: str, header: Header, sent: Sent) -> None:
    """Note what a collection holds; without the note, the next fill asks the server."""
    try:
        folder = os.path.dirname(path)
        require_inside(os.path.dirname(folder), path)
        os.makedirs(folder, exist_ok=True)
        with whole_file(path) as file:
            np.savez(file, mark=_mark(header), ids=sent.ids, payload_marks=sent.payload_marks)
    except OSError as error:
        _log.warning("the note %s could not be written: %s", path, reason_of(error))


def _is_column(array: NDArray[np.int64]) -> bool:
    return array.ndim == 1 and array.dtype == np.int64


def _mark(header: Header) -> str:
    return f"{header.made_of} {header.generation} {header.stamp} {header.at}"
