"""Retrieval measures: how well a model finds the right picture or caption.

With n pictures and m captions, each caption belonging to one picture:

- **text→image**: every caption is a query, and its picture is the one right answer. The *rank* is
  the number of pictures that score at least as high as the right one (itself included).
- **image→text**: every picture is a query, and each of its captions is right. The rank is that of
  its best caption among the captions of other pictures: one more than the number of those that
  score at least as high.

So a tie counts against the model: if all pairs have the same score, the right answer gets the last
rank, not the first. Over the queries: **R@k** (recall@k, also called hit rate or success@k when
several answers are right) is the share with rank ≤ k; **MedR** is the median rank; **MRR** is the
mean of 1 / rank; **nDCG@10** is the mean of DCG@10 divided by its ideal value, with gain 1 for a
right answer and a discount of log2(1 + rank). (Manning, Raghavan and Schütze 2008, ch. 8; Järvelin
and Kekäläinen 2002.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import NDArray

KS = (1, 5, 10)
_NDCG_AT = 10
_BLOCK = 1024


@dataclass(frozen=True, slots=True)
class Measures:
    """The measures of one direction; `recall` maps k to R@k. All but `median_rank` are 0 to 1."""

    recall: dict[int, float]
    median_rank: float
    mrr: float
    ndcg: float

    def as_json(self) -> dict[str, float]:
        """Return the measures under their usual names."""
        return {
            **{f"R@{k}": value for k, value in self.recall.items()},
            "MedR": self.median_rank,
            "MRR": self.mrr,
            f"nDCG@{_NDCG_AT}": self.ndcg,
        }


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Both directions, and the recall of random guessing."""

    text_to_image: Measures
    image_to_text: Measures
    chance_text_to_image: dict[int, float]
    chance_image_to_text: dict[int, float]
    images: int
    captions: int

    def as_json(self) -> dict[str, object]:
        """Return the documented object of `pixtrieve evaluate --json`."""
        return {
            "text_to_image": self.text_to_image.as_json(),
            "image_to_text": self.image_to_text.as_json(),
            "chance": {
                "text_to_image": {f"R@{k}": v for k, v in self.chance_text_to_image.items()},
                "image_to_text": {f"R@{k}": v for k, v in self.chance_image_to_text.items()},
            },
            "images": self.images,
            "captions": self.captions,
        }


def evaluate(
    images: NDArray[np.float32], captions: NDArray[np.float32], owner: NDArray[np.int64]
) -> Evaluation:
    """Measure both directions.

    `images` (n, dim) and `captions` (m, dim) are unit vectors; `owner` (m,) is the row of the
    picture that each caption belongs to. Each picture has at least one caption.
    """
    n, m = len(images), len(captions)
    per_image = np.bincount(owner, minlength=n)
    return Evaluation(
        text_to_image=_text_to_image(images, captions, owner),
        image_to_text=_image_to_text(images, captions, owner),
        chance_text_to_image={k: min(k, n) / n for k in KS},
        chance_image_to_text={
            k: float(
                np.mean(
                    [1 - comb(m - int(c), k) / comb(m, k) if k <= m else 1.0 for c in per_image]
                )
            )
            for k in KS
        },
        images=n,
        captions=m,
    )


def _text_to_image(
    images: NDArray[np.float32], captions: NDArray[np.float32], owner: NDArray[np.int64]
) -> Measures:
    def ranks_of(start: int) -> NDArray[np.float64]:
        block = captions[start : start + _BLOCK]
        scores = block @ images.T
        own = scores[np.arange(len(block)), owner[start : start + _BLOCK]]
        ranks: NDArray[np.float64] = (scores >= own[:, None]).sum(axis=1).astype(np.float64)
        return ranks

    ranks = _in_blocks(len(captions), ranks_of)
    gains = np.where(ranks <= _NDCG_AT, 1 / np.log2(1 + ranks), 0.0)
    return _measures(ranks, gains)


def _image_to_text(
    images: NDArray[np.float32], captions: NDArray[np.float32], owner: NDArray[np.int64]
) -> Measures:
    def of_block(start: int) -> NDArray[np.float64]:
        rows = []
        for offset, scores in enumerate(images[start : start + _BLOCK] @ captions.T):
            mine = owner == start + offset
            rows.append(_rank_and_ndcg(scores[mine], np.sort(scores[~mine])))
        return np.array(rows)

    ranks, gains = _in_blocks(len(images), of_block).T
    return _measures(ranks, gains)


def _rank_and_ndcg(own: NDArray[np.float32], others: NDArray[np.float32]) -> tuple[float, float]:
    """Return the rank of the best own caption, and nDCG, given the others' scores, rising."""
    own = np.sort(own)[::-1]
    ahead = len(others) - np.searchsorted(others, own, side="left")
    ranks = ahead + np.arange(1, len(own) + 1)
    gain = float((1 / np.log2(1 + ranks[ranks <= _NDCG_AT])).sum())
    ideal = float((1 / np.log2(1 + np.arange(1, min(len(own), _NDCG_AT) + 1))).sum())
    return float(ranks[0]), gain / ideal


def _measures(ranks: NDArray[np.float64], gains: NDArray[np.float64]) -> Measures:
    return Measures(
        recall={k: float((ranks <= k).mean()) for k in KS},
        median_rank=float(np.median(ranks)),
        mrr=float((1 / ranks).mean()),
        ndcg=float(gains.mean()),
    )


def _in_blocks(total: int, block: Callable[[int], NDArray[np.float64]]) -> NDArray[np.float64]:
    """Concatenate the results of `block(start)`, so that memory never holds an n × m matrix."""
    return np.concatenate([block(start) for start in range(0, total, _BLOCK)])
