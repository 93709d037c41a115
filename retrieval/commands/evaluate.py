"""`pixtrieve evaluate`: measure how well a model finds pictures by their captions."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import click

from retrieval.commands.base import Command
from retrieval.commands.model_choice import model_options
from retrieval.commands.progress_line import Counter, ProgressLine
from retrieval.commands.read_options import reading_options
from retrieval.commands.terminal import (
    UserPath,
    device_option,
    library_option,
    plural,
    say,
    shown,
)
from retrieval.encoders import Encoder, open_encoder
from retrieval.evaluation.captions import evaluate_pictures, read_captions
from retrieval.evaluation.metrics import KS, Evaluation, Measures
from retrieval.indexing.progress import IndexOptions
from retrieval.library import Library
from retrieval.tagging.corpora import ENGLISH


@click.command("evaluate", cls=Command, examples=("pixtrieve evaluate captions.jsonl",))
@click.argument("captions", type=UserPath())
@library_option
@model_options("Measure this model instead of the library's.")
@click.option("--lang", default=ENGLISH, show_default=True, help="Language of the captions to use.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@device_option
@reading_options
def evaluate_command(
    captions: str,
    lang: str,
    library_path: str,
    reference: str | None,
    as_json: bool,
    device: str,
    options: IndexOptions,
) -> None:
    """Measure retrieval quality on captioned pictures.

    CAPTIONS is a file of JSON lines like {"file": "a.jpg", "captions": ["…", "…"]}, with paths
    relative to it. Captions in other languages are in "captions_ml": {"de": ["…"]}. Prints recall,
    median rank, MRR and nDCG from text to image and from image to text. Without --model it
    measures the library's model, and uses stored vectors where the library has them.
    """
    pictures = read_captions(captions, lang)
    show = _progress(len(pictures))
    started = time.perf_counter()
    if reference is not None:
        encoder: Encoder = open_encoder(reference, device=device)
        evaluation = evaluate_pictures(pictures, encoder, lambda _: None, options, show)
    else:
        with Library.open(library_path, device=device) as library:
            encoder = library.encoder()
            with library.stored_vectors() as known:
                evaluation = evaluate_pictures(pictures, encoder, known, options, show)
    if as_json:
        facts = {**evaluation.as_json(), "lang": lang, "model": encoder.spec.name}
        say(json.dumps({**facts, "fingerprint": encoder.spec.fingerprint}, indent=2))
        return
    say(
        f"{shown(encoder.spec.name)} on {plural(evaluation.images, 'picture')} with "
        f"{plural(evaluation.captions, 'caption')}, {time.perf_counter() - started:.0f} s"
    )
    for line in _table(evaluation):
        say(line)


def _progress(total: int) -> Callable[[int], None]:
    counter = Counter(ProgressLine(), "Encoded", "pictures")
    return lambda done: counter.show(done, total)


def _table(evaluation: Evaluation) -> list[str]:
    recall = "".join(f"{f'R@{k}':>8}" for k in KS)
    lines = [f"{'':14}{recall}{'MedR':>8}{'MRR':>8}{'nDCG@10':>9}"]
    for name, measures, chance in (
        ("text→image", evaluation.text_to_image, evaluation.chance_text_to_image),
        ("image→text", evaluation.image_to_text, evaluation.chance_image_to_text),
    ):
        lines.append(_row(name, measures))
        lines.append(f"{'  by chance':14}" + "".join(f"{chance[k]:8.3f}" for k in KS))
    return lines


def _row(name: str, measures: Measures) -> str:
    recall = "".join(f"{measures.recall[k]:8.3f}" for k in KS)
    return f"{name:14}{recall}{measures.median_rank:8.1f}{measures.mrr:8.3f}{measures.ndcg:9.3f}"
