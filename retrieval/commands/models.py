"""`pixtrieve models`: list, download, pack and import models."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict

import click

from retrieval.commands.base import Group
from retrieval.commands.download_progress import fetch_with_progress, missing_extra
from retrieval.commands.terminal import UserPath, human_bytes, say, shown
from retrieval.encoders.models import registry
from retrieval.encoders.models.licences import licence_of
from retrieval.encoders.models.presets import PRESETS, RESEARCH_ONLY, Preset, Recall
from retrieval.encoders.models.references import BUILT_IN


@click.group(
    "models",
    cls=Group,
    invoke_without_command=True,
    examples=("pixtrieve models", "pixtrieve models fetch default"),
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def models_command(ctx: click.Context, as_json: bool) -> None:
    """List the available models and those on disk."""
    if ctx.invoked_subcommand is not None:
        return
    if as_json:
        say(json.dumps({"presets": [_as_object(preset) for preset in PRESETS.values()]}, indent=2))
        return
    say(f"{click.style(BUILT_IN, bold=True)}  [built in]")
    say("    to start with, and for machines without network: small, English, everyday things")
    say()
    for preset in PRESETS.values():
        for line in _lines(preset):
            say(line)
        say()
    say("Not presets, because their licences allow only research or non-commercial use:")
    for reference, recall in RESEARCH_ONLY.items():
        figures = f"; R@1 {_figures(recall)}" if recall else ""
        say(f"    {reference}: {licence_of(reference)}{figures}")
    say()
    others = [name for name in registry.found_on_disk() if name not in _preset_references()]
    if others:
        say("Also on disk: " + ", ".join(map(_with_licence, others)))
    if registry.can_export():
        say("Download:  pixtrieve models fetch NAME")
    else:
        say("All models except the built-in one need: pip install 'pixtrieve[models]'")
        say("Or pack one on a machine that has it:    pixtrieve models pack NAME FOLDER")
        say("and import it on this machine:           pixtrieve models import FOLDER")
    say("Use:       pixtrieve index FOLDER --model NAME      (for a new library)")
    say("           pixtrieve model use NAME                 (for an existing library)")
    say("Any other open_clip model works too: NAME/PRETRAINED, hf-hub:ORG/REPO, local-dir:FOLDER,")
    say("or --model NAME --checkpoint FILE. R@1 is zero-shot text-to-image recall in per cent, as")
    say("measured by the source in brackets; for Crossmodal-3600 it is the mean of 36 languages.")


@models_command.command("fetch", examples=("pixtrieve models fetch multilingual",))
@click.argument("name")
def fetch_command(name: str) -> None:
    """Download a model into the Hugging Face cache.

    NAME is a preset or another model that `pixtrieve index --model` accepts.
    """
    paths = fetch_with_progress(name)
    say(f"{shown(name)} is on this machine:")
    for path in paths:
        say(f"  {shown(path)}")
    if missing := missing_extra(name):
        say(f"To use it, install: pip install 'pixtrieve[{missing}]'")


@models_command.command("pack", examples=("pixtrieve models pack default /media/stick/default",))
@click.argument("name")
@click.argument("folder", type=UserPath())
def pack_command(name: str, folder: str) -> None:
    """Pack a model into FOLDER for a machine without torch.

    Writes the form in which the CPU runs the model, without the original weights. Copy FOLDER to
    the other machine, and import it there.
    """
    from retrieval.encoders.transfer import pack_model

    pack_model(registry.require_files(name), folder)
    say(f"Packed {shown(name)} into {shown(folder)}. Copy this folder, and on the other machine:")
    say(f"    pixtrieve models import {shown(shlex.quote(folder))}")


@models_command.command("import", examples=("pixtrieve models import /media/stick/default",))
@click.argument("folder", type=UserPath())
def import_command(folder: str) -> None:
    """Import a model that another machine packed.

    The model runs on this machine without torch.
    """
    from retrieval.encoders.transfer import import_model

    reference = import_model(folder)
    say(f"Imported {shown(reference)}. To use it:")
    say(f"    pixtrieve index FOLDER --model {shown(reference)}")


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
    return f"{human_bytes(preset.download_mb * 1_000_000)} to download"


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
