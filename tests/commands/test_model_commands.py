"""Which model is taken, when a person is asked before one is fetched, and `pixtrieve models`."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from support.command_line import Run

import retrieval.commands.evaluate
import retrieval.context
import retrieval.folder.opening
import retrieval.images.decoding
import retrieval.library
from retrieval.encoders import ModelIdentity
from retrieval.errors import ModelUnavailable


def test_another_model_for_a_library_is_refused(
    run: Run, indexed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        retrieval.folder.opening, "identify", lambda name: ModelIdentity(name, "another")
    )
    done = run("index", indexed, "--model", "best")
    assert done.code == 1
    assert "is another model" in done.err
    assert "pixtrieve model use" in done.err


def test_models_are_listed(run: Run) -> None:
    out = run("models").out
    for name in ("default", "fast", "multilingual", "best"):
        assert name in out
    assert "licence Apache-2.0" in out
    assert "R@1 50.9 COCO (Meta); languages: English" in out
    assert out.count("needs: pip install 'pixtrieve[transformers]'") == 2
    research = out[out.index("Not presets") :]
    assert "MobileCLIP2-S2/dfndr2b: Apple's, for research only" in research
    assert "CC-BY-NC-4.0, not for commercial use" in research
    facts = json.loads(run("models", "--json").out)
    assert facts["presets"][0]["on_disk"] in (True, False)


def test_without_a_model_the_small_one_is_taken_and_it_says_so(run: Run, pictures: Path) -> None:
    done = run("index", pictures)
    assert done.code == 0
    assert "Model: pocket" in done.err
    assert "English" in done.err
    assert "pixtrieve models fetch default" in done.err
    assert "pixtrieve model use default" in done.err
    assert run("index", pictures).err == "", "said once"


def test_the_recommended_model_is_taken_when_it_is_here(
    run: Run, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retrieval.encoders.models.registry.on_disk", lambda _: ("weights",))
    done = run("index", pictures)
    assert "Model: PE-Core-B-16/meta (Apache-2.0)" in done.err


@pytest.mark.parametrize("answer", [True, False])
def test_on_a_terminal_it_asks_before_it_fetches(
    run: Run, pictures: Path, monkeypatch: pytest.MonkeyPatch, answer: bool
) -> None:
    asked: list[str] = []
    fetched: list[str] = []

    def confirm(text: str, **_: Any) -> bool:
        asked.append(text)
        return answer

    model_choice = "retrieval.commands.model_choice"
    monkeypatch.setattr(f"{model_choice}.is_interactive", lambda: True)
    monkeypatch.setattr("click.confirm", confirm)
    monkeypatch.setattr(f"{model_choice}.fetch_with_progress", fetched.append)
    done = run("index", pictures)
    assert len(asked) == 1
    assert "1.8 GB" in asked[0]
    assert "pocket" in asked[0]
    assert fetched == (["default"] if answer else [])
    assert ("pocket" in done.err) is not answer


def test_a_named_model_is_fetched_only_when_a_person_agrees(
    run: Run, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[str] = []
    model_choice = "retrieval.commands.model_choice"
    monkeypatch.setattr(f"{model_choice}.fetch_with_progress", fetched.append)
    monkeypatch.setattr("click.confirm", lambda *_, **__: True)
    run("index", pictures, "--model", "fast", "--library", "one")
    assert fetched == []
    monkeypatch.setattr(f"{model_choice}.is_interactive", lambda: True)
    run("index", pictures, "--model", "fast", "--library", "two")
    assert fetched == ["ViT-B-32-SigLIP2-256/webli"]
    run("model", "use", "local-dir:/nowhere", "--library", "two")
    assert len(fetched) == 1


def test_what_a_model_needs_besides_is_said_before_it_is_fetched(
    run: Run, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def refuse(text: str, **_: Any) -> bool:
        asked.append(text)
        return False

    find = importlib.util.find_spec
    for module in ("model_choice", "models"):
        monkeypatch.setattr(f"retrieval.commands.{module}.fetch_with_progress", lambda _: ("file",))
    monkeypatch.setattr("retrieval.commands.model_choice.is_interactive", lambda: True)
    monkeypatch.setattr("click.confirm", refuse)
    needs = "pip install 'pixtrieve[transformers]'"
    for there in (False, True):
        monkeypatch.setattr(
            "importlib.util.find_spec",
            lambda name, *rest: (
                there or None if name == "transformers" else find(name, *rest)  # noqa: B023
            ),
        )
        run("index", pictures, "--model", "fast", "--library", f"library-{there}")
        assert (needs in asked.pop()) is not there
        assert (needs in run("models", "fetch", "fast").out) is not there
    assert needs not in run("models", "fetch", "default").out


def test_when_fetching_fails_the_small_one_is_taken(
    run: Run, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: str) -> None:
        raise ModelUnavailable("no network", "plug it in")

    model_choice = "retrieval.commands.model_choice"
    monkeypatch.setattr(f"{model_choice}.is_interactive", lambda: True)
    monkeypatch.setattr("click.confirm", lambda *_, **__: True)
    monkeypatch.setattr(f"{model_choice}.fetch_with_progress", fail)
    done = run("index", pictures)
    assert done.code == 0
    assert "no network" in done.err
    assert "pocket" in done.err


def test_models_of_the_library(run: Run, indexed: Path) -> None:
    assert run("model").out == "* fake  4 pictures\n"
    done = run("model", "use", "fast")
    assert done.code == 0
    assert "uses the model fake" in done.out
    assert run("model", "forget", "fast").code == 1
