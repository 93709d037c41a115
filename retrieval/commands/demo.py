"""`pixtrieve demo`: indexes and searches pictures that it draws."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import click
import numpy as np

from retrieval.commands.base import Command
from retrieval.commands.index_report import run_shown, summary
from retrieval.commands.pages import write_whole
from retrieval.commands.progress_line import Counter, ProgressLine
from retrieval.commands.sheet import contact_sheet
from retrieval.commands.terminal import UserPath, home_relative, plural, say, shown
from retrieval.encoders.models.references import BUILT_IN
from retrieval.evaluation.metrics import Evaluation, evaluate
from retrieval.library import Library
from retrieval.query import Query, Term
from retrieval.scenes.dataset import SceneFile, draw_scenes
from retrieval.search.results import SearchResult
from retrieval.vectors import from_blobs

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class DemoAnswer:
    """A query, its result, and the path of the correct picture ("" where several are)."""

    query: str
    result: SearchResult
    right: str = ""


@click.command("demo", cls=Command, examples=("pixtrieve demo --open",))
@click.argument("folder", type=UserPath(file_okay=False), default="pixtrieve-demo")
@click.option(
    "--count",
    type=click.IntRange(20, 2000),
    default=200,
    show_default=True,
    help="How many scenes to draw.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Seed of the random choices; the same seed draws the same scenes.",
)
@click.option(
    "--model", default=BUILT_IN, show_default=True, help="Model to use. See: pixtrieve models."
)
@click.option("--open", "open_page", is_flag=True, help="Open the results page in the browser.")
def demo_command(folder: str, count: int, seed: int, model: str, open_page: bool) -> int:
    """Try Pixtrieve on pictures that it draws.

    Draws scenes into FOLDER, indexes them in a library of their own (FOLDER/library), and searches
    them by text, by example picture and by both. Your own library is not touched.
    """
    pictures, library_path = os.path.join(folder, "pictures"), os.path.join(folder, "library")
    _require_own(folder)
    say(f"Drawing {plural(count, 'scene')} into {shown(pictures)} …")
    drawn = list(_drawn(os.path.abspath(pictures), count, seed))
    opened = (
        Library.open(library_path, model)
        if Library.exists(library_path)
        else Library.create(library_path, model)
    )
    with opened as library:
        progress = run_shown(lambda stop: library.iter_index([pictures], stop=stop))
        for line in summary(progress, library.status(), [pictures]):
            say(line)
        if progress.stopped:
            return 130
        answers = list(ask(library, drawn, 10))
        full = measure(library, drawn, fullest=True)
        every = measure(library, drawn, fullest=False)
    for one in answers:
        _show(one)
    say("\nHow often a caption finds its scene: as the first hit, and among the first five.")
    for name, evaluation in (("full captions", full), ("all captions", every)):
        recall = evaluation.text_to_image.recall
        say(f"  {evaluation.captions:5} {name:13} {recall[1]:6.1%} {recall[5]:6.1%}")
    say(f"  {'by chance':19} {1 / count:6.1%} {min(5 / count, 1):6.1%}")
    sheet = os.path.join(folder, "answers.html")
    write_whole(sheet, contact_sheet([(one.query, one.result) for one in answers]).encode())
    say(f"Results as a page:      {shown(sheet)}")
    say(f'Search these scenes:    pixtrieve search "a red car" --library {_quoted(library_path)}')
    say("Index your pictures:    pixtrieve index FOLDER")
    say('Search your pictures:   pixtrieve search "two dogs on a beach"')
    if open_page:
        click.launch(sheet)
    return 0


def _drawn(folder: str, count: int, seed: int) -> Iterator[SceneFile]:
    with ProgressLine() as line:
        counter = Counter(line, "Drew", "scenes")
        for number, scene in enumerate(draw_scenes(folder, count, seed), 1):
            counter.show(number, count)
            yield scene


def ask(library: Library, drawn: Sequence[SceneFile], k: int) -> Iterator[DemoAnswer]:
    """Search by text, by an example picture, and by both together."""
    step = max(len(drawn) // 5, 1)
    for scene in drawn[1::step][:5]:
        caption = scene.captions[0]
        yield DemoAnswer(caption, library.search(caption, k), scene.path)
    example = drawn[len(drawn) // 2].path
    name = os.path.basename(example)
    picture = Term("picture", example)
    yield DemoAnswer(f"pictures like {name}", library.search(Query((picture,)), k))
    words = "at night with stars and the moon"
    both = Query((picture, Term("text", words)))
    yield DemoAnswer(f"{name} + “{words}”", library.search(both, k))
    something, but = "a red car", "at night"
    without = Query((Term("text", something), Term("text", but, negative=True)))
    yield DemoAnswer(f"“{something}” - “{but}”", library.search(without, k))


def measure(library: Library, drawn: Sequence[SceneFile], *, fullest: bool) -> Evaluation:
    """Measure how often captions that describe exactly one scene find it.

    `fullest` takes each scene's fullest caption only, otherwise all count, terse ones included.
    """
    stored = {path: blob for row, blob in library.images() for path in row.paths}
    images = from_blobs([stored[scene.path] for scene in drawn], library.model.dim)
    asked = [scene.captions[:1] if fullest else scene.captions for scene in drawn]
    texts = [caption for captions in asked for caption in captions]
    owner = np.repeat(np.arange(len(drawn)), [len(captions) for captions in asked])
    return evaluate(images, library.encoder().encode_texts(texts), owner)


def _require_own(folder: str) -> None:
    """Raise an error if a folder contains anything but a demo's files."""
    own = {"pictures", "library", "answers.html"}
    if os.path.isdir(folder) and not set(os.listdir(folder)) <= own:
        raise click.UsageError(f"{shown(folder)} contains other files. Name a new folder.")


def _quoted(path: str) -> str:
    return shown(shlex.quote(path))


def _show(one: DemoAnswer) -> None:
    say(f"\n{click.style(one.query, bold=True)}")
    for hit in one.result.hits[:_SHOWN]:
        mark = click.style("  ← correct", fg="green") if hit.path == one.right else ""
        say(f"  {hit.score:.3f}  {shown(home_relative(hit.path))}{mark}")
