from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from retrieval.vectors import as_stored, from_blobs, normalise, pairwise_cosines, to_blobs

unit_rows = arrays(np.float32, (3, 8), elements=st.floats(-1, 1, width=32)).filter(
    lambda rows: (np.linalg.norm(rows, axis=1) > 0.01).all()
)


@given(unit_rows)
def test_a_blob_is_the_rounded_vector(rows: np.ndarray) -> None:
    unit = normalise(rows)
    blobs = to_blobs(unit)
    assert [len(blob) for blob in blobs] == [16, 16, 16]
    np.testing.assert_array_equal(from_blobs(blobs, 8), as_stored(unit))
    np.testing.assert_array_equal(np.frombuffer(blobs[0], "<f2"), unit[0].astype("<f2"))


@pytest.mark.parametrize("dim", [4, 64, 512, 1152])
def test_rounding_moves_a_cosine_by_less_than_a_thousandth(dim: int) -> None:
    rows = normalise(np.random.default_rng(0).normal(size=(400, dim)).astype(np.float32))
    moved = np.abs(as_stored(rows[:200]) @ rows[200:].T - rows[:200] @ rows[200:].T)
    assert moved.max() < 0.001


def test_a_stored_half_float_is_little_endian() -> None:
    assert to_blobs(np.array([[1.0, 0.0]], np.float32)) == [b"\x00\x3c\x00\x00"]


def test_blobs_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match=r"15 .*16"):
        from_blobs([b"\0" * 16, b"\0" * 15], 8)


def test_no_blobs_are_no_rows() -> None:
    assert from_blobs([], 8).shape == (0, 8)


@pytest.mark.parametrize("bad", [0.0, np.nan, np.inf])
def test_a_row_without_direction_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="length zero"):
        normalise(np.array([[1, 0], [bad, 0]], np.float32))


@pytest.mark.parametrize("count", [3, 20_000])
def test_pairwise_cosines_are_the_same_for_small_and_for_large_products(count: int) -> None:
    rng = np.random.default_rng(0)
    rows = normalise(rng.standard_normal((count, 16), np.float32))
    others = normalise(rng.standard_normal((40, 16), np.float32))
    exact = rows.astype(np.float64) @ others.T.astype(np.float64)
    np.testing.assert_allclose(pairwise_cosines(rows, others), exact, atol=1e-6)
