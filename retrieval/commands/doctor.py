"""`pixtrieve doctor`."""

from __future__ import annotations

import json

import click

from retrieval.commands.base import Command
from retrieval.commands.terminal import home_relative, library_option, say, shown
from retrieval.folder.doctor import Finding
from retrieval.library import Library


@click.command(
    "doctor",
    cls=Command,
    examples=("pixtrieve doctor", "pixtrieve doctor --files", "pixtrieve doctor --repair"),
)
@library_option
@click.option("--repair", is_flag=True, help="Mend what is safe to mend.")
@click.option("--files", is_flag=True, help="Also read every picture, to find changed bytes.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def doctor_command(
    ctx: click.Context, library_path: str, repair: bool, files: bool, as_json: bool
) -> None:
    """Examine the library and, with --repair, mend it.

    It looks at the catalogue, vectors, caches, model, files, disk space and permissions, also of a
    library that does not open. Changes nothing without --repair, which deletes damaged caches,
    leftovers and impossible rows, and copies what can be read of a malformed catalogue into a new
    one. It never deletes the only copy of anything: the catalogue as it was stays beside the new
    one. The exit code is 0 if the library is sound, else 1.
    """
    checkup = Library.check(library_path, repair=repair, files=files)
    if as_json:
        facts = {
            "library": library_path,
            "sound": checkup.sound,
            "findings": [each.as_object() for each in checkup.findings],
            "mended": [each.as_object() for each in checkup.mended],
        }
        say(json.dumps(facts, indent=2))
    else:
        for finding in checkup.mended:
            say(shown(f"repair: {finding.message}: {finding.repair}"))
        for finding in checkup.findings:
            say(_line(finding))
        if checkup.sound:
            say(f"The library {shown(home_relative(library_path))} is sound.")
    if not checkup.sound:
        ctx.exit(1)


def _line(finding: Finding) -> str:
    colours = {"error": "red", "warning": "yellow", "note": "cyan"}
    label = click.style(f"{finding.severity}:", fg=colours[finding.severity], bold=True)
    ends = [f"--repair will {finding.repair}"] if finding.repair and finding.mend else []
    ends += [finding.hint] if finding.hint else []
    return f"{label} {shown('. '.join([finding.message, *ends]))}"
