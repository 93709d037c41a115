"""The written form of filters: what it means, that nothing is lost in it, and what errors say."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.conditions import conditions_of

from retrieval.errors import QueryError
from retrieval.query.fields import FIELDS, Kind
from retrieval.query.where import (
    And,
    Box,
    Comparison,
    Condition,
    Has,
    Near,
    Not,
    OneOf,
    Or,
    matching,
    parse,
)
from retrieval.query.where.conditions import Value
from retrieval.query.where.values import LONGEST_PATTERN

texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8).filter(str.strip)
numbers = st.one_of(st.integers(0, 10**9).map(float), st.floats(0, 1e6).map(lambda n: round(n, 6)))
dates = st.one_of(
    st.dates().map(lambda d: d.isoformat()),
    st.dates().map(lambda d: f"{d.year:04}-{d.month:02}"),
    st.integers(1, 9999).map(lambda year: f"{year:04}"),
    st.datetimes().map(lambda d: d.isoformat()[:16]),
    st.datetimes().map(lambda d: d.replace(microsecond=0).isoformat()),
)
degrees = st.integers(-9000, 9000).map(lambda n: n / 100)


def values(field: str) -> st.SearchStrategy[Value]:
    if FIELDS[field].choices:
        return st.sampled_from(FIELDS[field].choices)
    if field == "format":
        return st.sampled_from(["JPEG", "PNG", "HEIF", "NEF"])
    kinds: dict[Kind, st.SearchStrategy[Value]] = {"number": numbers, "date": dates}
    return kinds.get(FIELDS[field].kind, texts)


conditions = conditions_of(
    values,
    st.builds(Near, degrees, degrees.map(lambda d: 2 * d), numbers),
    st.builds(
        lambda a, b, west, east: Box(min(a, b), west, max(a, b), east),
        *(degrees, degrees, degrees.map(lambda d: 2 * d), degrees.map(lambda d: 2 * d)),
    ),
    max_leaves=8,
)


@given(conditions)
@example(And((And((Has("gps"), Has("tag"))), Or((Has("text"), Has("lens"))))))
@example(Comparison("name", "=", 'it\'s "x" and (y)'))
def test_what_is_written_is_read_back(condition: Condition) -> None:
    assert parse(str(condition)) == condition


@given(
    st.one_of(
        st.text(max_size=40),
        st.lists(
            st.sampled_from(
                [
                    *("taken", "gps", "width", "not", "and", "or", "(", ")", "in", "has", "near"),
                    *(",", "'", "1", "-2.5", "km", "within", "=", "!=", "2023-05", "x", "~"),
                ]
            ),
            max_size=12,
        ).map(" ".join),
    )
)
def test_any_text_is_read_or_refused_with_a_caret(written: str) -> None:
    try:
        condition = parse(written)
    except QueryError as error:
        lines = error.hint.splitlines()
        assert lines[1].strip() == "^"
        assert lines[2]
        return
    assert parse(str(condition)) == condition


def test_the_grammar() -> None:
    wide = Comparison("width", ">", 2000.0)
    assert parse("WIDTH > 2000px") == wide
    assert parse("not width > 2000 and has gps") == And((Not(wide), Has("gps")))
    assert parse("has gps or has tag and width > 2000") == Or((Has("gps"), And((Has("tag"), wide))))
    assert parse("(has gps or has tag) and width > 2000") == And(
        (Or((Has("gps"), Has("tag"))), wide)
    )
    assert parse("path not in trips/") == Not(OneOf("path", ("trips/",)))
    assert parse("tag in (dog, 'big cat')") == OneOf("tag", ("dog", "big cat"))
    assert parse("size >= 2MB") == parse("size >= 2 mb") == Comparison("size", ">=", 2e6)
    assert parse("size < 1.5KiB") == Comparison("size", "<", 1536.0)
    assert parse("size < 2MiB") == Comparison("size", "<", 2.0 * 1024**2)
    assert parse("size < 3 GiB") == Comparison("size", "<", 3.0 * 1024**3)
    assert parse("size < 4 TB") == Comparison("size", "<", 4e12)
    assert parse("format = .jpg") == Comparison("format", "=", "JPEG")
    assert parse("taken = '2023-05-17 12:30'") == Comparison("taken", "=", "2023-05-17T12:30")
    assert parse("gps near -33.9, 151.2 within 500 m") == Near(-33.9, 151.2, 0.5)
    assert parse("gps in (40, 170, 60, -170)") == Box(40, 170, 60, -170)
    assert parse("name = 'it''s'") == parse('name = "it\'s"') == Comparison("name", "=", "it's")


@pytest.mark.parametrize(
    ("written", "column", "said"),
    [
        ("", 0, "the filter is empty"),
        ("camra ~ x", 0, "did you mean camera?"),
        ("zzz = 1", 0, "fields are date, taken, camera"),
        ("has size", 4, "fields are date, taken, camera, lens, gps"),
        ("= 3", 0, "expected the name of a field"),
        ("width > big", 8, "compared with a number"),
        ("size > 2 XB", 9, "quotes"),
        ("size > 2XB", 7, "XB is not a unit of size"),
        ("width ~ 3", 6, "=  !=  <  <=  >  >=  in"),
        ("tag != dog", 4, "=  ~  in"),
        ("width 3", 6, "for example: width > 2000"),
        ("width >", 7, "ends too early"),
        ("width > 3 and", 13, "ends too early"),
        ("width > 3)", 9, "no ( for this )"),
        ("(width > 3", 10, "the ( at character 1 is open"),
        ("camera = Pixel 7", 15, "'Pixel 7'"),
        ("camera = 'x", 9, "the quote is not closed"),
        ("name = ''", 7, "the value of name is empty"),
        ("name = and", 7, "in quotes 'and' is a text"),
        ("taken > yesterday", 8, "write a date as 2023"),
        ("taken > 2023-02-30", 8, "date does not exist"),
        ("orientation = up", 14, "landscape, portrait, square"),
        ("gps = 3", 4, "near  in"),
        ("gps near 1,2", 12, "the distance is missing"),
        ("gps near 1 2 within 3 km", 11, "expected a ,"),
        ("gps near 91,2 within 3 km", 9, "-90 to 90"),
        ("gps near 1,2 within 3", 20, "km"),
        ("gps near 1,2 within -3 km", 20, "cannot be negative"),
        ("gps in 50,0,40,10", 12, "north edge is south"),
        ("tag in (a, b", 12, "a , or ) is missing"),
        ("!x", 0, "! is not an operator"),
        ("has gps has tag", 8, "join conditions with and, or"),
        ("(" * 100, 40, "nested conditions"),
        ("not " * 100 + "has gps", 160, "nested conditions"),
        ("width in (" + "1," * 600 + "1)", 1010, "more than 500 values"),
        ("x" * 9000, 8000, "longer than 8,000"),
    ],
)
def test_errors_point_at_the_character_and_name_the_fix(
    written: str, column: int, said: str
) -> None:
    with pytest.raises(QueryError) as caught:
        parse(written)
    error = caught.value
    assert said in error.message + error.hint
    assert f"(character {column + 1} of the filter)" in error.message
    shown, caret, *_ = error.hint.splitlines()
    assert shown[len(caret) - 1 : len(caret)] == written[column : column + 1]


def test_the_caret_stands_below_wide_characters() -> None:
    with pytest.raises(QueryError) as caught:
        parse("name = 日本 x")
    assert caught.value.hint.splitlines()[1] == " " * 12 + "^"


def test_texts_are_alike_without_case_and_accents() -> None:
    assert matching.contains("Café Zürich", "ZURICH")
    assert matching.equals("IMG_2031.JPG", "img_*.jp?")
    assert not matching.equals("IMG_2031.JPG", "img")
    assert matching.equals("a[1].jpg", "a[1].jpg")


short = st.text(st.sampled_from("ab.İß\n*?[]"), max_size=7)


def matches(text: str, pattern: str) -> bool:
    """The oracle: what * and ? mean, by trying everything."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(matches(text[i:], pattern[1:]) for i in range(len(text) + 1))
    return bool(text) and pattern[0] in ("?", text[0]) and matches(text[1:], pattern[1:])


@settings(max_examples=300)
@given(short, short)
@example("", "*")
@example("ab", "ab*b")
@example("aab", "*?ab")
def test_wildcards_match_what_trying_everything_matches(text: str, pattern: str) -> None:
    assert matching.equals(text, pattern) == matches(matching.fold(text), matching.fold(pattern))


@pytest.mark.parametrize("part", ["a*", "?*", "a?*", "*a", "*?a", "a*?a*"])
def test_no_wildcard_takes_more_than_linear_time(part: str) -> None:
    """Backtracking over these would not end."""
    pattern = (part * LONGEST_PATTERN)[: LONGEST_PATTERN - 1]
    assert not matching.equals("a" * 20_000, pattern + "b")
    assert not matching.path_equals("/a" * 10_000, pattern + "b")
    assert matching.equals("a" * 20_000 + "b", pattern.rstrip("*") + "*b")


def test_a_pattern_has_a_limit() -> None:
    fits = "a" * (LONGEST_PATTERN - 1) + "*"
    assert parse(f"name = '{fits}'") == Comparison("name", "=", fits)
    with pytest.raises(QueryError, match="at most 500 characters"):
        parse(f"name = '{fits}*'")
    parse(f"text = '{'a' * (LONGEST_PATTERN + 1)}'")


@pytest.mark.parametrize(
    ("folder", "wanted", "inside"),
    [
        ("/home/me/Trips/2023", "trips/", True),
        ("/home/me/trips", "trips", True),
        ("/home/me/trips2", "trips", False),
        ("/home/me/trips/2023", "me/trips", True),
        ("/home/me/trips", "/home", True),
        ("/home/me/trips", "/me", False),
        ("/home", "/", True),
        ("C:\\Pictures\\Trips", "c:\\pictures", True),
        ("C:\\Pictures\\Trips", "pictures/trips", True),
    ],
)
def test_folders(folder: str, wanted: str, inside: bool) -> None:
    assert matching.lies_in(folder, wanted) is inside


def test_distances() -> None:
    paris, london, auckland = (48.8566, 2.3522), (51.5074, -0.1278), (-36.85, 174.76)
    assert matching.distance_km(*paris, *london) == pytest.approx(343.6, abs=0.5)
    assert matching.distance_km(*paris, *paris) == 0
    assert matching.distance_km(0, 179.5, 0, -179.5) == pytest.approx(111.2, abs=0.1)
    assert matching.distance_km(*auckland, -36.85, 174.76 - 180) < matching.EARTH_KM * 3.15
    assert matching.distance_km(90, 0, -90, 77) == pytest.approx(matching.EARTH_KM * 3.14159265)


@pytest.mark.parametrize(
    ("inside", "outside"),
    [
        ("gps in -90,0,10,20", "gps in -90.01,0,10,20"),
        ("gps in 0,-180,10,20", "gps in 0,-180.01,10,20"),
        ("gps in 0,0,90,20", "gps in 0,0,90.01,20"),
        ("gps in 0,0,10,180", "gps in 0,0,10,180.01"),
    ],
)
def test_edges_of_a_box_are_on_earth(inside: str, outside: str) -> None:
    parse(inside)
    with pytest.raises(QueryError):
        parse(outside)


@pytest.mark.parametrize(
    ("path", "pattern", "equal"),
    [
        ("/p/trips/a.jpg", "a.jpg", True),
        ("/p/trips/a.jpg", "trips/a.jpg", True),
        ("/p/trips/a.jpg", "trips/*", True),
        ("/p/trips/a.jpg", "/p/trips/a.jpg", True),
        ("/p/trips/a.jpg", "/trips/a.jpg", False),
        ("/p/trips/a.jpg", "rips/a.jpg", False),
    ],
)
def test_a_relative_path_matches_from_any_folder_on(path: str, pattern: str, equal: bool) -> None:
    assert matching.path_equals(path, pattern) is equal
