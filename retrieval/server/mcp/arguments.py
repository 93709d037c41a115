"""What each tool may be asked. A model reads the descriptions: they say what it has to know."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from retrieval.query.fields import filter_help

MOST_LETTERS = 2_000
MOST_EXAMPLES = 100
MOST_HITS = 10_000


def _number(value: object) -> object:
    """Take "#17", as questions write it, for 17."""
    return value.strip().removeprefix("#") if isinstance(value, str) else value


def _listed(value: object) -> object:
    """Take "[1, 2]" and a single number for a list: some clients write lists as text."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return [value]
    return value if isinstance(value, list) else [value]


PictureId = Annotated[int, BeforeValidator(_number), Field(ge=1, le=2**62)]
Examples = Annotated[list[PictureId], BeforeValidator(_listed), Field(max_length=MOST_EXAMPLES)]
Limit = Annotated[int, Field(ge=1, le=100, description="How many pictures at most.")]
Images = Annotated[
    int,
    Field(ge=0, le=10, description="How many of the first hits come with a small picture to see."),
]
ImageSize = Annotated[
    int, Field(ge=16, le=512, description="Longest side of those pictures, in pixels.")
]
Where = Annotated[
    str,
    Field(
        max_length=MOST_LETTERS,
        description="A filter; only pictures that fit count. Conditions joined by and, or, not "
        f"and parentheses. {filter_help()}. Dates are written 2023, 2023-05 or 2023-05-17; * is "
        "any characters. Example: date >= 2023-05 and camera ~ 'Pixel' and not has gps",
    ),
]


class _Arguments(BaseModel):
    """What a tool is asked; an argument that does not exist is an error, not ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SearchImages(_Arguments):
    """Arguments of `search_images`."""

    query: Annotated[
        str,
        Field(
            max_length=MOST_LETTERS,
            description="What the pictures show: two dogs on a beach. Terms are joined by + and - "
            "with spaces around: what follows ' - ' must not be seen. #17 is the picture with that "
            'id, 2:snow a weight, concept:"our cat" a concept the user has taught, and quotes '
            "keep a text with such signs as it is. Example: 2:#17 + in the snow - people. Empty "
            "with a filter: lists what fits, newest first.",
        ),
    ] = ""
    where: Where = ""
    limit: Limit = 10
    offset: Annotated[
        int, Field(ge=0, le=MOST_HITS, description="How many hits to leave out, for further pages.")
    ] = 0
    like: Annotated[
        Examples, Field(description="Ids of hits that are what is meant: more of that kind.")
    ] = []
    unlike: Annotated[
        Examples, Field(description="Ids of hits that are not meant; they count beside like.")
    ] = []
    min_confidence: Annotated[
        float,
        Field(ge=0, le=1, description="Leave out hits that are less likely right."),
    ] = 0.0
    look_in: Annotated[
        Literal["all", "pictures", "texts"],
        Field(description="Compare words with what pictures show, with their texts, or with both."),
    ] = "all"
    sort: Annotated[
        Literal["best", "date", "date-desc", "name", "size"],
        Field(description="Order of the best hits: date is oldest first, size largest first."),
    ] = "best"
    group: Annotated[
        Literal["none", "burst", "day", "folder"],
        Field(description="Only the best hit of each burst, day or folder."),
    ] = "none"
    diverse: Annotated[bool, Field(description="Prefer hits that differ from each other.")] = False
    fuse: Annotated[
        Literal["add", "multiply"],
        Field(description="Several terms: added, or multiply, where all must be seen."),
    ] = "add"
    images: Images = 4
    image_size: ImageSize = 256


class _OnePicture(_Arguments):
    """A picture, by its id or by its path."""

    id: Annotated[PictureId | None, Field(description="The picture's id, as hits have it.")] = None
    path: Annotated[
        str, Field(max_length=MOST_LETTERS, description="Instead of the id, the file's path.")
    ] = ""

    @model_validator(mode="after")
    def _is_one(self) -> Any:
        if (self.id is None) == (not self.path):
            raise ValueError("name one picture, by id or by path")
        return self


class SimilarImages(_OnePicture):
    """Arguments of `similar_images`."""

    where: Where = ""
    limit: Limit = 10
    offset: Annotated[
        int, Field(ge=0, le=MOST_HITS, description="How many hits to leave out, for further pages.")
    ] = 0
    images: Images = 4
    image_size: ImageSize = 256


class DescribeImage(_OnePicture):
    """Arguments of `describe_image`."""

    image_size: Annotated[
        int,
        Field(ge=0, le=1568, description="Longest side of the picture, in pixels; 0 for none."),
    ] = 768
    descriptions: Annotated[
        int,
        Field(ge=0, le=20, description="How many of the nearest everyday descriptions to give."),
    ] = 5


class LibraryStatus(_Arguments):
    """Arguments of `library_status`: there are none."""
