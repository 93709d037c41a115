"""Schedules and lengths."""

from __future__ import annotations

import pytest

from retrieval.pocket.recipe import ANOTHER, DISTILLED, POCKET, VIEWS, Stage, Weights, cosine


def test_the_rate_rises_then_falls():
    assert cosine(0.0) == pytest.approx(0.02)
    assert cosine(0.015) == pytest.approx(0.5)
    assert cosine(0.03) == pytest.approx(1.0)
    assert cosine(0.03 + 0.97 / 2) == pytest.approx(0.505)
    assert cosine(1.0) == pytest.approx(0.01)
    assert cosine(1.2) == pytest.approx(0.01)


def test_sizes_take_equal_parts_of_a_stage():
    stage = Stage("s", 10, Weights(), sizes=(64, 80))
    assert [stage.size_at(p) for p in (0.0, 0.49, 0.5, 1.0)] == [64, 64, 80, 80]


def test_a_stage_counts_seconds_or_steps():
    assert Stage("s", 2, Weights()).progress(step=7, seconds=60) == 0.5
    assert Stage("s", 2, Weights(), steps=14).progress(step=7, seconds=1e9) == 0.5


@pytest.mark.parametrize("repeats", [1, 3])
def test_views_come_again_until_the_last_time(repeats):
    stage = Stage("s", 1, Weights(), repeats=repeats)
    seen: dict[int, list[bool]] = {}
    for draw in range(2 * VIEWS * repeats):
        view, again = stage.view(draw)
        seen.setdefault(view, []).append(again)
    assert sorted(seen) == list(range(2 * VIEWS))
    assert all(asked == [True] * (repeats - 1) + [False] for asked in seen.values())


def test_a_recipe_stretches():
    half = POCKET.lasting(sum(s.minutes for s in POCKET.stages) / 2)
    assert [s.minutes * 2 for s in half.stages] == pytest.approx([s.minutes for s in POCKET.stages])
    assert sum(s.steps for s in POCKET.counting(1000).stages) == pytest.approx(1000, abs=2)


def test_captioned_sources_come_before_class_sources():
    for stage in (*POCKET.stages, *ANOTHER.stages, *DISTILLED.stages):
        kinds = ["imagenet" in name or "caltech" in name for name in stage.shares]
        assert kinds == sorted(kinds)
