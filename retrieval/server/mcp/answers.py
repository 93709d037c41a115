"""The results of each tool. Empty fields are omitted: every word costs the model tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar, get_args, get_type_hints

from pydantic import BaseModel, BeforeValidator, Field, create_model

from retrieval.catalogue import ImageRow, TextRow
from retrieval.catalogue.facets import Facet
from retrieval.catalogue.tags import Tag
from retrieval.encoders.texts.languages import is_multilingual
from retrieval.folder.status import Status
from retrieval.library import Library
from retrieval.query.fields import BRIEF, COLUMNS, FIELDS, NAMES, PictureFacts
from retrieval.search.results import Hit, SearchResult
from retrieval.tagging.describing import Description

Form = TypeVar("Form", bound=BaseModel)

MOST_TAGS = 100
MOST_FOLDERS = 100
LONGEST_TEXT = 2_000

_LANGUAGES: dict[bool | None, Literal["many", "English", "unknown"]] = {
    True: "many",
    False: "English",
    None: "unknown",
}


def _readable(value: object) -> object:
    """Replace lone surrogates: they stand for bytes of a file name that are not valid text."""
    if not isinstance(value, str):
        return value
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


Text = Annotated[str, BeforeValidator(_readable)]
Score = Annotated[
    float | None,
    Field(
        description="Similarity to the query; compare scores only within one answer. None without "
        "a query."
    ),
]
Confidence = Annotated[
    float | None,
    Field(
        description="The probability that the picture matches the query, 0 to 1. None if it was "
        "not measured; use match then."
    ),
]


def _with_facts(columns: Sequence[str]) -> Callable[[type[Form]], type[Form]]:
    """Add facts of pictures (attributes of `PictureFacts`) to the fields of a model."""
    types = get_type_hints(PictureFacts)
    about = {column: field.about for field in FIELDS.values() for column in field.columns}
    about["date_source"] = (
        "source of the date: EXIF, the file name, or the file's modification time"
    )
    facts: dict[str, Any] = {}
    for name in columns:
        kind = types[name]
        default: Any = None if type(None) in get_args(kind) else ...
        if kind is str:
            kind, default = Text, ""
        elif name in NAMES:
            kind, default = list[Text], []
        facts[name] = (kind, Field(default, description=about[name]))

    def add(form: type[Form]) -> type[Form]:
        return create_model(form.__name__, __base__=form, __doc__=form.__doc__, **facts)

    return add


@_with_facts(BRIEF)
class Found(BaseModel):
    """A hit."""

    id: int
    path: Text
    score: Score = None
    confidence: Confidence = None
    match: Annotated[
        Literal["strong", "possible", "weak"] | None,
        Field(description="How well it matches; None if that is unknown."),
    ] = None
    copies: Annotated[list[Text], Field(description="Other files with the same bytes.")] = []
    moments: Annotated[list[float], Field(description="Seconds of a video that fit best.")] = []
    texts: Annotated[
        list[Text], Field(description="Lines of the picture's own texts that match the query.")
    ] = []
    group: Annotated[Text, Field(description="The day, folder, place … that it represents.")] = ""
    others: Annotated[int, Field(description="How many more hits its group has.")] = 0


class Hits(BaseModel):
    """Pictures, best first."""

    query: Text = ""
    where: Text = ""
    searched: Annotated[int, Field(description="How many pictures were searched.")]
    strong: Annotated[
        bool | None,
        Field(description="False: no hit seems to match the query. None: unknown."),
    ] = None
    unknown: Annotated[
        list[Text], Field(description="Words that the model does not know: use others.")
    ] = []
    notes: Annotated[list[Text], Field(description="Remarks about this answer.")] = []
    hits: list[Found]


class PictureText(BaseModel):
    """A text of a picture."""

    source: Annotated[
        Text,
        Field(description="caption, sidecar, xmp, embedded, name or ocr (read in the picture)."),
    ]
    text: Text


class Labelled(BaseModel):
    """A tag of a picture, by a label or a concept."""

    label: Text
    score: float


class Guess(BaseModel):
    """An everyday description that the model finds similar; it may be wrong."""

    text: Text
    score: float


@_with_facts(COLUMNS)
class Described(BaseModel):
    """Everything known about a picture."""

    id: int
    paths: list[Text]
    modified: Annotated[Text, Field(description="When the file was last changed.")] = ""
    texts: list[PictureText] = []
    tags: list[Labelled] = []
    albums: Annotated[list[Text], Field(description="The user's albums that have it.")] = []
    descriptions: Annotated[
        list[Guess],
        Field(description="The nearest phrases from a fixed list of everyday phrases: guesses."),
    ] = []
    note: Text = ""


class Folder(BaseModel):
    """An indexed folder; a `missing` one is not available now, for example on another drive."""

    path: Text
    missing: bool = False


class Used(BaseModel):
    """A tag, and its number of pictures."""

    label: Text
    pictures: int


class Holdings(BaseModel):
    """What the library holds."""

    library: Text
    pictures: int
    files: int
    damaged: Annotated[int, Field(description="Files that could not be read.")]
    unsupported: Annotated[int, Field(description="Files in formats that are not supported.")]
    folders: list[Folder]
    model: Text
    licence: Text = ""
    languages: Annotated[
        Literal["many", "English", "unknown"],
        Field(
            description="Languages the model understands; with English, write queries in English."
        ),
    ]
    texts: Annotated[
        dict[str, int], Field(description="How many pictures have a text from each source.")
    ] = {}
    tags: Annotated[
        list[Used], Field(description="The most common tags, for where: tag = '…'.")
    ] = []
    people: Annotated[
        list[Used], Field(description="The most common, for where: person = '…'.")
    ] = []
    places: Annotated[
        list[Used], Field(description="The most common, for where: place = '…'.")
    ] = []
    concepts: Annotated[
        list[Text], Field(description='Concepts the user has taught, for query: concept:"…".')
    ] = []


def hits_of(query: str, where: str, result: SearchResult, offset: int) -> Hits:
    """Return the hits that rank after the first `offset`, in the order of the result."""
    page = [hit for hit in result.hits if hit.rank > offset]
    found = [_found(hit, scored=result.scored) for hit in page]
    return Hits(
        query=query,
        where=where,
        searched=result.searched,
        strong=result.strong,
        unknown=list(result.unknown),
        notes=list(result.notes),
        hits=found,
    )


def described(
    image: ImageRow,
    texts: Sequence[TextRow],
    tags: Sequence[Tag],
    albums: Sequence[str],
    descriptions: Sequence[Description],
    note: str,
) -> Described:
    """Return everything known about a picture."""
    return Described(
        id=image.id,
        paths=list(image.paths),
        modified=_moment(image.mtime_ns),
        **{name: getattr(image, name) for name in COLUMNS},
        texts=[PictureText(source=row.source, text=_cut(row.text)) for row in texts],
        tags=[Labelled(label=tag.label, score=round(tag.score, 3)) for tag in tags],
        albums=list(albums),
        descriptions=[Guess(text=d.text, score=round(d.score, 4)) for d in descriptions],
        note=note,
    )


def holdings(library: Library) -> Holdings:
    """Return what a library holds; this does not load its model."""
    status: Status = library.status()
    facets = library.facets(MOST_TAGS)
    return Holdings(
        library=status.path,
        pictures=status.counts.images,
        files=status.counts.files,
        damaged=status.counts.damaged,
        unsupported=status.counts.unsupported,
        folders=[
            Folder(path=root.path, missing=root.missing) for root in status.roots[:MOST_FOLDERS]
        ],
        model=status.model.name,
        licence=status.model.licence,
        languages=_LANGUAGES[is_multilingual(status.model.name)],
        texts={source: count for source, count in library.texts.counts().items() if count},
        tags=[Used(label=t.label, pictures=t.images) for t in library.tags.all()[:MOST_TAGS]],
        people=_used(facets["person"]),
        places=_used(facets["place"]),
        concepts=[concept.name for concept in library.concepts.all()],
    )


def _found(hit: Hit, *, scored: bool) -> Found:
    sure = hit.confidence if scored else None
    return Found(
        id=hit.id,
        path=hit.path,
        score=round(hit.score, 4) if scored else None,
        confidence=None if sure is None else round(sure, 3),
        match=hit.match if scored else None,
        **{name: getattr(hit, name) for name in BRIEF},
        copies=list(hit.copies),
        moments=[moment.seconds for moment in hit.moments],
        texts=[_cut(snippet.text) for snippet in hit.texts],
        group=hit.group.name if hit.group else "",
        others=len(hit.group.others) if hit.group else 0,
    )


def _used(facets: Sequence[Facet]) -> list[Used]:
    return [Used(label=each.value, pictures=each.images) for each in facets[:MOST_TAGS]]


def _moment(mtime_ns: int) -> str:
    """Return a file's time in ISO 8601, "" if it is out of range."""
    try:
        return datetime.fromtimestamp(mtime_ns // 10**9, UTC).astimezone().isoformat()
    except (OverflowError, ValueError, OSError):
        return ""


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"
