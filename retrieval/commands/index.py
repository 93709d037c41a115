"""`pixtrieve index`: bring a library up to date with folders."""

from __future__ import annotations

import click

from retrieval.commands.index_report import Display, run_shown, stop_on_interrupt, summary
from retrieval.commands.model_choice import choose_model, offer_to_fetch
from retrieval.commands.read_options import reading_options
from retrieval.commands.terminal import device_option, library_option, say
from retrieval.commands.watch_report import WatchReport, watch_options
from retrieval.encoders.models.references import parse
from retrieval.indexing.progress import IndexOptions, Progress
from retrieval.library import Library
from retrieval.watching.watcher import WatchControl, WatchTiming


@click.command("index")
@click.argument("paths", nargs=-1, type=click.Path())
@library_option
@click.option(
    "--model",
    metavar="MODEL",
    help="A preset, NAME/PRETRAINED, hf-hub:ORG/REPO or local-dir:DIR; needed once, for a new "
    "library. See: pixtrieve models.",
)
@click.option(
    "--checkpoint", metavar="FILE", type=click.Path(), help="Weights for --model NAME from a file."
)
@device_option
@click.option(
    "--exclude",
    metavar="GLOB",
    multiple=True,
    help="Leave out files and folders that match ('*.png', 'raw/**', 'private'); may be repeated; "
    "remembered. --exclude '' forgets earlier ones.",
)
@watch_options
@reading_options
def index_command(
    paths: tuple[str, ...],
    library_path: str,
    model: str | None,
    checkpoint: str | None,
    device: str,
    exclude: tuple[str, ...],
    pace: WatchTiming | None,
    options: IndexOptions,
) -> int:
    """Index pictures in PATHS, folders or files; without PATHS, look again at all that is known.

    Unchanged files are not opened, moved and copied ones are recognised by their content, deleted
    ones leave the results. Ctrl-C stops after the batch in flight; run it again to go on.
    """
    reference = str(parse(model, checkpoint)) if model else None
    patterns = [pattern for pattern in exclude if pattern] if exclude else None
    with _opened(library_path, reference, device, has_paths=bool(paths)) as library:
        if pace is not None:
            return _follow(library, paths, options, patterns, pace)
        return _run(library, paths, options, patterns)


def _opened(library_path: str, reference: str | None, device: str, *, has_paths: bool) -> Library:
    if Library.exists(library_path):
        return Library.open(library_path, reference, device=device)
    if not has_paths:
        raise click.UsageError(
            f"there is no library in {library_path} yet: name the folders to index"
        )
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
    for line in summary(progress, library.status()):
        say(line)
    return 130 if progress.stopped else 0


def _follow(
    library: Library,
    paths: tuple[str, ...],
    options: IndexOptions,
    patterns: list[str] | None,
    pace: WatchTiming,
) -> int:
    report, first = WatchReport("Ctrl-C ends it."), True
    display: Display | None = None  # of the run that goes on
    with stop_on_interrupt("stopping") as stop:
        steering = WatchControl(stop=stop)
        for event in library.watch(
            paths, options=options, exclude=patterns, timing=pace, control=steering
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
                for line in summary(event, library.status()):
                    say(line)
            else:
                report.show(event)
    return 0
