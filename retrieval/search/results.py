"""What a search answers with: hits, and what is to be known of the answer as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, overload

from retrieval.errors import PictureError
from retrieval.query.fields import PictureFacts

if TYPE_CHECKING:
    from PIL import Image

    from retrieval.catalogue import ImageRow
    from retrieval.scoring.confidence import Match
    from retrieval.search.text_search import Snippet


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

    def open(self) -> Image.Image:
        """Read the picture: upright, in RGB, at its full size.

        The first of its files that can be read is taken. Raises PictureError when none can.
        """
        from retrieval.images.decoding import load_picture

        *others, last = (self.path, *self.copies)
        for path in others:
            with suppress(PictureError):
                return load_picture(path)
        return load_picture(last)


@dataclass(frozen=True, slots=True)
class SearchResult(Sequence[Hit]):
    """The answer to one question, a sequence of hits, best first, out of `searched` pictures.

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

    def __len__(self) -> int:
        return len(self.hits)

    @overload
    def __getitem__(self, place: int) -> Hit: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Hit, ...]: ...
    def __getitem__(self, place: int | slice) -> Hit | tuple[Hit, ...]:
        return self.hits[place]

    @property
    def notes(self) -> tuple[str, ...]:
        """What the hits do not say themselves, a sentence each; () when all is well."""
        found = []
        if self.unknown:
            words = ", ".join(f"“{word}”" for word in self.unknown)
            found.append(
                f"The model does not know {words}: only names and texts that come with pictures "
                "can answer."
            )
        if self.strong is False and self.hits:
            found.append("No strong matches: these are only the nearest.")
        if not self.sifted:
            found.append("This library has no confidences to filter by, so nothing was left out.")
        return tuple(found)

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return the hits as plain values, as JSON has them: `mtime` is in seconds."""
        return [_as_dict(hit) for hit in self.hits]

    def to_dict(self) -> dict[str, Any]:
        """Return the whole answer as plain values, as JSON has it."""
        return {
            "searched": self.searched,
            "strong": self.strong,
            "unknown": list(self.unknown),
            "notes": list(self.notes),
            "hits": self.to_dicts(),
        }

    def _repr_html_(self) -> str:
        """Show the first hits as thumbnails in a notebook."""
        from retrieval.search.notebook import Thumbnail, strip_of

        pictures = [
            Thumbnail(hit.rank, (hit.path, *hit.copies), hit.confidence) for hit in self.hits
        ]
        return strip_of(pictures, self.notes)


def _as_dict(hit: Hit) -> dict[str, Any]:
    facts = {**asdict(hit), "mtime": hit.mtime_ns / 1e9}
    del facts["mtime_ns"]
    # What people look for comes first.
    return {name: facts[name] for name in ("rank", "score", "confidence", "path", "id")} | facts


def hit_of(
    rank: int,
    score: float,
    image: ImageRow,
    terms: tuple[TermScore, ...] = (),
) -> Hit:
    """Return an image as a hit, of which nothing is said yet of how sure it is."""
    return Hit(
        rank=rank,
        score=score,
        confidence=None,
        path=image.paths[0],
        copies=image.paths[1:],
        terms=terms,
        **image.facts(),
    )
