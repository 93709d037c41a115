"""The rules of the house, read off the syntax trees: imports go down only; nothing heavy early."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from support.floors import ENCODERS, FLOORS

import retrieval

ROOT = Path(retrieval.__file__).parent

HEAVY = {"torch", "open_clip", "faiss", "openvino", "timm", "torchvision"}
HEAVY_PACKAGES = {"encoders", "stores", "pocket"}
MOST_ENTRIES, MOST_LINES = 28, 300


def modules() -> list[Path]:
    return sorted(ROOT.rglob("*.py"))


def package(path: Path) -> str:
    return path.relative_to(ROOT).with_suffix("").parts[0]


def floor(name: str) -> int:
    return next(level for level, packages in enumerate(FLOORS) if name in packages)


def imports(path: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            if node.module == "retrieval":
                found += [f"retrieval.{alias.name}" for alias in node.names]
            else:
                found.append(node.module or "")
    return found


def test_every_package_has_a_floor() -> None:
    packages = {package(path) for path in modules()}
    assert packages == set().union(*FLOORS)


def test_the_root_is_small_enough_to_be_read() -> None:
    entries = [path.name for path in ROOT.iterdir() if path.name != "__pycache__"]
    assert len(entries) <= MOST_ENTRIES, sorted(entries)


def test_no_module_is_too_long() -> None:
    lines = {str(path): len(path.read_text("utf-8").splitlines()) for path in modules()}
    assert not {path: count for path, count in lines.items() if count > MOST_LINES}


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_down_only(path: Path) -> None:
    here = package(path)
    for name in imports(path):
        first, _, rest = name.partition(".")
        there = rest.split(".")[0] or "__init__"
        if first == "retrieval" and there != here:
            assert floor(there) > floor(here), f"{path.relative_to(ROOT)} imports {name}"


@pytest.mark.parametrize(
    "path", sorted((ROOT / "encoders").rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT))
)
def test_imports_between_encoders_go_down_only(path: Path) -> None:
    def level(module: str) -> int:
        first = module.split(".")[0]
        return next(number for number, packages in enumerate(ENCODERS) if first in packages)

    module = ".".join(path.relative_to(ROOT / "encoders").with_suffix("").parts)
    if module == "__init__":
        return
    for name in imports(path):
        if name.startswith("retrieval.encoders."):
            there = name.removeprefix("retrieval.encoders.")
            assert level(there) >= level(module), f"encoders/{module} reaches up to {there}"


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_only_adapters_touch_heavy_packages(path: Path) -> None:
    if package(path) in HEAVY_PACKAGES:
        return
    heavy = {name for name in imports(path) if name.split(".")[0] in HEAVY}
    assert not heavy, f"{path.relative_to(ROOT)} imports {heavy}"


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_only_the_catalogue_speaks_sql(path: Path) -> None:
    if package(path) == "catalogue":
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
