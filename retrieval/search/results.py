"""The results of a search: its hits, and facts about the answer as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, is_dataclass
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
    """How one term scored a hit: the cosine, and the term's contribution to the hit's score.

    The score is the sum of the contributions; with `fuse="multiply"` it is their product.
    """

    term: str
    cosine: float
    contribution: float


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment of a video, in seconds from its beginning, and its cosine with the query."""

    seconds: float
    until: float
    score: float


@dataclass(frozen=True, slots=True)
class Member:
    """A picture that is represented by a better one of its group; fields as in `Hit`."""

    id: int
    path: str
    score: float


@dataclass(frozen=True, slots=True)
class Group:
    """The group that a hit represents, as a day or a place; its other pictures, best first."""

    name: str
    others: tuple[Member, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit(PictureFacts):
    """A picture that was found, with its facts.

    `rank` counts from 1. A higher `score` is nearer. For one term, or several added, it is the
    cosine of query and picture, -1 to 1, minus what negative terms subtract; for a product it is
    0 to 1: see `search.fusion`. `confidence` is the probability, 0 to 1, that the picture matches
    the query, or None if the model is not calibrated. `match` is a label for it, or None if there
    is no basis for one (`search.confidences`). `terms` explains the score, with the option
    `explain`. `path` is absolute; `copies` are other files with identical bytes. `texts` are the
    lines of the picture's texts that match the query; they may have raised `score` above the
    cosine. `group` is set with the option `group`. `moments` are those of a video that fit best,
    best first.
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
    moments: tuple[Moment, ...] = ()

    @property
    def at(self) -> float | None:
        """The second of a video to show, where its best moment begins; None if there is none."""
        return self.moments[0].seconds if self.moments else None

    def open(self) -> Image.Image:
        """Return the picture, upright, in RGB and at full size; of a video, one frame.

        Reads the first readable file of its copies. Raises PictureError if there is none.
        """
        from retrieval.images.decoding import load_picture

        *others, last = (self.path, *self.copies)
        for path in others:
            with suppress(PictureError):
                return load_picture(path)
        return load_picture(last)


@dataclass(frozen=True, slots=True)
class SearchResult(Sequence[Hit]):
    """The answer to one query: a sequence of hits, best first, from `searched` pictures.

    With a filter, `searched` counts the pictures that match it. With a filter alone, `scored` is
    False and all scores are 0. `strong` is False if no hit seems to match the query, None if that
    is unknown. `unknown` are words of the query that the model does not know. `sifted` is False if
    `min_confidence` was set but the hits have no probabilities, so that none was left out.
    `damaged` vectors, of pictures or their texts, did not count, because a fault has changed them.
    """

    hits: tuple[Hit, ...]
    searched: int
    scored: bool = True
    strong: bool | None = None
    unknown: tuple[str, ...] = ()
    sifted: bool = True
    damaged: int = 0

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
        """Warnings about the answer as a whole, one sentence each; () if there are none."""
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
        if self.damaged:
            several = self.damaged > 1
            found.append(
                (f"{self.damaged:,} damaged vectors are" if several else "A damaged vector is")
                + f" left out of this answer. To make {'them' if several else 'it'} anew: "
                "pixtrieve index"
            )
        return tuple(found)

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return the hits as plain values for JSON; `mtime` is in seconds since 1970."""
        return [_as_dict(hit) for hit in self.hits]

    def to_dict(self) -> dict[str, Any]:
        """Return the whole answer as plain values for JSON."""
        return {
            "searched": self.searched,
            "strong": self.strong,
            "unknown": list(self.unknown),
            "damaged": self.damaged,
            "notes": list(self.notes),
            "hits": self.to_dicts(),
        }

    def _repr_html_(self) -> str:
        """Return the first hits as HTML thumbnails, which notebooks show."""
        from retrieval.search.notebook import Thumbnail, strip_of

        pictures = [
            Thumbnail(hit.rank, (hit.path, *hit.copies), hit.confidence, hit.at)
            for hit in self.hits
        ]
        return strip_of(pictures, self.notes)


def _as_dict(hit: Hit) -> dict[str, Any]:
    # `asdict` copies each text and number of a hit: it takes five times as long.
    facts = {each.name: _plain(getattr(hit, each.name)) for each in fields(hit)}
    facts["mtime"] = hit.mtime_ns / 1e9
    del facts["mtime_ns"]
    # The most important fields come first.
    return {name: facts[name] for name in ("rank", "score", "confidence", "path", "id")} | facts


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value


def hit_of(
    rank: int,
    score: float,
    image: ImageRow,
    terms: tuple[TermScore, ...] = (),
) -> Hit:
    """Return an image as a hit, without a confidence."""
    return Hit(
        rank=rank,
        score=score,
        confidence=None,
        path=image.paths[0],
        copies=image.paths[1:],
        terms=terms,
        **image.facts(),
    )
