"""The base install: without torch and open_clip, every command works with the built-in model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.painting import paint

import retrieval
from retrieval.commands import pixtrieve

ROOT = Path(retrieval.__file__).parent.parent
EXTRAS = ("torch", "torchvision", "open_clip", "timm", "huggingface_hub", "transformers", "nncf")

LIGHT = f"""
import sys
sys.modules.update(dict.fromkeys({EXTRAS!r}))
from retrieval.commands import main
for line in sys.stdin.read().splitlines():
    print("$", line, flush=True)
    try:
        main(line.split("\\t"))
    except SystemExit as end:
        if end.code:
            sys.exit(f"{{line}} ended with {{end.code}}")
"""


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    lines = [
        {"file": f"pictures/{name}.png", "captions": [f"a {name} square"],
         "captions_ml": {"de": [f"{name} auf Deutsch"]}}
        for name in ("red", "green", "blue", "yellow")
    ]  # fmt: skip
    for name in ("red", "green", "blue", "yellow"):
        paint(tmp_path / "pictures" / f"{name}.png", name)
    path = tmp_path / "captions.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in lines))
    return path


@pytest.mark.slow
def test_every_command_with_the_built_in_model(corpus: Path, tmp_path: Path) -> None:
    red, green = (str(tmp_path / "pictures" / f"{name}.png") for name in ("red", "green"))
    commands = [
        ["index", str(tmp_path / "pictures")],
        ["search", "a red square"],
        ["search", "ein grünes Quadrat"],
        ["search", "--image", red],
        ["search", "in the snow + " + green + " - people", "--explain"],
        ["status"],
        ["captions", str(corpus)],
        ["label", "--labels", "red,green"],
        ["concept", "learn", "reddish", "--like", red],
        ["search", "concept:reddish"],
        ["classify", "--labels", "red,green", red, "a text"],
        ["describe", red],
        ["describe", red, "--corpus", str(corpus)],
        ["translate", "a red square", "--corpus", str(corpus), "--to", "de", "--via", "pictures"],
        ["evaluate", str(corpus)],
        ["duplicates"],
        ["map", str(tmp_path / "map.csv")],
        ["export", str(tmp_path / "all.npz")],
        ["model"],
        ["models"],
        ["models", "--json"],
        ["model", "use", "pocket"],
        ["remove", red],
    ]
    environment = {
        "PYTHONPATH": str(ROOT),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "PIXTRIEVE_LIBRARY": str(tmp_path / "library"),
    }
    done = subprocess.run(
        [sys.executable, "-c", LIGHT],
        input="\n".join("\t".join(command) for command in commands),
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "pip install 'pixtrieve[models]'" in done.stderr, "what index recommends"
    assert done.stdout.count("$ ") == len(commands)
    assert "needs: pip install 'pixtrieve[models]'" in done.stdout
    assert "needs: pip install 'pixtrieve[models,transformers]'" in done.stdout


@pytest.fixture
def without_open_clip(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "open_clip", None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.mark.parametrize(
    "command",
    [
        ["index", "pictures", "--model", "default"],
        ["index", "pictures", "--model", "ViT-B-32/openai"],
        ["index", "pictures", "--model", "hf-hub:me/mine"],
        ["index", "pictures", "--model", "ViT-B-32", "--checkpoint", "weights.safetensors"],
        ["index", "pictures", "--device", "cuda"],
        ["index", "pictures", "--device", "torch"],
        ["models", "fetch", "default"],
        ["models", "pack", "default", "there"],
    ],
)
def test_what_needs_more_names_it(
    command: list[str], corpus: Path, without_open_clip: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(corpus.parent)
    Path("weights.safetensors").write_bytes(b"x")
    from retrieval.errors import MissingExtra

    done = CliRunner().invoke(pixtrieve, command)
    assert isinstance(done.exception, MissingExtra), done.output
    assert "needs the package open_clip_torch, which is not installed" in done.exception.message
    assert "pip install 'pixtrieve[models]'" in done.exception.hint
    assert not Path("there").exists()


def test_a_misspelt_preset_is_still_named(without_open_clip: None) -> None:
    from retrieval.encoders.models.references import parse
    from retrieval.errors import ModelNotFound

    with pytest.raises(ModelNotFound) as caught:
        parse("defualt")
    assert "did you mean default" in caught.value.hint
