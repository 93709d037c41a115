"""What each tool may be asked. A model reads the descriptions: they say what it has to know."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model, model_validator

from retrieval.query.options import OPTIONS, SearchOptions
from retrieval.server.search_fields import MOST_HITS, MOST_LETTERS, options_of, search_fields

MOST_EXAMPLES = 100


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
        "and parentheses. taken (2023, 2023-05, 2023-05-17), width, height, megapixels, size (2MB) "
        "with = != < <= > >=; camera, lens, name with ~ 'part' or = 'IMG_*'; path, folder also "
        "with in 'trips/'; format = JPEG; orientation = landscape, portrait or square; gps near "
        "48.85,2.35 within 10 km; tag = 'dog'; text ~ 'birthday'; has taken, camera, gps, tag, "
        "text. Example: taken >= 2023-05 and camera ~ 'Pixel' and not has gps",
    ),
]


class _Arguments(BaseModel):
    """What a tool is asked; an argument that does not exist is an error, not ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PlainSearch(_Arguments):
    """What `search_images` takes beside the options of a search."""

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
    images: Images = 4
    image_size: ImageSize = 256

    @property
    def options(self) -> SearchOptions:
        """The options of the search that the arguments ask for."""
        return options_of(self, min(self.offset + self.limit, MOST_HITS))


_NAMES = [name for name in OPTIONS if name not in ("k", "where", "include_self", "explain")]

if TYPE_CHECKING:
    SearchImages = PlainSearch
else:
    SearchImages = create_model(
        "SearchImages",
        __base__=PlainSearch,
        __doc__="Arguments of `search_images`.",
        **search_fields(_NAMES, {"like": Examples, "unlike": Examples}, unset_words=True),
    )


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
