"""What the README says is so: its commands parse, its lists are complete, its examples fit."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import tomllib
from dataclasses import fields
from pathlib import Path

import click
import pytest

import retrieval
from retrieval.commands import pixtrieve

ROOT = Path(retrieval.__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", README, re.DOTALL)


def marked(name: str) -> str:
    """Return the one command behind a marker."""
    (command,) = re.findall(rf"<!-- {name} -->\n```sh\n(.*?)```", README, re.DOTALL)
    return str(command).strip()


def commands() -> list[str]:
    """Return every `pixtrieve …` of the README's shell blocks and tables."""
    lines = [
        line for kind, block in BLOCKS if kind in ("sh", "console") for line in block.splitlines()
    ]
    cells = re.findall(r"^\| `(pixtrieve [^`]*)`", README, re.MULTILINE)
    found = [
        match for line in lines for match in re.findall(r"(?:^|\$ |&& |/)(pixtrieve .*)", line)
    ]
    return [re.split(r" [|>] | && |  +#", line)[0] for line in [*found, *cells]]


def parse(group: click.Group, arguments: list[str]) -> None:
    """Parse a command line as click would, without running it."""
    name, command, rest = group.resolve_command(click.Context(group), arguments)
    assert command is not None
    if isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        parse(command, rest)
    else:
        command.make_context(name, rest)


def test_two_commands_set_everything_up() -> None:
    assert README.count("pip install -e") == 2
    assert "pixtrieve demo" in marked("main")
    for tool in ("ruff check", "ruff format --check", "mypy", "pytest"):
        assert tool in marked("tests")


def test_ci_runs_the_readmes_command() -> None:
    script = (ROOT / ".ci/run").read_text("utf-8")
    extract = re.search(r"^command=\$\((.*)\)$", script, re.MULTILINE)
    assert extract
    done = subprocess.run(
        ["bash", "-c", extract[1]], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == marked("tests")


def test_there_are_commands_to_check() -> None:
    assert len(commands()) > 15


@pytest.mark.parametrize("line", commands())
def test_every_command_parses(line: str) -> None:
    words = shlex.split(line.replace("\\|", "|").replace("FILE|URL|-", "FILE"))[1:]
    parse(pixtrieve, [word for word in words if word != "…"])


def test_every_command_is_in_the_table() -> None:
    context = click.Context(pixtrieve)
    for name in pixtrieve.list_commands(context):
        assert f"| `pixtrieve {name}" in README


def test_every_option_that_is_named_exists() -> None:
    known = {"--check", "--data-binary"}  # of ruff and of curl
    context = click.Context(pixtrieve)
    waiting = [pixtrieve.get_command(context, name) for name in pixtrieve.list_commands(context)]
    for command in waiting:
        assert command is not None
        known |= {option for parameter in command.params for option in parameter.opts}
        if isinstance(command, click.Group):
            waiting += list(command.commands.values())
    known |= {"--help"}
    for benchmark in (ROOT / "benchmarks").glob("*.py"):
        known |= set(re.findall(r'add_argument\(\s*"(--[a-z-]+)"', benchmark.read_text("utf-8")))
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", README)) <= known


def test_every_dependency_has_its_line_and_no_other() -> None:
    extras = PROJECT["optional-dependencies"]
    optional = [r for extra, required in extras.items() if extra != "test" for r in required]
    wanted = [*PROJECT["dependencies"], *optional]
    names = {re.split(r"[<>=~\[ ]", requirement)[0] for requirement in wanted} - {"pixtrieve"}
    decisions = README.split("## Decisions")[1].split("## ")[0]
    listed: set[str] = set()
    for cell in re.findall(r"^\| (`.*?) \|", decisions, re.MULTILINE):
        listed |= set(re.findall(r"`([\w-]+)`", re.sub(r"\(.*?\)", "", cell)))
    assert listed == names


def test_the_json_example_has_the_fields_of_a_hit() -> None:
    blocks = [json.loads(block) for kind, block in BLOCKS if kind == "json"]
    (example,) = (block for block in blocks if "hits" in block)
    hit = {field.name for field in fields(retrieval.Hit)} - {"mtime_ns"} | {"mtime"}
    assert set(example["hits"][0]) == hit
    answer = {"searched", "strong", "unknown", "notes", "hits"}
    assert set(example) == {"query", "where", "fuse", "model", "seconds", *answer}


def test_assistants_are_configured_with_a_command_and_an_address_that_exist() -> None:
    blocks = [json.loads(block) for kind, block in BLOCKS if kind == "json"]
    own, over_http = (block["mcpServers"] for block in blocks if "mcpServers" in block)
    parse(pixtrieve, own["pixtrieve"]["args"])
    assert over_http["pixtrieve"]["url"] == "http://localhost:8090/mcp"


def test_the_python_example_runs_as_far_as_it_can() -> None:
    for kind, block in BLOCKS:
        if kind == "python":
            compile(block, "README.md", "exec")
            for name in re.findall(r"library\.(\w+)", block):
                assert hasattr(retrieval.Library, name)


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
