"""The file of a kept map: a NumPy archive in the library's cache folder.

Places belong to contents, of which eight bytes of the hash are kept: so they outlast new ids, and
a file of another library, or of a model that was changed, gives no picture a wrong place.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from typing import cast
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from retrieval.catalogue import Snapshot
from retrieval.map.projection import Projection
from retrieval.map.records import Layout, Map, Region
from retrieval.whole_file import whole_file

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Kept:
    """A map, and what is needed to bring it up to date.

    `snapshot` is the moment it was drawn at, `contents` (n,) are hashes. `arranged` (n,) tells
    which pictures were there when all were arranged, `arranged_of` how many those were; the others
    were placed among them.
    """

    map: Map
    snapshot: Snapshot
    contents: NDArray[np.uint64]
    arranged: NDArray[np.bool_]
    arranged_of: int
    projection: Projection


def read(path: str, fingerprint: str) -> Kept | None:
    """Return what is kept; None when there is no file, or none of this model."""
    try:
        # Opened here, for NumPy leaves a file that it cannot read open.
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            facts = json.loads(str(archive["facts"]))
            if facts["format"] != _FORMAT or facts["fingerprint"] != fingerprint:
                return None
            kept = Map(
                archive["ids"],
                archive["places"],
                archive["region"],
                tuple(Region(**region) for region in facts["regions"]),
                cast(Layout, facts["layout"]),
                facts["generation"],
            )
            return Kept(
                kept,
                Snapshot(facts["generation"], facts["stamp"]),
                archive["contents"],
                archive["arranged"],
                facts["arranged_of"],
                Projection(archive["mean"], archive["directions"]),
            )
    except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile):
        return None


def write(path: str, kept: Kept, fingerprint: str) -> None:
    """Publish a map, atomically; OSError when the folder cannot be written."""
    facts = {
        "format": _FORMAT,
        "fingerprint": fingerprint,
        "layout": kept.map.layout,
        "generation": kept.snapshot.generation,
        "stamp": kept.snapshot.stamp,
        "arranged_of": kept.arranged_of,
        "regions": [asdict(region) for region in kept.map.regions],
    }
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with whole_file(path) as file:
        np.savez(
            file,
            facts=np.array(json.dumps(facts)),
            ids=kept.map.ids,
            places=kept.map.places,
            region=kept.map.region,
            contents=kept.contents,
            arranged=kept.arranged,
            mean=kept.projection.mean,
            directions=kept.projection.directions,
        )
