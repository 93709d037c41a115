"""What all commands share: printing safe text and errors, and options."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from retrieval.commands.library_choice import HERE, VARIABLE, take_library
from retrieval.encoders.engines import DEVICES
from retrieval.errors import PixtrieveError
from retrieval.query.spelling import DiskSpelling
from retrieval.search.results import Hit

Command = TypeVar("Command", bound=Callable[..., Any])


class UserPath(click.Path):
    """A path in which `~` is the user's home, even if the shell has not expanded it.

    Shells leave `~` in quotes and after `=`; cron and systemd never expand it.
    """

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> str | bytes | os.PathLike[str]:
        """Return the path with the home in place of `~`, and as the disk spells it."""
        return super().convert(DiskSpelling().of(os.path.expanduser(value)), param, ctx)


def library_option(command: Command) -> Command:
    """Add `--library DIR`; the command gets `library_path`, the folder of the library to use."""
    return click.option(
        "--library",
        "library_path",
        metavar="DIR",
        type=UserPath(readable=False),  # opening it says more
        callback=take_library,
        help=f"Folder of the library. Default: {VARIABLE}, else ./{HERE} if it is a library, "
        "else your own library (see: pixtrieve status).",
    )(command)


def device_option(command: Command) -> Command:
    """Add `--device`."""
    return click.option(
        "--device",
        type=click.Choice(DEVICES),
        default="auto",
        show_default=True,
        help="Where the model runs. cpu uses OpenVINO; cpu:f32 and the like set its precision. "
        "torch is the reference implementation on the CPU.",
    )(command)


def shown(text: str) -> str:
    """Return text that is safe to print, without invalid bytes and control characters.

    A file name may contain both, and terminals execute control characters.
    """
    valid = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in valid)


def link(text: str, path: str) -> str:
    """Return a text that opens a file in terminals that know links (OSC 8); others show the text.

    Without a terminal, and with NO_COLOR or TERM=dumb, it is the text alone.
    """
    if not sys.stdout.isatty() or plain_wanted():
        return text
    from urllib.parse import quote

    target = f"file://{quote(os.fsencode(os.path.abspath(path)))}"
    return f"\x1b]8;;{target}\x1b\\{text}\x1b]8;;\x1b\\"


def plain_wanted() -> bool:
    """Whether the user wants no colours and links: NO_COLOR is set (no-color.org) or TERM=dumb."""
    return bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"


def say(text: str = "", *, error: bool = False) -> None:
    """Print a line; replace characters that the terminal's encoding lacks.

    Styles of the text are left out where there is no terminal, and if the user wants none.
    """
    stream = sys.stderr if error else sys.stdout
    encoding = stream.encoding or "utf-8"
    known = text.encode(encoding, "replace").decode(encoding)
    click.echo(known, err=error, color=False if plain_wanted() else None)


def say_raw(data: bytes) -> None:
    """Write bytes to standard output as they are."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def report(error: PixtrieveError) -> None:
    """Show an error and what to do next."""
    label = click.style("Error:", fg="red", bold=True)
    say(f"{label} {shown(error.message)}", error=True)
    for number, line in enumerate(error.hint.splitlines()):
        label = click.style("Hint: ", fg="cyan") if number == 0 else "      "
        say(f"{label} {shown(line)}", error=True)


def warn(text: str) -> None:
    """Print a warning."""
    label = click.style("Warning:", fg="yellow", bold=True)
    say(f"{label} {shown(text)}", error=True)


def interrupted() -> None:
    """Print that the command was interrupted."""
    say("Interrupted.", error=True)


def home_relative(path: str) -> str:
    """Return a path with `~` for the user's home."""
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


def plural(count: int, noun: str, many: str = "") -> str:
    """Return "1 picture", "2 pictures", "12,345 pictures"; `many` is an irregular plural."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {many or noun + 's'}"


def confidence_text(hit: Hit) -> str:
    """Return a hit's confidence: "97%" (at most "99%"), a label, or ""."""
    if hit.confidence is None:
        return hit.match or ""
    return f"{min(hit.confidence, 0.99):.0%}"
