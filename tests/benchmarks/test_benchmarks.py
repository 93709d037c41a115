"""Each benchmark runs, in a tiny setting and without other programs, and prints its tables."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.painting import paint
from support.waiting import SUBPROCESS_S

from retrieval.encoders.models.references import built_in_folder
from retrieval.scoring.calibration import FILE

ROOT = Path(__file__).parents[2] / "benchmarks"
TINY = {
    "indexing.py": ("--web", "3", "--photos", "1", "--devices", "cpu:f32"),
    "asking.py": ("--sizes", "30", "60", "--questions", "2"),
    "assistants.py": ("--count", "6"),
    "rescan.py": ("--files", "30"),
    "scale.py": ("--counts", "30,60", "--only", "status", "search", "page"),
    "memory.py": ("--count", "1"),
    "isolation.py": ("--count", "3"),
    "decoding.py": ("--count", "1", "--only", "JPEG,"),
    "models.py": ("pocket", "--count", "2"),
    "endurance.py": ("--files", "40", "--changed", "40", "--queries", "40"),
    "card.py": ("--device", "torch", "--models", "ViT-S-32-alt", "--batches", "2"),
}


def bench(name: str, cache: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    common = ("--cache", str(cache), "--rounds", "1", "--without-peers", "--model", "pocket")
    command = [sys.executable, str(ROOT / name), *common, *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=SUBPROCESS_S
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "tables", "runs"),
    [
        ("indexing.py", 4, 1),
        ("asking.py", 2, 2),
        ("assistants.py", 1, 1),
        ("rescan.py", 1, 2),
        ("scale.py", 1, 1),
        ("memory.py", 1, 1),
        ("isolation.py", 1, 1),
        ("decoding.py", 3, 1),
        ("models.py", 1, 1),
        ("card.py", 2, 1),
        ("endurance.py", 2, 1),
    ],
)
def test_it_runs(name: str, tables: int, runs: int, tmp_path: Path) -> None:
    """What a first run leaves in the cache folder serves a second."""
    for _ in range(runs):
        done = bench(name, tmp_path / "cache", *TINY[name])
        assert done.returncode == 0, done.stderr
        lines = done.stdout.splitlines()
        rules = [number for number, line in enumerate(lines) if line.startswith("| --")]
        assert len(rules) == tables
        assert all(any(map(str.isdigit, lines[rule + 1])) for rule in rules)
    assert runs == 1 or "making" not in done.stderr


@pytest.mark.slow
def test_a_program_that_fails_is_not_measured(tmp_path: Path) -> None:
    done = bench("indexing.py", tmp_path, *TINY["indexing.py"], "--model", "local-dir:/nowhere")
    assert done.returncode != 0
    assert "there is no folder /nowhere" in done.stderr
    assert "| pixtrieve" not in done.stdout


@pytest.mark.slow
def test_precisions_are_compared(tmp_path: Path) -> None:
    for number in range(4):
        paint(tmp_path / f"{number}.png", (60 * number, 0, 90))
    captions = tmp_path / "captions.jsonl"
    lines = [{"file": f"{number}.png", "captions": ["red", "blue"]} for number in range(4)]
    captions.write_text("\n".join(map(json.dumps, lines)))
    done = bench("precision.py", tmp_path / "cache", "--captions", str(captions))
    assert done.returncode == 0, done.stderr
    rows = [line.split("|") for line in done.stdout.splitlines() if line.startswith("| cpu:")]
    assert {"cpu:f32", "cpu:int8"} <= {row[1].strip() for row in rows}
    assert all(float(row[4]) > 0.99 for row in rows), "cosines to torch"
    assert all(float(row[6]) > 0 for row in rows), "pictures a second"


COLOURS = {
    "red": (230, 20, 20),
    "green": (20, 210, 30),
    "blue": (20, 40, 230),
    "white": (240, 240, 240),
    "black": (10, 10, 10),
    "orange": (250, 150, 20),
}


@pytest.fixture
def labelled(tmp_path: Path) -> tuple[str, ...]:
    """Pictures in folders named for their colours, and captioned ones; as options."""
    lines = []
    for colour, (red, green, blue) in COLOURS.items():
        for number in range(30):
            near = (max(red - number % 7, 0), max(green - number % 5, 0), max(blue - number, 0))
            paint(tmp_path / "classes" / colour / f"{number}.png", near)
            thing = "dog" if colour == "red" else "boat"
            captions = [f"a {thing} is {colour}", f"the {thing}", "something"]
            lines.append({"file": f"classes/{colour}/{number}.png", "captions": captions})
    (tmp_path / "captions.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return (
        *("--captions", str(tmp_path / "captions.jsonl"), "--cache", str(tmp_path / "cache")),
        *("--pictures", str(tmp_path / "classes")),
    )


def measured(name: str, *arguments: str) -> str:
    command = [sys.executable, str(ROOT / name), *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=SUBPROCESS_S
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_nouns_are_counted_alone_and_beside_drawings(labelled: tuple[str, ...]) -> None:
    said = measured("nouns.py", *labelled[:4])
    rows = {
        line.split("|")[1].strip(): line.split("|") for line in said.splitlines() if "|" in line
    }
    assert (rows["dog"][2].strip(), rows["boat"][2].strip()) == ("30", "150")
    assert all(0 <= float(cell) <= 1 for cell in rows["boat"][3:6])
    assert "Nouns that find none by the bare word" in said


@pytest.mark.slow
def test_a_calibration_is_fitted_and_measured(labelled: tuple[str, ...], tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint"
    shutil.copytree(built_in_folder(), checkpoint)
    (checkpoint / FILE).unlink(missing_ok=True)
    model = ("--model", f"local-dir:{checkpoint}", "--draws", "2")
    plain = measured("confidence.py", *labelled, *model)
    assert "Reliability" not in plain
    assert "Labels without a calibration" in plain
    fitted = measured("confidence.py", *labelled, *model, "--fit")
    assert "Expected calibration error" in fitted
    assert (checkpoint / FILE).is_file()
    assert "Expected calibration error" in measured("confidence.py", *labelled, *model)


@pytest.mark.slow
def test_every_correction_for_hubs_is_tried(labelled: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "bank.txt").write_text("a dog\na car\na red car\n")
    said = measured("hubs.py", *labelled, "--bank", str(tmp_path / "bank.txt"))
    rows = [line.split("|")[1].strip() for line in said.splitlines() if line.startswith("| ")]
    assert rows[2:] == [
        "none",
        "bias",
        "nearest",
        "softmax",
        "qb-norm",
        "sinkhorn",
        "sinkhorn, dual",
    ]
