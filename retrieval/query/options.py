"""How an answer is wanted: every option of a search, defined once.

`SearchOptions` is what `Library.search` takes. The command line, the HTTP API and the tools for
assistants build their own options from `OPTIONS`, and the page reads them from the API, so a name,
a default, a limit or an allowed value is written here and nowhere else.
"""

from __future__ import annotations

import operator
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from retrieval.errors import QueryError
from retrieval.query.terms import Example

if TYPE_CHECKING:
    from retrieval.query.where import Condition

Sort = Literal["date", "date-desc", "name", "size"]
Grouping = Literal["burst", "day", "folder"]
Fuse = Literal["add", "multiply", "concatenate"]
LookIn = Literal["all", "pictures", "texts"]

GROUPED = 1000
"""Groups are made among this many of the best hits."""

DIVERSE = 200
"""Different hits are picked among this many of the best."""

_ABOUT = "about"


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a search, as every interface shows it.

    `choices` maps each allowed value to its label on the page; it is empty where any value of the
    type will do. `unset` is the word and the label for the default None, where an interface cannot
    leave an option out.
    `least` and `most` limit numbers, both included.
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
    """The options of one search; QueryError, which names the choices, for a value that is wrong.

    `where` is a filter (`retrieval.query.where`), written or parsed. `sort`, `group` and `diverse`
    arrange the hits (`search.grouping`): the `k` best are chosen first and sorted afterwards, and
    `rank` stays that of the best first. `look_in` says what the words of a question are compared
    with, `fuse` how several terms become one score (`search.fusion`). Hits whose confidence is
    known and below `min_confidence` are left out. Pictures of the question that the library has
    are left out with their exact copies, unless `include_self`. `like` and `unlike` are examples
    that turn the question (`search.feedback`). `explain` adds what each term did for each hit.
    """

    k: int = field(default=10, metadata=_about("How many pictures to show.", least=1))
    where: str | Condition | None = field(
        default=None,
        metadata=_about(
            'Show only pictures that fit this filter, like "taken >= 2023-05 and camera ~ '
            "'Pixel'\"; without a question, list them.",
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
            "Show only the best picture of each burst, day or folder.",
            choices={"burst": "Burst", "day": "Day", "folder": "Folder"},
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
                "add": "Add up",
                "multiply": "All must match",
                "concatenate": "Picture and text",
            },
        ),
    )
    include_self: bool = field(
        default=False, metadata=_about("Also list the pictures that the question itself contains.")
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
        """The filter, parsed; QueryError points at what is wrong with it."""
        if not isinstance(self.where, str):
            return self.where
        from retrieval.query.where import parse

        return parse(self.where)

    @property
    def is_arranged(self) -> bool:
        """Whether hits are shown in any other way than the k best, best first."""
        return bool(self.sort or self.group or self.diverse)

    @property
    def depth(self) -> int:
        """How many of the best hits must be found so that k are left to show."""
        if self.group:
            return max(GROUPED, 10 * self.k)
        return max(DIVERSE, 4 * self.k) if self.diverse else self.k


class SearchKeywords(TypedDict, total=False):
    """The fields of `SearchOptions` as keyword arguments; a test holds them equal."""

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
"""Every option of a search by its name, in the order in which interfaces show them."""


def _checked(option: Option, value: Any) -> Any:
    """Return a value as it is stored; QueryError when the option cannot have it."""
    if option.many:
        return (value,) if isinstance(value, str | int | os.PathLike) else tuple(value)
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
    return value


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
