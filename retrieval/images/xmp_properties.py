"""The properties of XMP that are read, by what they say. A name is its namespace and its own.

Programs write the same fact under several names: digiKam, Lightroom, Bridge, Picasa, Windows,
ACDSee, Media Pro and Apple each have some of their own.
"""

from __future__ import annotations

_DC = "http://purl.org/dc/elements/1.1/"
_TIFF = "http://ns.adobe.com/tiff/1.0/"
_EXIF = "http://ns.adobe.com/exif/1.0/"
_XMP = "http://ns.adobe.com/xap/1.0/"
_PHOTOSHOP = "http://ns.adobe.com/photoshop/1.0/"
_LIGHTROOM = "http://ns.adobe.com/lightroom/1.0/"
_IPTC_CORE = "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/"
_IPTC_EXT = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_REGIONS = "http://www.metadataworkinggroup.com/schemas/regions/"
_KEYWORDS = "http://www.metadataworkinggroup.com/schemas/keywords/"
_DIGIKAM = "http://www.digikam.org/ns/1.0/"
_MICROSOFT = "http://ns.microsoft.com/photo/1.0/"
_MICROSOFT_REGION = "http://ns.microsoft.com/photo/1.2/t/Region#"
_MEDIAPRO = "http://ns.iview-multimedia.com/mediapro/1.0/"
_ACDSEE = "http://ns.acdsee.com/iptc/1.0/"
_ACDSEE_REGIONS = "http://ns.acdsee.com/regions/"
_DARKTABLE = "http://darktable.sf.net/"

SENTENCES = (
    f"{_DC} title",
    f"{_PHOTOSHOP} Headline",
    f"{_DC} description",
    f"{_TIFF} ImageDescription",
    f"{_EXIF} UserComment",
    f"{_IPTC_CORE} AltTextAccessibility",
    f"{_IPTC_CORE} ExtDescrAccessibility",
    f"{_ACDSEE} caption",
    f"{_ACDSEE} notes",
)
"""Properties of which each value is a text of its own."""

LISTS = (
    (
        f"{_DC} subject",
        f"{_LIGHTROOM} hierarchicalSubject",
        f"{_DIGIKAM} TagsList",
        f"{_KEYWORDS} Keyword",
        f"{_MICROSOFT} LastKeywordXMP",
        f"{_MICROSOFT} LastKeywordIPTC",
        f"{_MEDIAPRO} CatalogSets",
        f"{_PHOTOSHOP} SupplementalCategories",
        f"{_ACDSEE} keywords",
    ),
    (
        f"{_IPTC_EXT} PersonInImage",
        f"{_IPTC_EXT} PersonName",
        f"{_REGIONS} Name",
        f"{_ACDSEE_REGIONS} Name",
        f"{_MICROSOFT_REGION} PersonDisplayName",
        f"{_MEDIAPRO} People",
    ),
    (
        f"{_IPTC_EXT} LocationName",
        f"{_IPTC_EXT} Sublocation",
        f"{_IPTC_CORE} Location",
        f"{_MEDIAPRO} Location",
        f"{_IPTC_EXT} City",
        f"{_PHOTOSHOP} City",
        f"{_IPTC_EXT} ProvinceState",
        f"{_PHOTOSHOP} State",
        f"{_IPTC_EXT} CountryName",
        f"{_PHOTOSHOP} Country",
        f"{_IPTC_EXT} Event",
        f"{_MEDIAPRO} Event",
    ),
)
"""Properties whose values are short; those of one group are joined: keywords, people, places."""

HIERARCHIES = {
    f"{_LIGHTROOM} hierarchicalSubject": "|",
    f"{_MEDIAPRO} CatalogSets": "|",
    f"{_DIGIKAM} TagsList": "/",
    f"{_MICROSOFT} LastKeywordXMP": "/",
    f"{_MICROSOFT} LastKeywordIPTC": "/",
}
"""Properties whose values are paths of keywords, with what separates them."""

DATES = (
    f"{_EXIF} DateTimeOriginal",
    f"{_PHOTOSHOP} DateCreated",
    f"{_IPTC_EXT} DateCreated",
    f"{_EXIF} DateTimeDigitized",
    f"{_XMP} CreateDate",
)
"""Properties that say when a picture was taken, the best first."""

GPS_DATE = f"{_EXIF} GPSTimeStamp"
"""When a satellite's clock said that it was: the last that counts."""

LATITUDE, LONGITUDE = f"{_EXIF} GPSLatitude", f"{_EXIF} GPSLongitude"

PEOPLE = (
    f"{_IPTC_EXT} PersonInImage",
    f"{_IPTC_EXT} PersonName",
    f"{_MICROSOFT_REGION} PersonDisplayName",
    f"{_MEDIAPRO} People",
)
"""Properties that name people, beside regions."""

REGION_NAMES = {f"{_REGIONS} Name", f"{_ACDSEE_REGIONS} Name"}
REGION_TYPES = {f"{_REGIONS} Type", f"{_ACDSEE_REGIONS} Type"}
"""Regions have names and types; those of faces name people, those of bar codes do not."""

KEYWORD, CHILDREN = f"{_KEYWORDS} Keyword", f"{_KEYWORDS} Children"
"""The keywords of the Metadata Working Group contain those below them."""

KEYWORDS = LISTS[0]

PLACES = {
    "location": (
        f"{_IPTC_CORE} Location",
        f"{_IPTC_EXT} Sublocation",
        f"{_IPTC_EXT} LocationName",
        f"{_MEDIAPRO} Location",
    ),
    "city": (f"{_PHOTOSHOP} City", f"{_IPTC_EXT} City"),
    "region": (f"{_PHOTOSHOP} State", f"{_IPTC_EXT} ProvinceState"),
    "country": (
        f"{_PHOTOSHOP} Country",
        f"{_IPTC_EXT} CountryName",
        f"{_IPTC_CORE} CountryCode",
        f"{_IPTC_EXT} CountryCode",
    ),
}
"""Properties by the facts that they tell, the best first."""

RATING, ACDSEE_RATING = f"{_XMP} Rating", f"{_ACDSEE} rating"
RATING_PERCENT = f"{_MICROSOFT} Rating"

LABEL, DIGIKAM_LABEL = f"{_XMP} Label", f"{_DIGIKAM} ColorLabel"
DARKTABLE_LABELS = f"{_DARKTABLE} colorlabels"
DIGIKAM_COLOURS = (
    "",
    "Red",
    "Orange",
    "Yellow",
    "Green",
    "Blue",
    "Magenta",
    "Gray",
    "Black",
    "White",
)
DARKTABLE_COLOURS = ("Red", "Yellow", "Green", "Blue", "Purple")

PROPERTIES = frozenset(
    (
        *SENTENCES,
        *(name for group in LISTS for name in group),
        *(*DATES, GPS_DATE),
        *(LATITUDE, f"{LATITUDE}Ref", LONGITUDE, f"{LONGITUDE}Ref"),
        *REGION_TYPES,
        *(name for names in PLACES.values() for name in names),
        *(RATING, RATING_PERCENT, ACDSEE_RATING, LABEL, DIGIKAM_LABEL, DARKTABLE_LABELS),
    )
)
"""All properties that are read."""
