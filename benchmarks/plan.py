"""Compute what libraries of 10^7 to 10^9 pictures need: formulas, from measured constants.

    python benchmarks/plan.py [--pictures N …] [--preset NAME] [--card-tflops X] [--card-price X] …

Nothing is measured here. Each constant is an option whose help says where it comes from: figures of
docs/benchmarks.md and docs/large.md (two cores), published ones, or assumptions, which are called
so. Put your own in their place: `benchmarks/card.py` measures a card, `served_stores.py` a server.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator

from bench import print_table

from retrieval.encoders.models.presets import PRESETS

_SHARD = 4096  # pictures, the default of `pixtrieve encode`
_HALF, _FLOAT = 2, 4  # bytes of a number, as the library and as Milvus keeps it
_MARKS = 300  # bytes of a row's payload on the server, with index overhead: an assumption

Row = tuple[str, str, Callable[[float], str]]

_CONSTANTS: tuple[tuple[str, float, str], ...] = (
    ("card-tflops", 989, "dense bfloat16 rate of a card: H100 SXM by its data sheet"),
    ("utilisation", 0.4, "share of it that a transformer reaches: an assumption; see card.py"),
    ("card-price", 2.5, "USD an hour of a card: an assumption"),
    ("picture-kb", 60, "KB of a stored picture: web pictures of some 500 pixels, an assumption"),
    ("decode-ms", 3, "processor milliseconds to read such a picture: measured"),
    ("catalogue-bytes", 720, "bytes a picture in the catalogue, without vectors: measured"),
    ("scan-ns", 15, "nanoseconds a row of an exact question on one machine: measured, two cores"),
    ("node-gb", 256, "memory of a machine that serves, three quarters of it for vectors"),
    ("node-cores", 32, "its processor cores"),
    ("node-price", 2.0, "USD an hour of it: an assumption"),
    ("probed", 0.01, "share of the rows that a question to an approximate index compares"),
    ("core-gbs", 10, "GB a second that one core compares: an assumption; measured 8 to 20"),
)


def rows(given: argparse.Namespace) -> Iterator[Row]:
    """Yield the rows of the table: what, its formula, and its value for a number of pictures."""
    preset = PRESETS[given.preset]
    rate = given.card_tflops * 1e3 * given.utilisation / preset.image_gflops
    kept = preset.dim * _HALF + given.catalogue_bytes
    served = preset.dim * _FLOAT + _MARKS
    memory = given.node_gb * 0.75e9

    def nodes(count: float) -> int:
        return max(1, math.ceil(float(count * served / memory)))

    def answers(count: float) -> float:
        """Return questions a second of all nodes: each compares its own share of the rows."""
        compared = count / nodes(count) * given.probed * preset.dim * _FLOAT
        return float(given.node_cores * given.core_gbs * 1e9 / compared)

    yield "encoding, hours of a card", "N F / (R u)", lambda n: f"{n / rate / 3600:,.0f}"
    yield (
        "cores that feed one card",
        "R u / F × decode",
        lambda _: f"{rate * given.decode_ms / 1e3:,.0f}",
    )
    yield "pictures read, TB", "N × picture", lambda n: f"{n * given.picture_kb / 1e9:,.1f}"
    yield (
        f"shards of {_SHARD:,} pictures",
        "N / 4096",
        lambda n: f"{math.ceil(n / _SHARD):,}",
    )
    yield "library on disk, GB", "N (2 d + catalogue)", lambda n: f"{n * kept / 1e9:,.0f}"
    yield (
        "exact question on one machine, s",
        "N × scan",
        lambda n: f"{n * given.scan_ns / 1e9:,.2f}",
    )
    yield "vectors on servers, GB", "N (4 d + payload)", lambda n: f"{n * served / 1e9:,.0f}"
    yield "servers", "that / (memory × 0.75)", lambda n: f"{nodes(n):,}"
    yield (
        "questions a second, at most",
        "cores × GB/s / (4 d × rows compared a server)",
        lambda n: f"{answers(n):,.0f}",
    )
    yield "encoding, USD", "hours × price", lambda n: f"{n / rate / 3600 * given.card_price:,.0f}"
    yield (
        "serving, USD a month",
        "servers × 730 × price",
        lambda n: f"{nodes(n) * 730 * given.node_price:,.0f}",
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pictures", nargs="+", type=float, default=[1e7, 1e8, 1e9])
    parser.add_argument("--preset", choices=PRESETS, default="default")
    for name, value, about in _CONSTANTS:
        parser.add_argument(f"--{name}", type=float, default=value, help=f"{about} (%(default)s)")
    given = parser.parse_args()
    preset = PRESETS[given.preset]
    print_table(
        f"{preset.reference}: F = {preset.image_gflops} GFLOP a picture, d = {preset.dim}",
        ("what", "formula", *(f"{count:,.0f}" for count in given.pictures)),
        [(what, formula, *map(value, given.pictures)) for what, formula, value in rows(given)],
    )


if __name__ == "__main__":
    main()
