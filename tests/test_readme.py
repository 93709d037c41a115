"""What README and the documents say is so: commands parse, lists are complete, examples fit."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import os
import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from support.documents import ROOT, Block, anchors, blocks, documents, prose, section

import retrieval
from retrieval import Library
from retrieval.commands import pixtrieve
from retrieval.evaluation.metrics import evaluate
from retrieval.query.where import parse as parse_filter
from retrieval.vectors import from_blobs

README = (ROOT / "README.md").read_text("utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
MOST_BYTES = 10_000
# Of ruff, mypy, pytest, curl and Ray.
_OUTSIDE = {"--dist", "--check", "--strict", "--cov", "--data-binary", "--head", "--address"}
_STANDS_FOR = {"FILE|URL|-": "FILE", "DIR": "folder", "…": ""}


def marked(name: str) -> str:
    """Return the one command behind a marker."""
    (command,) = re.findall(rf"<!-- {name} -->\n```sh\n(.*?)```", README, re.DOTALL)
    return str(command).strip()


def command_lines() -> dict[str, str]:
    """Return every `pixtrieve …` in code blocks and in code within text, and where it stands."""
    found: dict[str, str] = {}
    for block in blocks("sh", "console"):
        for line in block.text.splitlines():
            for command in re.findall(r"(?:^|\$ |&& |/)(pixtrieve .*)", line):
                found.setdefault(re.split(r" [|>] | && |  +#", command)[0], str(block))
    for document, text in documents().items():
        for command in re.findall(r"`(pixtrieve [^`]*)`", prose(text)):
            found.setdefault(command, document)
    return found


LINES = command_lines()


def words_of(line: str) -> list[str]:
    """Return the arguments of a command line; what stands for a word becomes one."""
    for name, word in _STANDS_FOR.items():
        line = line.replace(name, word)
    words = shlex.split(line.replace("\\|", "|"))[1:]
    return words if not words or "…" not in words[-1] else words[:-1]


def parse(
    group: click.Group, arguments: list[str], parent: click.Context | None = None
) -> Iterator[click.Context]:
    """Parse a command line as click would, without running it; yield the contexts.

    A command's name alone is one, too: it may lack its arguments.
    """
    context = group.make_context(group.name, list(arguments), parent=parent)
    yield context
    rest = [*context._protected_args, *context.args]
    if not rest:
        return
    name, command, rest = group.resolve_command(context, rest)
    assert command is not None
    if rest and isinstance(command, click.Group):
        yield from parse(command, rest, context)
    elif rest:
        yield command.make_context(name, rest, parent=context)


def all_commands(group: click.Group) -> Iterator[tuple[str, click.Command]]:
    """Yield the path of each command, as it is typed, and the command."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield name, command
        if isinstance(command, click.Group):
            yield from ((f"{name} {path}", each) for path, each in all_commands(command))


def named_modules() -> Iterator[tuple[str, str]]:
    """Yield each path that a document names, and the document; NAME stands for any."""
    for document, text in documents().items():
        for path in re.findall(r"`([\w./*-]*/[\w.*-]+)`", prose(text)):
            yield document, path.replace("NAME", "*")


# -- the marked commands


def test_the_readme_is_short() -> None:
    assert len(README.encode()) <= MOST_BYTES


def test_two_commands_set_everything_up() -> None:
    assert README.count("pip install -e") == 2
    assert "pixtrieve demo" in marked("main")
    for tool in ("ruff check", "ruff format --check", "mypy", "pytest"):
        assert tool in marked("tests")


@pytest.mark.parametrize("path", [".ci/run", ".github/workflows/tests.yml"])
def test_ci_runs_the_readmes_command(path: str) -> None:
    script = (ROOT / path).read_text("utf-8")
    extract = re.search(r"^ *command=\$\((.*)\)$", script, re.MULTILINE)
    assert extract
    done = subprocess.run(
        ["bash", "-c", extract[1]], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == marked("tests")


# -- commands and options


def test_there_are_commands_to_check() -> None:
    assert len(LINES) > 60


@pytest.mark.parametrize("line", LINES, ids=ascii)
def test_every_command_parses(line: str) -> None:
    words = words_of(line)
    assert words or line.strip() == "pixtrieve"
    if not words:
        return
    try:
        contexts = list(parse(pixtrieve, words))
    except click.BadOptionUsage:  # text may name an option without its value
        contexts = list(parse(pixtrieve, [*words, "VALUE"]))
    for context in contexts:
        where = context.params.get("where")
        if isinstance(where, str) and where != "FILTER":
            parse_filter(where)


def test_the_table_of_commands_is_complete() -> None:
    table = section(README, "Commands")
    named = re.findall(r"`pixtrieve ([\w-]+)`", table)
    assert sorted(named) == sorted(pixtrieve.list_commands(click.Context(pixtrieve)))


def test_every_command_is_mentioned() -> None:
    text = "\n".join(documents().values())
    paths = [path for path, _ in all_commands(pixtrieve)]
    assert len(paths) > 30
    assert not [path for path in paths if f"pixtrieve {path}" not in text]


def test_every_option_that_is_named_exists() -> None:
    known = {"--help", *_OUTSIDE}
    known |= {option for parameter in pixtrieve.params for option in parameter.opts}
    for _, command in all_commands(pixtrieve):
        known |= {option for parameter in command.params for option in parameter.opts}
    for benchmark in (ROOT / "benchmarks").glob("*.py"):
        known |= set(re.findall(r'add_argument\(\s*"(--[a-z-]+)"', benchmark.read_text("utf-8")))
    named = {
        option: document
        for document, text in documents().items()
        for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+", text)
    }
    assert not {option: where for option, where in named.items() if option not in known}


def test_every_benchmark_that_is_named_exists_and_takes_these_options() -> None:
    scripts = set()
    for document, text in documents().items():
        for line in re.findall(r"python benchmarks/\w+\.py[^`\n]*", text):
            path, *rest = line.split()[1:]
            scripts.add(path)
            source = (ROOT / path).read_text("utf-8")
            if "options(__doc__" in source:
                source += (ROOT / "benchmarks/bench.py").read_text("utf-8")
            for option in (word for word in rest if word.startswith("--")):
                assert f'"{option}"' in source, f"{document}: {line}"
    assert len(scripts) > 15


def test_every_benchmark_is_listed() -> None:
    listed = documents()["benchmarks/README.md"]
    for script in (ROOT / "benchmarks").glob("*.py"):
        if "__main__" in script.read_text("utf-8"):
            assert f"| `python benchmarks/{script.name}" in listed


def test_every_row_of_the_benchmarks_has_its_command() -> None:
    text = (ROOT / "docs/benchmarks.md").read_text("utf-8")
    rows = re.findall(r"^\| (?!-)(.*) \|$", text, re.MULTILINE)
    heads = [row for row in rows if row.endswith("command")]
    assert len(heads) == 9
    for row in rows:
        if row not in heads:
            command = row.rpartition("| ")[2]
            assert re.match(r"`(python benchmarks/|pixtrieve |rm )", command), row


def test_the_table_of_filter_fields_is_complete_and_its_examples_parse() -> None:
    from retrieval.query.fields import FIELDS

    text = (ROOT / "docs/filters.md").read_text("utf-8")
    rows = re.findall(r"^\| (`.*?) \| .* \| (`[^|]*`|alone) \| `([^|]*)` \|$", text, re.MULTILINE)
    operators = {}
    for names, each, example in rows:
        parse_filter(example)
        for name in re.findall(r"`(\w+)`", names):
            operators[name] = tuple(re.findall(r"`(\S+)`", each))
    assert operators == {field.name: field.operators for field in FIELDS.values()}


# -- what else the documents name


def test_every_dependency_has_its_line_and_no_other() -> None:
    extras = PROJECT["optional-dependencies"]
    optional = [r for extra, required in extras.items() if extra != "test" for r in required]
    wanted = [*PROJECT["dependencies"], *optional]
    names = {re.split(r"[<>=~\[ ]", requirement)[0] for requirement in wanted} - {"pixtrieve"}
    decisions = section((ROOT / "docs/decisions.md").read_text("utf-8"), "Dependencies")
    listed: set[str] = set()
    for cell in re.findall(r"^\| (`.*?) \|", decisions, re.MULTILINE):
        listed |= set(re.findall(r"`([\w-]+)`", re.sub(r"\(.*?\)", "", cell)))
    assert listed == names


def test_every_extra_that_is_named_exists() -> None:
    named = set()
    for text in documents().values():
        named |= set(re.findall(r"(?:pixtrieve|\.)\[(\w+)\]'", text))
        named |= set(re.findall(r"\(extra `(\w+)`\)", text))
    assert named == set(PROJECT["optional-dependencies"])


def test_every_path_that_is_named_exists() -> None:
    own = ("retrieval", "tests", "benchmarks", "docs", ".ci", ".github")
    missing = [
        (document, path)
        for document, path in named_modules()
        if path.split("/")[0] in own and not any(ROOT.glob(path.rstrip("/")))
    ]
    assert not missing


def test_links_lead_somewhere() -> None:
    texts = documents()
    broken = []
    for document, text in texts.items():
        for link in re.findall(r"\]\((?!https?:)([^)]+)\)", prose(text)):
            path, _, anchor = link.partition("#")
            target = os.path.normpath(os.path.join(os.path.dirname(document), path))
            target = target if path else document
            exists = (ROOT / target).exists()
            if not exists or (anchor and anchor not in anchors(texts[target])):
                broken.append((document, link))
    assert not broken


def test_the_readme_leads_to_every_guide() -> None:
    guides = {path for path in documents() if re.fullmatch(r"docs/[\w-]+\.md", path)}
    linked = {link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", README)}
    assert guides <= linked
    assert {"CONTRIBUTING.md", "CHANGELOG.md"} <= linked


def test_every_route_of_the_api_is_in_its_table_and_no_other() -> None:
    table = section((ROOT / "docs/json-and-http.md").read_text("utf-8"), "HTTP API")
    listed = set(re.findall(r"`(GET|POST|PATCH|DELETE) /api(/[^`]*)`", table))
    routes = set()
    for module in (ROOT / "retrieval/server/routes").glob("*.py"):
        found = re.findall(r'@routes\.(\w+)\(\s*"([^"]*)"', module.read_text("utf-8"))
        routes |= {(method.upper(), path) for method, path in found}
    assert listed == routes


def test_every_tool_for_assistants_is_in_its_table_and_no_other() -> None:
    pytest.importorskip("mcp")
    from retrieval.server.mcp.tools import McpTools

    tools = McpTools(None, "", files=True).tools()  # type: ignore[arg-type]
    table = section((ROOT / "docs/assistants.md").read_text("utf-8"), "Tools")
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == [tool.name for tool in tools]


# -- examples


def objects() -> list[tuple[Block, dict[str, Any]]]:
    """Return the JSON blocks, read."""
    return [(block, json.loads(block.text)) for block in blocks("json")]


def keys(value: Any) -> Any:
    """Return what names a JSON value has, and below them; of a list, those of its first item."""
    if isinstance(value, dict):
        return {name: keys(each) for name, each in value.items()}
    return keys(value[0]) if isinstance(value, list | tuple) and value else None


def test_the_example_of_an_answer_has_the_names_of_a_real_one(
    library: Library, pictures: Path
) -> None:
    library.add(pictures)
    library.texts.put({pictures / "red.png": ["my red bicycle"]})
    real = library.search("red bicycle", look_in="all").to_dict()
    assert real["hits"][0]["texts"], "the answer should show a text, as the example does"
    (example,) = (value for _, value in objects() if "hits" in value)
    facts = {"query", "where", "fuse", "model", "seconds"}
    assert keys({name: each for name, each in example.items() if name not in facts}) == keys(real)
    assert facts < set(example)
    told = set(example) | set(example["hits"][0])
    listed = section((ROOT / "docs/json-and-http.md").read_text("utf-8"), "Search results")
    assert set(re.findall(r"^\| `(\w+)`", listed, re.MULTILINE)) <= told


def test_the_example_of_an_evaluation_has_the_names_of_a_real_one(
    library: Library, pictures: Path
) -> None:
    library.add(pictures)
    images = from_blobs([blob for _, blob in library.images()], library.model.dim)
    real = evaluate(images, images, np.arange(len(images)))
    (example,) = (value for _, value in objects() if "chance" in value)
    facts = {"lang", "model", "fingerprint"}
    assert facts < set(example)
    measured = {name: each for name, each in example.items() if name not in facts}
    assert keys(measured) == keys(real.as_json())


def test_the_example_of_a_corpus_can_be_read(tmp_path: Path) -> None:
    lines = [value for _, value in objects() if "lang" in value or "captions_ml" in value]
    lines = [value for value in lines if "chance" not in value]
    assert len(lines) == 2
    for line in lines:
        file = tmp_path / "corpus.jsonl"
        file.write_text(json.dumps(line), "utf-8")
        assert retrieval.read_corpus(str(file)).texts


def test_assistants_are_configured_with_a_command_and_an_address_that_exist() -> None:
    servers = [value["mcpServers"]["pixtrieve"] for _, value in objects() if "mcpServers" in value]
    own = [server for server in servers if "command" in server]
    over_http = [server["url"] for server in servers if "url" in server]
    assert own
    for server in own:
        assert server["command"] == "pixtrieve"
        assert list(parse(pixtrieve, server["args"]))[-1].params["library_path"]
    assert over_http == ["http://localhost:8090/mcp"]


PYTHON = blocks("python")


@pytest.mark.parametrize("block", PYTHON, ids=str)
def test_python_examples_use_what_exists(block: Block, library: Library) -> None:
    """They compile, what they import and call exists, and calls have arguments that fit."""
    known: dict[str, Any] = {"library": library, "hit": retrieval.Hit, "best": retrieval.Hit}
    known |= {"result": retrieval.SearchResult, "report": retrieval.Progress}
    known |= {"progress": retrieval.Progress, "region": retrieval.Region, "drawn": retrieval.Map}
    known |= {"image": retrieval.ImageRow, "trouble": retrieval.Trouble}
    tree = ast.parse(block.text)
    compile(tree, str(block), "exec")
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            module = importlib.import_module(node.module or "")
            known |= {alias.name: getattr(module, alias.name) for alias in node.names}
    if "library.duplicates" in block.text:
        known["report"] = importlib.import_module("retrieval.duplicates.keeping").DuplicateReport
    checked = 0
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and _resolved(node, known) is not None:
            checked += 1
        if isinstance(node, ast.Call) and (called := _resolved(node.func, known)) is not None:
            _require_fit(node, called, without_self=_is_method_of_class(node.func, known))
    assert checked


def _is_method_of_class(node: ast.expr, known: dict[str, Any]) -> bool:
    """Tell whether this is a method, and what has it stands in `known` by its class."""
    if not isinstance(node, ast.Attribute):
        return False
    owner = _resolved(node.value, known)
    return inspect.isclass(owner) and inspect.isfunction(getattr(owner, node.attr))


def _resolved(node: ast.expr, known: dict[str, Any]) -> Any:
    """Return what a name or an attribute stands for; None when the example made it itself."""
    if isinstance(node, ast.Name):
        return known.get(node.id)
    if not isinstance(node, ast.Attribute):
        return None
    value = _resolved(node.value, known)
    if value is None or isinstance(value, str | int) or inspect.ismemberdescriptor(value):
        return None
    assert hasattr(value, node.attr), f"{ast.unparse(node)} does not exist"
    return getattr(value, node.attr)


def _require_fit(node: ast.Call, called: Any, *, without_self: bool) -> None:
    keywords = {word.arg: None for word in node.keywords if word.arg}
    signature = inspect.signature(called)
    signature.bind(*[None] * without_self, *node.args, **keywords)
    for word in node.keywords:
        if word.arg == "where":
            parse_filter(ast.literal_eval(word.value))
    if any(each.kind is each.VAR_KEYWORD for each in signature.parameters.values()):
        options = {field.name for field in retrieval.SearchOptions.__dataclass_fields__.values()}
        assert set(keywords) <= options | set(signature.parameters)


def test_every_member_of_a_library_that_python_users_need_is_described() -> None:
    text = (ROOT / "docs/python.md").read_text("utf-8")
    public = {name for name in dir(Library) if not name.startswith("_")} - {"close", "path"}
    described = set(re.findall(r"\b(?:library|Library)\.(\w+)|`(\w+)`", text))
    names = {name for pair in described for name in pair if name}
    assert public - names <= {"stored_vectors", "model"}
