"""`pixtrieve index`: bring a library up to date with folders."""

from __future__ import annotations

import click

from retrieval.commands.base import Command
from retrieval.commands.index_report import Display, run_shown, stop_on_interrupt, summary
from retrieval.commands.model_choice import choose_model, model_options, offer_to_fetch
from retrieval.commands.read_options import indexing_options
from retrieval.commands.store import use_store
from retrieval.commands.terminal import UserPath, device_option, library_option, say, shown
from retrieval.commands.watch_report import WatchReport, watch_options
from retrieval.indexing.progress import IndexOptions, Progress
from retrieval.indexing.scopes import choose_paths
from retrieval.library import Library
from retrieval.watching.watcher import WatchControl, WatchTiming


@click.command(
    "index",
    cls=Command,
    examples=(
        "pixtrieve index ~/Pictures",
        "pixtrieve index ~/Pictures /media/camera --exclude 'raw/**' --exclude '*.gif'",
        "pixtrieve index           # rescan everything in the library",
        "pixtrieve index --watch   # then follow changes",
    ),
)
@click.argument("paths", nargs=-1, type=UserPath())
@library_option
@model_options(
    "Model of a new library: a preset, NAME/PRETRAINED, hf-hub:ORG/REPO or local-dir:DIR. See: "
    "pixtrieve models."
)
@device_option
@click.option(
    "--exclude",
    metavar="GLOB",
    multiple=True,
    help="Skip files and folders that match ('*.png', 'raw/**', 'private'). Repeatable. Patterns "
    "are remembered; --exclude '' clears them.",
)
@click.option(
    "--store",
    metavar="STORE",
    help="Search this store from now on: faiss, or a vector server. See: pixtrieve store use.",
)
@watch_options
@indexing_options
def index_command(
    paths: tuple[str, ...],
    library_path: str,
    reference: str | None,
    device: str,
    exclude: tuple[str, ...],
    store: str | None,
    timing: WatchTiming | None,
    options: IndexOptions,
) -> int:
    """Add pictures to the library, or update it.

    PATHS are folders and files. Without PATHS, rescans everything in the library. Unchanged files
    are not opened, moved and copied files are recognised by their content, and deleted files leave
    the results. Ctrl-C stops after the current batch; run the same command to continue.
    """
    patterns = [pattern for pattern in exclude if pattern] if exclude else None
    with _opened(library_path, reference, device, paths) as library:
        if store is not None and store != library.store.address():
            use_store(library, store)
        if timing is not None:
            return _follow(library, paths, options, patterns, timing)
        return _run(library, paths, options, patterns)


def _opened(
    library_path: str, reference: str | None, device: str, paths: tuple[str, ...]
) -> Library:
    if Library.exists(library_path):
        return Library.open(library_path, reference, device=device)
    if not paths:
        raise click.UsageError(
            f"There is no library in {shown(library_path)} yet. Name the folders to index."
        )
    choose_paths(paths)  # raises for wrong ones, before a model is chosen and a library made
    if reference is None:
        reference = choose_model()
    else:
        offer_to_fetch(reference)
    return Library.create(library_path, reference, device=device)


def _run(
    library: Library, paths: tuple[str, ...], options: IndexOptions, patterns: list[str] | None
) -> int:
    progress = run_shown(
        lambda stop: library.iter_index(paths, options=options, exclude=patterns, stop=stop)
    )
    for line in summary(progress, library.status(), paths):
        say(line)
    return 130 if progress.stopped else 0


def _follow(
    library: Library,
    paths: tuple[str, ...],
    options: IndexOptions,
    patterns: list[str] | None,
    timing: WatchTiming,
) -> int:
    report, first = WatchReport("Press Ctrl-C to stop."), True
    display: Display | None = None  # of the run that continues
    with stop_on_interrupt("Stopping.") as stop:
        control = WatchControl(stop=stop)
        for event in library.watch(
            paths, options=options, exclude=patterns, timing=timing, control=control
        ):
            if isinstance(event, Progress) and event.phase != "done":
                display = display or Display()
                display.show(event)
                continue
            if display is not None:
                display.clear()
                display = None
            if isinstance(event, Progress) and first:
                first = False
                report.begin(event)
                for line in summary(event, library.status(), paths):
                    say(line)
            else:
                report.show(event)
    return 0
