"""Every option of a search, defined once.

`Library.search` takes `SearchOptions`. The command line, the HTTP API and the tools for assistants
build their options from `OPTIONS`, and the page reads them from the API. So names, defaults, limits
and allowed values are defined only here.
"""

from __future__ import annotations

import operator
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from retrieval.errors import QueryError
from retrieval.query.fields import FIELDS
from retrieval.query.terms import Example

if TYPE_CHECKING:
    from retrieval.query.where import Condition

Sort = Literal["date", "date-desc", "name", "size"]
Grouping = Literal["burst", "day", "folder", "place", "person"]
Fuse = Literal["add", "multiply", "concatenate"]
LookIn = Literal["all", "pictures", "texts"]

GROUPED = 1000
"""The number of best hits that are grouped."""

DIVERSE = 200
"""The number of best hits from which different ones are selected."""

_ABOUT = "about"


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a search, as every interface shows it.

    `choices` maps each allowed value to its label on the page; it is empty if the type alone limits
    the values. `unset` is the value and the label for the default None, for interfaces that cannot
    omit an option. `least` and `most` are the limits of a number, both included. With `many`, the
    option takes several values.
    """

    name: str
    default: Any
    help: str
    choices: Mapping[str, str]
    unset: tuple[str, str] | None
    least: float | None
    most: float | None
    many: bool


def _about(
    text: str,
    *,
    choices: Mapping[str, str] | None = None,
    unset: tuple[str, str] | None = None,
    least: float | None = None,
    most: float | None = None,
    many: bool = False,
) -> dict[str, Any]:
    return {_ABOUT: (text, choices or {}, unset, least, most, many)}


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchOptions:
    """The options of one search; a wrong value raises QueryError, which lists the choices.

    `where` is a filter (`retrieval.query.where`), as text or parsed. `sort`, `group` and `diverse`
    arrange the hits (`search.grouping`): the `k` best are selected first and then sorted, which
    does not change their `rank`. `look_in` selects what texts are compared with, `fuse` how several
    terms become one score (`search.fusion`). Hits with a known confidence below `min_confidence`
    are left out. Indexed pictures that are part of the query are left out, with their exact
    copies, unless `include_self` is set. `like` and `unlike` are example pictures for relevance
    feedback (`search.feedback`). `explain` adds each term's contribution to each hit.
    """

    k: int = field(default=10, metadata=_about("How many pictures to show.", least=1))
    where: str | Condition | None = field(
        default=None,
        metadata=_about(
            'Show only pictures that fit this filter, like "date >= 2023-05 and camera ~ '
            f"'Pixel'\"; without a query, list them. Fields: {', '.join(FIELDS)}.",
        ),
    )
    sort: Sort | None = field(
        default=None,
        metadata=_about(
            "Sort the pictures shown: oldest first (date), newest first (date-desc), by file name, "
            "or largest first (size).",
            choices={
                "date": "Oldest first",
                "date-desc": "Newest first",
                "name": "Name",
                "size": "Largest first",
            },
            unset=("best", "Best first"),
        ),
    )
    group: Grouping | None = field(
        default=None,
        metadata=_about(
            "Show only the best picture of each burst, day, folder, place (the city) or person "
            "(all people that it shows).",
            choices={
                "burst": "Burst",
                "day": "Day",
                "folder": "Folder",
                "place": "Place",
                "person": "Person",
            },
            unset=("none", "No groups"),
        ),
    )
    diverse: bool = field(
        default=False, metadata=_about("Prefer pictures that differ from each other.")
    )
    look_in: LookIn = field(
        default="all",
        metadata=_about(
            "Compare words with what pictures show, with the texts that come with them, or "
            "with both.",
            choices={
                "all": "Pictures and texts",
                "pictures": "Pictures only",
                "texts": "Texts only",
            },
        ),
    )
    fuse: Fuse = field(
        default="add",
        metadata=_about(
            "How several terms become one score: add (one direction between them), multiply (all "
            "must match), or concatenate (add, compared half with the picture and half with its "
            "texts).",
            choices={
                "add": "Mixed together",
                "multiply": "All must match",
                "concatenate": "Picture and text",
            },
        ),
    )
    include_self: bool = field(
        default=False, metadata=_about("Also list the pictures that the query itself contains.")
    )
    min_confidence: float = field(
        default=0.0,
        metadata=_about(
            "Leave out pictures that are less likely to be right (0 to 1; 0.5: as likely as not).",
            least=0,
            most=1,
        ),
    )
    like: Sequence[Example] = field(
        default=(), metadata=_about("Pictures that show what is meant.", many=True)
    )
    unlike: Sequence[Example] = field(
        default=(), metadata=_about("Pictures that do not show it.", many=True)
    )
    explain: bool = field(
        default=False, metadata=_about("Show what each term did for each picture.")
    )

    def __post_init__(self) -> None:
        for option in OPTIONS.values():
            value = _checked(option, getattr(self, option.name))
            object.__setattr__(self, option.name, value)

    @property
    def condition(self) -> Condition | None:
        """The parsed filter; an invalid one raises QueryError, which points at the mistake."""
        if not isinstance(self.where, str):
            return self.where
        from retrieval.query.where import parse

        return parse(self.where)

    @property
    def is_arranged(self) -> bool:
        """Whether hits are sorted, grouped or diverse, and not just the k best, best first."""
        return bool(self.sort or self.group or self.diverse)

    @property
    def depth(self) -> int:
        """The number of best hits to find, so that k remain to be shown."""
        if self.group:
            return max(GROUPED, 10 * self.k)
        return max(DIVERSE, 4 * self.k) if self.diverse else self.k


class SearchKeywords(TypedDict, total=False):
    """The fields of `SearchOptions` as keyword arguments; a test compares the two."""

    where: str | Condition | None
    sort: Sort | None
    group: Grouping | None
    diverse: bool
    look_in: LookIn
    fuse: Fuse
    include_self: bool
    min_confidence: float
    like: Sequence[Example]
    unlike: Sequence[Example]
    explain: bool


OPTIONS: dict[str, Option] = {
    each.name: Option(each.name, each.default, *each.metadata[_ABOUT])
    for each in fields(SearchOptions)
}
"""The options of a search by name, in the order in which interfaces show them."""


def _checked(option: Option, value: Any) -> Any:
    """Return a value as it is stored; QueryError if it is not allowed."""
    if option.many:
        return _examples(option, value)
    if option.choices:
        if value is not None or option.default is not None:
            _require_choice(option, value)
        return value
    if isinstance(option.default, bool):
        if not isinstance(value, bool):
            raise QueryError(f"{option.name} must be True or False, not {value!r}")
        return value
    if option.least is not None:
        return _number(option, value)
    return _filter(value)


def _examples(option: Option, value: Any) -> tuple[Example, ...]:
    several = isinstance(value, Iterable) and not isinstance(value, str | bytes)
    values = tuple(value) if several else (value,)
    for each in values:
        if isinstance(each, bool) or not isinstance(each, int | str | os.PathLike):
            raise QueryError(
                f"{option.name} cannot be {value!r}",
                "give ids or paths of pictures, one or several",
            )
    return values


def _filter(value: Any) -> str | Condition | None:
    if value is None or isinstance(value, str):
        return value
    from retrieval.query.where import Condition

    if isinstance(value, Condition):
        return value
    raise QueryError(f"where cannot be {value!r}", "write a filter, like: width > 1000")


def _require_choice(option: Option, value: Any) -> None:
    if isinstance(value, str) and value in option.choices:
        return
    raise QueryError(
        f"{option.name} cannot be {value!r}", f"choose one of: {', '.join(option.choices)}"
    )


def _number(option: Option, value: Any) -> int | float:
    whole = isinstance(option.default, int)
    number: int | float = float("nan")
    if not isinstance(value, bool | str):
        with suppress(TypeError, ValueError):
            number = operator.index(value) if whole else float(value)
    least, most = option.least, option.most
    if number >= (least or 0) and (most is None or number <= most):
        return number
    kind = "a whole number" if whole else "a number"
    limits = f"of at least {least:g}" if most is None else f"from {least:g} to {most:g}"
    raise QueryError(f"{option.name} must be {kind} {limits}, not {value!r}")
