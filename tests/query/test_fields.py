"""The table of fields: it covers the record, its examples are filters, its help names them all."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from retrieval.catalogue import Catalogue
from retrieval.query.fields import (
    COLUMNS,
    FACTS,
    FIELDS,
    OPTIONAL,
    Facts,
    PictureFacts,
    filter_help,
)
from retrieval.query.where import Has, Near, parse
from retrieval.query.where.conditions import is_of_files


def test_each_attribute_of_the_record_is_in_the_table_once() -> None:
    attributes = {each.name for each in fields(PictureFacts)}
    assert sorted(COLUMNS) == sorted(attributes - {"id", "sha256", "mtime_ns"})


def test_facts_that_are_not_known_are_empty_and_optional() -> None:
    known = {"format", "width", "height"}  # of every picture that could be decoded
    optional = {column for name in OPTIONAL for column in FIELDS[name].columns}
    assert set(FACTS) - known <= optional
    for name in set(FACTS) - known:
        assert getattr(Facts(), name) in ("", None, ())


def test_the_catalogue_has_a_column_for_each_fact(tmp_path: Path) -> None:
    catalogue = Catalogue(str(tmp_path / "c.sqlite"), create=True)
    kept = {name for (name,) in catalogue._db.rows("SELECT name FROM pragma_table_info('images')")}
    catalogue.close()
    assert {*FACTS, "date", "date_source"} <= kept


def test_examples_are_filters_on_their_own_field() -> None:
    for field in FIELDS.values():
        condition = parse(field.example)
        assert isinstance(condition, Near) or getattr(condition, "field", "") == field.name
        if field.kind != "flag":
            assert getattr(condition, "operator", "in") in (*field.operators, "near")
    for name in OPTIONAL:
        assert parse(f"has {name}") == Has(name)


def test_the_help_names_every_field_and_operator() -> None:
    words = filter_help().replace(",", " ").replace(";", " ").split()
    assert set(FIELDS) <= set(words)
    assert {operator for field in FIELDS.values() for operator in field.operators} <= set(words)


def test_fields_of_files_are_those_that_differ_between_copies() -> None:
    of_files = {name for name, field in FIELDS.items() if field.of_files}
    assert of_files == {"path", "folder", "name", "size"}
    for name in FIELDS:
        assert is_of_files(parse(FIELDS[name].example)) == (name in of_files)
