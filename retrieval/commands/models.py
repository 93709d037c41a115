"""`pixtrieve models` and `pixtrieve models fetch`."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

import click

from retrieval.commands.terminal import human_bytes, say, shown
from retrieval.encoders import registry
from retrieval.encoders.fetching import Fetched, fetch
from retrieval.encoders.presets import PRESETS, Preset


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
    for preset in PRESETS.values():
        for line in _lines(preset):
            say(line)
        say()
    others = [name for name in registry.found_on_disk() if name not in _preset_references()]
    if others:
        say("Also on disk: " + ", ".join(shown(name) for name in others))
    say("Fetch one:  pixtrieve models fetch NAME")
    say("Use one:    pixtrieve index FOLDER --model NAME      (a new library)")
    say("Any other open_clip model works too: NAME/PRETRAINED, hf-hub:ORG/REPO, local-dir:FOLDER,")
    say("or --model NAME --checkpoint FILE. Recall is open_clip's published zero-shot R@5.")


@models_command.command("fetch")
@click.argument("name")
def fetch_command(name: str) -> None:
    """Download a model, a preset's name or a reference, into the hub's cache."""
    paths = fetch(name, _Progress().show)
    say(f"{shown(name)} is on disk:")
    for path in paths:
        say(f"  {shown(path)}")


class _Progress:
    """Draws a download: a moving line on a terminal, a line a file and tenth elsewhere."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._told = ("", -1)

    def show(self, fetched: Fetched) -> None:
        share = 100 * fetched.done // fetched.total if fetched.total else 0
        line = f"{fetched.file}: {human_bytes(fetched.done)}"
        if fetched.total:
            line += f" of {human_bytes(fetched.total)} ({share} %)"
        done = fetched.total is not None and fetched.done >= fetched.total
        if self._live:
            sys.stderr.write(f"\r{line}\x1b[K" + ("\n" if done else ""))
            sys.stderr.flush()
        elif self._told != (fetched.file, share // 10):
            self._told = (fetched.file, share // 10)
            say(line, error=True)


def _lines(preset: Preset) -> list[str]:
    here = "on disk" if _is_here(preset) else _to_fetch(preset)
    recall = "; ".join(
        f"{r.test_set} {100 * r.text_to_image[1]:.0f} (text→image) "
        f"{100 * r.image_to_text[1]:.0f} (image→text)"
        for r in preset.recall
    )
    lines = [
        f"{click.style(preset.name, bold=True)}  {preset.reference}  [{here}]",
        f"    for {preset.for_whom}",
        (
            f"    licence {preset.licence}, {preset.parameters_m:.0f} M parameters, "
            f"{preset.dim} dimensions"
        ),
        f"    R@5 {recall}",
    ]
    if preset.extra:
        lines.append(f"    needs: pip install 'pixtrieve[{preset.extra}]'")
    return lines


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
