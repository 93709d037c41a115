"""Request fields for the search options, built from `retrieval.query.options`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from retrieval.query.options import OPTIONS, Option, SearchOptions

MOST_LETTERS = 2_000
MOST_HITS = 10_000


def search_fields(
    names: list[str], types: Mapping[str, Any], *, unset_words: bool = False
) -> dict[str, Any]:
    """Return pydantic field definitions for the named options; `types` overrides their types.

    With `unset_words`, an option that may be None takes a word instead ("best", "none"), for
    clients that cannot omit a value.
    """
    return {name: _field(OPTIONS[name], types.get(name), unset_words) for name in names}


def options_of(request: BaseModel, k: int) -> SearchOptions:
    """Return the options of a request, for `k` hits; QueryError for a value that is wrong."""
    given = {name: getattr(request, name) for name in OPTIONS if hasattr(request, name)}
    for name, value in given.items():
        unset = OPTIONS[name].unset
        if (unset and value == unset[0]) or (name == "where" and not value.strip()):
            given[name] = None
    return SearchOptions(**{**given, "k": k})


def describe_options() -> list[dict[str, Any]]:
    """Return the options as JSON values, from which the page builds its controls."""
    return [
        {
            "name": option.name,
            "default": list(option.default) if option.many else option.default,
            "help": option.help,
            "choices": [
                *([{"value": "", "label": option.unset[1]}] if option.unset else []),
                *({"value": value, "label": label} for value, label in option.choices.items()),
            ],
            "least": option.least,
            "most": option.most,
        }
        for option in OPTIONS.values()
    ]


def _field(option: Option, type_: Any, unset_words: bool) -> tuple[Any, Any]:
    default = list(option.default) if option.many else option.default
    if type_ is None:
        type_ = _type_of(option, unset_words)
    if option.unset and unset_words:
        default = option.unset[0]
    if option.name == "where":
        default = ""
    limited = Field(description=option.help, ge=option.least, le=option.most)
    plain = Field(description=option.help)
    return Annotated[type_, plain if option.least is None else limited], default


def _type_of(option: Option, unset_words: bool) -> Any:
    if option.choices:
        words = (option.unset[0],) if option.unset and unset_words else ()
        chosen: Any = Literal[(*words, *option.choices)]
        return chosen if words or not option.unset else chosen | None
    if option.name == "where":
        return Annotated[str, Field(max_length=MOST_LETTERS)]
    return type(option.default)
