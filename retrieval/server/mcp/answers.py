"""What each tool answers with. What is empty is left out: every word costs a model something."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar, get_args, get_type_hints

from pydantic import BaseModel, BeforeValidator, Field, create_model

from retrieval.catalogue import ImageRow, TextRow
from retrieval.catalogue.tags import Tag
from retrieval.encoders.texts.languages import is_multilingual
from retrieval.folder.status import Status
from retrieval.library import Library
from retrieval.query.fields import BRIEF, COLUMNS, FIELDS, PictureFacts
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
    """Replace what is no text: a file's name may hold any bytes, as lone surrogates."""
    if not isinstance(value, str):
        return value
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


Words = Annotated[str, BeforeValidator(_readable)]
Score = Annotated[
    float | None,
    Field(description="Nearness to the question; compare within one answer. None without one."),
]
Confidence = Annotated[
    float | None,
    Field(
        description="The probability that the picture shows what was asked, 0 to 1. None where "
        "none was measured: match says it in words then."
    ),
]


def _with_facts(columns: Sequence[str]) -> Callable[[type[Form]], type[Form]]:
    """Add facts of pictures (attributes of `PictureFacts`) to what a form declares itself."""
    types = get_type_hints(PictureFacts)
    about = {column: field.about for field in FIELDS.values() for column in field.columns}
    about["date_source"] = "where date is from: EXIF, the file's name, or the file's own date"
    facts: dict[str, Any] = {}
    for name in columns:
        default = "" if types[name] is str else None if type(None) in get_args(types[name]) else ...
        kind = Words if types[name] is str else types[name]
        facts[name] = (kind, Field(default, description=about[name]))

    def add(form: type[Form]) -> type[Form]:
        return create_model(form.__name__, __base__=form, __doc__=form.__doc__, **facts)

    return add


@_with_facts(BRIEF)
class Found(BaseModel):
    """A picture that was found."""

    id: int
    path: Words
    score: Score = None
    confidence: Confidence = None
    match: Annotated[
        Literal["strong", "possible", "weak"] | None,
        Field(description="How well it fits, in words; None where that cannot be said."),
    ] = None
    copies: Annotated[list[Words], Field(description="Other files with the very same bytes.")] = []
    texts: Annotated[
        list[Words], Field(description="Lines of the picture's own texts that fit the question.")
    ] = []
    group: Annotated[Words, Field(description="The day, folder or burst it stands for.")] = ""
    others: Annotated[int, Field(description="How many further hits its group has.")] = 0


class Hits(BaseModel):
    """Pictures, best first."""

    query: Words = ""
    where: Words = ""
    searched: Annotated[int, Field(description="How many pictures were compared.")]
    strong: Annotated[
        bool | None,
        Field(description="False: nothing found seems to be what was asked. None: hard to say."),
    ] = None
    unknown: Annotated[
        list[Words], Field(description="Words that the model has never seen: ask in others.")
    ] = []
    notes: Annotated[list[Words], Field(description="What to know of this answer.")] = []
    hits: list[Found]


class PictureText(BaseModel):
    """A text that came with a picture."""

    source: Annotated[
        Words, Field(description="caption, sidecar, xmp, embedded, name or ocr (read in it).")
    ]
    text: Words


class Labelled(BaseModel):
    """A tag of a picture, by a label or a concept."""

    label: Words
    score: float


class Guess(BaseModel):
    """An everyday description that the model finds near; it may be wrong."""

    text: Words
    score: float


@_with_facts(COLUMNS)
class Described(BaseModel):
    """What is known of a picture."""

    id: int
    paths: list[Words]
    modified: Annotated[Words, Field(description="When the file was changed.")] = ""
    texts: list[PictureText] = []
    tags: list[Labelled] = []
    descriptions: Annotated[
        list[Guess], Field(description="The nearest of a fixed list of everyday phrases: guesses.")
    ] = []
    note: Words = ""


class Folder(BaseModel):
    """A folder that was indexed; what is `missing` is on a drive that is not there now."""

    path: Words
    missing: bool = False


class Used(BaseModel):
    """A tag, and how many pictures have it."""

    label: Words
    pictures: int


class Holdings(BaseModel):
    """What the library holds."""

    library: Words
    pictures: int
    files: int
    damaged: Annotated[int, Field(description="Files that could not be read.")]
    unsupported: Annotated[int, Field(description="Files in formats that are not read.")]
    folders: list[Folder]
    model: Words
    licence: Words = ""
    languages: Annotated[
        Literal["many", "English", "unknown"],
        Field(description="What the model understands: with English, ask in English."),
    ]
    texts: Annotated[
        dict[str, int], Field(description="How many pictures have a text of each source.")
    ] = {}
    tags: Annotated[list[Used], Field(description="The commonest tags, for where: tag = '…'.")] = []
    concepts: Annotated[
        list[Words], Field(description='What the user has taught, for query: concept:"…".')
    ] = []


def hits_of(query: str, where: str, result: SearchResult, offset: int) -> Hits:
    """Return the page of an answer behind the `offset` best, however it is sorted."""
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
    descriptions: Sequence[Description],
    note: str,
) -> Described:
    """Return all that is known of a picture."""
    return Described(
        id=image.id,
        paths=list(image.paths),
        modified=_moment(image.mtime_ns),
        **{name: getattr(image, name) for name in COLUMNS},
        texts=[PictureText(source=row.source, text=_cut(row.text)) for row in texts],
        tags=[Labelled(label=tag.label, score=round(tag.score, 3)) for tag in tags],
        descriptions=[Guess(text=d.text, score=round(d.score, 4)) for d in descriptions],
        note=note,
    )


def holdings(library: Library) -> Holdings:
    """Return what a library holds; nothing needs its model."""
    status: Status = library.status()
    return Holdings(
        library=status.path,
        pictures=status.counts.images,
        files=status.counts.files,
        damaged=status.counts.problems,
        unsupported=status.counts.unsupported,
        folders=[
            Folder(path=root.path, missing=root.missing) for root in status.roots[:MOST_FOLDERS]
        ],
        model=status.model.name,
        licence=status.model.licence,
        languages=_LANGUAGES[is_multilingual(status.model.name)],
        texts={source: count for source, count in library.texts.counts().items() if count},
        tags=[Used(label=t.label, pictures=t.images) for t in library.tags.all()[:MOST_TAGS]],
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
        texts=[_cut(snippet.text) for snippet in hit.texts],
        group=hit.group.name if hit.group else "",
        others=len(hit.group.others) if hit.group else 0,
    )


def _moment(mtime_ns: int) -> str:
    """Return a file's time in ISO 8601, "" for one that no calendar has."""
    try:
        return datetime.fromtimestamp(mtime_ns // 10**9, UTC).astimezone().isoformat()
    except (OverflowError, ValueError, OSError):
        return ""


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"
