"""A watch over an open library: an initial indexing run, then one for each change."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from retrieval.catalogue.scan import Scope
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
    settling = timing.with_settling(options)

    def initial_run(stop: threading.Event) -> Iterator[Progress]:
        at_once = replace(settling, settle_s=0)  # the user named the paths: do not wait
        return index_paths(session, paths, at_once, exclude, stop)

    def run_scopes(plan: Callable[[], list[Scope]], stop: threading.Event) -> Iterator[Progress]:
        return index_scopes(session, plan, settling, stop)

    begin = initial_run if paths or exclude is not None else None
    yield from Watcher(session.catalogue, begin, run_scopes, timing, control).run()
