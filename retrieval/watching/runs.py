"""A watch over an open library: an indexing run to begin with, then one for each change."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from retrieval.catalogue import Scope
from retrieval.folder.session import Session
from retrieval.indexing.progress import IndexOptions, Progress
from retrieval.indexing.runs import index_paths, index_scopes
from retrieval.watching.notifications import require_watchfiles
from retrieval.watching.watcher import WatchControl, Watcher, WatchEvent, WatchTiming


def watch(
    session: Session,
    paths: Sequence[str],
    options: IndexOptions,
    exclude: Sequence[str] | None,
    timing: WatchTiming,
    control: WatchControl,
) -> Iterator[WatchEvent]:
    """Index, then follow what changes: see `Library.watch`."""
    require_watchfiles()
    settled = timing.settled(options)

    def first(stop: threading.Event) -> Iterator[Progress]:
        at_once = replace(settled, settle_s=0)  # the paths were named: they are there
        return index_paths(session, paths, at_once, exclude, stop)

    def look(plan: Callable[[], list[Scope]], stop: threading.Event) -> Iterator[Progress]:
        return index_scopes(session, plan, settled, stop)

    begin = first if paths or exclude is not None else None
    yield from Watcher(session.catalogue, begin, look, timing, control).run()
