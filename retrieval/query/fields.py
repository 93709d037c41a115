"""The metadata of a picture: the table of its fields, and the records that hold their values.

Everything that lists fields is generated from `FIELDS`: SQL, filters and their errors, help texts,
JSON, CSV, exports, the answers to assistants, and the page's filters. `Facts` is read from a file
once and passed on as a whole; records with more attributes inherit from it. An attribute of a
record and its column in the catalogue have the same name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, Self

Kind = Literal["text", "choice", "number", "date", "folder", "place", "words", "flag"]

OPERATORS: dict[Kind, tuple[str, ...]] = {
    "text": ("=", "!=", "~", "in"),
    "choice": ("=", "!=", "in"),
    "number": ("=", "!=", "<", "<=", ">", ">=", "in"),
    "date": ("=", "!=", "<", "<=", ">", ">=", "in"),
    "folder": ("=", "!=", "~", "in"),
    "place": ("near", "in"),
    "words": ("=", "~", "in"),
    "flag": (),
}
"""The operators that each kind of field has in a filter; a flag stands alone, or after `not`."""

DateSource = Literal["exif", "name", "file"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The facts that a picture's file contains; a missing fact is "" or None.

    `format` is Pillow's name of the content's format ("JPEG", "HEIF"), whatever the file's name
    says. For a camera raw file it is the common extension ("NEF", "DNG"), and the other facts are
    those of its preview. `width` and `height` are in pixels, after EXIF orientation. `taken` is the
    local date and time from metadata as ISO 8601 ("2023-05-01T12:30:00"), as far as it is known
    ("2023-05-01", "2023-05", "2023"). `camera` is maker and model.
    `latitude` and `longitude` are in degrees, north and east positive; there are both or neither.
    `iso` is the sensitivity, `aperture` the f-number, `exposure` in seconds, `focal_length` in mm.
    `duration` is the length of a video in seconds; pictures have none. Its `format` is that of the
    container ("MP4", "MOV", "MKV").

    `location` (within the city), `city`, `region` and `country` are as they are written there, and
    so are the names of `people`. `keywords` may be paths: "Places|Portugal|Lisbon". `rating` is 1
    to 5 stars, or -1 for a rejected picture. `colour_label` is a word, like "Red".
    """

    format: str = ""
    width: int = 0
    height: int = 0
    taken: str = ""
    camera: str = ""
    lens: str = ""
    latitude: float | None = None
    longitude: float | None = None
    iso: int | None = None
    aperture: float | None = None
    exposure: float | None = None
    focal_length: float | None = None
    duration: float | None = None
    location: str = ""
    city: str = ""
    region: str = ""
    country: str = ""
    people: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    rating: int | None = None
    colour_label: str = ""

    def completed(self, other: Facts) -> Self:
        """Return these facts, with missing ones taken from `other`, and the names of both."""
        missing = [name for name in FACTS if not getattr(self, name) and name not in NAMES]
        if self.taken and other.taken.startswith(self.taken):
            missing.append("taken")  # a year or a day: the other one knows more
        if self.latitude is not None:
            missing = [name for name in missing if name not in ("latitude", "longitude")]
        known: dict[str, Any] = {name: getattr(other, name) for name in missing}
        for name in NAMES:
            known[name] = distinct((*getattr(self, name), *getattr(other, name)))
        return replace(self, **known)


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureFacts(Facts):
    """All facts about a picture in a library: those of its content and those of its files.

    `id` is the picture's number in the library. `size` (bytes) and `mtime_ns` (nanoseconds since
    1970) are those of its first file. `date` is local time in ISO 8601. It is `taken` if that is
    known; otherwise the earliest date in the names of its files, which may lack a time
    ("2023-05-01"); otherwise the earliest modification time of its files. `date_source` says which.
    `favourite` is whether a person marked it. Where no `city`, `region` or `country` is written,
    they are those of the nearest town. `country_code` is ISO's ("PT"), "" if unknown.
    """

    id: int
    sha256: str
    size: int
    mtime_ns: int
    date: str
    date_source: DateSource
    favourite: bool = False
    country_code: str = ""

    def facts(self) -> dict[str, Any]:
        """Return the attributes of this class by name, without those of subclasses."""
        return {each.name: getattr(self, each.name) for each in fields(PictureFacts)}


def place_name(picture: PictureFacts) -> str:
    """Return the city and country of a picture, "Lisbon, Portugal"; "" if it has none."""
    return ", ".join(filter(None, (picture.city or picture.region, picture.country)))


def names_of_people(picture: PictureFacts) -> str:
    """Return the people of a picture in alphabetical order, "Anna, Bob"; "" if it has none."""
    return ", ".join(sorted(picture.people, key=str.casefold))


@dataclass(frozen=True, slots=True)
class Field:
    """A field: its name in filters, how values are compared, and its description.

    `example` is a filter. `parts` are its attributes in `PictureFacts`, unless there is one with
    the field's name. An `optional` field may be unknown; the filter `has` tests that. With
    `of_files`, each file of a picture has its own value. `units` maps the units that may follow a
    number in a filter to their factors. `choices` are all possible values. A `facet` is shown with
    its values, so that people can choose. A `brief` field is part of the shortest answers.
    """

    name: str
    kind: Kind
    label: str
    about: str
    example: str
    parts: tuple[str, ...] = ()
    optional: bool = False
    of_files: bool = False
    units: Mapping[str, float] = field(default_factory=dict)
    choices: tuple[str, ...] = ()
    facet: bool = False
    brief: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """Its attributes in `PictureFacts`; none if it is computed or has its own table."""
        return self.parts or tuple(each for each in _ATTRIBUTES if each == self.name)

    def as_object(self) -> dict[str, Any]:
        """Return the field as plain values for programs that show it or write filters."""
        names = ("name", "kind", "label", "about", "example", "columns", "operators", "choices")
        units = [unit for unit in self.units if unit]
        facts = {name: getattr(self, name) for name in (*names, "optional", "facet")}
        return {**facts, "unit": units[0] if units else ""}

    @property
    def operators(self) -> tuple[str, ...]:
        """The operators of its kind."""
        return OPERATORS[self.kind]


_ATTRIBUTES = tuple(each.name for each in fields(PictureFacts))
_BYTES = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_BYTES |= {"kib": 2**10, "mib": 2**20, "gib": 2**30}
_PIXELS = {"": 1, "px": 1}
_SECONDS = {"": 1, "s": 1, "min": 60, "h": 3600}

# fmt: off
_TABLE = (
    # name, kind, label, what it is, an example of a filter
    Field("date", "date", "Date", "when it was taken; if EXIF does not say, the date in the file's "
          "name, else the file's own", "date >= 2023-05",
          parts=("date", "date_source"), optional=True, facet=True, brief=True),
    Field("taken", "date", "Taken", "when it was taken, by EXIF alone", "taken >= 2023-05",
          optional=True),
    Field("camera", "text", "Camera", "the camera's maker and model", "camera ~ 'Pixel'",
          optional=True, facet=True),
    Field("lens", "text", "Lens", "the lens", "lens ~ '50mm'", optional=True, facet=True),
    Field("format", "choice", "Format", "the format of the file's content", "format = JPEG",
          facet=True),
    Field("width", "number", "Width", "in pixels, as the picture is seen", "width > 2000",
          units=_PIXELS, brief=True),
    Field("height", "number", "Height", "in pixels, as the picture is seen", "height > 2000",
          units=_PIXELS, brief=True),
    Field("megapixels", "number", "Megapixels", "width × height in millions", "megapixels >= 12",
          units={"": 1, "mp": 1}),
    Field("size", "number", "Size", "the file's size in bytes", "size > 2MB",
          units=_BYTES, of_files=True),
    Field("orientation", "choice", "Shape",
          "landscape, portrait, square, or panorama (one side at least twice as long as the other)",
          "orientation = portrait", choices=("landscape", "portrait", "square", "panorama"),
          facet=True),
    Field("path", "folder", "Path", "the file's path", "path in 'trips/'", of_files=True),
    Field("folder", "folder", "Folder", "the folder that the file lies in", "folder in 'trips/'",
          of_files=True, facet=True),
    Field("name", "text", "Name", "the file's name", "name ~ 'IMG'", of_files=True),
    Field("gps", "place", "Position", "where it was taken, in degrees north and east",
          "gps near 48.85,2.35 within 10 km", parts=("latitude", "longitude"), optional=True),
    Field("iso", "number", "ISO", "the sensitivity", "iso >= 1600", units={"": 1}, optional=True),
    Field("aperture", "number", "F-number", "the opening, as 2.8 in f/2.8", "aperture <= 2.8",
          units={"": 1}, optional=True),
    Field("exposure", "number", "Exposure", "how long the shutter was open", "exposure < 1/250",
          units={"": 1, "s": 1, "ms": 0.001}, optional=True),
    Field("focal_length", "number", "Focal length", "the lens's own, in mm", "focal_length > 85mm",
          units={"": 1, "mm": 1}, optional=True),
    Field("kind", "choice", "Kind", "whether it is a picture or a video", "kind = video",
          choices=("picture", "video"), facet=True),
    Field("duration", "number", "Length", "how long a video is", "duration < 2min",
          units=_SECONDS, optional=True, brief=True),
    Field("tag", "words", "Label", "a label or a concept that it has", "tag = 'dog'",
          optional=True, facet=True),
    Field("text", "words", "Text", "a caption, a description, or words read in it",
          "text ~ 'invoice'", optional=True),
    Field("place", "words", "Place", "a place, city, region or country that is written in it, or "
          "the nearest town of its position", "place = 'Lisbon'", parts=("location",),
          optional=True, facet=True),
    Field("city", "words", "City", "the city that is written in it, or the nearest town",
          "city = 'Lisbon'", optional=True),
    Field("region", "words", "Region", "its region or state", "region = 'Bavaria'", optional=True),
    Field("country", "words", "Country", "its country, by its name or its code of two letters",
          "country = 'PT'", parts=("country", "country_code"), optional=True),
    Field("person", "words", "Person", "a person whose name another program wrote to it",
          "person = 'Anna'", parts=("people",), optional=True, facet=True),
    Field("keyword", "words", "Keyword", "a keyword that another program gave it, or one above "
          "that", "keyword = 'Travel'", parts=("keywords",), optional=True, facet=True),
    Field("rating", "number", "Rating", "its stars, 1 to 5; -1 if it is rejected", "rating >= 4",
          units={"": 1}, optional=True, facet=True),
    Field("colour_label", "text", "Colour label", "the colour that it is labelled with",
          "colour_label = 'Red'", optional=True, facet=True),
    Field("favourite", "flag", "Favourite", "that it is marked as a favourite", "favourite",
          optional=True),
    Field("album", "words", "Album", "an album that it is in", "album = 'Holiday'",
          optional=True, facet=True),
)
# fmt: on

FIELDS: dict[str, Field] = {each.name: each for each in _TABLE}
"""The fields by name, in the order in which they are listed."""

OPTIONAL = tuple(each.name for each in _TABLE if each.optional)
"""The optional fields, which `has` tests. Every picture has a `date`."""

FACTS = tuple(each.name for each in fields(Facts))
"""The attributes of `Facts`, which are columns of the table `images` in the catalogue."""

NAMES = ("people", "keywords")
"""The attributes of `Facts` that are several names. The catalogue stores a name a line."""

BESIDE = ("taken", "latitude", "longitude", *FACTS[FACTS.index("location") :])
"""The attributes of `Facts` that files beside a picture may tell."""

COLUMNS = tuple(column for each in _TABLE for column in each.columns)
"""The attributes that lists and exports have, in the order of the fields."""

BRIEF = tuple(column for each in _TABLE if each.brief for column in each.columns)
"""The attributes that the shortest answers have."""


def distinct(names: Iterable[str]) -> tuple[str, ...]:
    """Return names in their order, each once; upper or lower case makes no difference."""
    return tuple({name.casefold(): name for name in reversed(tuple(names))}.values())[::-1]


def as_stored(name: str, value: Any) -> Any:
    """Return the value of an attribute as the catalogue stores it: see `NAMES`."""
    return "\n".join(value) if name in NAMES else value


def from_stored(name: str, value: Any) -> Any:
    """Return a stored value as the attribute has it."""
    return tuple(value.split("\n")) if name in NAMES and value else () if name in NAMES else value


def filter_help() -> str:
    """Return one line with the fields for filters, their operators and examples."""
    by_kind: dict[Kind, list[Field]] = {}
    for each in _TABLE:
        by_kind.setdefault(each.kind, []).append(each)
    kinds = [
        f"{', '.join(each.name for each in same)} with {' '.join(OPERATORS[kind])}, like "
        f"{same[0].example}"
        if OPERATORS[kind]
        else f"{', '.join(each.name for each in same)} alone"
        for kind, same in by_kind.items()
    ]
    return "; ".join([*kinds, f"has {', '.join(OPTIONAL)}"])
