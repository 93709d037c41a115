"""The arguments of each tool. A model reads the descriptions: they say all it has to know."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model, model_validator

from retrieval.query.fields import filter_help
from retrieval.query.names import LONGEST
from retrieval.query.options import OPTIONS, SearchOptions
from retrieval.server.search_fields import MOST_HITS, MOST_LETTERS, options_of, search_fields

MOST_EXAMPLES = 100
SAVED = 60
"""The most pictures that a saved search finds in a library without confidences."""


def _number(value: object) -> object:
    """Accept "#17", the form in queries, for 17."""
    return value.strip().removeprefix("#") if isinstance(value, str) else value


def _listed(value: object) -> object:
    """Accept "[1, 2]" or a single id for a list: some clients send lists as text."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return [value]
    return value if isinstance(value, list) else [value]


PictureId = Annotated[int, BeforeValidator(_number), Field(ge=1, le=2**62)]
Examples = Annotated[list[PictureId], BeforeValidator(_listed), Field(max_length=MOST_EXAMPLES)]
Limit = Annotated[int, Field(ge=1, le=100, description="The most pictures to return.")]
Images = Annotated[
    int,
    Field(
        ge=0, le=10, description="How many of the first hits include a small picture to look at."
    ),
]
ImageSize = Annotated[
    int, Field(ge=16, le=512, description="Longest side of these pictures, in pixels.")
]
Where = Annotated[
    str,
    Field(
        max_length=MOST_LETTERS,
        description="A filter: return only pictures that match. Join conditions with and, or, not "
        f"and parentheses. {filter_help()}. Write dates as 2023, 2023-05 or 2023-05-17; * matches "
        "any characters. Example: date >= 2023-05 and camera ~ 'Pixel' and not has gps",
    ),
]


class _Arguments(BaseModel):
    """Arguments of a tool; an unknown argument is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SearchImagesBase(_Arguments):
    """Arguments of `search_images` other than the search options."""

    query: Annotated[
        str,
        Field(
            max_length=MOST_LETTERS,
            description="What the pictures show: two dogs on a beach. Join terms with + and -, "
            "with spaces around them; the term after ' - ' must not be in the picture. #17 is the "
            'picture with that id, 2:snow gives a term a weight, concept:"our cat" means a '
            "concept that the user has taught, and quotes keep such signs as plain text. Example: "
            "2:#17 + in the snow - people. Leave it empty and give a filter to list the pictures "
            "that match, newest first.",
        ),
    ] = ""
    where: Where = ""
    limit: Limit = 10
    offset: Annotated[
        int, Field(ge=0, le=MOST_HITS, description="How many hits to skip, for the next pages.")
    ] = 0
    images: Images = 4
    image_size: ImageSize = 256

    @property
    def options(self) -> SearchOptions:
        """The search options of the arguments."""
        return options_of(self, min(self.offset + self.limit, MOST_HITS))


_NAMES = [name for name in OPTIONS if name not in ("k", "where", "include_self", "explain")]

if TYPE_CHECKING:
    SearchImages = SearchImagesBase
else:
    SearchImages = create_model(
        "SearchImages",
        __base__=SearchImagesBase,
        __doc__="Arguments of `search_images`.",
        **search_fields(_NAMES, {"like": Examples, "unlike": Examples}, unset_words=True),
    )


class _OnePicture(_Arguments):
    """A picture, by its id or by its path."""

    id: Annotated[
        PictureId | None, Field(description="The picture's id, from the search results.")
    ] = None
    path: Annotated[
        str, Field(max_length=MOST_LETTERS, description="The file's path, instead of the id.")
    ] = ""

    @model_validator(mode="after")
    def _is_one(self) -> Any:
        if (self.id is None) == (not self.path):
            raise ValueError("name one picture, either by id or by path")
        return self


class SimilarImages(_OnePicture):
    """Arguments of `similar_images`."""

    where: Where = ""
    limit: Limit = 10
    offset: Annotated[
        int, Field(ge=0, le=MOST_HITS, description="How many hits to skip, for the next pages.")
    ] = 0
    images: Images = 4
    image_size: ImageSize = 256


class DescribeImage(_OnePicture):
    """Arguments of `describe_image`."""

    image_size: Annotated[
        int,
        Field(ge=0, le=1568, description="Longest side of the picture, in pixels; 0: no picture."),
    ] = 768
    descriptions: Annotated[
        int,
        Field(ge=0, le=20, description="How many of the nearest everyday descriptions to return."),
    ] = 5


class LibraryStatus(_Arguments):
    """Arguments of `library_status`, which has none."""


AlbumName = Annotated[str, Field(max_length=LONGEST)]


class ListCollections(_Arguments):
    """Arguments of `list_collections`, which has none."""


class CollectPictures(_Arguments):
    """Arguments of `collect_pictures`."""

    ids: Annotated[
        list[PictureId],
        BeforeValidator(_listed),
        Field(
            min_length=1, max_length=1000, description="The pictures, by their ids from a search."
        ),
    ]
    album: Annotated[
        AlbumName, Field(description="The album to put them into; it is made if there is none.")
    ] = ""
    favourite: Annotated[bool, Field(description="Mark them as favourites.")] = False
    remove: Annotated[
        bool, Field(description="Take them out of the album, or the mark off, instead.")
    ] = False

    @model_validator(mode="after")
    def _has_aim(self) -> Any:
        if not self.album.strip() and not self.favourite:
            raise ValueError("name an album, or set favourite")
        return self


class OpenSavedSearch(_Arguments):
    """Arguments of `open_saved_search`."""

    name: Annotated[AlbumName, Field(description="Its name, from list_collections.")]
    new: Annotated[bool, Field(description="Only what is new since the user last looked.")] = False
    limit: Limit = 10
    offset: Annotated[
        int, Field(ge=0, le=MOST_HITS, description="How many hits to skip, for the next pages.")
    ] = 0
    images: Images = 4
    image_size: ImageSize = 256


class SaveSearchBase(_Arguments):
    """Arguments of `save_search` other than the search options."""

    name: Annotated[AlbumName, Field(description="A name for the search.")]
    query: Annotated[
        str,
        Field(
            max_length=MOST_LETTERS,
            description="The question, as in search_images; empty for a filter alone.",
        ),
    ] = ""
    where: Where = ""
    replace: Annotated[
        bool, Field(description="Replace the saved search of that name, if there is one.")
    ] = False

    @property
    def options(self) -> SearchOptions:
        """The search options of the arguments."""
        return options_of(self, SAVED)


if TYPE_CHECKING:
    SaveSearch = SaveSearchBase
else:
    SaveSearch = create_model(
        "SaveSearch",
        __base__=SaveSearchBase,
        __doc__="Arguments of `save_search`.",
        **search_fields(_NAMES, {"like": Examples, "unlike": Examples}, unset_words=True),
    )
