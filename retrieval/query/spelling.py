"""Names that look alike are the same name: é is one character, or e and an accent.

Keyboards write the first form (NFC), old macOS disks hold the second one (NFD), and people see no
difference. Every comparison of a name that a person wrote with a name on disk or in a library goes
through this module; filters, which also ignore case and accents, use `where.matching.fold`.
"""

from __future__ import annotations

import os
import re
import unicodedata

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
"""Two letters at least: `C:/` is a drive."""


def is_address(path: str) -> bool:
    """Tell whether a path is an address on the web or in object storage ("s3://bucket/key")."""
    return _ADDRESS.match(path) is not None


def as_read(name: str) -> str:
    """Return a name or path in the one form (NFC) of all that look the same."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def spellings(name: str) -> tuple[str, ...]:
    """Return the forms that a name may have on disk: as it is, composed (NFC) and not (NFD)."""
    if name.isascii():
        return (name,)
    forms = (unicodedata.normalize(form, name) for form in ("NFC", "NFD"))
    return tuple(dict.fromkeys((name, *forms)))


def absolute(path: str | os.PathLike[str]) -> str:
    """Return an absolute path, with `~` expanded, as the disk spells it: see `DiskSpelling`.

    An address stays as it is.
    """
    if is_address(written := os.fspath(path)):
        return written
    return DiskSpelling().of(os.path.abspath(os.path.expanduser(written)))


class DiskSpelling:
    """Finds files and folders by names that look the same; lists each folder at most once."""

    def __init__(self) -> None:
        self._names: dict[str, dict[str, str]] = {}

    def of(self, path: str) -> str:
        """Return a path as the disk spells it, as far as something on it looks like its names."""
        if path.isascii() or os.path.lexists(path):
            return path
        parent, name = os.path.split(path)
        if not name:
            return path
        there = self.of(parent) if parent else parent
        own = name if name.isascii() else self._listed(there).get(as_read(name), name)
        return os.path.join(there, own)

    def _listed(self, folder: str) -> dict[str, str]:
        if folder not in self._names:
            try:
                names = sorted(os.listdir(folder or os.curdir))
            except (OSError, ValueError):  # ValueError: the locale cannot encode the name
                names = []
            self._names[folder] = {as_read(name): name for name in names if not name.isascii()}
        return self._names[folder]
