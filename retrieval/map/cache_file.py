"""The file of a cached map: a NumPy archive in the library's cache folder.

The file identifies pictures by eight bytes of their content hash, not by id. So positions survive
new ids, and a file of another library or another model gives no picture a wrong position.
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
from retrieval.whole_file import require_inside, whole_file

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class CachedMap:
    """A map, and what is needed to bring it up to date.

    `snapshot` is the state of the library at that time, `contents` (n,) are hashes. `arranged`
    (n,) tells which pictures were part of the last full computation, `arranged_of` is the number
    of pictures at that time; the others were placed among them later.
    """

    map: Map
    snapshot: Snapshot
    contents: NDArray[np.uint64]
    arranged: NDArray[np.bool_]
    arranged_of: int
    projection: Projection


def read(path: str, fingerprint: str) -> CachedMap | None:
    """Return the cached map; None when there is no file, or it belongs to another model."""
    try:
        _require_own(path)
        # Opened here, because NumPy does not close a file that it cannot read.
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            facts = json.loads(str(archive["facts"]))
            if facts["format"] != _FORMAT or facts["fingerprint"] != fingerprint:
                return None
            cached = Map(
                archive["ids"],
                archive["places"],
                archive["region"],
                tuple(Region(**region) for region in facts["regions"]),
                cast(Layout, facts["layout"]),
                facts["generation"],
            )
            return CachedMap(
                cached,
                Snapshot(facts["generation"], facts["stamp"]),
                archive["contents"],
                archive["arranged"],
                facts["arranged_of"],
                Projection(archive["mean"], archive["directions"]),
            )
    except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile):
        return None


def write(path: str, cached: CachedMap, fingerprint: str) -> None:
    """Write a map, atomically; OSError when the folder cannot be written."""
    facts = {
        "format": _FORMAT,
        "fingerprint": fingerprint,
        "layout": cached.map.layout,
        "generation": cached.snapshot.generation,
        "stamp": cached.snapshot.stamp,
        "arranged_of": cached.arranged_of,
        "regions": [asdict(region) for region in cached.map.regions],
    }
    _require_own(path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with whole_file(path) as file:
        np.savez(
            file,
            facts=np.array(json.dumps(facts)),
            ids=cached.map.ids,
            places=cached.map.positions,
            region=cached.map.region,
            contents=cached.contents,
            arranged=cached.arranged,
            mean=cached.projection.mean,
            directions=cached.projection.directions,
        )


def _require_own(path: str) -> None:
    """Raise OSError if a link leads from the cache out of the library's folder."""
    require_inside(os.path.dirname(os.path.dirname(path)), path)
