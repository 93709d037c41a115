"""`pixtrieve concept`: teach a concept by examples, then ask with it."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from retrieval.commands.picture_options import ManyPictures, like_options
from retrieval.commands.terminal import device_option, library_option, plural, say, shown
from retrieval.library import Library
from retrieval.scoring.linear_head import ENOUGH
from retrieval.tagging.concepts import Concept


@click.group("concept")
def concept_command() -> None:
    r"""Teach a concept by examples, then ask with it.

    \b
    pixtrieve concept learn "our cat" --like a.jpg b.jpg c.jpg d.jpg --unlike other-cat.jpg
    pixtrieve search 'concept:"our cat" + on the sofa'
    """


@concept_command.command("learn", cls=ManyPictures)
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
    """Learn NAME from pictures that show it; those need not be indexed.

    Pictures from all over the library serve as weak counter-examples, so that --unlike is for
    what is easily mistaken for it. A name that is known is learned anew from these examples;
    without any, from those that it has: after a change of models.
    """
    with Library.open(library_path, device=device) as library:
        concept = library.concepts.learn(name, like, unlike)
    _show(concept, as_json=as_json)
    if not as_json:
        say(f"Ask with it: pixtrieve search 'concept:\"{shown(name)}\"'")


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
        say('There are none yet: pixtrieve concept learn "our cat" --like a.jpg b.jpg')


@concept_command.command("show")
@click.argument("name")
@library_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show_command(name: str, library_path: str, as_json: bool) -> None:
    """Show the examples of a concept and how well it was learned."""
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
    help="Tag pictures that show it at least so likely.",
)
@library_option
def tag_command(name: str, least: float, library_path: str) -> None:
    """Tag the pictures that show NAME; the tags that it gave earlier are taken back.

    No picture is read. Pictures that are indexed later get their tag when this is run again.
    """
    with Library.open(library_path) as library:
        count = library.concepts.tag(name, least)
    say(f"{plural(count, 'picture')} tagged “{shown(name)}”.")


@concept_command.command("forget")
@click.argument("name")
@library_option
def forget_command(name: str, library_path: str) -> None:
    """Forget a concept, and take its tags off."""
    with Library.open(library_path) as library:
        library.concepts.forget(name)
    say(f"“{shown(name)}” is forgotten.")


def _show(concept: Concept, *, as_json: bool) -> None:
    say(json.dumps(asdict(concept), indent=2) if as_json else _line(concept))


def _line(concept: Concept) -> str:
    count = f"{plural(len(concept.like), 'example')}, {len(concept.unlike)} against it"
    if not concept.learned:
        score = "learned with another model: learn it again"
    elif concept.auc is None or concept.accuracy is None:
        score = f"too few to say how well it is told: {ENOUGH} or more would do"
    else:
        score = (
            f"on examples left out in turn: AUC {concept.auc:.2f}, "
            f"{concept.accuracy:.0%} told right (guessing: 0.50, 50%)"
        )
    return f"{shown(concept.name)}  {count}; {score}"
