"""Train the pocket model: `python -m retrieval.pocket.train --data DIR --out DIR [--minutes N]`.

With `--start FOLDER` a finished checkpoint is trained further; the stage `text` is left out.
With `--start FOLDER --another` it becomes, in minutes, another teacher, in towers of its own size.
With `--teachers FOLDER FOLDER …` it learns to do what several finished checkpoints do together.

The folder of `--data` holds `train/` (the shards) and `flickr8k-dev/`. Decoded pictures,
checkpoints, the log, its learning curve and at the end the exported model go below `--out`.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from dataclasses import asdict, replace
from pathlib import Path

import torch

from retrieval.pocket.corpus import load_corpus
from retrieval.pocket.curve import draw_curve, read_curve
from retrieval.pocket.evaluate import load_development
from retrieval.pocket.export import export, load_shape
from retrieval.pocket.recipe import ANOTHER, DISTILLED, POCKET, Recipe
from retrieval.pocket.run import Run
from retrieval.pocket.shards import read_rows


def main(arguments: list[str] | None = None) -> None:
    """Read the command line, train, export."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    if chosen.another and not (chosen.start and not chosen.teachers):
        parser.error("--another goes with --start, and without --teachers")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    recipe = _recipe(chosen)
    chosen.out.mkdir(parents=True, exist_ok=True)
    corpus = load_corpus(chosen.data, chosen.out / "cache", recipe.scenes)
    run = Run(recipe, corpus, chosen.out, _device(chosen.device), chosen.seed)
    if chosen.start:
        run.start_from(chosen.start)
    if chosen.teachers:
        run.listen_to(chosen.teachers)
    if chosen.resume:
        run.resume()
    train(run, chosen.data)
    finish(run)


def train(run: Run, data: Path) -> None:
    """Run all stages; each record goes to the log file and to standard output."""
    development = load_development(data, run.recipe.shape.image_size, run.corpus.vocabulary)
    with (run.out / "log.jsonl").open("a", encoding="utf-8") as lines:
        for record in run.train(development):
            line = json.dumps(asdict(record)) + "\n"
            for stream in (lines, sys.stdout):
                stream.write(line)
                stream.flush()


def finish(run: Run) -> None:
    """Export the averaged weights and draw the learning curve."""
    vocabulary = run.corpus.vocabulary
    export(run.usable(batches=12), run.recipe.shape, vocabulary, run.out / "checkpoint")
    draw_curve(read_curve(read_rows(run.out / "log.jsonl"))).save(run.out / "curve.png")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Train the pocket model.")
    data = os.environ.get("PIXTRIEVE_DATA")
    parser.add_argument("--data", type=Path, default=data, required=data is None)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, help="length of the whole run")
    parser.add_argument("--steps", type=int, help="count steps and not minutes; repeatable")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tower", help="another image tower of timm, for a teacher")
    parser.add_argument("--start", type=Path, help="an exported checkpoint to train further")
    parser.add_argument("--teachers", type=Path, nargs="+", help="exported checkpoints to distil")
    parser.add_argument("--another", action="store_true", help="make a teacher of --start")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    return parser


def _recipe(chosen: argparse.Namespace) -> Recipe:
    recipe = POCKET.further() if chosen.start else POCKET
    recipe = DISTILLED if chosen.teachers else recipe
    if chosen.another:
        recipe = replace(ANOTHER, shape=load_shape(chosen.start))
    if chosen.tower:
        recipe = replace(recipe, shape=replace(recipe.shape, tower=chosen.tower))
    recipe = recipe.lasting(chosen.minutes) if chosen.minutes else recipe
    return recipe.counting(chosen.steps) if chosen.steps else recipe


def _device(name: str) -> str:
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return name


if __name__ == "__main__":
    main()
