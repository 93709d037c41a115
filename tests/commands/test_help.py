"""The help of every command: examples on lines of their own, sections, suggestions."""

from __future__ import annotations

import json
import shlex

import click
import pytest
from support.command_line import Run, every_command, parse

from retrieval.commands import SECTIONS, pixtrieve
from retrieval.commands.base import Command

CONTEXTS = {context.command_path: context for context in every_command()}
EXAMPLES = [
    example
    for context in CONTEXTS.values()
    if isinstance(context.command, Command)
    for example in context.command.examples
]


def test_there_are_commands_and_examples_to_check() -> None:
    assert len(CONTEXTS) > 25
    assert len(EXAMPLES) > 25


@pytest.mark.parametrize("path", CONTEXTS)
def test_the_help_shows_no_markup(path: str) -> None:
    text = CONTEXTS[path].get_help()
    assert "\\b" not in text
    assert "\b" not in text


@pytest.mark.parametrize("path", CONTEXTS)
def test_every_command_and_every_option_is_described(path: str) -> None:
    context = CONTEXTS[path]
    assert isinstance(context.command, Command)
    assert context.command.help
    for parameter in context.command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.opts


@pytest.mark.parametrize("path", CONTEXTS)
def test_examples_have_lines_of_their_own(path: str) -> None:
    context = CONTEXTS[path]
    assert isinstance(context.command, Command)
    lines = [line.strip() for line in context.get_help().splitlines()]
    assert set(context.command.examples) <= set(lines)


@pytest.mark.parametrize("path", [path for path in CONTEXTS if path != "pixtrieve"])
def test_the_first_sentence_fits_into_a_list_of_commands(path: str) -> None:
    assert not CONTEXTS[path].command.get_short_help_str(62).endswith("...")


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_parses(example: str) -> None:
    if example.startswith("{"):
        (server,) = json.loads(example)["mcpServers"].values()
        words = [server["command"], *server["args"]]
    else:
        words = shlex.split(example, comments=True)
    assert words[0] == "pixtrieve"
    parse(words[1:])


def test_an_example_that_is_wrong_does_not_parse() -> None:
    for words in (["search", "--nonsense"], ["nonsense"], ["label", "nonsense"], ["export"]):
        with pytest.raises(click.UsageError):
            parse(words)


def test_commands_are_listed_in_sections() -> None:
    lines = CONTEXTS["pixtrieve"].get_help().splitlines()
    assert list(SECTIONS) == ["Find", "Library", "Organise", "Models", "Serve", "Shell"]
    for title, names in SECTIONS.items():
        start = lines.index(f"{title}:") + 1
        listed = [line.split()[0] for line in lines[start : start + len(names)]]
        assert listed == list(names)
    listed = [name for names in SECTIONS.values() for name in names]
    assert listed == pixtrieve.list_commands(CONTEXTS["pixtrieve"])


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["serach", "dog"], "search"),
        (["stats"], "status"),
        (["label", "lst"], "list"),
        (["concept", "lern", "x"], "learn"),
        (["search", "dog", "--jsn"], "--json"),
    ],
)
def test_a_typo_gets_a_suggestion(run: Run, arguments: list[str], meant: str) -> None:
    done = run(*arguments)
    assert (done.code, done.out) == (2, "")
    assert f"'{meant}'" in done.err.split("Did you mean")[1]


def test_what_resembles_nothing_gets_none(run: Run) -> None:
    done = run("zzz")
    assert done.code == 2
    assert "'zzz'" in done.err
    assert "Did you mean" not in done.err
