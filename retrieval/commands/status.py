"""`pixtrieve status` and `pixtrieve remove`."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from retrieval.commands.base import Command
from retrieval.commands.library_choice import LibraryChoice, chosen_library
from retrieval.commands.terminal import (
    UserPath,
    home_relative,
    human_bytes,
    library_option,
    plural,
    say,
    shown,
)
from retrieval.errors import LibraryNotFound
from retrieval.folder.status import Status
from retrieval.library import Library
from retrieval.stores.served.places import FILES


@click.command("status", cls=Command, examples=("pixtrieve status", "pixtrieve status --problems"))
@library_option
@click.option("--problems", is_flag=True, help="List every file that could not be used, and why.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def status_command(ctx: click.Context, library_path: str, problems: bool, as_json: bool) -> None:
    """Show which library is used and what it holds."""
    choice = chosen_library(ctx)
    try:
        opened = Library.open(library_path)
    except LibraryNotFound as error:
        raise LibraryNotFound(
            f"{error.message}, which is used {choice.reason}", error.hint
        ) from error
    with opened as library:
        status, store = library.status(), library.store.address()
        found = list(library.problems()) if problems else []
    if as_json:
        facts = {**_as_object(status, choice), "store": store}
        listed = {"problems": [asdict(row) for row in found]} if problems else {}
        say(json.dumps({**facts, **listed}, indent=2))
        return
    if problems:
        for row in found:
            say(f"{shown(home_relative(row.path))}: {shown(row.reason)}")
        if not found:
            say("No problems: every picture file could be used.")
        return
    for line in _lines(status, choice, store):
        label, rest = line.split(":", 1)
        fg = "yellow" if label == "Problems" else None
        say(click.style(f"{label}:", bold=True, fg=fg) + rest)


@click.command("remove", cls=Command, examples=("pixtrieve remove ~/Pictures/screenshots",))
@click.argument("path", type=UserPath())
@library_option
def remove_command(path: str, library_path: str) -> None:
    """Remove a file or folder from the library, not from disk.

    It stays out when the folder above it is indexed again, until you index it by name.
    """
    with Library.open(library_path) as library:
        count = library.remove(path)
    say(f"Removed {plural(count, 'file')} from the library. Files on disk are unchanged.")


def _lines(status: Status, choice: LibraryChoice, store: str) -> list[str]:
    counts, model = status.counts, status.model
    size = human_bytes(status.disk_bytes)
    licence = f", licence {model.licence}" if model.licence else ""
    lines = [
        f"Library:   {shown(home_relative(status.path))} ({size}), {choice.reason}",
        f"Model:     {shown(model.name)} ({model.dim} dimensions{licence})",
        f"Pictures:  {counts.images:,} in {plural(counts.files, 'file')}",
    ]
    if counts.problems:
        lines.append(
            f"Problems:  {counts.problems:,} ({counts.damaged:,} damaged, {counts.unsupported:,} "
            "unsupported). To list them: pixtrieve status --problems"
        )
    lines.append(f"Search:    {_search(status)}")
    for root in status.roots:
        notes = [
            note
            for note, applies in (
                ("unavailable now", root.missing),
                ("single files", not root.whole),
            )
            if applies
        ]
        suffix = f" ({', '.join(notes)})" if notes else ""
        label = "Data set: " if root.elsewhere else "Folder:   "
        lines.append(f"{label} {shown(home_relative(root.path))}{suffix}")
    if store != FILES:
        lines.append(f"Store:     {shown(store)}. To see what it has: pixtrieve store")
    return lines


def _search(status: Status) -> str:
    how = "exact" if status.index == "exact" else "approximate, in clusters (ivf)"
    chosen = ", chosen automatically" if status.wanted_index == "auto" else ""
    if status.index == "exact":
        return how + chosen
    tuning = status.tuning
    if tuning is None or not tuning.probes:
        why = "that is as fast here" if tuning else "it is not measured; run: pixtrieve index"
        return f"{how}{chosen}, but exact for now: {why}"
    return (
        f"{how}{chosen}. It finds {tuning.recall_texts:.1%} of the ten nearest for questions in "
        f"words and {tuning.recall_pictures:.1%} for pictures, in {tuning.milliseconds:.1f} ms "
        f"(exact: {tuning.exact_milliseconds:.1f} ms)"
    )


def _as_object(status: Status, choice: LibraryChoice) -> dict[str, object]:
    return {
        "library": status.path,
        "library_source": choice.source,
        "model": {
            "name": status.model.name,
            "fingerprint": status.model.fingerprint,
            "dim": status.model.dim,
            "licence": status.model.licence,
        },
        "images": status.counts.images,
        "files": status.counts.files,
        "damaged": status.counts.damaged,
        "unsupported": status.counts.unsupported,
        "disk_bytes": status.disk_bytes,
        "index": {
            "wanted": status.wanted_index,
            "kind": status.index,
            "measured": asdict(status.tuning) if status.tuning else None,
        },
        "roots": [
            {"path": root.path, "whole": root.whole, "missing": root.missing}
            for root in status.roots
        ],
    }
