"""Draws recall–latency curves as an SVG that reads well in light and in dark mode."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log10
from xml.sax.saxutils import escape

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP, _RIGHT = 720, 400, 60, 50, 20, 190
_COLOURS = ("#4c78a8", "#f58518", "#54a24b", "#b279a2", "#e45756", "#72b7b2")
_GREY = "#888"
_AXES = "milliseconds a question; upwards: recall@10"


@dataclass(frozen=True, slots=True)
class Curve:
    """A line: (recall, milliseconds) points."""

    label: str
    points: Sequence[tuple[float, float]]


def write_svg(path: str, curves: Sequence[Curve], target: float) -> None:
    """Write a file: milliseconds across (logarithmic), recall upwards, a line at the target."""
    curves = [curve for curve in curves if curve.points]
    times = [ms for curve in curves for _, ms in curve.points]
    if not times:
        return
    low, high = log10(min(times)) - 0.05, log10(max(times)) + 0.05
    floor = min(recall for curve in curves for recall, _ in curve.points)

    def x(milliseconds: float) -> float:
        return _LEFT + (log10(milliseconds) - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT)

    def y(recall: float) -> float:
        share = (recall - floor) / (1 - floor or 1)
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _BOTTOM - _TOP)

    end, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}">',
        f'<g font-family="sans-serif" font-size="12" fill="{_GREY}">',
        f'<path d="M{_LEFT} {_TOP}V{bottom}H{end}" fill="none" stroke="{_GREY}"/>',
        f'<path d="M{_LEFT} {y(target):.1f}H{end}" stroke="{_GREY}" stroke-dasharray="4"/>',
        f'<text x="{_LEFT - 8}" y="{y(target) + 4:.1f}" text-anchor="end">{target}</text>',
        f'<text x="{_LEFT - 8}" y="{bottom}" text-anchor="end">{floor:.2f}</text>',
        f'<text x="{_LEFT - 8}" y="{_TOP}" text-anchor="end">1</text>',
        f'<text x="{(_LEFT + end) / 2}" y="{_HEIGHT - 8}" text-anchor="middle">{_AXES}</text>',
    ]
    for exponent in range(-2, 5):
        for digit in (1, 2, 5):
            value = digit * 10.0**exponent
            if low <= log10(value) <= high:
                place = f'x="{x(value):.1f}" y="{bottom + 18}" text-anchor="middle"'
                parts.append(f"<text {place}>{value:g}</text>")
    for number, curve in enumerate(curves):
        colour = _COLOURS[number % len(_COLOURS)]
        line = " ".join(f"{x(ms):.1f},{y(recall):.1f}" for recall, ms in curve.points)
        height = _TOP + 20 * number + 10
        parts += [
            f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>',
            *(
                f'<circle cx="{x(ms):.1f}" cy="{y(r):.1f}" r="3" fill="{colour}"/>'
                for r, ms in curve.points
            ),
            f'<text x="{end + 12}" y="{height}" fill="{colour}">{escape(curve.label)}</text>',
        ]
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join([*parts, "</g></svg>\n"]))
