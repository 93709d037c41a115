"""Filters for Hypothesis: conditions of every form, over values that a test chooses."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st

from retrieval.query.fields import FIELDS, OPTIONAL
from retrieval.query.where import And, Comparison, Condition, Has, Not, OneOf, Or
from retrieval.query.where.conditions import Value

Conditions = st.SearchStrategy[Condition]

COMPARABLE = st.sampled_from(
    [name for name, field in FIELDS.items() if field.kind not in ("place", "flag")]
)
"""Names of the fields that are compared with values."""


def conditions_of(
    values: Callable[[str], st.SearchStrategy[Value]], *places: Conditions, max_leaves: int
) -> Conditions:
    """Return conditions with `values` of a field, by its name, and with `places` among them."""
    leaves = st.one_of(
        COMPARABLE.flatmap(lambda field: _comparisons(field, values(field))),
        COMPARABLE.flatmap(
            lambda field: st.builds(
                OneOf, st.just(field), st.lists(values(field), min_size=1, max_size=3).map(tuple)
            )
        ),
        st.builds(Has, st.sampled_from(OPTIONAL)),
        *places,
    )
    return st.recursive(leaves, _joined, max_leaves=max_leaves)


def _comparisons(field: str, values: st.SearchStrategy[Value]) -> Conditions:
    signs = [sign for sign in FIELDS[field].operators if sign != "in"]
    return st.builds(Comparison, st.just(field), st.sampled_from(signs), values)


def _joined(inner: Conditions) -> Conditions:
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.one_of(st.builds(Not, inner), st.builds(And, several), st.builds(Or, several))
