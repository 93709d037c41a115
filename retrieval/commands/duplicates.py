"""`pixtrieve duplicates`: find duplicates, move them aside, and move them back."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import wraps
from typing import Any

import click

from retrieval.commands.base import Command
from retrieval.commands.duplicate_sheet import WHY, duplicate_sheet, summary
from retrieval.commands.model_choice import is_interactive
from retrieval.commands.pages import give_page
from retrieval.commands.terminal import (
    UserPath,
    home_relative,
    human_bytes,
    library_option,
    plural,
    say,
)
from retrieval.commands.terminal import shown as safe
from retrieval.duplicates.finding import Duplicates, Kind
from retrieval.duplicates.grouping import LIKENESS
from retrieval.duplicates.keeping import DuplicateFile, DuplicateGroup, DuplicateReport
from retrieval.duplicates.moving import LeftAlone, Moved
from retrieval.library import Library

_LAST = "last"


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Which groups to find: see `Duplicates.find`."""

    kind: Kind
    threshold: float
    show_kept: bool


@dataclass(frozen=True, slots=True)
class _Output:
    """How groups are shown: as JSON, and on a page in a file or in the browser."""

    as_json: bool
    html: str | None
    open_page: bool


def _finding_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--exact`, `--near`, `--threshold` and `--show-kept`; the command gets `wanted`."""

    @click.option("--exact", "kind", flag_value="exact", help="Only files with the same bytes.")
    @click.option("--near", "kind", flag_value="near", help="Only pictures that differ in bytes.")
    @click.option(
        "--threshold",
        type=click.FloatRange(0.5, 1),
        default=LIKENESS,
        show_default=True,
        help="Lowest similarity of near duplicates.",
    )
    @click.option("--show-kept", is_flag=True, help="Also list groups hidden by --keep-all.")
    @wraps(command)
    def gathered(
        *arguments: Any, kind: Kind | None, threshold: float, show_kept: bool, **others: Any
    ) -> Any:
        wanted = _Wanted(kind or "all", threshold, show_kept)
        return command(*arguments, wanted=wanted, **others)

    return gathered


def _output_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--json`, `--html` and `--open`; the command gets `output`."""

    @click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
    @click.option(
        "--html",
        metavar="FILE",
        type=UserPath(),
        help="Write a page with the pictures to FILE (- for standard output).",
    )
    @click.option("--open", "open_page", is_flag=True, help="Open that page in the browser.")
    @wraps(command)
    def gathered(
        *arguments: Any, as_json: bool, html: str | None, open_page: bool, **others: Any
    ) -> Any:
        return command(*arguments, output=_Output(as_json, html, open_page), **others)

    return gathered


@click.command(
    "duplicates",
    cls=Command,
    examples=(
        "pixtrieve duplicates --open                 # review them side by side",
        "pixtrieve duplicates --keep-all 17 23       # these groups are fine as they are",
        "pixtrieve duplicates --move-to ~/redundant",
        "pixtrieve duplicates --undo                 # move everything back",
    ),
)
@click.argument("group", nargs=-1, type=int)
@library_option
@_finding_options
@click.option(
    "--keep-all",
    is_flag=True,
    help="Keep all files of the named groups, and do not list these groups again.",
)
@click.option(
    "--move-to",
    metavar="DIR",
    type=UserPath(),
    help="Move the redundant files to this folder. --undo moves them back.",
)
@click.option("--yes", is_flag=True, help="With --move-to, do not ask for confirmation.")
@click.option(
    "--undo",
    metavar="[LOG]",
    is_flag=False,
    flag_value=_LAST,
    type=UserPath(),
    help="Move back what the last --move-to moved, or what LOG lists.",
)
@_output_options
def duplicates_command(
    group: tuple[int, ...],
    library_path: str,
    wanted: _Wanted,
    keep_all: bool,
    move_to: str | None,
    yes: bool,
    undo: str | None,
    output: _Output,
) -> None:
    """Find duplicate and near-duplicate pictures.

    Lists all groups, or those whose numbers are given. In each group one file is kept: the raw
    file if there is one, else the one with the most pixels, then the most bytes, then the oldest,
    then the one with the shortest path. No file is ever deleted.
    """
    if keep_all and not group:
        raise click.UsageError("Name the groups to keep: pixtrieve duplicates --keep-all 17 23")
    with Library.open(library_path) as library:
        duplicates = library.duplicates
        if undo is not None:
            _bring_back(duplicates, duplicates.last_log() if undo == _LAST else undo)
            return
        report = duplicates.find(
            wanted.kind, threshold=wanted.threshold, show_kept=wanted.show_kept
        )
        groups = report.of(group)
        if keep_all:
            duplicates.keep_all(groups)
            say(f"Hid {plural(len(groups), 'group')}. To list hidden groups, use --show-kept.")
        elif move_to is not None:
            _move(duplicates, groups, move_to, yes=yes)
        else:
            _show(report, groups, as_json=output.as_json, on_screen=output.html != "-")
            if output.html or output.open_page:
                give_page(duplicate_sheet(groups), output.html, open_page=output.open_page)


def _show(
    report: DuplicateReport, groups: Sequence[DuplicateGroup], *, as_json: bool, on_screen: bool
) -> None:
    if as_json:
        say(json.dumps({"pictures": report.pictures, "groups": _as_objects(groups)}, indent=2))
        return
    if not on_screen:
        return
    for line in _lines(groups):
        say(line)
    if report.without_thumbnail:
        say(
            f"Compared {plural(report.without_thumbnail, 'picture')} by their bytes only: the "
            "library has no thumbnail of them."
        )


def _lines(groups: Sequence[DuplicateGroup]) -> Iterator[str]:
    if not groups:
        yield "No duplicates found."
        return
    for each in groups:
        yield f"group {each.id}"
        yield _line("keep", each.kept, "")
        for file in each.redundant:
            how = "copy" if file.exact else f"{file.likeness:.0%}"
            yield _line(how, file, WHY[file.reason])
    yield ""
    yield summary(groups)
    yield "To review them, use --open. To hide groups, use --keep-all GROUP… To move redundant"
    yield "files to another folder, use --move-to DIR."


def _line(how: str, file: DuplicateFile, why: str) -> str:
    size = f"{file.width}×{file.height}"
    path = safe(home_relative(file.full_path))
    return f"  {how:>4}  {size:>11}  {human_bytes(file.size):>7}  {why:<19}  {path}".rstrip()


def _as_objects(groups: Sequence[DuplicateGroup]) -> list[dict[str, object]]:
    return [
        {
            "id": each.id,
            "kept": _as_object(each.kept),
            "redundant": [_as_object(file) for file in each.redundant],
        }
        for each in groups
    ]


def _as_object(file: DuplicateFile) -> dict[str, object]:
    facts = {**asdict(file), "path": file.full_path, "mtime": file.mtime_ns / 1e9}
    del facts["root"], facts["mtime_ns"]
    return facts


def _move(
    duplicates: Duplicates, groups: Sequence[DuplicateGroup], folder: str, *, yes: bool
) -> None:
    if not groups:
        say("No duplicates found, so there is nothing to move.")
        return
    say(summary(groups))
    if not yes:
        if not is_interactive():
            raise click.UsageError(
                "Can't ask for confirmation outside a terminal. Review first, then pass --yes."
            )
        click.confirm(f"Move the redundant files to {safe(folder)}?", abort=True, err=True)
    log = duplicates.new_log()
    moved = _report(duplicates.move(groups, folder, log), "not moved")
    say(f"Moved {plural(moved, 'file')} to {safe(folder)}.")
    if moved:
        say(f"To move them back: pixtrieve duplicates --undo {safe(shlex.quote(log))}")


def _bring_back(duplicates: Duplicates, log: str) -> None:
    moved = _report(duplicates.undo(os.path.abspath(log)), "not moved back")
    say(f"Moved back {plural(moved, 'file')}. To add them to the library again: pixtrieve index")


def _report(steps: Iterable[Moved | LeftAlone], failed: str) -> int:
    """Print which files could not be moved; return how many were moved."""
    moved = 0
    for step in steps:
        if isinstance(step, Moved):
            moved += 1
        else:
            path = safe(home_relative(step.path))
            say(f"{path}: {failed}: {safe(step.reason)}", error=True)
    return moved
