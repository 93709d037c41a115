"""Align the weights of an exported model so that numpy can memory-map them.

OpenVINO writes constants one after another at unaligned offsets, under its own names, and omits
those without effect. Numpy would copy unaligned numbers on every use.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from typing import IO
from xml.etree import ElementTree as ET

import numpy as np
from numpy.typing import NDArray

from retrieval.encoders.texts.numpy_text_tower import Place

_BOUNDARY = 64
Numbers = NDArray[np.floating]


def align_weights(stem: str, arrays: Mapping[str, Numbers]) -> dict[str, Place]:
    """Rewrite STEM.xml and STEM.bin, aligned; return the place of each of `arrays` in STEM.bin.

    Constants keep their values, and arrays are found by their content, in half floats if those
    hold the numbers exactly. Missing arrays are appended at the end, which OpenVINO never reads.
    """
    document = ET.parse(stem + ".xml")  # noqa: S314 - written by OpenVINO a moment ago
    old = np.memmap(stem + ".bin", np.uint8, mode="r")
    moved: dict[tuple[int, int], int] = {}
    known: dict[bytes, int] = {}
    with open(stem + ".bin.new", "wb") as file:
        for layer in document.iter("layer"):
            data = layer.find("data")
            if layer.get("type") != "Const" or data is None:
                continue
            place = int(data.get("offset", "")), int(data.get("size", ""))
            if place not in moved:
                content = old[place[0] : sum(place)].tobytes()
                moved[place] = _append(file, content)
                known[_digest(content)] = moved[place]
            data.set("offset", str(moved[place]))
        places = {name: _place(file, array, known) for name, array in arrays.items()}
    document.write(stem + ".xml", xml_declaration=True)
    del old
    os.replace(stem + ".bin.new", stem + ".bin")
    return places


def _place(file: IO[bytes], array: Numbers, known: dict[bytes, int]) -> Place:
    full = np.ascontiguousarray(array, np.float32)
    with np.errstate(over="ignore"):
        halves = full.astype(np.float16)
    forms = (full, halves) if np.array_equal(halves.astype(np.float32), full) else (full,)
    for form in forms:
        if (offset := known.get(_digest(form.tobytes()))) is not None:
            return Place(offset, str(form.dtype), full.shape)
    smallest = forms[-1]
    offset = _append(file, smallest.tobytes())
    known[_digest(smallest.tobytes())] = offset
    return Place(offset, str(smallest.dtype), full.shape)


def _append(file: IO[bytes], content: bytes) -> int:
    file.write(b"\0" * (-file.tell() % _BOUNDARY))
    offset = file.tell()
    file.write(content)
    return offset


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).digest()
