"""`pixtrieve concept`: teach a concept from examples, then search with it."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict

import click

from retrieval.commands.base import Group
from retrieval.commands.picture_options import ManyPictures, examples, like_options
from retrieval.commands.terminal import device_option, library_option, plural, say, shown
from retrieval.library import Library
from retrieval.query import Term
from retrieval.scoring.linear_head import ENOUGH
from retrieval.tagging.concepts import Concept


@click.group(
    "concept",
    cls=Group,
    examples=(
        'pixtrieve concept learn "our cat" --like a.jpg b.jpg c.jpg d.jpg --unlike other-cat.jpg',
        "pixtrieve search 'concept:\"our cat\" + on the sofa'",
    ),
)
def concept_command() -> None:
    """Teach a concept from example pictures, then search with it."""


@concept_command.command(
    "learn",
    cls=ManyPictures,
    examples=(
        'pixtrieve concept learn "our cat" --like a.jpg b.jpg c.jpg d.jpg --unlike other-cat.jpg',
        'pixtrieve concept learn "our cat"   # again, from the examples that it has',
    ),
)
@click.argument("name")
@like_options
@library_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@device_option
def learn_command(
    name: str,
    like: tuple[str, ...],
    unlike: tuple[str, ...],
    library_path: str,
    as_json: bool,
    device: str,
) -> None:
    """Learn the concept NAME from pictures that show it.

    The pictures need not be indexed. Pictures from across the library serve as weak
    counter-examples, so use --unlike for what is easily confused with the concept. New examples
    replace earlier ones of the same name. Without examples, NAME is learned again from those that
    it has: do this after a change of models.
    """
    right, wrong = examples(like, library_path), examples(unlike, library_path)
    with Library.open(library_path, device=device) as library:
        concept = library.concepts.learn(name, right, wrong)
    _show(concept, as_json=as_json)
    if not as_json:
        term = shlex.quote(str(Term("concept", concept.name)))
        say(f"Search with it: pixtrieve search {shown(term)}")


@concept_command.command("list")
@library_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def list_command(library_path: str, as_json: bool) -> None:
    """List the concepts of a library."""
    with Library.open(library_path) as library:
        concepts = library.concepts.all()
    if as_json:
        say(json.dumps({"concepts": [asdict(concept) for concept in concepts]}, indent=2))
        return
    for concept in concepts:
        say(_line(concept))
    if not concepts:
        say('No concepts yet. Teach one: pixtrieve concept learn "our cat" --like a.jpg b.jpg')


@concept_command.command("show")
@click.argument("name")
@library_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show_command(name: str, library_path: str, as_json: bool) -> None:
    """Show a concept's examples and how well it was learned."""
    with Library.open(library_path) as library:
        concept = library.concepts.named(name)
    _show(concept, as_json=as_json)
    if not as_json:
        for sign, examples in (("+", concept.like), ("-", concept.unlike)):
            for example in examples:
                say(f"  {sign} {shown(example)}")


@concept_command.command("tag")
@click.argument("name")
@click.option(
    "--least",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="Lowest probability at which a picture is tagged.",
)
@library_option
def tag_command(name: str, least: float, library_path: str) -> None:
    """Tag the pictures that show the concept NAME.

    Replaces the tags that the concept gave earlier. Compares stored vectors; no picture is read.
    To tag pictures that you index later, run this command again.
    """
    with Library.open(library_path) as library:
        count = library.concepts.tag(name, least)
    say(f"Tagged {plural(count, 'picture')} with “{shown(name)}”.")


@concept_command.command("rename")
@click.argument("name")
@click.argument("new")
@library_option
def rename_command(name: str, new: str, library_path: str) -> None:
    """Give a concept and its tags another name.

    Saved searches that ask for the old name have to be saved again.
    """
    with Library.open(library_path) as library:
        concept = library.concepts.rename(name, new)
    say(f"The concept is now called “{shown(concept.name)}”.")


@concept_command.command("forget")
@click.argument("name")
@library_option
def forget_command(name: str, library_path: str) -> None:
    """Delete a concept and its tags."""
    with Library.open(library_path) as library:
        library.concepts.forget(name)
    say(f"Deleted the concept “{shown(name)}” and its tags.")


def _show(concept: Concept, *, as_json: bool) -> None:
    say(json.dumps(asdict(concept), indent=2) if as_json else _line(concept))


def _line(concept: Concept) -> str:
    count = f"{plural(len(concept.like), 'example')}, {len(concept.unlike)} counter-examples"
    if not concept.learned:
        score = "learned with another model, so learn it again"
    elif concept.auc is None or concept.accuracy is None:
        score = f"too few to measure its quality (needs {ENOUGH} or more)"
    else:
        score = (
            f"cross-validated: AUC {concept.auc:.2f}, accuracy {concept.accuracy:.0%} "
            "(chance: 0.50, 50%)"
        )
    return f"{shown(concept.name)}  {count}; {score}"
