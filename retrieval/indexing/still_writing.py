"""Files that may still be being written: a run that is told to lets them wait.

A copy in progress is a picture cut short. Whoever follows a folder would rather look again in a
moment than have it in the list of problems.
"""

from __future__ import annotations

import os
import time

from retrieval.indexing.progress import IndexOptions

_NS = 1_000_000_000


class StillWriting:
    """One run's files that have to wait; `waiting` are their absolute paths.

    Never lets anything wait when the options say 0 seconds. A time of change that lies in the
    future, by a wrong clock, is none that one could wait for.
    """

    def __init__(self, options: IndexOptions) -> None:
        self._quiet_ns = int(options.settle_s * _NS)
        self._broken_ns = int(options.settle_broken_s * _NS)
        self.waiting: list[str] = []

    def waits(self, root: str, path: str, mtime_ns: int) -> bool:
        """Tell whether a file below a root changed too short a time ago to be read."""
        recent = self._quiet_ns > 0 and _is_recent(mtime_ns, self._quiet_ns)
        return recent and self._note(os.path.join(root, path), waits=True)

    def broken_waits(self, path: str) -> bool:
        """Tell whether a file that could not be read may be better in a moment.

        That is one that changed lately, or is gone: under another name perhaps.
        """
        if not self._broken_ns:
            return False
        try:
            recent = _is_recent(os.stat(path).st_mtime_ns, self._broken_ns)
        except FileNotFoundError:
            recent = True
        except OSError:
            recent = False
        return self._note(path, recent)

    def _note(self, path: str, waits: bool) -> bool:
        if waits:
            self.waiting.append(path)
        return waits


def _is_recent(mtime_ns: int, within_ns: int) -> bool:
    return abs(time.time_ns() - mtime_ns) < within_ns
