"""Facts that a run adds without encoding: those of pictures that an older program read, and towns.

The catalogue knows what is left to do, and each page is a transaction. So a run that ended early
continues where it stopped, and a run with nothing to do costs two small queries.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import closing

from retrieval.catalogue import Catalogue
from retrieval.catalogue.own_facts import Outdated
from retrieval.catalogue.scan import Scope
from retrieval.errors import PictureError
from retrieval.images import PictureInfo, mtime_ns
from retrieval.images.isolation.pictures import read_facts
from retrieval.images.reasons import TransientError
from retrieval.indexing.progress import IndexOptions
from retrieval.indexing.read_ahead import read_ahead

_PAGE = 256


def read_again(
    catalogue: Catalogue, scope: Scope, options: IndexOptions, stop: threading.Event
) -> Iterator[int]:
    """Read the facts of pictures of a root that an older program read; yield how many, in pages.

    Only headers are read. A picture whose file is away or has changed waits for a later run.
    """
    last = 0
    while not stop.is_set():
        page = catalogue.own_facts.outdated(scope.root, last, _PAGE)
        if not page:
            return
        last = page[-1].image_id

        def read(each: Outdated) -> tuple[bool, PictureInfo | None]:
            return _read(os.path.join(scope.root.path, each.path), each, options)

        found = []
        with closing(
            read_ahead(read, page, threads=options.threads, depth=lambda: 2 * options.threads)
        ) as results:
            for each, (done, info) in results:
                if stop.is_set():
                    return
                if done:
                    found.append((each.image_id, info))
        catalogue.own_facts.put_again(found)
        yield len(found)


def _read(path: str, outdated: Outdated, options: IndexOptions) -> tuple[bool, PictureInfo | None]:
    """Return whether a file needs no other look, and its facts if they can be read."""
    try:
        status = os.stat(path)
        if (status.st_size, mtime_ns(status)) != (outdated.size, outdated.mtime_ns):
            return False, None
        return True, read_facts(path, options.limits)
    except (OSError, TransientError):
        return False, None
    except PictureError:  # what was read before stays
        return True, None


def place_pictures(catalogue: Catalogue, stop: threading.Event) -> Iterator[int]:
    """Look up the nearest towns of pictures with a position; yield how many, in pages."""
    while not stop.is_set():
        page = catalogue.own_facts.unplaced(_PAGE)
        if not page:
            return
        from retrieval.images.gazetteer.towns import nearby  # 2 MB: only when a picture needs it

        catalogue.own_facts.put_nearby(
            [(each.id, nearby(each.latitude, each.longitude)) for each in page]
        )
        yield len(page)
