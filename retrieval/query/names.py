"""Names that people give: of albums, saved searches, concepts and labels.

Two names are the same if they look the same (`spelling.as_read`), upper or lower case aside. The
name that was written first is the one that is shown.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from retrieval.errors import QueryError
from retrieval.query.spelling import as_read

LONGEST = 200
"""The most characters of a name."""


def clean_name(written: str, what: str) -> str:
    """Return a name as it is stored: in NFC, with single spaces, without control characters.

    `what` is named ("an album") in the QueryError for a name that is too long, or shows nothing.
    """
    name = plain_name(written)
    if all(unicodedata.category(c) in ("Cf", "Zs") for c in name):
        raise QueryError(f"{what} needs a name", "write one, for example: Holiday")
    if len(name) > LONGEST:
        raise QueryError(
            f"the name {name[:40]}… has {len(name):,} characters", f"use at most {LONGEST}"
        )
    return name


def name_key(name: str) -> str:
    """Return what two names have in common if, and only if, they are the same name."""
    return as_read(plain_name(name).casefold())


def matching(names: Iterable[str], text: str) -> list[str]:
    """Return the names that contain a text, accents and case aside; what begins with it is first.

    The name that is the text precedes them all. An empty text leaves all names in their order.
    """
    key, wanted = name_key(text), _loose(text)

    def place(name: str) -> int:
        return 0 if name_key(name) == key else 1 if _loose(name).startswith(wanted) else 2

    found = [name for name in names if wanted in _loose(name)]
    return sorted(found, key=place) if wanted else found


def _loose(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", name_key(text))
    return "".join(c for c in decomposed if not unicodedata.category(c).startswith("M"))


def plain_name(written: str) -> str:
    """Return a name in NFC, with single spaces and without control characters; "" for none."""
    valid = written.encode("utf-8", "replace").decode("utf-8")  # a lone surrogate is no character
    spaced = "".join(" " if unicodedata.category(c) == "Cc" else c for c in valid)
    return as_read(" ".join(spaced.split()))
