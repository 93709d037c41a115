"""The file of a cached map: a NumPy archive in the library's cache folder.

The file identifies pictures by eight bytes of their content hash, not by id. So positions survive
new ids, and a file of another library or another model gives no picture a wrong position. A digest
at its end shows damage, and the map is then computed again.
"""

from __future__ import annotations

import io
import json
import os
from dataclasses import asdict, dataclass, fields
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from retrieval.catalogue import Snapshot
from retrieval.map.projection import Projection
from retrieval.map.records import Layout, Map, Region
from retrieval.whole_file import open_regular, require_inside, sealed, unsealed, whole_file

_FORMAT = 2


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
    """Return the cached map; None if there is none, it is damaged, or it is another model's."""
    try:
        _require_own(path)
        with open_regular(path) as file:
            content = unsealed(file.read())
        if content is None:
            return None
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
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
            found = CachedMap(
                cached,
                Snapshot(facts["generation"], facts["stamp"]),
                archive["contents"],
                archive["arranged"],
                facts["arranged_of"],
                Projection(archive["mean"], archive["directions"]),
            )
            return found if _is_sound(found) else None
    except Exception:  # anyone can seal an archive, and a forged one can raise anything
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
    archive = io.BytesIO()
    with whole_file(path) as file:
        np.savez(
            archive,
            facts=np.array(json.dumps(facts)),
            ids=cached.map.ids,
            places=cached.map.positions,
            region=cached.map.region,
            contents=cached.contents,
            arranged=cached.arranged,
            mean=cached.projection.mean,
            directions=cached.projection.directions,
        )
        file.write(sealed(archive.getvalue()))


def _require_own(path: str) -> None:
    """Raise OSError if a link leads from the cache out of the library's folder."""
    require_inside(os.path.dirname(os.path.dirname(path)), path)


def _is_sound(cached: CachedMap) -> bool:
    """Tell whether everything fits together: anyone can seal a file in a library's folder."""
    drawn, projection = cached.map, cached.projection
    count, dim = len(drawn.ids), len(projection.mean)
    arrays: tuple[tuple[NDArray[Any], tuple[int, ...], type], ...] = (
        (drawn.ids, (count,), np.int64),
        (drawn.positions, (count, 2), np.float32),
        (drawn.region, (count,), np.int32),
        (cached.contents, (count,), np.uint64),
        (cached.arranged, (count,), np.bool_),
        (projection.mean, (dim,), np.float32),
        (projection.directions, (dim, *projection.directions.shape[1:2]), np.float32),
    )
    if any(array.shape != shape or array.dtype != dtype for array, shape, dtype in arrays):
        return False
    numbers = (drawn.positions, projection.mean, projection.directions)
    inside = (drawn.region >= -1) & (drawn.region < len(drawn.regions))
    facts = (cached.arranged_of, drawn.generation, cached.snapshot.stamp, drawn.layout)
    return (
        [type(fact) for fact in facts] == [int, int, str, str]
        and all(np.isfinite(array).all() for array in numbers)
        and bool(inside.all())
        and all(_fits(region, number) for number, region in enumerate(drawn.regions))
    )


def _fits(region: Region, number: int) -> bool:
    """Tell whether a region has values of its types, and an earlier region as its parent."""
    types = {"str": str, "int": int, "float": float}
    right = (
        type(getattr(region, field.name)) is types[str(field.type)] for field in fields(Region)
    )
    return all(right) and -1 <= region.parent < number and bool(np.isfinite(region.radius))
