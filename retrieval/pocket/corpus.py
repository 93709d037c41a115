"""What the model learns from: pictures, each tied to a group of texts that all describe it.

A captioned photograph, an emoji with its keywords, a rendered scene and a class picture ("a photo
of a teapot") become the same thing here, a picture and a text group, so one loss serves them all.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieval.pocket.pictures import SHARDS, PictureSet, Pixels, prepare_shard
from retrieval.pocket.scene_pictures import NEIGHBOURS, claims_of, prepare_scenes
from retrieval.pocket.shards import read_rows
from retrieval.pocket.vocabulary import Tokens, Vocabulary, tokenize

log = logging.getLogger(__name__)

PROMPTS = (
    "{}",
    "a {}",
    "a photo of a {}",
    "a picture of the {}",
    "a close up of a {}",
    "a photo of the small {}",
)
TEXT_SHARDS = ("flickr30k_captions.jsonl.gz", "coco_val2017_captions.jsonl.gz")
SIDES = {"left", "right"}


@dataclass(frozen=True)
class Texts:
    """Groups of texts; the texts of one group describe the same thing."""

    tokens: Tokens  # (texts, context), compact ids
    starts: NDArray[np.int64]  # (groups + 1,), where each group begins in `tokens`

    def __len__(self) -> int:
        return len(self.starts) - 1

    def draw(self, groups: NDArray[np.int64], rng: np.random.Generator) -> Tokens:
        """Draw one random text of each group."""
        return self.tokens[self.draw_places(groups, rng)]

    def draw_pairs(
        self, groups: NDArray[np.int64], rng: np.random.Generator
    ) -> tuple[Tokens, Tokens]:
        """Draw two different texts of each group (one twice where it has only one)."""
        first, sizes = self.starts[groups], np.diff(self.starts)[groups]
        one = rng.integers(sizes)
        other = (one + 1 + rng.integers(np.maximum(sizes - 1, 1))) % sizes
        return self.tokens[first + one], self.tokens[first + other]

    def draw_places(self, groups: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        """Draw the place in `tokens` of one random text of each group."""
        sizes = np.diff(self.starts)[groups]
        return np.asarray(self.starts[groups] + rng.integers(sizes), dtype=np.int64)


@dataclass(frozen=True)
class Source:
    """Pictures of one kind and the text group of each."""

    name: str
    pixels: Pixels
    groups: NDArray[np.int64]
    flippable: NDArray[np.bool_]  # False where a text says left or right
    neighbours: int = 1  # so many pictures in a row are much alike, and best learned together

    def __len__(self) -> int:
        return len(self.groups)


@dataclass(frozen=True)
class Corpus:
    """Everything a training run reads."""

    sources: dict[str, Source]
    texts: Texts
    class_count: int  # groups 0 … class_count-1 are classes, the others captions
    pictured: int  # groups 0 … pictured-1 have pictures, the others are texts alone
    vocabulary: Vocabulary
    scene_seeds: NDArray[np.int64]  # of the scenes, in the order of their groups
    scene_claims: NDArray[np.bool_]  # (scenes, claims) what is true of them


class _Builder:
    """Collects text groups and sources; `finish` tokenizes all texts at once."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []
        self.sources: dict[str, Source] = {}
        self.pictured = 0

    def add_group(self, texts: Iterable[str]) -> int:
        self.groups.append(list(texts))
        return len(self.groups) - 1

    def add_source(
        self, name: str, pictures: PictureSet, groups: Sequence[int], neighbours: int = 1
    ) -> None:
        sided = [any(SIDES & set(text.split()) for text in self.groups[g]) for g in groups]
        flippable = ~np.asarray(sided, np.bool_)
        self.sources[name] = Source(
            name, pictures.pixels, np.asarray(groups, np.int64), flippable, neighbours
        )
        self.pictured = len(self.groups)

    def finish(self, class_count: int, scene_seeds: Iterable[int], cache: Path) -> Corpus:
        flat = [text for group in self.groups for text in group]
        tokens = _cached_tokens(flat, cache)
        starts = np.cumsum([0, *(len(group) for group in self.groups)]).astype(np.int64)
        vocabulary = Vocabulary.covering(tokens, starts, always=starts[class_count])
        texts = Texts(vocabulary.compact_known(tokens), starts)
        seeds = list(scene_seeds)
        return Corpus(
            self.sources,
            texts,
            class_count,
            self.pictured,
            vocabulary,
            np.array(seeds, np.int64),
            claims_of(seeds),
        )


def _cached_tokens(texts: list[str], cache: Path) -> Tokens:
    """Tokenize, and keep the result: a few hundred thousand captions take a minute."""
    digest = hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]
    path = cache / f"tokens-{digest}.npy"
    if not path.exists():
        log.info("tokenizing %d texts", len(texts))
        np.save(path, tokenize(texts))
    tokens: Tokens = np.load(path)
    return tokens


def load_corpus(data: Path, cache: Path, scenes: int) -> Corpus:
    """Read every training shard below `data`; decoded pictures are kept in `cache`."""
    shards = {s.name: prepare_shard(s, data / "train", cache) for s in SHARDS}
    build = _Builder()
    class_count = _add_classes(build, shards)
    _add_captioned(build, shards, data)
    drawn = prepare_scenes(cache, scenes)
    told = [build.add_group(row["captions"]) for row in drawn.rows]
    build.add_source("scenes", drawn, told, NEIGHBOURS)
    for name in TEXT_SHARDS:
        for row in read_rows(data / "train" / name):
            build.add_group(row["en"])
    return build.finish(class_count, (row["seed"] for row in drawn.rows), cache)


def _add_classes(build: _Builder, shards: dict[str, PictureSet]) -> int:
    """Make one group per class name; the same name in two shards is one class."""
    known: dict[str, int] = {}
    for name in ("tiny_imagenet", "mini_imagenet", "caltech101"):
        pictures = _training_part(shards[name])
        groups = []
        for row in pictures.rows:
            label = row["label"].lower()
            if label not in known:
                names = [label, *row.get("synonyms", ())]
                texts = dict.fromkeys(p.format(n) for n in names for p in PROMPTS)
                known[label] = build.add_group(texts)
            groups.append(known[label])
        build.add_source(name, pictures, groups)
    return len(known)


def _training_part(pictures: PictureSet) -> PictureSet:
    train = [i for i, row in enumerate(pictures.rows) if row["split"] == "train"]
    if len(train) == len(pictures):
        return pictures
    return PictureSet(pictures.pixels[train], tuple(pictures.rows[i] for i in train))


def _add_captioned(build: _Builder, shards: dict[str, PictureSet], data: Path) -> None:
    flickr = shards["flickr8k"]
    build.add_source("flickr8k", flickr, [build.add_group(r["captions"]) for r in flickr.rows])
    emoji = shards["emoji"]
    keywords = {
        row["emoji"]: [row["label"], *row["keywords"]]
        for row in read_rows(data / "train" / "emoji_names.jsonl.gz")
    }
    build.add_source(
        "emoji",
        emoji,
        [build.add_group(_emoji_texts(row, keywords)) for row in emoji.rows],
    )


def _emoji_texts(row: dict[str, str], keywords: dict[str, list[str]]) -> list[str]:
    label = row["label"]
    words = keywords.get(row["emoji"], [])
    return list(dict.fromkeys([label, f"an icon of {label}", f"an emoji: {label}", *words]))
