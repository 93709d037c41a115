"""The options of a search on the command line, made from `retrieval.query.options`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

from retrieval.commands.picture_options import examples
from retrieval.query.options import OPTIONS, Option, SearchOptions

_FLAGS = {"k": ("-k", "-n", "--limit"), "look_in": ("--in",)}
_METAVARS = {"where": "FILTER", "like": "PICTURE…", "unlike": "PICTURE…"}


def search_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add every option of a search; the command gets them as `options`, a `SearchOptions`."""

    @functools.wraps(command)
    def gathered(**given: Any) -> Any:
        values = {name: given.pop(name) for name in OPTIONS}
        for name in ("like", "unlike"):
            values[name] = examples(values[name], given["library_path"])
        options = SearchOptions(**values)
        return command(options=options, **given)

    found: Callable[..., Any] = gathered
    for option in reversed(OPTIONS.values()):
        found = _click_option(option)(found)
    return found


def flag_of(name: str) -> str:
    """Return how an option is written on the command line."""
    return _flags(name)[0]


def _click_option(option: Option) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    more: dict[str, Any] = {"help": option.help, "metavar": _METAVARS.get(option.name)}
    if isinstance(option.default, bool):
        more |= {"is_flag": True}
    elif option.many:
        more |= {"multiple": True}
    else:
        shown = bool(option.default)
        more |= {"type": _type_of(option), "default": option.default, "show_default": shown}
    return click.option(*_flags(option.name), option.name, **more)


def _flags(name: str) -> tuple[str, ...]:
    return _FLAGS.get(name, (f"--{name.replace('_', '-')}",))


def _type_of(option: Option) -> Any:
    if option.choices:
        return click.Choice(tuple(option.choices))
    if isinstance(option.default, int):
        return click.IntRange(int(option.least or 0))
    if isinstance(option.default, float):
        return click.FloatRange(option.least, option.most)
    return None
