"""Queries as plain data: terms and their written form, filters, and search options."""

from retrieval.query.terms import Example, Query, Term, example_term

__all__ = ["Example", "Query", "Term", "example_term"]
