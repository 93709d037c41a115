"""What all commands share: safe text, errors on screen, options that mean the same everywhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from retrieval.encoders.engines import DEVICES
from retrieval.errors import PixtrieveError
from retrieval.search.results import Hit

Command = TypeVar("Command", bound=Callable[..., Any])


def library_option(command: Command) -> Command:
    """Add `--library DIR`."""
    return click.option(
        "--library",
        "library_path",
        metavar="DIR",
        envvar="PIXTRIEVE_LIBRARY",
        default="index_data",
        show_default=True,
        help="The folder that holds the index (environment: PIXTRIEVE_LIBRARY).",
    )(command)


def device_option(command: Command) -> Command:
    """Add `--device`."""
    return click.option(
        "--device",
        type=click.Choice(DEVICES),
        default="auto",
        show_default=True,
        help="Where the model runs: cpu is OpenVINO, cpu:f32 and so on force its precision, torch "
        "is the reference on the processor.",
    )(command)


def shown(text: str) -> str:
    """Return text that is safe to print: no bytes that are not text, no control characters.

    A file's name may hold either, and a terminal would obey the latter.
    """
    valid = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in valid)


def say(text: str = "", *, error: bool = False) -> None:
    """Print a line; characters that the terminal's encoding lacks are replaced."""
    stream = sys.stderr if error else sys.stdout
    encoding = stream.encoding or "utf-8"
    click.echo(text.encode(encoding, "replace").decode(encoding), err=error)


def say_raw(data: bytes) -> None:
    """Write bytes to standard output as they are."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def report(error: PixtrieveError) -> None:
    """Show an error and what to do next."""
    label = click.style("error:", fg="red", bold=True)
    say(f"{label} {shown(error.message)}", error=True)
    for number, line in enumerate(error.hint.splitlines()):
        label = click.style("hint: ", fg="cyan") if number == 0 else "      "
        say(f"{label} {shown(line)}", error=True)


def interrupted() -> None:
    """Say that the command was ended from outside."""
    say("interrupted", error=True)


def home_relative(path: str) -> str:
    """Return a path as a person would write it, with ~ for their home."""
    home = os.path.expanduser("~")
    return "~" + path[len(home) :] if path.startswith(home + os.sep) else path


def human_bytes(size: int) -> str:
    """Return a size for people: 812 B, 34 KB, 1.2 MB."""
    value = float(size)
    for unit in ("B", "KB", "MB", "GB"):
        if value < 999.5:
            digits = 1 if value < 99.5 and unit not in ("B", "KB") else 0
            return f"{value:.{digits}f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def plural(count: int, noun: str) -> str:
    """Return "1 picture", "2 pictures", "12,345 pictures"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def sureness(hit: Hit) -> str:
    """Return how sure a hit is, for people: "97%", never "100%"; or a word; or ""."""
    if hit.confidence is None:
        return hit.match or ""
    return f"{min(hit.confidence, 0.99):.0%}"
