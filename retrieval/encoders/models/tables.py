"""The tables of the installed open_clip, read without importing it (which loads torch: seconds).

open_clip is an extra; without it, its models are unknown. Pixtrieve includes a copy of its
vocabulary, so the built-in model and imported models do not need open_clip.

Architectures are JSON files inside the package. The published weights are a table of literals in
`open_clip/pretrained.py`. Only the statements that build the table run here, not its imports
(torch, the hub's client). A test compares the result with the real import.
"""

from __future__ import annotations

import ast
import copy
import functools
import importlib.util
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from retrieval.errors import MissingExtra

_PACKAGE, _DISTRIBUTION, _EXTRA = "open_clip", "open_clip_torch", "models"
_OTHERWISE = "or import a model that another machine has packed: pixtrieve models import FOLDER"
_VOCABULARY = "bpe_simple_vocab_16e6.txt.gz"
_TABLE = "_PRETRAINED"
_BUILDER = re.compile(r"_\w*cfg")
PREPROCESS_KEYS = ("size", "mean", "std", "interpolation", "resize_mode", "fill_color")


@dataclass(frozen=True, slots=True)
class Published:
    """One row of open_clip's table: the location of the weights and their preprocessing.

    `filename` is empty if the repository uses open_clip's standard names for its weights.
    """

    repo: str
    filename: str
    quick_gelu: bool
    preprocess: Mapping[str, Any]


def bpe_vocabulary() -> str:
    """Return the path of the vocabulary of open_clip's own tokenizer, a copy of its file."""
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), _VOCABULARY)


def is_installed() -> bool:
    """Return whether open_clip is installed."""
    return importlib.util.find_spec(_PACKAGE) is not None


def missing(purpose: str) -> MissingExtra:
    """Return the error for something that needs open_clip."""
    return MissingExtra(_DISTRIBUTION, _EXTRA, purpose, _OTHERWISE)


def package_dir() -> str:
    """Return the folder of the installed open_clip; MissingExtra if it is not installed."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise missing("any model but the built-in one")
    return os.path.dirname(spec.origin)


@functools.cache
def architectures() -> tuple[str, ...]:
    """Return the names of all architectures, in alphabetical order."""
    names = os.listdir(os.path.join(package_dir(), "model_configs"))
    return tuple(sorted(name[:-5] for name in names if name.endswith(".json")))


def architecture(name: str) -> dict[str, Any]:
    """Return the configuration of one architecture."""
    path = os.path.join(package_dir(), "model_configs", f"{name}.json")
    with open(path, encoding="utf-8") as file:
        config: dict[str, Any] = json.load(file)
    return config


@functools.cache
def published() -> Mapping[str, Mapping[str, Published]]:
    """Return all published checkpoints, by architecture and tag."""
    folder = package_dir()
    with open(os.path.join(folder, "constants.py"), encoding="utf-8") as file:
        constants = _run(ast.parse(file.read()).body)
    with open(os.path.join(folder, "pretrained.py"), encoding="utf-8") as file:
        statements = [node for node in ast.parse(file.read()).body if _builds_the_table(node)]
    table = _run(statements, {"copy": copy, **constants})[_TABLE]
    return MappingProxyType(
        {
            name: MappingProxyType({tag: _published(row) for tag, row in tags.items()})
            for name, tags in table.items()
        }
    )


def _builds_the_table(node: ast.stmt) -> bool:
    if isinstance(node, ast.FunctionDef):
        return _BUILDER.fullmatch(node.name) is not None
    if isinstance(node, ast.Expr):  # _PRETRAINED.update(…), no docstrings
        return isinstance(node.value, ast.Call)
    return isinstance(node, (ast.Assign, ast.AnnAssign, ast.For))


def _run(body: list[ast.stmt], names: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Run assignments of the installed open_clip, the same code that importing it runs."""
    namespace: dict[str, Any] = dict(names or {})
    code = compile(ast.Module(body=body, type_ignores=[]), "open_clip", "exec")
    exec(code, namespace)  # noqa: S102 - an installed dependency's own module, see above
    namespace.pop("__builtins__", None)
    return namespace


def _published(row: Mapping[str, Any]) -> Published:
    repo, filename = os.path.split(str(row.get("hf_hub", "")))
    return Published(
        repo=repo,
        filename=filename,
        quick_gelu=bool(row.get("quick_gelu", False)),
        preprocess=MappingProxyType({key: row[key] for key in PREPROCESS_KEYS if key in row}),
    )
