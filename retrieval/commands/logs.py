"""Log records as lines on standard error."""

from __future__ import annotations

import logging
import sys
import warnings

from retrieval.commands.terminal import say, shown, warn


def set_up_logging(*, verbose: bool) -> None:
    """Show this project's warnings and notices; with `verbose`, all that libraries log.

    A second call in a process changes nothing.
    """
    if verbose:
        logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
        return
    warnings.simplefilter("ignore")
    own = logging.getLogger("retrieval")
    if any(isinstance(handler, _Lines) for handler in own.handlers):
        return
    # Python prints the log records of libraries if there is no handler.
    logging.getLogger().addHandler(logging.NullHandler())
    own.addHandler(_Lines())
    logging.getLogger("retrieval.notices").setLevel(logging.INFO)


class _Lines(logging.Handler):
    """Prints a line for each record, in place of a progress line."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            if sys.stderr.isatty():
                sys.stderr.write("\r\x1b[K")
            if record.levelno >= logging.WARNING:
                warn(record.getMessage())
            else:
                say(shown(record.getMessage()), error=True)
        except Exception:
            self.handleError(record)
