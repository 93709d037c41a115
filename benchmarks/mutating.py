"""Small changes of a module's code, each of which a test should notice.

Comparisons, arithmetic, boolean operators, conditions, constants, returned values and calls whose
result nobody uses are changed. Annotations, docstrings, decorators and log messages stay.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.Mod: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitAnd, ast.LShift: ast.RShift, ast.RShift: ast.LShift,
}  # fmt: skip
_SKIPPED = {"annotation", "returns", "decorator_list", "type_comment"}
_TYPES = {"int", "str", "float", "bytes", "None", "bool", "list", "dict", "os", "np"}
_LOGS = ("_log.", "warnings.")


@dataclass(frozen=True, slots=True)
class Mutant:
    """A change in a module: its number there, its line, and a key that lasts as the code does.

    The key is "MODULE:FUNCTION: BEFORE → AFTER", with a number if there are several such.
    """

    module: str
    number: int
    line: int
    key: str


@dataclass(frozen=True, slots=True)
class _Change:
    line: int
    function: str
    before: str
    after: str
    apply: Callable[[], None]


def mutants(module: str, source: str) -> list[Mutant]:
    """Return all changes of a module, in the order of its code."""
    found, seen = [], Counter[str]()
    for number, each in enumerate(_changes(ast.parse(source))):
        key = f"{module}:{each.function}: {each.before} → {each.after}"
        seen[key] += 1
        again = f" ({seen[key]})" if seen[key] > 1 else ""
        found.append(Mutant(module, number, each.line, key + again))
    return found


def mutated(source: str, number: int) -> ast.Module:
    """Return a module with one of its changes."""
    tree = ast.parse(source)
    change = next(each for at, each in enumerate(_changes(tree)) if at == number)
    change.apply()
    return ast.fix_missing_locations(tree)


def _changes(tree: ast.Module) -> Iterator[_Change]:
    yield from _inside(tree, "")


def _inside(node: ast.AST, function: str) -> Iterator[_Change]:
    """Yield the changes below a node; none is applied before the iteration has gone on."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        function = f"{function}.{node.name}".lstrip(".")
    for name, value in list(ast.iter_fields(node)):
        if name in _SKIPPED:
            continue
        children = value if isinstance(value, list) else [value]
        for at, child in enumerate(children):
            if not isinstance(child, ast.AST) or _is_docstring(child):
                continue
            for new in _replacements(child):
                put = _putter(node, name, at if isinstance(value, list) else None, new)
                line = getattr(child, "lineno", getattr(node, "lineno", 0))
                yield _Change(line, function, _written(child), _written(new), put)
            yield from _inside(child, function)


def _putter(node: ast.AST, name: str, at: int | None, new: ast.AST) -> Callable[[], None]:
    def put() -> None:
        if at is None:
            setattr(node, name, new)
        else:
            getattr(node, name)[at] = new

    return put


def _replacements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what a node may be replaced by."""
    for kind in (_operators, _constants, _conditions, _statements):
        yield from kind(node)


def _operators(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Compare(left, [operator], comparators):
            changed = _COMPARISONS[type(operator)]()
            yield _at(node, ast.Compare(left, [changed], comparators))
        case ast.BinOp(left, operator, right) if type(operator) in _ARITHMETIC:
            if not _is_text(left) and not _is_text(right) and not _is_type(node):
                yield _at(node, ast.BinOp(left, _ARITHMETIC[type(operator)](), right))
        case ast.AugAssign(target, operator, value) if type(operator) in _ARITHMETIC:
            yield _at(node, ast.AugAssign(target, _ARITHMETIC[type(operator)](), value))
        case ast.BoolOp(operator, values):
            other = ast.Or() if isinstance(operator, ast.And) else ast.And()
            yield _at(node, ast.BoolOp(other, values))
        case ast.UnaryOp(ast.Not() | ast.USub(), operand):
            yield operand


def _constants(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Constant(bool() as value):
            yield _at(node, ast.Constant(not value))
        case ast.Constant(int() | float() as value):
            yield _at(node, ast.Constant(value + 1))


def _conditions(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.If(test, body, orelse) if not _is_typing(test):
            yield _at(node, ast.If(_not(test), body, orelse))
        case ast.IfExp(test, body, orelse):
            yield _at(node, ast.IfExp(_not(test), body, orelse))
        case ast.While(ast.Compare() | ast.Name() | ast.BoolOp() as test, body, orelse):
            yield _at(node, ast.While(_not(test), body, orelse))


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Return(ast.expr() as value) if not _is_nothing(value):
            yield _at(node, ast.Return(ast.Constant(None)))
        case ast.Expr(ast.Call() as call) if not ast.unparse(call.func).startswith(_LOGS):
            yield _at(node, ast.Pass())


def _at(node: ast.AST, new: Any) -> ast.AST:
    copied: ast.AST = ast.copy_location(new, node)
    return copied


def _not(test: ast.expr) -> ast.expr:
    return ast.copy_location(ast.UnaryOp(ast.Not(), test), test)


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)
    )


def _is_type(node: ast.BinOp) -> bool:
    """Tell a union of types, as in an alias or a cast."""
    names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
    return isinstance(node.op, ast.BitOr) and any(
        name in _TYPES or (name[:1].isupper() and name != name.upper()) for name in names
    )


def _is_nothing(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _is_typing(test: ast.expr) -> bool:
    return ast.unparse(test) in ("TYPE_CHECKING", "sys.platform")


def _written(node: ast.AST) -> str:
    """Return a node's code on one line: of a statement with a body, its first line."""
    text = ast.unparse(ast.fix_missing_locations(node))
    first, *rest = text.splitlines()
    return f"{first} …" if rest else first
