"""Every command, with every standard stream in every state that a shell or cron may leave it in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.command_line import Run
from support.fakes import FakeEncoder
from support.painting import paint
from support.stream_states import STATES
from support.waiting import SUBPROCESS_S

from retrieval import Library
from retrieval.commands import SECTIONS

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs fork and /dev/full")

ORDINARY = "ordinary"
TESTS = Path(__file__).parents[1]

COMMANDS: tuple[tuple[str, ...], ...] = (
    ("--help",),
    ("search", "red"),
    ("search", "red", "--json"),
    ("search", "red", "--paths"),
    ("search", "red", "--html", "-"),
    ("search", "--image", "-"),
    ("open", "99"),
    ("completion", "bash"),
    ("index", "{pictures}"),
    ("index",),
    ("status",),
    ("status", "--json"),
    ("status", "--problems"),
    ("remove", "{pictures}/green.png"),
    ("map", "{tmp}/map.csv"),
    ("describe", "{pictures}/red.png"),
    ("translate", "red"),
    ("captions", "{tmp}/captions.csv"),
    ("ocr", "--help"),
    ("export", "{tmp}/vectors.npz"),
    ("backup", "{tmp}/backup.zip", "--force"),
    ("restore", "--help"),
    ("relocate", "{pictures}", "{tmp}/elsewhere", "--dry-run"),
    ("edits", "export", "{tmp}/edits.json", "--force"),
    ("encode", "{pictures}", "{tmp}/shards"),
    ("import", "{tmp}/shards"),
    ("store",),
    ("doctor",),
    ("album", "add", "reds", "{pictures}/red.png"),
    ("album", "list"),
    ("favourite", "add", "{pictures}/red.png"),
    ("favourite", "list"),
    ("saved", "list"),
    ("label", "--labels", "red,blue"),
    ("concept", "list"),
    ("classify", "red", "--labels", "red,blue"),
    ("duplicates",),
    ("models",),
    ("model",),
    ("evaluate", "{tmp}/captions.csv"),
    ("demo", "--help"),
    ("serve", "--help"),
    ("mcp", "--help"),
    ("no-such-command",),
    ("search", "red", "--library", "{tmp}/none"),
)

REPORTS = (
    *("index", "remove", "map", "captions", "export"),
    *("backup", "relocate", "edits", "encode", "import"),
)
"""Commands whose work is done when their report is lost."""


def filled(tmp_path: Path) -> list[list[str]]:
    """Return the commands for a library and files in a folder."""
    (tmp_path / "captions.csv").write_text(f"{tmp_path}/pictures/red.png,a red thing\n")
    return [
        [part.format(tmp=tmp_path, pictures=tmp_path / "pictures") for part in each]
        for each in COMMANDS
    ]


def run_in(state: str, commands: list[list[str]], tmp_path: Path) -> list[tuple[int, str, str]]:
    results = tmp_path / "results.json"
    library = str(tmp_path / "library")
    subprocess.run(
        [sys.executable, "-m", "support.stream_states", state, str(results)],
        input=json.dumps(commands).encode(),
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path]),
            "PIXTRIEVE_LIBRARY": library,
            "XDG_CACHE_HOME": str(tmp_path / "user-cache"),
        },
        cwd=tmp_path,
        timeout=SUBPROCESS_S,
        check=True,
    )
    return [tuple(each) for each in json.loads(results.read_text())]


def test_every_command_is_among_them() -> None:
    assert {name for names in SECTIONS.values() for name in names} <= {c[0] for c in COMMANDS}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pictures, and a library of them."""
    folder = tmp_path_factory.mktemp("streams")
    for name in ("red", "green", "blue"):
        paint(folder / f"pictures/{name}.png", name)
    with Library.create(folder / "library", FakeEncoder()) as library:
        library.add(folder / "pictures")
    return folder


@pytest.fixture(scope="module")
def usual(place: Path) -> list[tuple[int, str, str]]:
    return run_in(ORDINARY, filled(place), place)


@pytest.mark.parametrize("state", [state for state in STATES if state != ORDINARY])
def test_no_command_fails_for_its_streams(
    state: str, place: Path, usual: list[tuple[int, str, str]]
) -> None:
    with Library.open(place / "library", FakeEncoder()) as library:
        library.add(place / "pictures/green.png")  # `remove` took it out
    done = run_in(state, filled(place), place)
    for command, (code, out, _), (code_now, out_now, err_now) in zip(
        COMMANDS, usual, done, strict=True
    ):
        assert "Traceback" not in err_now, (command, err_now)
        lost = state in ("stdout full", "stdout read-only")
        if lost and out and not code and command[0] not in REPORTS:
            assert (code_now, err_now.count("Error:")) == (1, 1), (command, err_now)
        else:
            assert code_now == code, (command, err_now)
        if "stdout" in state or state == "all closed":
            assert not out_now
        else:
            assert out_now.count("\n") == out.count("\n"), (command, out_now)


def test_a_new_library_is_made_without_a_single_stream(tmp_path: Path) -> None:
    paint(tmp_path / "pictures/red.png", "red")
    done = run_in("all closed", [["index", str(tmp_path / "pictures")]], tmp_path)
    assert done[0][0] == 0
    with Library.open(tmp_path / "library") as made:
        assert made.status().counts.images == 1


def test_a_relative_library_in_a_deleted_folder(tmp_path: Path) -> None:
    [(code, _, err)] = run_in("deleted folder", [["search", "x", "--library", "here"]], tmp_path)
    assert code == 1
    assert "folder no longer exists" in err
    assert "cd " in err


@pytest.mark.parametrize(
    "encoding",
    [
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "latin-1"},
    ],
)
def test_a_locale_that_is_not_utf8_reads_the_same_names(
    run: Run, tmp_path: Path, encoding: dict[str, str]
) -> None:
    paint(tmp_path / "Bücher/日本 café.png", "red")
    assert run("index", tmp_path / "Bücher", "--library", "here").code == 0
    paint(tmp_path / "Bücher/naïve.png", "red")  # a copy: no model is needed
    for arguments in (
        ("index", "--library", "here"),
        ("search", "--where", "name ~ 'na'", "--library", "here", "--paths"),
        ("search", "--where", "name ~ 'café'", "--library", "here", "--paths"),
        ("search", "--where", "name ~ 'café'", "--library", "here"),
        ("search", "--help"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "retrieval", *arguments],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **encoding},
            cwd=tmp_path,
            capture_output=True,
            timeout=SUBPROCESS_S,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, b""), arguments
        if "--paths" in arguments:
            assert os.fsencode(tmp_path / "Bücher") in done.stdout
