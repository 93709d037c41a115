"""What can be asked: terms and their written form, filters, and how hits are shown. Plain data."""

from retrieval.query.terms import Example, Query, Term, example_term

__all__ = ["Example", "Query", "Term", "example_term"]
