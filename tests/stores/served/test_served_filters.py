"""Filters as tests of a payload: what is compiled gives exactly the answer of SQL."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.conditions import conditions_of
from support.fakes import SMALL
from support.servers import SERVERS, connected, rows_of, spec_of

from retrieval.catalogue import WHOLE, Catalogue
from retrieval.catalogue.contents import Batch, FileRecord
from retrieval.catalogue.image_rows import ImageRecord
from retrieval.images import PictureInfo
from retrieval.query.fields import FACTS, FIELDS, OPTIONAL
from retrieval.query.where import Box, Condition, Has, Near, Or, parse
from retrieval.specs import ModelSpec
from retrieval.stores.served import CollectionSpec, ServedStore
from retrieval.stores.served.columns import LONGEST_TEXT, encoded, written
from retrieval.stores.served.expression import ODD, SEVERAL, All, Fails, compiled

# Names as disks have them: quotes, signs of patterns and of SQL, control characters, other bytes.
PARTS = ["a", "A", "É", "e", "été", "a'b", 'a"b', "a\\b", "a%b", "a_b", "a*b", "a?b", "%41", "~"]
PARTS += [
    "new\nline",
    "tab\tx",
    "\x7f",
    "ﬁ",
    "日本",
    "😀",
    "a b",
    "ab",
    b"\xff\xfe".decode("utf-8", "surrogateescape"),
]
CAMERAS = ["", "Google Pixel 7", "NIKON D90", "Leica É", 'it\'s "x\\y"', "\u0301"]
DATES = ["", "2022-12-31T23:59:59", "2023-05-01T00:00:00", "2023-05-17T12:30:45", "not a date"]
DATES += ["2023", "2023-05"]
PLACES = [(None, None), (48.85, 2.35), (-17.0, 179.9), (-17.0, -179.9), (0.0, 0.0)]
ROOTS = ["/", "/photos", "/photos/more 'trips'"]


def some_path(chosen: random.Random, number: int) -> str:
    parts = [chosen.choice(PARTS) for _ in range(chosen.randrange(1, 4))]
    return "/".join([*parts, str(number), chosen.choice(PARTS)])


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalogue]:
    catalogue = Catalogue(str(tmp_path_factory.mktemp("c") / "c.sqlite"), create=True)
    chosen = random.Random(5)
    with catalogue.writing():
        model = catalogue.contents.register_model(ModelSpec("m", "f", 4, SMALL, "MIT"))
        catalogue.use_model(model)
        roots = [catalogue.roots.add(path, whole=True) for path in ROOTS]
    numbers = [name for name in FACTS if name in OPTIONAL and FIELDS[name].kind == "number"]
    for number in range(120):
        width, height = chosen.choice([(4000, 3000), (3000, 4000), (2000, 2000), (1, 1)])
        latitude, longitude = chosen.choice(PLACES)
        others: dict[str, Any] = {name: chosen.choice([None, 0.0, 1.5, 2000.0]) for name in numbers}
        others |= {"rating": chosen.choice([None, -1, 4])}
        others |= {"colour_label": chosen.choice(CAMERAS)}
        info = PictureInfo(
            format=chosen.choice(["JPEG", "PNG"]),
            width=width,
            height=height,
            taken=chosen.choice(DATES),
            camera=chosen.choice(CAMERAS),
            lens=chosen.choice(CAMERAS),
            latitude=latitude,
            longitude=longitude,
            **others,
        )
        sha256 = hashlib.sha256(bytes([number])).digest()
        record = ImageRecord(sha256, info, np.array([1, 0, 0, 0], np.float32))
        for copy in range(chosen.choice([1, 1, 1, 2])):
            size = chosen.choice([100, 500_000, 2**53 + 1])
            file = FileRecord(some_path(chosen, number), size, 10**18 + number, sha256)
            catalogue.contents.record(
                chosen.choice(roots), model, Batch([record] * (not copy), [file])
            )
    yield catalogue
    catalogue.close()


@pytest.fixture(scope="module", params=SERVERS)
def server(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    catalogue: Catalogue,
) -> Iterator[tuple[ServedStore, CollectionSpec]]:
    open_server: Any = SERVERS[request.param]
    with open_server(tmp_path_factory.mktemp("server")) as address:
        store, spec = connected(address), spec_of("filters", 4)
        store.make(spec)
        model = catalogue.model()
        assert model is not None
        source = catalogue.served.vectors(model.id, 4, WHOLE)
        for ids, payloads in source.payloads():
            vectors = source.some(ids)[1]
            store.upsert(spec, rows_of(ids, vectors, [encoded(each) for each in payloads]))
        yield store, spec
        store.drop(spec.name)
        store.close()


def values_of(field: str) -> st.SearchStrategy[Any]:
    kind = FIELDS[field].kind
    if kind == "number":
        return st.sampled_from([0.0, -1.0, 1.5, 4.0, 12.0, 100.0, 2000.0, 4000.0, 5e5, 1e27, 1e-9])
    if kind == "date":
        return st.sampled_from(["2022", "2023-05", "2023-05-17", "2023-05-17T12:30"])
    if kind == "choice":
        return st.sampled_from(["JPEG", "PNG", "portrait", "square", "it's"])
    texts = [*PARTS, *CAMERAS[1:], "google*", "a*", "*", "É*", "%*"]
    if kind == "folder":
        paths = ["/", "/photos", "/photos/", "/PHOTOS/more 'trips'", "trips", "/photos/*", "/a*"]
        ends = [f"{root.rstrip('/')}/{part}" for root in ROOTS for part in PARTS]
        return st.sampled_from(paths + ends + [f"{end}*" for end in ends])
    return st.sampled_from(texts)


conditions = conditions_of(
    values_of,
    st.builds(
        Box,
        st.sampled_from([-90.0, -17.0, 0.0]),
        st.sampled_from([-180.0, 2.35, 170.0]),
        st.sampled_from([90.0, 48.85]),
        st.sampled_from([-179.9, 2.35, 180.0]),
    ),
    max_leaves=5,
)


@settings(max_examples=80)
@given(condition=conditions)
def test_a_compiled_filter_finds_what_sql_finds(
    condition: Condition, catalogue: Catalogue, server: tuple[ServedStore, CollectionSpec]
) -> None:
    filter_ = compiled(condition)
    if filter_ is None:
        return
    store, spec = server
    covered = All((Fails(ODD), Fails(SEVERAL))) if filter_.of_files else Fails(ODD)
    known = store.find(spec, covered, 1000)
    found = store.find(spec, All((covered, filter_.test)), 1000)
    right = np.intersect1d(catalogue.filters.ids(condition, 1), known)
    np.testing.assert_array_equal(np.sort(found), right, str(condition))


def test_rows_that_a_payload_cannot_express_are_few_and_named(
    catalogue: Catalogue, server: tuple[ServedStore, CollectionSpec]
) -> None:
    store, spec = server
    odd, several = store.find(spec, ODD, 1000), store.find(spec, SEVERAL, 1000)
    dated = catalogue.filters.ids(parse("has taken"), 1)
    assert 0 < len(odd) < 100  # those with a damaged date or an enormous size
    assert len(np.setdiff1d(odd, dated)) < len(odd)
    assert 0 < len(several) < 60
    assert store.count(spec) == 120


@pytest.mark.parametrize(
    "filter_",
    ["camera = 'x'", "camera = 'x*'", "path in '/a'", "path = '/a/b.jpg'", "not has iso",
     "width in (1, 2)", "date = 2023 or taken < 2024-05", "gps in 40,-10,60,20", "format != JPEG",
     "folder in ('/a', '/b')"],
)  # fmt: skip
def test_these_are_compiled(filter_: str) -> None:
    assert compiled(parse(filter_)) is not None


@pytest.mark.parametrize(
    "filter_",
    ["camera ~ 'x'", "camera = '*x'", "camera = 'a?'", "path in 'a'", "path = 'b.jpg'", "tag = 'x'",
     "text ~ 'x'", "has text", "not (width > 5 and has tag)", "gps near 1,2 within 3 km"],
)  # fmt: skip
def test_these_are_left_to_sql(filter_: str) -> None:
    assert compiled(parse(filter_)) is None


def test_near_is_part_of_the_language_and_not_compiled() -> None:
    assert compiled(Or((Near(1, 2, 3), Has("iso")))) is None


@given(st.text(), st.text())
def test_a_written_text_keeps_equality_and_prefixes(one: str, other: str) -> None:
    assert (written(one) == written(other)) == (one == other)
    assert written(one + other).startswith(written(one))
    assert written(one).isascii()
    assert not set(written(one)) & set("'\"\\ \n")


def test_a_text_that_is_too_long_is_cut_and_said_to_be() -> None:
    from retrieval.catalogue.served import PAYLOAD_FIELDS, Payload

    values = [0 if each.kind == "number" else b"/" + b"x" * LONGEST_TEXT for each in PAYLOAD_FIELDS]
    row = encoded(Payload(1, None, None, tuple(values)))
    assert row["plain"] is False
    assert all(len(value) <= LONGEST_TEXT for value in row.values() if isinstance(value, str))
