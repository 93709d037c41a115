"""`pixtrieve captions`, `pixtrieve ocr`: texts for pictures that are indexed."""

from __future__ import annotations

import threading

import click

from retrieval.commands.base import Command
from retrieval.commands.index_report import STOPPED, stop_on_interrupt
from retrieval.commands.progress_line import Counter, ProgressLine
from retrieval.commands.read_options import limits_options
from retrieval.commands.terminal import (
    UserPath,
    device_option,
    home_relative,
    library_option,
    plural,
    say,
    shown,
)
from retrieval.images import ReadLimits
from retrieval.library import Library

_SHOWN = 5


@click.command("captions", cls=Command, examples=("pixtrieve captions album.csv",))
@click.argument("file", type=UserPath())
@library_option
@device_option
def captions_command(file: str, library_path: str, device: str) -> int:
    """Add captions from FILE, so that searches find them.

    FILE holds JSON lines like {"file": "a.jpg", "captions": ["…", "…"]}, or is a CSV or TSV file
    with the columns "file" and "caption". Paths in it are relative to FILE. New captions of a
    picture replace its earlier ones; an empty caption removes them.
    """
    from retrieval.texts.captions import read_caption_file

    captions = read_caption_file(file)
    with Library.open(library_path, device=device) as library, stop_on_interrupt() as stop:
        kept = library.texts.put(captions)
        described = sum(library.texts.encode(stop=stop))
    encoded = f" ({plural(described, 'description')} encoded)" if described else ""
    say(f"Added captions from {shown(file)} to {plural(kept.pictures, 'picture')}{encoded}.")
    if kept.unknown:
        say(f"Not in the library: {plural(len(kept.unknown), 'file')}, for example:")
        for path in kept.unknown[:_SHOWN]:
            say(f"  {shown(home_relative(path))}")
        say("Index them (pixtrieve index FOLDER), then run this command again.")
    return _stopped(stop)


@click.command("ocr", cls=Command)
@library_option
@limits_options
def ocr_command(library_path: str, limits: ReadLimits) -> int:
    """Recognise text in pictures, so that searches find it.

    Reads only pictures that have not been read yet. Ctrl-C stops after the current batch; run the
    same command to continue. Works offline.

    Needs: pip install 'pixtrieve[ocr]'
    """
    with (
        Library.open(library_path) as library,
        stop_on_interrupt() as stop,
        ProgressLine() as line,
    ):
        counter, state = Counter(line, "Read", "pictures"), None
        for state in library.texts.read_pictures(stop=stop, limits=limits):
            counter.show(state.done, state.total)
    if state is None or not state.total:
        say("All pictures have been read already.")
        return _stopped(stop)
    say(f"Read {plural(state.done, 'picture')} and found text in {state.found:,}.")
    if state.unreadable:
        say(f"Could not open {plural(state.unreadable, 'picture')}. Run this command again later.")
    return _stopped(stop)


def _stopped(stop: threading.Event) -> int:
    if not stop.is_set():
        return 0
    say(STOPPED)
    return 130
