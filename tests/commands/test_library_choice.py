"""Which library a command uses, and that `status` says so."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from support.command_line import OWN_LIBRARY, Run

from retrieval import Library
from retrieval.commands.library_choice import default_library


def used(run: Run, *arguments: str) -> tuple[str, str]:
    """Return the folder that `status` uses, relative to the current one, and what named it."""
    facts = json.loads(run(*arguments, "status", "--json").out)
    return os.path.relpath(facts["library"]), facts["library_source"]


def test_the_nearest_word_counts(run: Run, pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("index", pictures).code == 0
    assert Library.exists(OWN_LIBRARY)
    Path("index_data").mkdir()
    assert used(run) == (OWN_LIBRARY, "default"), "a folder without a library is none"
    for folder in ("index_data", "named", "variable"):
        assert run("index", pictures, "--library", folder).code == 0
    assert used(run) == ("index_data", "current-folder")
    monkeypatch.setenv("PIXTRIEVE_LIBRARY", "variable")
    assert used(run) == ("variable", "environment")
    assert used(run, "--library", "named") == ("named", "option")
    monkeypatch.setenv("PIXTRIEVE_LIBRARY", "")
    assert used(run) == ("index_data", "current-folder")


def test_status_says_which_library_and_why(
    run: Run, indexed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def first(*arguments: str) -> str:
        return run("status", *arguments).out.splitlines()[0]

    folder = os.path.abspath(OWN_LIBRARY)
    assert folder in first()
    assert "because it is your default library" in first()
    assert "because --library names it" in first("--library", OWN_LIBRARY)
    monkeypatch.setenv("PIXTRIEVE_LIBRARY", OWN_LIBRARY)
    assert "because PIXTRIEVE_LIBRARY names it" in first()


def test_status_says_so_also_where_there_is_none(run: Run) -> None:
    done = run("status")
    assert done.code == 1
    assert os.path.abspath(OWN_LIBRARY) in done.err
    assert "because it is your default library" in done.err
    assert "pixtrieve index" in done.err


def test_the_option_may_stand_before_the_command(run: Run, pictures: Path) -> None:
    assert run("--library", "one", "index", pictures).code == 0
    assert Library.exists("one")
    assert run("--library", "one", "search", "red", "-k1").out
    assert run("--library", "one", "status", "--library", os.path.abspath("one")).code == 0
    assert run("--library", "one", "label", "--labels", "red").code == 0
    for words in (
        ("--library", "one", "label", "list"),
        ("label", "--library", "one", "list"),
        ("label", "list", "--library", "one"),
    ):
        assert "red" in run(*words).out


@pytest.mark.parametrize(
    "words",
    [
        ("--library", "one", "status", "--library", "two"),
        ("--library", "one", "label", "list", "--library", "two"),
        ("label", "--library", "one", "list", "--library", "two"),
    ],
)
def test_two_different_libraries_are_an_error(run: Run, words: tuple[str, ...]) -> None:
    done = run(*words)
    assert (done.code, done.out) == (2, "")
    assert "one and two" in done.err


def test_an_empty_option_is_an_error(run: Run) -> None:
    for words in (("--library", "", "status"), ("status", "--library=")):
        done = run(*words)
        assert (done.code, done.out) == (2, "")
        assert "--library" in done.err


def test_a_tilde_is_the_home(
    run: Run, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    assert run("index", pictures, "--library=~/one").code == 0
    assert run("--library=~/one", "status").code == 0
    assert run("status", "--library", str(tmp_path / "home/one")).code == 0
    monkeypatch.setenv("PIXTRIEVE_LIBRARY", "~/two")
    assert run("index", pictures).code == 0
    assert Library.exists(tmp_path / "home/two")
    assert not Path("~").exists()


@pytest.mark.parametrize(
    ("platform", "variables", "folder"),
    [
        ("linux", {"XDG_DATA_HOME": "{home}/data"}, "data/pixtrieve"),
        ("linux", {"XDG_DATA_HOME": "~/data"}, "data/pixtrieve"),
        ("linux", {"XDG_DATA_HOME": "relative"}, ".local/share/pixtrieve"),
        ("linux", {}, ".local/share/pixtrieve"),
        ("darwin", {}, "Library/Application Support/Pixtrieve"),
        ("win32", {"LOCALAPPDATA": "{home}/local"}, "local/Pixtrieve"),
        ("win32", {}, "AppData/Local/Pixtrieve"),
    ],
)
def test_the_default_is_where_the_platform_keeps_data(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    platform: str,
    variables: dict[str, str],
    folder: str,
) -> None:
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    for name in ("XDG_DATA_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value.format(home=tmp_path))
    with monkeypatch.context() as patch:
        patch.setattr(sys, "platform", platform)
        found = default_library()
    assert Path(found) == tmp_path / folder
