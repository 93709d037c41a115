"""The texts that the text tower is trained on, and the pictures that they belong to."""

from __future__ import annotations

import importlib
import random
import re
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.pocket.shards import read_manifest, read_rows
from retrieval.pocket.train import wordnet

Row = dict[str, Any]
Floats = NDArray[np.float32]

PHOTOGRAPHS = "flickr8k_train_224.tar"
_FUNCTION_WORDS = frozenset(
    [
        "a",
        "an",
        "the",
        "of",
        "in",
        "on",
        "and",
        "with",
        "is",
        "are",
        "to",
        "at",
        "his",
        "her",
        "its",
        "their",
        "by",
        "from",
        "for",
        "up",
        "it",
        "while",
        "as",
        "that",
        "another",
        "through",
        "into",
        "over",
        "near",
        "other",
        "one",
        "two",
        "some",
        "who",
        "be",
        "has",
        "out",
        "next",
        "behind",
        "down",
        "off",
        "they",
        "him",
        "each",
        "there",
    ]
)
_IRREGULAR = {"man": "men", "woman": "women", "child": "children", "person": "people"}
_SPAN_LENGTHS = (1, 2, 2, 3, 3, 4, 5, 6)
_NAMED_BY = 6  # a keyword occurs in at least two captions of at least this many pictures
_WEAK = 0.3  # the weight of a picture if only one of its captions has the keyword


@dataclass
class Corpus:
    """Numbered texts, from 0, and their relations to pictures; other fields hold text numbers.

    `kinds[i]` is the source of text i. `captions[p]` are the texts of photograph p. `keywords` are
    words, `keyword_texts[w]` the texts for keyword w, and `shows[p, w]` the confidence that
    photograph p shows it (1, `_WEAK` or 0). `classes` are the texts for the classes of labelled
    pictures by label, `imagenet` those for the backbone's 1,000 classes. `foreign` are texts in
    other languages, `foreign_means[i]` the English texts with the same meaning, and
    `foreign_photo[i]` the photograph that the text describes, or -1.
    """

    texts: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)
    captions: list[list[int]] = field(default_factory=list)
    keywords: list[str] = field(default_factory=list)
    keyword_texts: list[list[int]] = field(default_factory=list)
    shows: Floats = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    classes: dict[str, list[int]] = field(default_factory=dict)
    imagenet: list[list[int]] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    foreign_means: list[list[int]] = field(default_factory=list)
    foreign_photo: list[int] = field(default_factory=list)

    def add(self, text: str, kind: str) -> int:
        """Add a text and return its number; a known text keeps its number and kind."""
        if text not in self.numbers:
            self.numbers[text] = len(self.texts)
            self.texts.append(text)
            self.kinds.append(kind)
        return self.numbers[text]

    def add_name(self, name: str, kind: str) -> list[int]:
        """Add a name by itself and as "a photo of a NAME"; return both numbers."""
        return [self.add(name, kind), self.add(f"a photo of a {name}", kind)]

    def add_foreign(self, texts: Iterable[str], means: list[int], photo: int = -1) -> None:
        """Add texts in another language with the meaning of the English texts `means`."""
        for text in texts:
            self.foreign.append(text)
            self.foreign_means.append(means)
            self.foreign_photo.append(photo)


def collect(
    data: Path,
    dictionary: Path,
    scene_captions: Iterable[str],
    languages: Sequence[str],
    seed: int,
) -> Corpus:
    """Collect all texts of the training folder, of WordNet and of drawn scenes.

    `languages` ("de", "zh", …) are trained in addition to English.
    """
    train = data / "train"
    corpus = Corpus()
    rows = read_manifest(train / PHOTOGRAPHS)
    corpus.captions = [_add_all(corpus, row["captions"], "photographs") for row in rows]
    _add_classes(corpus, train)
    _add_emoji(corpus, train, languages)
    for name, kind in (("flickr30k", "flickr30k"), ("coco_val2017", "coco")):
        for row in read_rows(train / f"{name}_captions.jsonl.gz"):
            means = _add_all(corpus, row["en"], kind)
            corpus.add_foreign(row.get("de", ()) if "de" in languages else (), means)
    written = [t for t, k in zip(corpus.texts, corpus.kinds, strict=True) if k in CAPTIONED]
    _add_keywords(corpus, written)
    _add_wordnet(corpus, dictionary)
    _add_spans(corpus, written, seed)
    for caption in scene_captions:
        corpus.add(caption, "scenes")
    by_file = {row["file"]: photo for photo, row in enumerate(rows)}
    for row in read_rows(train / "flickr8k_train_captions_ml.jsonl.gz"):
        photo = by_file[row["file"]]
        for language, texts in row["captions_ml"].items():
            if language.removesuffix("_translated") in languages:
                corpus.add_foreign(texts, corpus.captions[photo], photo)
    return corpus


CAPTIONED = ("photographs", "flickr30k", "coco")
"""The kinds of texts that people wrote as captions of photographs."""


def clean_caption(caption: str) -> str:
    """Remove spaces before punctuation, and the final full stop, from a caption."""
    joined = re.sub(r"\s+", " ", caption.replace(" .", ".").replace(" ,", ","))
    return joined.strip().rstrip(".").strip()


def class_name(label: str) -> str:
    """Return a label in lower case with spaces."""
    return label.lower().replace("_", " ")


def words_of(text: str) -> list[str]:
    """Return the words of a text in lower case."""
    return re.findall(r"[a-z'-]+", text.lower())


def names_in(words: set[str], known: Container[str]) -> set[str]:
    """Return words and their known singulars: "two dogs" also names a dog."""
    ones = {one for word in words for one in _singulars(word) if plural(one) == word}
    return words | {one for one in ones if one in known}


def plural(noun: str) -> str:
    """Return the plural of an English noun."""
    if noun in _IRREGULAR:
        return _IRREGULAR[noun]
    if noun.endswith("y") and noun[-2:-1] not in tuple("aeiou"):
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(("s", "x", "ch", "sh")) else f"{noun}s"


def _singulars(word: str) -> Iterator[str]:
    """Yield possible singulars of a word."""
    yield from (one for one, many in _IRREGULAR.items() if many == word)
    if word.endswith("s") and len(word) > 3:
        yield from (word[:-1], word[:-2], f"{word[:-3]}y")


def _add_all(corpus: Corpus, captions: Sequence[str], kind: str) -> list[int]:
    return [corpus.add(text, kind) for text in map(clean_caption, captions) if text]


def _add_classes(corpus: Corpus, train: Path) -> None:
    for row in read_rows(train / "caltech101_112.jsonl"):
        if row["label"] not in corpus.classes:
            written = corpus.add_name(class_name(row["label"]), "classes")
            unchanged = corpus.add_name(row["label"].lower(), "classes")
            corpus.classes[row["label"]] = list(dict.fromkeys([*written, *unchanged]))
    for row in read_rows(train / "mini_imagenet_train_84.jsonl"):
        if row["label"] not in corpus.classes:
            names = [corpus.add_name(name, "classes") for name in row["synonyms"]]
            corpus.classes[row["label"]] = [number for name in names for number in name]
    for described in _imagenet_descriptions():
        lemmas, _, gloss = described.partition(": ")
        numbers = [n for name in lemmas.split(", ") for n in corpus.add_name(name, "classes")]
        corpus.imagenet.append([*numbers, corpus.add(gloss, "classes")])


def _imagenet_descriptions() -> list[str]:
    """Return the backbone's 1,000 classes in its order, each as "name, other name: gloss"."""
    data: Any = importlib.import_module("timm.data")
    info = data.ImageNetInfo()
    return [info.index_to_description(i, detailed=True) for i in range(info.num_classes())]


def _add_emoji(corpus: Corpus, train: Path, languages: Sequence[str]) -> None:
    for row in read_rows(train / "emoji_names.jsonl.gz"):
        label = corpus.add(row["label"], "emoji")
        for keyword in row["keywords"]:
            corpus.add(keyword, "emoji")
        for language, names in row["names"].items():
            if language in languages:
                corpus.add_foreign(names, [label])


def _add_keywords(corpus: Corpus, written: Sequence[str]) -> None:
    """Add the words of captions, and choose the keywords: words that several photographs show."""
    counts = Counter(word for text in written for word in set(words_of(text)))
    for word, count in counts.items():
        if count >= 3:
            corpus.add_name(word, "words")
    named = [
        Counter(
            name
            for number in numbers
            for name in names_in(set(words_of(corpus.texts[number])), counts)
        )
        for numbers in corpus.captions
    ]
    sure = Counter(word for each in named for word, count in each.items() if count >= 2)
    corpus.keywords = sorted(
        word for word, n in sure.items() if n >= _NAMED_BY and word not in _FUNCTION_WORDS
    )
    corpus.keyword_texts = [corpus.add_name(word, "words") for word in corpus.keywords]
    column = {word: place for place, word in enumerate(corpus.keywords)}
    corpus.shows = np.zeros((len(named), len(column)), np.float32)
    for photo, each in enumerate(named):
        for word, count in each.items():
            if word in column:
                corpus.shows[photo, column[word]] = 1 if count >= 2 else _WEAK


def _add_wordnet(corpus: Corpus, dictionary: Path) -> None:
    used = wordnet.read_frequencies(dictionary)
    for synset in wordnet.read_synsets(dictionary):
        for word in synset.words:
            if synset.part == "noun" and used[word.lower()] >= 2:
                corpus.add_name(word, "lemmas")
            corpus.add(word, "lemmas")
        if synset.part == "noun":
            corpus.add(f"{synset.words[0]}: {synset.gloss}", "glosses")


def _add_spans(corpus: Corpus, written: Sequence[str], seed: int) -> None:
    """Add short sequences of words from captions: they resemble typed queries."""
    random_ = random.Random(seed)  # noqa: S311 - no secret
    for text in random_.choices(written, k=260_000 if len(written) > 1000 else len(written)):
        words = text.split()
        length = random_.choice(_SPAN_LENGTHS)
        if len(words) > length:
            start = random_.randrange(len(words) - length + 1)
            corpus.add(" ".join(words[start : start + length]).strip(" ,.").lower(), "spans")
