"""What an examination finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from retrieval.errors import PixtrieveError

Severity = Literal["error", "warning", "note"]
"""An error: something is lost or wrong. A warning: something may fail. A note: no fault."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that an examination found.

    `code` names its kind, the same in every version ("vectors.damaged"). `repair` says what
    `--repair` does, or did, and is empty if it does nothing. `hint` says what a person can do.
    """

    code: str
    severity: Severity
    message: str
    repair: str = ""
    hint: str = ""
    mend: Callable[[], str] | None = field(default=None, compare=False, repr=False)
    alone: bool = field(default=False, repr=False)  # nothing else can be examined before its repair

    def mended(self) -> Finding:
        """Mend it; return the finding with what was done, or with why that failed."""
        assert self.mend is not None
        try:
            return replace(self, repair=self.mend(), mend=None)
        except PixtrieveError as error:
            return replace(self, repair=f"failed: {error.message}", hint=error.hint, mend=None)

    def as_object(self) -> dict[str, Any]:
        """Return it as plain values, for JSON."""
        names = ("code", "severity", "message", "repair", "hint")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True)
class Checkup:
    """The findings that remain, and those that were mended."""

    findings: tuple[Finding, ...]
    mended: tuple[Finding, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether nothing is left but notes."""
        return all(each.severity == "note" for each in self.findings)


def some(names: list[str], most: int = 3) -> str:
    """Return a few names for a message: "a, b, c and 7 more"."""
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most:,} more" if len(names) > most else shown
