"""`pixtrieve status` and `pixtrieve remove`."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from retrieval.commands.terminal import (
    home_relative,
    human_bytes,
    library_option,
    plural,
    say,
    shown,
)
from retrieval.folder.status import Status
from retrieval.library import Library


@click.command("status")
@library_option
@click.option("--problems", is_flag=True, help="List every file that could not be used, and why.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def status_command(library_path: str, problems: bool, as_json: bool) -> None:
    """Show what a library holds."""
    with Library.open(library_path) as library:
        status = library.status()
        found = list(library.problems()) if problems else []
    if as_json:
        listed = {"problems": [asdict(row) for row in found]} if problems else {}
        say(json.dumps({**_as_object(status), **listed}, indent=2))
        return
    if problems:
        for row in found:
            say(f"{shown(home_relative(row.path))}: {shown(row.reason)}")
        if not found:
            say("No problems: every picture file could be used.")
        return
    for line in _lines(status):
        say(line)


@click.command("remove")
@click.argument("path", type=click.Path())
@library_option
def remove_command(path: str, library_path: str) -> None:
    """Take a file or folder out of the library; nothing on disk is touched.

    It stays out when the folder above is indexed again, until it is named itself.
    """
    with Library.open(library_path) as library:
        count = library.remove(path)
    say(f"{plural(count, 'file')} taken out of the library.")


def _lines(status: Status) -> list[str]:
    counts, model = status.counts, status.model
    licence = f", licence {model.licence}" if model.licence else ""
    lines = [
        f"library   {shown(home_relative(status.path))} ({human_bytes(status.disk_bytes)})",
        f"model     {shown(model.name)} ({model.dim} dimensions{licence})",
        f"pictures  {counts.images:,} in {plural(counts.files, 'file')}",
    ]
    if counts.problems or counts.unsupported:
        lines.append(
            f"problems  {counts.problems:,} damaged, {counts.unsupported:,} in formats that are "
            "not supported; list them with: pixtrieve status --problems"
        )
    for root in status.roots:
        notes = [
            note
            for note, applies in (
                ("not there now", root.missing),
                ("single files", not root.whole),
            )
            if applies
        ]
        suffix = f" ({', '.join(notes)})" if notes else ""
        lines.append(f"folder    {shown(home_relative(root.path))}{suffix}")
    return lines


def _as_object(status: Status) -> dict[str, object]:
    return {
        "library": status.path,
        "model": {
            "name": status.model.name,
            "fingerprint": status.model.fingerprint,
            "dim": status.model.dim,
            "licence": status.model.licence,
        },
        "images": status.counts.images,
        "files": status.counts.files,
        "damaged": status.counts.problems,
        "unsupported": status.counts.unsupported,
        "disk_bytes": status.disk_bytes,
        "roots": [
            {"path": root.path, "whole": root.whole, "missing": root.missing}
            for root in status.roots
        ],
    }
