"""`pixtrieve models`: list them, fetch one, carry one from a machine to another."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from retrieval.commands.download_progress import extra_that_misses, fetch_with_progress
from retrieval.commands.terminal import human_bytes, say, shown
from retrieval.encoders.models import registry
from retrieval.encoders.models.licences import licence_of
from retrieval.encoders.models.presets import PRESETS, RESEARCH_ONLY, Preset, Recall
from retrieval.encoders.models.references import BUILT_IN


@click.group("models", invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def models_command(ctx: click.Context, as_json: bool) -> None:
    """List the models to choose from, and which are on disk."""
    if ctx.invoked_subcommand is not None:
        return
    if as_json:
        say(json.dumps({"presets": [_as_object(preset) for preset in PRESETS.values()]}, indent=2))
        return
    say(f"{click.style(BUILT_IN, bold=True)}  [built in]")
    say("    for the first minute, and machines without network: English, everyday things, rough")
    say()
    for preset in PRESETS.values():
        for line in _lines(preset):
            say(line)
        say()
    say("For research only, or not for money, and so no presets:")
    for reference, recall in RESEARCH_ONLY.items():
        figures = f"; R@1 {_figures(recall)}" if recall else ""
        say(f"    {reference}: {licence_of(reference)}{figures}")
    say()
    others = [name for name in registry.found_on_disk() if name not in _preset_references()]
    if others:
        say("Also on disk: " + ", ".join(map(_with_licence, others)))
    if registry.can_export():
        say("Fetch one:  pixtrieve models fetch NAME")
    else:
        say("All but the built-in one need: pip install 'pixtrieve[models]'")
        say("or, from a machine that has it: pixtrieve models pack NAME FOLDER, and here")
        say("            pixtrieve models import FOLDER")
    say("Use one:    pixtrieve index FOLDER --model NAME      (a new library)")
    say("            pixtrieve model use NAME                 (a library you have)")
    say("Any other open_clip model works too: NAME/PRETRAINED, hf-hub:ORG/REPO, local-dir:FOLDER,")
    say("or --model NAME --checkpoint FILE. R@1 is text→image, zero-shot, as measured by who is")
    say("in brackets, in per cent; on Crossmodal-3600 it is the mean of 36 languages.")


@models_command.command("fetch")
@click.argument("name")
def fetch_command(name: str) -> None:
    """Download a model, a preset's name or a reference, into the hub's cache."""
    paths = fetch_with_progress(name)
    say(f"{shown(name)} is on disk:")
    for path in paths:
        say(f"  {shown(path)}")
    if missing := extra_that_misses(name):
        say(f"To use it:  pip install 'pixtrieve[{missing}]'")


@models_command.command("pack")
@click.argument("name")
@click.argument("folder", type=click.Path())
def pack_command(name: str, folder: str) -> None:
    """Put a model into FOLDER as the processor runs it, for a machine without torch.

    Without its weights. There: pixtrieve models import FOLDER
    """
    from retrieval.encoders.transfer import pack_model

    pack_model(registry.require_files(name), folder)
    say(f"{shown(name)} is in {shown(folder)}. Copy that, and on the other machine:")
    say(f"    pixtrieve models import {shown(folder)}")


@models_command.command("import")
@click.argument("folder", type=click.Path())
def import_command(folder: str) -> None:
    """Bring in a model that another machine has packed; it then needs no torch here."""
    from retrieval.encoders.transfer import import_model

    reference = import_model(folder)
    say(f"{shown(reference)} can be used: pixtrieve index FOLDER --model {shown(reference)}")


def _lines(preset: Preset) -> list[str]:
    here = "on disk" if _is_here(preset) else _to_fetch(preset)
    lines = [
        f"{click.style(preset.name, bold=True)}  {preset.reference}  [{here}]",
        f"    for {preset.for_whom}",
        (
            f"    licence {preset.licence}, {preset.parameters_m:.0f} M parameters, "
            f"{preset.dim} dimensions, {preset.image_gflops:.0f} GFLOPs a picture"
        ),
        f"    R@1 {_figures(preset.recall)}; languages: {preset.languages}",
    ]
    if install := registry.install_line(preset):
        lines.append(f"    needs: {install}")
    return lines


def _figures(recall: tuple[Recall, ...]) -> str:
    return ", ".join(f"{100 * r.text_to_image:.1f} {r.test_set} ({r.source})" for r in recall)


def _with_licence(reference: str) -> str:
    licence = licence_of(reference)
    return f"{shown(reference)} ({licence})" if licence else shown(reference)


def _to_fetch(preset: Preset) -> str:
    return f"{human_bytes(preset.download_mb * 1_000_000)} to fetch"


def _is_here(preset: Preset) -> bool:
    return bool(registry.on_disk(registry.parse(preset.name)))


def _preset_references() -> set[str]:
    return {preset.reference for preset in PRESETS.values()}


def _as_object(preset: Preset) -> dict[str, object]:
    return {
        **asdict(preset),
        "download_mb": preset.download_mb,
        "on_disk": _is_here(preset),
    }
