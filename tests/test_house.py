"""The rules of the house, read off the syntax trees: imports go down only; nothing heavy early."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import retrieval

ROOT = Path(retrieval.__file__).parent

# From the top floor down. A room may import rooms of lower floors, and of its own. A module of a
# package that stands below the package's own floor is named by itself.
FLOORS = [
    {"commands", "__main__"},
    {"server"},
    {"library", "__init__"},
    {
        *("asking", "indexing", "watching", "duplicates", "tagging", "texts", "landscape"),
        *("captioned", "corpora", "describing", "exporting", "model_in_use", "opening", "parts"),
        "status",
    },
    {
        *("catalogue", "schema", "stores", "encoders", "images", "locking", "ocr", "pocket"),
        *("scenes", "watching.listening", "watching.drives"),
    },
    {
        *("query", "where", "arrangement", "confidence", "tokens", "evaluation", "heads"),
        *("looks", "alignment", "planar", "progress", "vectors", "whole_file", "specs", "errors"),
        *("asking.fusion", "duplicates.neighbours", "duplicates.grouping", "tagging.zero_shot"),
        *("calibration", "watching.gathering", "indexing.read_ahead", "indexing.stopwatch"),
    },
]
# Within the room of the encoders, from the top down again.
ENCODERS = [
    {"engines", "carrying"},
    {"export"},
    {"compiled", "openclip"},
    {"texts"},
    {"models"},
    {"checks", "probes", "quiet", "portions", "tensors"},
]
# Contracts of an adapter that are plain data or protocols, free to be used on the lowest floor.
PLAIN = {"retrieval.images"}
HEAVY = {"torch", "open_clip", "faiss", "openvino", "timm", "torchvision"}
HEAVY_ROOMS = {"encoders", "stores", "pocket"}
PRINTING = {"commands"}


def modules() -> list[Path]:
    return sorted(ROOT.rglob("*.py"))


def room(path: Path) -> str:
    return room_of(".".join(path.relative_to(ROOT).with_suffix("").parts))


def room_of(module: str) -> str:
    """Return the module itself if it has a floor of its own, else its package."""
    first, *rest = module.split(".")
    named = f"{first}.{rest[0]}" if rest else first
    return named if any(named in rooms for rooms in FLOORS) else first


def floor(name: str) -> int:
    return next(level for level, rooms in enumerate(FLOORS) if name in rooms)


def imports(path: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.append(node.module or "")
            if node.module == "retrieval":
                found += [f"retrieval.{alias.name}" for alias in node.names]
    return found


def test_every_room_has_a_floor() -> None:
    rooms = {room(path) for path in modules()}
    assert rooms <= set().union(*FLOORS), rooms - set().union(*FLOORS)


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_down_only(path: Path) -> None:
    here = floor(room(path))
    for name in imports(path):
        if not name.startswith("retrieval.") or name in PLAIN:
            continue
        there = room_of(name.removeprefix("retrieval."))
        assert floor(there) >= here, f"{path.relative_to(ROOT)} reaches up to {name}"


@pytest.mark.parametrize(
    "path", sorted((ROOT / "encoders").rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT))
)
def test_imports_between_encoders_go_down_only(path: Path) -> None:
    def level(module: str) -> int:
        first = module.split(".")[0]
        return next(number for number, rooms in enumerate(ENCODERS) if first in rooms)

    module = ".".join(path.relative_to(ROOT / "encoders").with_suffix("").parts)
    if module == "__init__":
        return
    for name in imports(path):
        if name.startswith("retrieval.encoders."):
            there = name.removeprefix("retrieval.encoders.")
            assert level(there) >= level(module), f"encoders/{module} reaches up to {there}"


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_only_adapters_touch_heavy_packages(path: Path) -> None:
    if room(path) in HEAVY_ROOMS:
        return
    heavy = {name for name in imports(path) if name.split(".")[0] in HEAVY}
    assert not heavy, f"{path.relative_to(ROOT)} imports {heavy}"


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_only_the_catalogue_speaks_sql(path: Path) -> None:
    if room(path) in ("catalogue", "schema"):
        return
    assert not {"sqlite3", "sqlite_utils"} & set(imports(path))


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = (
        "import sys, retrieval\n"
        "names = 'torch open_clip faiss openvino timm PIL sqlite_utils huggingface_hub rich'\n"
        "print([n for n in names.split() if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_public_names_are_there_and_documented() -> None:
    assert sorted(retrieval.__all__) == list(retrieval.__all__)
    for name in retrieval.__all__:
        assert getattr(retrieval, name).__doc__, name


def test_every_error_is_in_the_tree_that_its_docstring_draws() -> None:
    from retrieval import errors

    drawn = errors.__doc__ or ""
    for name, value in vars(errors).items():
        if isinstance(value, type) and issubclass(value, Exception):
            assert name in drawn
            assert issubclass(value, errors.PixtrieveError)
