"""Measure how much captions of some pictures improve a search, and how best to combine both.

    python benchmarks/hybrid.py [--data FOLDER] [--model pocket]

A share of the pictures of Flickr8k's development split has ONE of its five captions as its text.
The other four are queries, so no query equals a text. The output is R@10 of each part alone and of
four combinations: reciprocal ranks (k = 60), one cosine of both vectors concatenated
(`--fuse concatenate`), the sum of z scores, and Pixtrieve's own: a sum in which texts can only
raise a score. The last column is R@10 of the pictures without a text, at a share of 30 %.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieval.catalogue import Catalogue
from retrieval.catalogue.contents import Batch, FileRecord
from retrieval.catalogue.image_rows import ImageRecord
from retrieval.encoders import Encoder, open_encoder
from retrieval.evaluation.captions import read_captions
from retrieval.images import Picture, PictureInfo, ReadLimits
from retrieval.images.decoding import read_picture
from retrieval.query.tokens import terms
from retrieval.search.fusion import (
    PICTURE_SHARE,
    TEXT_SHARE,
    background_of,
    text_bonus,
    text_evidence,
)

SHARES = (0.0, 0.1, 0.3, 1.0)
ASKED = 2000
RECIPROCAL = 60

Floats = NDArray[np.float64]


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=os.environ.get("PIXTRIEVE_DATA", "."))
    parser.add_argument("--model", default="pocket")
    chosen = parser.parse_args()
    encoder = open_encoder(chosen.model)
    pictures = read_captions(str(Path(chosen.data) / "flickr8k-dev/captions.jsonl"))
    captions = [list(picture.captions[:5]) for picture in pictures]
    images = encoded_pictures(encoder, [picture.file for picture in pictures])
    texts = np.concatenate([encoder.encode_texts(five) for five in captions]).reshape(
        len(pictures), 5, -1
    )
    random = np.random.default_rng(7)
    kept = random.integers(0, 5, len(pictures))
    order = random.permutation(len(pictures))
    questions = [(i, j) for i in range(len(pictures)) for j in range(5) if j != kept[i]]
    asked = [questions[n] for n in random.permutation(len(questions))[:ASKED]]
    owner = np.array([i for i, _ in asked])
    queries = np.stack([texts[i, j] for i, j in asked])
    own_texts = texts[np.arange(len(pictures)), kept]
    table: dict[str, list[str]] = {}
    for share in SHARES:
        has = np.zeros(len(pictures), bool)
        has[order[: round(share * len(pictures))]] = True
        words = word_scores(encoder, captions, kept, has, [captions[i][j] for i, j in asked])
        for name, scores in ways(queries @ images.T, queries @ own_texts.T, words, has).items():
            table.setdefault(name, []).append(f"{recall(scores, owner):.3f}")
            if share == 0.3:
                without = ~has[owner]
                table[name].append(f"({recall(scores[without], owner[without]):.3f})")
    print(
        f"{chosen.model}: {len(pictures)} pictures, {ASKED} queries; R@10 by the share with texts"
    )
    print(
        f"{'':34}" + "".join(f"{head:>9}" for head in ("0 %", "10 %", "30 %", "without", "100 %"))
    )
    for name, cells in table.items():
        print(f"{name:34}" + "".join(f"{cell:>9}" for cell in cells))


def encoded_pictures(encoder: Encoder, files: list[str]) -> NDArray[np.float32]:
    """Return unit vectors (n, dim) of picture files."""
    vectors = []
    for start in range(0, len(files), 64):
        read = [
            read_picture(file, encoder.spec.preprocessing, ReadLimits(), lambda _: True)
            for file in files[start : start + 64]
        ]
        pixels = [each.pixels for each in read if isinstance(each, Picture)]
        vectors.append(
            encoder.encode_images(np.stack([each for each in pixels if each is not None]))
        )
    return np.concatenate(vectors)


def word_scores(
    encoder: Encoder,
    captions: list[list[str]],
    kept: NDArray[np.int64],
    has: NDArray[np.bool_],
    asked: list[str],
) -> Floats:
    """Return the scores (q, n) of the catalogue's full-text index."""
    scores = np.zeros((len(asked), len(captions)))
    with tempfile.TemporaryDirectory() as folder:
        catalogue = Catalogue(f"{folder}/c.sqlite", create=True)
        root = catalogue.roots.add(folder, whole=True)
        with catalogue.writing():
            model_id = catalogue.contents.register_model(encoder.spec)
        info = PictureInfo(format="JPEG", width=224, height=224)
        vector = np.eye(1, encoder.spec.dim, dtype=np.float32)
        digests = [number.to_bytes(32, "big") for number in range(len(captions))]
        images = [ImageRecord(digest, info, vector[0]) for digest in digests]
        files = [FileRecord(digest.hex(), 1, 1, digest) for digest in digests]
        catalogue.contents.record(root, model_id, Batch(images, files))
        with catalogue.writing():
            for number in np.flatnonzero(has).tolist():
                catalogue.texts.put(number + 1, {"caption": captions[number][kept[number]]})
        for row, question in enumerate(asked):
            found = catalogue.texts.matching(terms(question), 4096, len(captions))
            for image_id, score in found.items():
                scores[row, image_id - 1] = score
        catalogue.close()
    return scores


def ways(
    pictures: NDArray[np.float32], texts: NDArray[np.float32], words: Floats, has: NDArray[np.bool_]
) -> dict[str, Floats]:
    """Return scores (q, n) of each part and of each combination."""
    z = background_of(pictures).z(pictures)
    alone: dict[str, Floats] = {"pictures alone": z}
    if not has.any():
        names = ("words alone (BM25)", "text vectors alone", "reciprocal ranks", "concatenate")
        nothing = dict.fromkeys(names[:2], np.zeros_like(z))
        return {**alone, **nothing, **dict.fromkeys((*names[2:], "sum of z", "calibrated sum"), z)}
    usual = background_of(texts[:, has])
    meant = np.where(has, usual.z(texts), -np.inf)
    median = np.where(has, texts, usual.median[:, None])
    evidence = np.stack([text_evidence(*each) for each in zip(meant, words, strict=True)])
    return {
        **alone,
        "words alone (BM25)": words,
        "text vectors alone": meant,
        "reciprocal ranks": reciprocal(z) + reciprocal(words) + reciprocal(meant),
        "concatenate": PICTURE_SHARE * pictures + TEXT_SHARE * median,
        "sum of z": z + np.where(has, meant, 0.0) + words / max(words.std(), 1e-9),
        "calibrated sum": z + text_bonus(z, 0.0, 1.0, evidence),
    }


def reciprocal(scores: Floats) -> Floats:
    """Return 1 / (60 + rank), or 0 for pictures that are not in the list."""
    ranks = np.argsort(np.argsort(-scores, axis=1, kind="stable"), axis=1) + 1
    return np.where(np.isfinite(scores) & (scores != 0), 1 / (RECIPROCAL + ranks), 0.0)


def recall(scores: Floats, owner: NDArray[np.int64]) -> float:
    """Return the share of queries whose picture is among the first ten; ties count as misses."""
    own = scores[np.arange(len(owner)), owner]
    return float(((scores >= own[:, None]).sum(axis=1) <= 10).mean())


if __name__ == "__main__":
    main()
