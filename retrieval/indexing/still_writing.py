"""Detects files that may still be being written, so that a run can let them wait.

Half a copy decodes as a damaged picture. A watch looks at such a file again a moment later instead
of listing it as a problem.
"""

from __future__ import annotations

import os
import time

from retrieval.indexing.progress import IndexOptions

_NS = 1_000_000_000


class StillWriting:
    """The files of one run that must wait; `waiting` holds their absolute paths.

    No file waits when the options say 0 seconds. A modification time far in the future (a wrong
    clock) does not make a file wait.
    """

    def __init__(self, options: IndexOptions) -> None:
        self._settle_ns = int(options.settle_s * _NS)
        self._broken_ns = int(options.settle_broken_s * _NS)
        self.waiting: list[str] = []

    def must_wait(self, root: str, path: str, mtime_ns: int) -> bool:
        """Tell whether a file below a root changed too recently to be read."""
        recent = self._settle_ns > 0 and _is_recent(mtime_ns, self._settle_ns)
        return recent and self._note(os.path.join(root, path), waits=True)

    def broken_must_wait(self, path: str) -> bool:
        """Tell whether a file that could not be read may become readable in a moment.

        That is a file that changed recently, or that is gone, perhaps renamed.
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
