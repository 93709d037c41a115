"""Draw the learning curve of a run from its log: `python -m retrieval.pocket.curve LOG PICTURE`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from retrieval.pocket.shards import Row, read_rows

SIZE = (960, 420)
FRAME = (70, 40, 900, 360)  # left, top, right, bottom of the plot
INK, PALE, LOSS, RECALL = (40, 44, 52), (222, 226, 232), (52, 120, 200), (220, 96, 48)

Series = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Curve:
    """What a log says: loss and development recall over minutes, and where stages begin."""

    loss: Series
    recall: Series
    stages: Sequence[tuple[str, float]]


def read_curve(rows: Sequence[Row]) -> Curve:
    """Lay the stages of a log end to end on one time axis, in minutes."""
    loss, recall, stages = [], [], []
    offset, last, stage = 0.0, 0.0, ""
    for row in rows:
        if row["stage"] != stage:
            stage, offset = row["stage"], offset + last
            stages.append((stage, offset))
        last = row["seconds"] / 60
        loss.append((offset + last, row["loss"]))
        if row["recall"] is not None:
            recall.append((offset + last, row["recall"]))
    return Curve(loss, recall, stages)


def draw_curve(curve: Curve) -> Image.Image:
    """Loss in blue against the left axis, recall in orange against the right one."""
    picture = Image.new("RGB", SIZE, "white")
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(14)
    left, top, right, bottom = FRAME
    end = max((minute for minute, _ in curve.loss), default=1.0)
    highest_loss = max((loss for _, loss in curve.loss), default=1.0)
    highest_recall = max((recall for _, recall in curve.recall), default=0.1) * 1.1
    for step in range(5):
        y = bottom - step * (bottom - top) / 4
        draw.line([(left, y), (right, y)], fill=PALE)
        draw.text((left - 8, y), f"{highest_loss * step / 4:.1f}", LOSS, font, anchor="rm")
        draw.text((right + 8, y), f"{highest_recall * step / 4:.2f}", RECALL, font, anchor="lm")
    for name, minute in curve.stages:
        x = left + minute / end * (right - left)
        draw.line([(x, top), (x, bottom)], fill=PALE, width=2)
        draw.text((x + 5, bottom + 6), f"{name}, from {minute:.0f} min", INK, font)
    _plot(draw, curve.loss, (end, highest_loss), LOSS)
    _plot(draw, curve.recall, (end, highest_recall), RECALL)
    draw.text((left, 12), "training loss", LOSS, font)
    draw.text((right, 12), "development text→image R@10", RECALL, font, anchor="ra")
    return picture


def _plot(
    draw: ImageDraw.ImageDraw,
    series: Series,
    highest: tuple[float, float],
    colour: tuple[int, int, int],
) -> None:
    left, top, right, bottom = FRAME
    points = [
        (left + x / highest[0] * (right - left), bottom - y / highest[1] * (bottom - top))
        for x, y in series
    ]
    if len(points) > 1:
        draw.line(points, fill=colour, width=2)


def main(arguments: list[str] | None = None) -> None:
    """Read a log, write a picture."""
    parser = argparse.ArgumentParser(description="Draw the learning curve of a training run.")
    parser.add_argument("log", type=Path)
    parser.add_argument("picture", type=Path)
    chosen = parser.parse_args(arguments)
    draw_curve(read_curve(read_rows(chosen.log))).save(chosen.picture)


if __name__ == "__main__":
    main()
