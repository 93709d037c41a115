"""What a search is asked for beside the question, and what it answers with: plain records."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from retrieval.query.fields import PictureFacts

if TYPE_CHECKING:
    from retrieval.catalogue import ImageRow
    from retrieval.scoring.confidence import Match
    from retrieval.search.text_search import Snippet
    from retrieval.stores import IdSet

LookIn = Literal["all", "pictures", "texts"]
"""What a question's words are compared with: pictures, the texts that come with them, or both."""


@dataclass(frozen=True, slots=True)
class TermScore:
    """What one term did for a hit: its cosine, and its part of the hit's score.

    The parts of an added score sum up to it; those of a product multiply up to it.
    """

    term: str
    cosine: float
    contribution: float


@dataclass(frozen=True, slots=True)
class Member:
    """A picture that is not shown, for a better one of its group is; as in `Hit`."""

    id: int
    path: str
    score: float


@dataclass(frozen=True, slots=True)
class Group:
    """What a hit stands for: a day, a folder, or a burst, and the others of it, best first."""

    name: str
    others: tuple[Member, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit(PictureFacts):
    """A picture that was found, with all that is known of it.

    `rank` counts from 1. `score`: higher is nearer; for one term, or several added, the cosine of
    question and picture, -1 to 1 (less what negative terms take off); for a product 0 to 1: see
    `search.fusion`. `confidence` is the probability, 0 to 1, that the picture shows what was asked,
    None where nothing was measured that says so; `match` says it in words, and is None where even
    those would be guessed (`search.sureness`). `terms` explains the score, when that was asked for.
    `path` is absolute; `copies` are other files with the very same bytes. `texts` are the lines of
    the picture's texts that fit the question, if any; they may have raised `score` above the
    cosine. `group` is set where groups were asked for.
    """

    rank: int
    score: float
    confidence: float | None
    path: str
    copies: tuple[str, ...]
    terms: tuple[TermScore, ...] = ()
    group: Group | None = None
    texts: tuple[Snippet, ...] = ()
    match: Match | None = None


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The answer to one question: hits, best first, out of `searched` pictures.

    With a filter, `searched` are those that fit it. Where nothing but a filter was given, nothing
    is `scored`: all scores are 0. `strong` is False where nothing found seems to be what was asked,
    None where that cannot be said; `unknown` are words of the question that the model has never
    seen. `sifted` is False where hits that are less sure could not be left out as was asked.
    """

    hits: tuple[Hit, ...]
    searched: int
    scored: bool = True
    strong: bool | None = None
    unknown: tuple[str, ...] = ()
    sifted: bool = True


@dataclass(frozen=True, slots=True)
class Wanted:
    """What kind of answer: `fuse` as in `asking.fusion`; `without` are image ids to leave out.

    Only vectors in `allowed` count, all if that is None. Hits whose `confidence` is below
    `min_confidence` are dropped; where none can be said, none are.
    `look_in` says what is compared with the question's words: pictures, their texts, or both.
    """

    k: int = 10
    fuse: str = "add"
    min_confidence: float = 0.0
    explain: bool = False
    without: AbstractSet[int] = frozenset()
    allowed: IdSet | None = None
    look_in: LookIn = "all"


def hit_of(
    rank: int,
    score: float,
    image: ImageRow,
    terms: tuple[TermScore, ...] = (),
) -> Hit:
    """Return an image as a hit, of which nothing is said yet of how sure it is."""
    return Hit(
        rank=rank,
        # Vectors rounded to half floats may be a hair longer than 1.
        score=max(-1.0, min(1.0, score)),
        confidence=None,
        path=image.paths[0],
        copies=image.paths[1:],
        terms=terms,
        **image.facts(),
    )
