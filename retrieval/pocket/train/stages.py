"""All stages of the training, one after the other, each kept when it is done."""

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
from retrieval.pocket.train.imitation import Reading, first_tower, imitate
from retrieval.pocket.train.material import prepare_material
from retrieval.pocket.train.picture_stages import Space, train_heads, tune
from retrieval.pocket.train.pretrained import Sentences
from retrieval.pocket.train.recipe import Recipe, Tuning
from retrieval.pocket.train.together import learn_together, towards
from retrieval.pocket.train.towers import Lower, TextTower, Upper, fold_norms

log = logging.getLogger(__name__)

_KNOWN_FROM = 2  # texts that have a word, for it to be a word that the model knows


def train(
    recipe: Recipe,
    data: Path,
    dictionary: Path,
    out: Path,
    backbone: torch.nn.Module,
    sentences: Sentences,
    seed: int = 0,
) -> Path:
    """Run all stages and return the folder of the checkpoint."""
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
    reading = Reading.of(material, shape)
    tower = first_tower(shape, reading, sentences)

    def imitation() -> dict[str, Any]:
        learned = imitate(material, reading, tower, recipe.imitation, seed)
        return {"tower": learned.state_dict()}

    _load(_stage(out, "imitation", imitation), tower=tower)
    turned = towards(material, reading, tower, space, shape, seed)

    def together() -> dict[str, Any]:
        learned = learn_together(material, reading, turned, upper, space, recipe.together, seed)
        return {"tower": learned.state_dict()}

    _load(_stage(out, "together", together), tower=turned)
    folder = out / "checkpoint"
    words = known_words(material.corpus)
    export(folder, shape, lower, upper, turned, reading.vocabulary, words)
    return folder


def known_words(corpus: Corpus) -> set[str]:
    """Return the words that the model has learned: in lower case, as people write them."""
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
    """Return what a stage left behind; run it if it has not been."""
    path = out / f"{name}.pt"
    if not path.exists():
        log.info("stage: %s", name)
        torch.save(run(), path.with_suffix(".part"))
        os.replace(path.with_suffix(".part"), path)
    kept: dict[str, Any] = torch.load(path, weights_only=True)
    return kept


def _load(kept: dict[str, Any], **modules: Upper | Space | TextTower) -> None:
    for name, module in modules.items():
        module.load_state_dict(kept[name])
