"""What programs write about people, places and keywords is read, in every form of RDF."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.images.xmp import read_xmp

NAMESPACES = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "lr": "http://ns.adobe.com/lightroom/1.0/",
    "digiKam": "http://www.digikam.org/ns/1.0/",
    "ext": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "core": "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/",
    "mwg-rs": "http://www.metadataworkinggroup.com/schemas/regions/",
    "mwg-kw": "http://www.metadataworkinggroup.com/schemas/keywords/",
    "MPRI": "http://ns.microsoft.com/photo/1.2/t/RegionInfo#",
    "MPReg": "http://ns.microsoft.com/photo/1.2/t/Region#",
    "MP": "http://ns.microsoft.com/photo/1.2/",
    "photo": "http://ns.microsoft.com/photo/1.0/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "mediapro": "http://ns.iview-multimedia.com/mediapro/1.0/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
}


def packet(inside: str, attributes: str = "") -> bytes:
    names = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES.items())
    return (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF {names}>'
        f'<rdf:Description rdf:about="" {attributes}>{inside}</rdf:Description>'
        "</rdf:RDF></x:xmpmeta>"
    ).encode()


def bag(*items: str, kind: str = "Bag") -> str:
    return f"<rdf:{kind}>{''.join(f'<rdf:li>{item}</rdf:li>' for item in items)}</rdf:{kind}>"


def regions(*items: str) -> str:
    listed = f"<mwg-rs:RegionList><rdf:Bag>{''.join(items)}</rdf:Bag></mwg-rs:RegionList>"
    return f'<mwg-rs:Regions rdf:parseType="Resource">{listed}</mwg-rs:Regions>'


FACE = (
    '<rdf:li rdf:parseType="Resource"><mwg-rs:Name>Anna Meier</mwg-rs:Name>'
    "<mwg-rs:Type>Face</mwg-rs:Type></rdf:li>"
)
FACE_NESTED = (
    "<rdf:li><rdf:Description><mwg-rs:Type>Face</mwg-rs:Type><mwg-rs:Name>Anna Meier"
    "</mwg-rs:Name></rdf:Description></rdf:li>"
)
FACE_IN_ATTRIBUTES = (
    '<rdf:li><rdf:Description mwg-rs:Name="Anna Meier" mwg-rs:Type="Face"/></rdf:li>'
)
NO_FACE = "<rdf:li><rdf:Description><mwg-rs:Type>Focus</mwg-rs:Type></rdf:Description></rdf:li>"
MICROSOFT = (
    "<MP:RegionInfo><rdf:Description><MPRI:Regions><rdf:Bag><rdf:li>"
    '<rdf:Description MPReg:PersonDisplayName="Anna Meier"/></rdf:li></rdf:Bag></MPRI:Regions>'
    "</rdf:Description></MP:RegionInfo>"
)
DETAILS = (
    '<ext:PersonInImageWDetails><rdf:Bag><rdf:li rdf:parseType="Resource"><ext:PersonName>'
    '<rdf:Alt><rdf:li xml:lang="x-default">Anna Meier</rdf:li></rdf:Alt></ext:PersonName>'
    "</rdf:li></rdf:Bag></ext:PersonInImageWDetails>"
)


@pytest.mark.parametrize(
    "inside",
    [
        regions(FACE),
        regions(FACE_NESTED, NO_FACE),
        regions(NO_FACE, FACE_IN_ATTRIBUTES),
        MICROSOFT,
        DETAILS,
        f"<ext:PersonInImage>{bag('Anna Meier')}</ext:PersonInImage>",
        f"<mediapro:People>{bag('Anna Meier')}</mediapro:People>",
        regions(FACE) + f"<ext:PersonInImage>{bag('Anna Meier')}</ext:PersonInImage>",
    ],
)
def test_people(inside: str) -> None:
    assert read_xmp(packet(inside)).lines == ("Anna Meier",)


@pytest.mark.parametrize(
    "inside",
    [
        f"<lr:hierarchicalSubject>{bag('Family|Anna', 'Family|Bob')}</lr:hierarchicalSubject>",
        f"<digiKam:TagsList>{bag('Family/Anna', 'Family/Bob', kind='Seq')}</digiKam:TagsList>",
        f"<photo:LastKeywordXMP>{bag('Family/Anna', 'Bob')}</photo:LastKeywordXMP>",
        f"<mediapro:CatalogSets>{bag('Family|Anna', 'Bob')}</mediapro:CatalogSets>",
        (
            f"<dc:subject>{bag('Family', 'Anna')}</dc:subject>"
            f"<lr:hierarchicalSubject>{bag('Family|Anna', 'Family|Bob')}</lr:hierarchicalSubject>"
        ),
        (
            '<mwg-kw:Keywords><mwg-kw:Hierarchy><rdf:Bag><rdf:li rdf:parseType="Resource">'
            "<mwg-kw:Keyword>Family</mwg-kw:Keyword><mwg-kw:Children><rdf:Bag>"
            '<rdf:li rdf:parseType="Resource"><mwg-kw:Keyword>Anna</mwg-kw:Keyword></rdf:li>'
            '<rdf:li rdf:parseType="Resource"><mwg-kw:Keyword>Bob</mwg-kw:Keyword></rdf:li>'
            "</rdf:Bag></mwg-kw:Children></rdf:li></rdf:Bag></mwg-kw:Hierarchy></mwg-kw:Keywords>"
        ),
    ],
)
def test_paths_of_keywords(inside: str) -> None:
    assert read_xmp(packet(inside)).lines == ("Family, Anna, Bob",)


def test_places_and_headline() -> None:
    short = 'photoshop:City="Lyon" photoshop:Country="France" photoshop:Headline="A bridge"'
    assert read_xmp(packet("", short)).lines == ("A bridge", "Lyon, France")
    shown = (
        '<ext:LocationShown><rdf:Bag><rdf:li rdf:parseType="Resource"><ext:City>Lyon</ext:City>'
        "<ext:CountryName>France</ext:CountryName></rdf:li></rdf:Bag></ext:LocationShown>"
    )
    assert read_xmp(packet(shown)).lines == ("Lyon, France",)
    assert read_xmp(packet("<core:Location>Old town</core:Location>")).lines == ("Old town",)


def test_too_many_texts_are_refused() -> None:
    assert read_xmp(packet(f"<dc:subject>{bag(*map(str, range(2000)))}</dc:subject>")).lines == ()


@pytest.mark.parametrize(
    ("written", "degrees"),
    [
        ("48,51.49N", 48.858167),
        ("48,51,29.4N", 48.858167),
        ("48.8583N", 48.8583),
        ("33,0.0S", -33.0),
        ("90,0,0N", 90.0),
        ("91,0,0N", None),
        ("48,71.0N", None),
        ("48,51.49E", None),
        ("48.8583", 48.8583),
        ("-48.8583", -48.8583),
        ("-48.8583N", None),
        ("48,85", None),  # minutes, or a decimal comma
        ("48 deg 51' 29.4&quot; N", 48.858167),
        ("48°51'29.4&quot;S", -48.858167),
        ("N 48.8583", 48.8583),
        ("48, 51.49n", 48.858167),
        ("north", None),
    ],
)
def test_latitudes(written: str, degrees: float | None) -> None:
    place = f'exif:GPSLatitude="{written}" exif:GPSLongitude="2,17.66E"'
    facts = read_xmp(packet("", place)).facts
    assert facts.latitude == degrees
    assert facts.longitude == (None if degrees is None else 2.294333)


def test_a_position_beside_its_letters_and_none_at_all() -> None:
    beside = 'exif:GPSLatitude="48.5" exif:GPSLongitude="2.5" exif:GPSLatitudeRef="S"'
    facts = read_xmp(packet("", f'{beside} exif:GPSLongitudeRef="W"')).facts
    assert (facts.latitude, facts.longitude) == (-48.5, -2.5)
    unknown = read_xmp(packet("", 'exif:GPSLatitude="0,0N" exif:GPSLongitude="0,0E"')).facts
    assert (unknown.latitude, unknown.longitude) == (None, None)


WORDS = packet(f"<dc:subject>{bag('Bär', 'lake')}</dc:subject>").decode()
UNICODE = ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"]


@pytest.mark.parametrize("end", ["", "\n", "\0\0\0"])
@pytest.mark.parametrize(
    "start",
    ["", "\ufeff", "\n\n", '<?xml version="1.0" encoding="UTF-8"?>', '<?xpacket begin=""?>'],
)
@pytest.mark.parametrize("encoding", UNICODE)
def test_unicode_in_every_form(encoding: str, start: str, end: str) -> None:
    assert read_xmp(f"{start}{WORDS}{end}".encode(encoding)).lines == ("Bär, lake",)


@pytest.mark.parametrize(
    ("name", "encoding"),
    [("ISO-8859-1", "latin-1"), ("windows-1252", "cp1252"), ("GBK", "gbk"), ("Big5", "big5")],
)
def test_declared_encodings(name: str, encoding: str) -> None:
    word = "Bär" if encoding in ("latin-1", "cp1252") else "\u6d77"
    written = f'<?xml version="1.0" encoding="{name}"?>{WORDS.replace("Bär", word)}'
    assert read_xmp(written.encode(encoding)).lines == (f"{word}, lake",)
    assert read_xmp(WORDS.encode("latin-1")).lines == ("Bär, lake",)


def test_damage_costs_only_what_follows_it() -> None:
    assert read_xmp(f"junk {WORDS} junk <".encode()).lines == ("Bär, lake",)
    assert read_xmp(f"{WORDS}{WORDS}".encode()).lines == ("Bär, lake",)
    assert read_xmp(WORDS.replace("lake", "la\x0b\0ke").encode()).lines == ("Bär, la ke",)
    assert read_xmp(WORDS.replace("lake", "&none;").encode()).lines == ("Bär",)
    assert read_xmp(f"<!DOCTYPE x>{WORDS}".encode()).lines == ()


@pytest.mark.parametrize(
    ("inside", "taken"),
    [
        (
            "<exif:DateTimeOriginal>2019-07-21T23:06:38-08:00</exif:DateTimeOriginal>",
            "2019-07-21T23:06:38",
        ),
        ("<photoshop:DateCreated>2019-07-21</photoshop:DateCreated>", "2019-07-21"),
        ("<xmp:CreateDate>yesterday</xmp:CreateDate>", ""),
        (
            (
                "<xmp:CreateDate>2020-01-01</xmp:CreateDate>"
                "<exif:DateTimeOriginal>2019-07-21T23:06:38.25Z</exif:DateTimeOriginal>"
            ),
            "2019-07-21T23:06:38",
        ),
    ],
)
def test_dates(inside: str, taken: str) -> None:
    assert read_xmp(packet(inside)).facts.taken == taken


@given(st.binary(max_size=200))
def test_any_packet_has_an_answer(data: bytes) -> None:
    assert read_xmp(data).facts.latitude is None
    assert isinstance(read_xmp(data).lines, tuple)
