"""`pixtrieve captions`, `pixtrieve ocr`: texts for pictures that are indexed."""

from __future__ import annotations

import sys
import threading

import click

from retrieval.commands.index_report import stop_on_interrupt
from retrieval.commands.read_options import limits_options
from retrieval.commands.terminal import (
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


@click.command("captions")
@click.argument("file", type=click.Path())
@library_option
@device_option
def captions_command(file: str, library_path: str, device: str) -> int:
    r"""Give indexed pictures the captions in FILE, then they are found by those, too.

    FILE has JSON lines {"file": "a.jpg", "captions": ["…", "…"]}, or is a CSV or TSV file whose
    first line names the columns "file" and "caption". Files are relative to FILE. The captions of
    pictures in it replace earlier ones; an empty one takes them away.

    \b
    pixtrieve captions album.csv
    """
    from retrieval.texts.captions import read_caption_file

    captions = read_caption_file(file)
    with Library.open(library_path, device=device) as library, stop_on_interrupt() as stop:
        kept = library.texts.put(captions)
        described = sum(library.texts.encode(stop=stop))
    encoded = f", {described:,} descriptions encoded" if described else ""
    say(f"{plural(kept.pictures, 'picture')} with captions from {shown(file)}{encoded}.")
    if kept.unknown:
        say(f"{plural(len(kept.unknown), 'file')} of it not in the library, for example:")
        for path in kept.unknown[:_SHOWN]:
            say(f"  {shown(home_relative(path))}")
        say("Index them (pixtrieve index FOLDER), then run this again.")
    return _stopped(stop)


@click.command("ocr")
@library_option
@limits_options
def ocr_command(library_path: str, limits: ReadLimits) -> int:
    """Read what is written in the pictures, so that they are found by it.

    Only pictures that have not been read yet are; Ctrl-C stops after the batch in flight, and the
    same command goes on. Works offline. Needs the extra: pip install 'pixtrieve[ocr]'
    """
    with Library.open(library_path) as library, stop_on_interrupt() as stop:
        state = None
        for state in library.texts.read_pictures(stop=stop, limits=limits):
            if sys.stderr.isatty():
                sys.stderr.write(f"\r{state.done:,} of {state.total:,} pictures read\x1b[K")
                sys.stderr.flush()
        if sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K")
    if state is None or not state.total:
        say("Every picture has been read already.")
        return _stopped(stop)
    say(f"{plural(state.done, 'picture')} read, {state.found:,} of them with text.")
    if state.unreadable:
        say(f"{plural(state.unreadable, 'picture')} could not be opened now; run this again.")
    return _stopped(stop)


def _stopped(stop: threading.Event) -> int:
    if not stop.is_set():
        return 0
    say("Stopped on request. What is done is kept; run the same command to go on.")
    return 130
