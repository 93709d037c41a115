"""The shape of the code: root entries, import circles, exceptions, long modules, README size.

    python benchmarks/house.py [--at COMMIT]

Counts the working tree, or an older commit. Every import counts, also those inside functions and
for type checking only. A circle is a set of packages (or modules) that import each other, directly
or by way of others. An exception is a module that the floors name apart from its package, or one
that every floor may import.
"""

from __future__ import annotations

import argparse
import ast
import io
import os
import subprocess
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from bench import print_table

_CHECKOUT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_COUNTED = ("retrieval", "tests", "README.md")
_LONG = 300
_FLOORS = ("tests/support/floors.py", "tests/test_house.py")

Graph = Mapping[str, set[str]]


def files_at(commit: str) -> dict[str, bytes]:
    """Return the counted files of a commit, by path."""
    command = ("git", "-C", _CHECKOUT, "archive", commit, *_COUNTED)
    archive = subprocess.run(command, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        read = ((member.name, tar.extractfile(member)) for member in tar if member.isfile())
        return {name: file.read() for name, file in read if file is not None}


def files_here() -> dict[str, bytes]:
    """Return the counted files of the working tree, by path."""
    command = ("git", "-C", _CHECKOUT, "ls-files", "-co", "--exclude-standard", "-z", *_COUNTED)
    listed = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    found = {}
    for path in filter(None, listed.split("\0")):
        full = os.path.join(_CHECKOUT, path)
        if os.path.isfile(full):
            with open(full, "rb") as file:
                found[path] = file.read()
    return found


def modules_of(files: Mapping[str, bytes]) -> dict[str, ast.Module]:
    """Return the syntax trees of `retrieval`, by module: `search.ranking`, `search`, `library`."""
    trees = {}
    for path, data in files.items():
        if path.startswith("retrieval/") and path.endswith(".py"):
            parts = path.removesuffix(".py").split("/")[1:]
            name = ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)
            trees[name] = ast.parse(data)
    return trees


def imports(tree: ast.Module, known: Mapping[str, ast.Module]) -> Iterator[str]:
    """Yield the modules of `retrieval` that a module imports, anywhere in it."""
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            first, _, rest = name.partition(".")
            if first == "retrieval":
                yield _module(rest, known)


def _module(name: str, known: Mapping[str, ast.Module]) -> str:
    """Return the module that a dotted name is, or is in."""
    while name and name not in known:
        name = name.rpartition(".")[0]
    return name or "__init__"


def circles(graph: Graph) -> list[set[str]]:
    """Return the sets of nodes that reach each other."""
    reach = {node: _reached(node, graph) for node in graph}
    found: list[set[str]] = []
    for node in graph:
        circle = {other for other in reach[node] if node in reach[other]}
        if len(circle) > 1 and circle not in found:
            found.append(circle)
    assert bool(found) == _has_cycle(graph)
    return found


def _reached(start: str, graph: Graph) -> set[str]:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        for following in graph.get(waiting.pop(), set()) - seen:
            seen.add(following)
            waiting.append(following)
    return seen


def _has_cycle(graph: Graph) -> bool:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError:
        return True
    return False


def exceptions(files: Mapping[str, bytes]) -> list[str]:
    """Return the names in the floors that are not packages or modules of the root."""
    found: list[str] = []
    for path in _FLOORS:
        for node in ast.parse(files.get(path, b"")).body:
            target = node.targets[0] if isinstance(node, ast.Assign) else None
            target = node.target if isinstance(node, ast.AnnAssign) else target
            if isinstance(target, ast.Name) and target.id in ("FLOORS", "PLAIN"):
                names = [each.value for each in ast.walk(node) if isinstance(each, ast.Constant)]
                dotted = [name for name in names if isinstance(name, str) and "." in name]
                found += dotted
    return found


def count(files: Mapping[str, bytes]) -> list[tuple[str, int, list[str]]]:
    """Return what is counted: its name, how many, and which."""
    trees = modules_of(files)
    modules = {name: set(imports(tree, trees)) - {name} for name, tree in trees.items()}
    packages: dict[str, set[str]] = {}
    for name, imported in modules.items():
        package = name.split(".")[0]
        found = packages.setdefault(package, set())
        found |= {other.split(".")[0] for other in imported} - {package}
    root = {path.split("/")[1] for path in files if path.startswith("retrieval/")}
    lines = {
        path: len(data.splitlines())
        for path, data in files.items()
        if path.startswith("retrieval/") and path.endswith(".py")
    }
    long = [f"{path} ({n})" for path, n in sorted(lines.items()) if n > _LONG]
    between, within = circles(packages), circles(modules)
    named = exceptions(files)
    return [
        ("entries at the root of `retrieval/`", len(root), []),
        ("circles between packages", len(between), _listed(between)),
        ("circles between modules", len(within), _listed(within)),
        ("exceptions in the floors", len(named), named),
        (f"modules over {_LONG} lines", len(long), long),
        ("bytes of README.md", len(files["README.md"]), []),
    ]


def _listed(found: Sequence[set[str]]) -> list[str]:
    return [" ↔ ".join(sorted(circle)) for circle in found]


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--at", metavar="COMMIT", help="count this commit, not the working tree")
    commit = parser.parse_args().at
    files = files_at(commit) if commit else files_here()
    counted = count(files)
    rows = ((name, f"{number:,}") for name, number, _ in counted)
    print_table(commit or "the working tree", ("what", "count"), rows)
    for name, _, which in counted:
        for each in which:
            print(f"\n{name}: {each}")


if __name__ == "__main__":
    main()
