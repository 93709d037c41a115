"""What the rooms below log, as lines on standard error."""

from __future__ import annotations

import logging
import sys
import warnings

import click

from retrieval.commands.terminal import say, shown


def set_up_logging(*, verbose: bool) -> None:
    """Show this project's warnings and notices; what other libraries log only when asked for.

    Once for a process: a second call changes nothing.
    """
    if verbose:
        logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
        return
    warnings.simplefilter("ignore")
    house = logging.getLogger("retrieval")
    if any(isinstance(handler, _Lines) for handler in house.handlers):
        return
    # Without any handler Python would print what libraries log as a last resort.
    logging.getLogger().addHandler(logging.NullHandler())
    house.addHandler(_Lines())
    logging.getLogger("retrieval.notices").setLevel(logging.INFO)


class _Lines(logging.Handler):
    """A line for each record. A line of progress that stands there gives way to it."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = shown(record.getMessage())
            if record.levelno >= logging.WARNING:
                text = f"{click.style('warning:', fg='yellow', bold=True)} {text}"
            if sys.stderr.isatty():
                sys.stderr.write("\r\x1b[K")
            say(text, error=True)
        except Exception:
            self.handleError(record)
