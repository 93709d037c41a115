"""What a training step needs besides the model, and texts as the model is to hear them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from retrieval.pocket.batches import PHOTOS, SCENES
from retrieval.pocket.corpus import Corpus
from retrieval.pocket.model import DualEncoder
from retrieval.pocket.recipe import Recipe
from retrieval.pocket.teachers import Teachers
from retrieval.pocket.vocabulary import Tokens, drop_words


@dataclass(frozen=True)
class Lesson:
    """What a step needs besides the model: data, recipe, the teacher and word targets."""

    corpus: Corpus
    recipe: Recipe
    teacher: torch.Tensor  # (groups, dim) unit rows: mean text vector of each group
    word_targets: NDArray[np.float16]  # (groups, words) weights that sum to 1, or to 0 if no word
    caption_groups: NDArray[np.int64]  # the groups that losses on captions alone draw from
    first: DualEncoder  # the averaged model as it was when the stage began, or was resumed
    teachers: Teachers | None  # the finished models of a stage that imitates
    looked: dict[tuple[int, int], torch.Tensor] = field(default_factory=dict)
    """What the teachers made of a view at a size, kept while the view comes up again."""

    @property
    def imitated(self) -> Teachers:
        """The teachers, where the stage cannot do without."""
        if self.teachers is None:
            raise ValueError("a stage that imitates needs teachers, and there are none")
        return self.teachers

    @property
    def photo_bank(self) -> torch.Tensor:
        """The teacher's vectors of all captioned photographs."""
        return self.teacher[torch.from_numpy(self.corpus.sources[PHOTOS].groups)]

    @cached_property
    def taught_groups(self) -> NDArray[np.int64]:
        """The groups of captions that teachers are asked about: not those of scenes."""
        scenes = self.corpus.sources[SCENES].groups
        return self.caption_groups[~np.isin(self.caption_groups, scenes)]

    @cached_property
    def taught_places(self) -> NDArray[np.int64]:
        """The places of all texts but those of scenes."""
        starts = self.corpus.texts.starts
        groups = np.repeat(np.arange(len(self.corpus.texts)), np.diff(starts))
        return np.flatnonzero(~np.isin(groups, self.corpus.sources[SCENES].groups))


def heard(
    model: DualEncoder, lesson: Lesson, tokens: Tokens, rng: np.random.Generator
) -> torch.Tensor:
    """Tokens as the text tower is to hear them in training: with gaps, and not too long."""
    recipe = lesson.recipe
    tokens = drop_words(tokens, recipe.word_dropout, rng, recipe.longest_text)
    return torch.from_numpy(tokens).long().to(model.class_weights.device)
