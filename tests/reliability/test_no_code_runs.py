"""No file can make this program run code: no pickle, no eval, nothing remote that is executed."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import retrieval

ROOT = Path(retrieval.__file__).parent
MODULES_FOR_USERS = [
    path for path in ROOT.rglob("*.py") if "train" not in path.relative_to(ROOT).parts
]
NAMES = {"eval", "exec", "compile", "__import__"}
MODULES = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "code", "runpy", "yaml"}

# What there is, each with its reason.
KNOWN = {
    # the statements of the installed open_clip's own table, as importing it would run them
    ("encoders/models/tables.py", "exec"),
    ("encoders/models/tables.py", "compile"),
    # the class of the exception that a refused pickle raises
    ("encoders/models/loading.py", "pickle"),
    # only written, to compute checksums: see the test below
    ("catalogue/row_checks.py", "marshal"),
}


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Yield every call with the written name of what is called: `torch.load`, `eval`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def given(call: ast.Call, name: str) -> str:
    """Return how an argument is written, "" if it is not given."""
    return next((ast.unparse(k.value) for k in call.keywords if k.arg == name), "")


UNSAFE: dict[str, Callable[[str, ast.Call], bool]] = {
    "np.load with pickles": lambda name, call: (
        name in ("np.load", "numpy.load") and given(call, "allow_pickle") == "True"
    ),
    "torch.load": lambda name, call: name == "torch.load" and given(call, "weights_only") != "True",
    "load_checkpoint": lambda name, call: (
        name.endswith(".load_checkpoint") and given(call, "weights_only") != "True"
    ),
    "trust_remote_code": lambda _, call: given(call, "trust_remote_code") not in ("", "False"),
    "a shell": lambda name, call: (
        given(call, "shell") not in ("", "False") or name in ("os.system", "os.popen")
    ),
}


def findings(source: str) -> set[str]:
    """Return what in a module might run the code in a file."""
    tree, found = ast.parse(source), set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {a.name.split(".")[0] for a in node.names} & MODULES
        elif isinstance(node, ast.ImportFrom):
            found |= {(node.module or "").split(".")[0]} & MODULES
    for name, call in calls(tree):
        found |= {name} & NAMES
        found |= {what for what, unsafe in UNSAFE.items() if unsafe(name, call)}
    return found


def test_no_module_runs_code_from_a_file() -> None:
    found = {
        (path.relative_to(ROOT).as_posix(), what)
        for path in MODULES_FOR_USERS
        for what in findings(path.read_text("utf-8"))
    }
    assert found == KNOWN


def test_checksums_read_no_marshalled_data() -> None:
    source = (ROOT / "catalogue/row_checks.py").read_text("utf-8")
    used = {name for name, _ in calls(ast.parse(source)) if name.startswith("marshal")}
    assert used == {"marshal.dumps"}


def test_what_would_run_code_is_found() -> None:
    assert findings("import pickle\nfrom marshal import loads") == {"pickle", "marshal"}
    assert findings("eval(text); compile(a, 'b', 'exec')") == {"eval", "compile"}
    assert findings("re.compile('a'); model.eval()") == set()
    assert findings("np.load(path, allow_pickle=True)") == {"np.load with pickles"}
    assert findings("torch.load(path)\ntorch.load(path, weights_only=False)") == {"torch.load"}
    assert findings("torch.load(path, weights_only=True)") == set()
    assert findings("run(x, shell=True); f(trust_remote_code=True)") == {
        "a shell",
        "trust_remote_code",
    }


def test_modules_are_imported_by_names_that_the_program_knows() -> None:
    """`import_module` never gets a name that came out of a file."""
    for path in MODULES_FOR_USERS:
        for name, call in calls(ast.parse(path.read_text("utf-8"))):
            if name.endswith("import_module"):
                written = ast.unparse(call.args[0])
                assert written in {
                    "backend.module",  # a row of `BACKENDS`
                    "_PLACES[name]",  # the public names
                    "_CONVERTER",
                    "f'retrieval.commands.{_MODULES[cmd_name]}'",
                    "f'retrieval.stores.served.{kind.module}'",  # a row of its table of kinds
                } or written.startswith(("'openvino", "'nncf")), f"{path}: {written}"
