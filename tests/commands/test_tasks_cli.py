"""The commands of labels, concepts, classification, descriptions and translations."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support.fake_model import install
from support.fakes import FakeEncoder

from retrieval import Library
from retrieval.commands import pixtrieve

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs `pixtrieve` on a library of four coloured pictures."""
    encoder = FakeEncoder()
    install(lambda: encoder, monkeypatch.setattr)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIXTRIEVE_LIBRARY", str(tmp_path / "library"))
    monkeypatch.chdir(pictures)
    with Library.create(tmp_path / "library", encoder) as library:
        library.add(pictures)

    def ask(*arguments: str) -> Result:
        return CliRunner().invoke(pixtrieve, arguments)

    return ask


def test_labels_from_the_command_line(run: Run, tmp_path: Path) -> None:
    assert json.loads(run("label", "--labels", "red,violin", "--json").stdout) == {
        "labels": {"red": 2, "violin": 0},
        "pictures": 4,
    }
    assert "2 tags" in run("label").stdout
    (tag,) = json.loads(run("label", "list", "--json").stdout)["tags"]
    assert tag == {"label": "red", "source": "label", "images": 2}
    assert run("label", "remove").exit_code == 2
    assert "2 tags" in run("label", "remove", "red").stdout
    assert "label --labels" in run("label", "list").stdout


def test_concepts_from_the_command_line(run: Run) -> None:
    done = run("concept", "learn", "warm", "--like", "red.png", "--unlike", "deep/blue.png")
    assert "too few to measure" in done.stdout
    assert "search 'concept:\"warm\"'" in done.stdout
    assert json.loads(run("concept", "list", "--json").stdout)["concepts"][0]["learned"]
    assert "  + #" in run("concept", "show", "warm").stdout
    (best, *_) = json.loads(run("search", 'concept:"warm"', "--json").stdout)["hits"]
    assert best["path"].endswith("red.png")
    assert "“warm”" in run("concept", "tag", "warm", "--least", "0.4").stdout
    assert "concept" in run("label", "list").stdout
    assert "“hot”" in run("concept", "rename", "warm", "hot").stdout
    assert run("concept", "show", "warm").exit_code == 1
    assert run("concept", "forget", "hot").exit_code == 0
    assert run("concept", "list").stdout.startswith("No concepts yet")


def test_classify_from_the_command_line(run: Run) -> None:
    done = run("classify", "--labels", "red,green,blue", "red.png", "green green", "--json")
    picture, text = json.loads(done.stdout)["items"]
    assert picture["labels"][0]["label"] == "red"
    assert text["labels"][0]["label"] == "green"
    lines = run("classify", "--labels", "red", "green.png").stdout.splitlines()
    assert lines[1].endswith("(none of these)")


def test_describe_and_translate_from_the_command_line(run: Run, pictures: Path) -> None:
    row = {"file": "red.png", "captions": ["red"], "captions_ml": {"de": ["rot"]}}
    (pictures / "c.jsonl").write_text(json.dumps(row), "utf-8")
    found = json.loads(run("describe", "red.png", "--corpus", "c.jsonl", "--json").stdout)
    assert found["texts"][0]["text"] == "red"
    done = run("translate", "red", "--corpus", "c.jsonl", "--to", "de", "--via", "pictures")
    assert done.stdout.split()[1:] == ["de", "rot"]
    assert run("translate", "red").exit_code == 2


def test_feedback_from_the_command_line(run: Run) -> None:
    def asked(*feedback: str) -> dict[str, dict[str, float]]:
        hits = json.loads(run("search", "white", *feedback, "--json").stdout)["hits"]
        return {Path(hit["path"]).stem: hit for hit in hits}

    before = asked()
    after = asked("--like", f"id:{before['blue']['id']}", "deep/blue.png", "--unlike", "red.png")
    lead = [hits["blue"]["score"] - hits["red"]["score"] for hits in (before, after)]
    assert lead[1] > lead[0] + 0.1
    assert list(after).index("blue") < list(after).index("red")
