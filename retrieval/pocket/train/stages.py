"""Run all stages of the training; each saves its result, so that a run can be resumed."""

from __future__ import annotations

import logging
import os
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from retrieval.pocket.train.corpus import Corpus
from retrieval.pocket.train.export import export
from retrieval.pocket.train.imitation import TokenizedCorpus, imitate, initial_tower
from retrieval.pocket.train.material import prepare_material
from retrieval.pocket.train.picture_stages import train_heads, tune
from retrieval.pocket.train.pretrained import Sentences
from retrieval.pocket.train.recipe import Recipe, Tuning
from retrieval.pocket.train.space import Space
from retrieval.pocket.train.together import learn_together, project_to_pictures
from retrieval.pocket.train.towers import Lower, TextTower, Upper, fold_norms

log = logging.getLogger(__name__)

_KNOWN_FROM = 2  # a word is known if at least this many texts contain it


def train(
    recipe: Recipe,
    data: Path,
    dictionary: Path,
    out: Path,
    backbone: torch.nn.Module,
    sentences: Sentences,
    seed: int = 0,
) -> Path:
    """Run all stages that `out` has no results of; return the folder of the checkpoint."""
    torch.manual_seed(seed)
    net = fold_norms(backbone)
    shape = recipe.shape
    lower = Lower(net)
    upper = Upper(net, shape.dim).to(memory_format=torch.channels_last)
    material = prepare_material(
        recipe, data, dictionary, out / "cache", lower, upper, sentences, seed
    )

    space = Space(shape.dim, len(material.corpus.keywords))

    def heads() -> dict[str, Any]:
        train_heads(material, upper, space, recipe.heads, seed)
        return {"upper": upper.state_dict(), "space": space.state_dict()}

    _load(_stage(out, "heads", heads), upper=upper, space=space)

    for number, sizes in enumerate(recipe.tuning, 1):

        def tuning(sizes: Tuning = sizes, number: int = number) -> dict[str, Any]:
            tuned, shaped = tune(material, upper, space, sizes, seed + number)
            return {"upper": tuned.state_dict(), "space": shaped.state_dict()}

        _load(_stage(out, f"tuning-{number}", tuning), upper=upper, space=space)
    tokenized = TokenizedCorpus.of(material, shape)
    tower = initial_tower(shape, tokenized, sentences)

    def imitation() -> dict[str, Any]:
        learned = imitate(material, tokenized, tower, recipe.imitation, seed)
        return {"tower": learned.state_dict()}

    _load(_stage(out, "imitation", imitation), tower=tower)
    projected = project_to_pictures(material, tokenized, tower, space, shape, seed)

    def together() -> dict[str, Any]:
        learned = learn_together(
            material, tokenized, projected, upper, space, recipe.together, seed
        )
        return {"tower": learned.state_dict()}

    _load(_stage(out, "together", together), tower=projected)
    folder = out / "checkpoint"
    words = known_words(material.corpus)
    export(folder, shape, lower, upper, projected, tokenized.vocabulary, words)
    return folder


def known_words(corpus: Corpus) -> set[str]:
    """Return the words that the model has learned, in lower case."""
    counts = Counter(
        word
        for text in (*corpus.texts, *corpus.foreign)
        for word in set(re.findall(r"[^\W_]+(?:['’-][^\W_]+)*", text.lower()))
    )
    named = {
        word
        for text, kind in zip(corpus.texts, corpus.kinds, strict=True)
        if kind in ("lemmas", "classes", "emoji")
        for word in re.findall(r"[^\W_]+(?:['’-][^\W_]+)*", text.lower())
    }
    return named | {word for word, count in counts.items() if count >= _KNOWN_FROM}


def _stage(out: Path, name: str, run: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return the saved result of a stage; run the stage first if there is none."""
    path = out / f"{name}.pt"
    if not path.exists():
        log.info("Stage %s", name)
        torch.save(run(), path.with_suffix(".part"))
        os.replace(path.with_suffix(".part"), path)
    result: dict[str, Any] = torch.load(path, weights_only=True)
    return result


def _load(result: dict[str, Any], **modules: Upper | Space | TextTower) -> None:
    for name, module in modules.items():
        module.load_state_dict(result[name])
