"""Pictures of the last search by their number: `open 2`, `--like 2`; ids; later parts of a list."""

from __future__ import annotations

import json
import os
import pathlib
from pathlib import Path

import click
import pytest
from support.command_line import OWN_LIBRARY, Run
from support.painting import paint

from retrieval.commands import last_answer
from retrieval.encoders.models.cache import user_cache


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """Return what the system's viewer was asked for: paths, and whether to show the folder."""
    calls: list[tuple[str, bool]] = []

    def launch(url: str, *, locate: bool = False) -> int:
        calls.append((url, locate))
        return 0

    monkeypatch.setattr(click, "launch", launch)
    return calls


def hits(run: Run, *arguments: str | os.PathLike[str]) -> list[dict[str, object]]:
    done = run("search", *arguments, "--json")
    assert done.code == 0, done.err
    found: list[dict[str, object]] = json.loads(done.out)["hits"]
    return found


def test_open_shows_what_the_last_search_listed(
    run: Run, indexed: Path, opened: list[tuple[str, bool]]
) -> None:
    listed = hits(run, "red", "-k", "3")
    run("search", "red", "-k", "3")
    run("search", "blue", "--paths")  # for other programs: leaves the numbers as they are
    assert run("open", "2", "3").code == 0
    assert opened == [(str(listed[1]["path"]), False), (str(listed[2]["path"]), False)]
    run("search", "blue")
    assert run("open", "1", "--locate").code == 0
    assert opened[-1] == (str(indexed / "deep/blue.png"), True)


def test_open_names_what_it_cannot_do(
    run: Run, indexed: Path, opened: list[tuple[str, bool]]
) -> None:
    none = run("open", "1")
    assert (none.code, "search first" in none.err) == (1, True)
    run("search", "red", "-k", "2")
    beyond = run("open", "3")
    assert beyond.code == 1
    assert "1, 2" in beyond.err
    (indexed / "red.png").unlink()
    gone = run("open", "1")
    assert gone.code == 1
    assert "red.png" in gone.err
    assert "pixtrieve index" in gone.err
    assert opened == []


def test_a_viewer_that_does_not_start_is_said(
    run: Run, indexed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(click, "launch", lambda *_, **__: 1)
    run("search", "red")
    done = run("open", "1")
    assert done.code == 1
    assert str(indexed / "red.png") in done.out


def test_numbers_are_ranks_and_ids_are_written_as_such(run: Run, indexed: Path) -> None:
    listed = hits(run, "blue", "-k", "4")
    run("search", "blue", "-k", "4")
    by_rank = hits(run, "--like", "1", "red")
    by_id = hits(run, "--like", f"id:{listed[0]['id']}", "red")
    by_file = hits(run, "--like", str(listed[0]["path"]), "red")
    assert by_rank == by_id == by_file


def test_a_file_whose_name_is_a_number_is_that_file(
    run: Run, indexed: Path, tmp_path: Path
) -> None:
    os.replace(paint(tmp_path / "picture.png", "blue"), tmp_path / "1")
    by_name = hits(run, "red", "--like", "1")
    assert by_name == hits(run, "red", "--like", tmp_path / "1")


def test_concepts_are_taught_by_rank(run: Run, indexed: Path) -> None:
    run("search", "blue", "-k", "1")
    taught = run("concept", "learn", "sky", "--like", "1", "--json")
    assert taught.code == 0, taught.err
    assert "blue.png" in run("search", 'concept:"sky"', "-k", "1").out


def test_libraries_do_not_share_answers(run: Run, indexed: Path, tmp_path: Path) -> None:
    run("search", "red")
    run("index", indexed, "--library", "other", "--model", "fast")
    other = run("open", "1", "--library", "other")
    assert (other.code, OWN_LIBRARY in other.err) == (1, True)


def test_a_damaged_or_unwritable_record_is_no_answer(
    run: Run, indexed: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run("search", "red")
    record = pathlib.Path(user_cache(), "pixtrieve", "last-search.json")
    for hits in ("3", "[]", "{", '{"1": 3}', '{"1": ["a", "b"]}', '{"x": [1, "b"]}'):
        record.write_text(f'{{"library": "{Path(OWN_LIBRARY).resolve()}", "hits": {hits}}}')
        assert run("open", "1").code == 1
    record.write_bytes(b"\xff")
    assert run("open", "1").code == 1
    (tmp_path / "file").touch()
    monkeypatch.setattr(last_answer, "user_cache", lambda: str(tmp_path / "file"))
    assert run("search", "red").code == 0


def test_a_list_goes_on(run: Run, indexed: Path) -> None:
    whole = hits(run, "red", "--limit", "4")
    parts = [*hits(run, "red", "-n", "2"), *hits(run, "red", "-k", "2", "--offset", "2")]
    assert parts == whole
    assert [hit["rank"] for hit in parts] == [1, 2, 3, 4]
    assert hits(run, "red", "--offset", "9") == []


def test_more_is_offered_only_where_there_is_more(run: Run, indexed: Path) -> None:
    assert "-k" in run("search", "--where", "width > 1", "-k", "3").out
    assert "-k" not in run("search", "--where", "width > 1", "-k", "1", "--offset", "3").out
    assert "-k" not in run("search", "--where", "width > 1", "-k", "200", "--group", "folder").out
    grouped = run("search", "--where", "width > 1", "-k", "1", "--group", "folder").out
    assert "1 group of 4" in grouped
