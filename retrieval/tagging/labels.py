"""Labels: tags pictures with words for what they show, without training."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.catalogue.tags import Tag, Tagged
from retrieval.context import Context
from retrieval.encoders import Encoder
from retrieval.encoders.text_cache import cached_text_vectors
from retrieval.errors import QueryError
from retrieval.images.plain_text import text_of
from retrieval.query.names import plain_name
from retrieval.query.spelling import as_read
from retrieval.scoring.calibration import PromptEnsemble
from retrieval.scoring.confidence import unlikely_things
from retrieval.scoring.phrasings import phrasings
from retrieval.search.confidences import ConfidenceSource
from retrieval.search.search import confidence_source
from retrieval.tagging.zero_shot import (
    CalibratedLabels,
    Judge,
    ZeroShot,
    mean_of_prompts,
    present,
    prompts,
)

SOURCE = "label"
LEAST = 0.5
"""Pictures get the labels that score at least this much."""


class Tags:
    """The tags of a library's pictures."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def label(self, labels: Sequence[str] = (), least: float = LEAST) -> dict[str, int]:
        """Tag every picture with the labels it shows; return the number of pictures per label.

        The labels replace earlier ones and are stored. Without labels, the stored ones are
        assigned again, to new pictures as well. `least` is the lowest score, 0 to 1, for which a
        label is assigned (`retrieval.tagging.zero_shot`). Compares stored vectors only and reads
        no picture. QueryError when there are no labels. This works while an indexing run is
        writing.
        """
        context = self._context
        chosen = clean_labels(labels) or context.catalogue.tags.labels()
        if not chosen:
            raise QueryError(
                "there are no labels to assign",
                "name them, or a file with one per line: pixtrieve label --labels labels.txt",
            )
        judge = picture_judge(chosen, context)
        counts = np.zeros(len(chosen), np.int64)
        given: list[tuple[NDArray[Any], ...]] = []
        with context.catalogue.reading():
            for ids, vectors in context.catalogue.vectors(context.model.row).after(0):
                scores = present(judge.odds(vectors))
                rows, columns = np.nonzero(scores >= least)
                given.append((ids[rows], columns, scores[rows, columns]))
                counts += np.bincount(columns, minlength=len(chosen))
        tags = (
            (vector_id, chosen[column], score)
            for part in given
            for vector_id, column, score in zip(*(each.tolist() for each in part), strict=True)
        )
        # A concurrent indexing run waits only for this short transaction.
        with context.catalogue.writing():
            context.catalogue.tags.put_labels(chosen)
            context.catalogue.tags.remove(SOURCE)
            context.catalogue.tags.put(tags, SOURCE, context.model.row.id)
        return dict(zip(chosen, counts.tolist(), strict=True))

    def labels(self) -> tuple[str, ...]:
        """Return the stored labels, in their order."""
        return self._context.catalogue.tags.labels()

    def all(self) -> list[Tagged]:
        """Return every tag of the pictures, from labels and concepts, most frequent first."""
        return self._context.catalogue.tags.all()

    def of(self, image_id: int) -> tuple[Tag, ...]:
        """Return the tags of the picture with that id (`Hit.id`), highest score first."""
        return self._context.catalogue.tags.of_image(image_id)

    def remove(self, label: str | None = None) -> int:
        """Delete a label, or all labels, and their tags; return how many pictures had them.

        QueryError for an unknown label. `Concepts.forget` deletes a concept's tags.
        """
        context = self._context
        labels = context.catalogue.tags.labels()
        if label is not None:
            label = {as_read(known): known for known in labels}.get(as_read(label), label)
        if label is not None and label not in labels:
            known = ", ".join(labels) or "none"
            raise QueryError(f"“{label}” is not one of the labels", f"there are: {known}")
        with context.catalogue.writing():
            kept = [each for each in labels if label is not None and each != label]
            context.catalogue.tags.put_labels(kept)
            return context.catalogue.tags.remove(SOURCE, label)


def picture_judge(labels: Sequence[str], context: Context) -> Judge:
    """Return the judge of a library's pictures, for at least one label: see `calibrated_judge`."""
    source = confidence_source(context)
    return calibrated_judge(labels, source) or zero_shot(labels, context.model.encoder())


def calibrated_judge(labels: Sequence[str], source: ConfidenceSource) -> CalibratedLabels | None:
    """Return the judge whose odds are those of a model's calibration.

    So a label of 70 % is as often right as a hit of 70 %. None if the model has no calibration or
    the library is too small.
    """
    if source.model is None or source.baselines is None:
        return None
    ensembles = [PromptEnsemble(source.model.encode(phrasings(label))) for label in labels]
    return CalibratedLabels(
        labels,
        ensembles,
        source.model.unlikely(),
        source.baselines.text,
        source.model.calibration,
    )


def zero_shot(labels: Sequence[str], encoder: Encoder) -> ZeroShot:
    """Encode labels, at least one, and the texts that stand for none of them."""
    sentences = [sentence for label in labels for sentence in prompts(label)]
    vectors = encoder.encode_texts(sentences)
    return ZeroShot(
        mean_of_prompts(vectors, labels), cached_text_vectors(encoder, unlikely_things())
    )


def read_labels(source: str) -> tuple[str, ...]:
    """Read labels from a file with one per line, or from a list like "dog,cat".

    Empty lines and lines that begin with "#" are ignored. QueryError when there are no labels.
    """
    if not os.path.isfile(source):
        if os.path.splitext(source)[1] in (".txt", ".csv", ".list") or os.sep in source:
            raise QueryError(f"there is no file {source}", "check the path of the labels")
        lines = source.split(",")
    else:
        try:
            with open(source, "rb") as opened:
                lines = text_of(opened.read()).split("\n")
        except OSError as error:
            raise QueryError(f"{source} cannot be read: {error}", "check the path") from error
    labels = clean_labels([line for line in lines if not line.startswith("#")])
    if not labels:
        raise QueryError(f"there are no labels in {source}", "write one label per line")
    return labels


def clean_labels(labels: Sequence[str]) -> tuple[str, ...]:
    """Return labels as `plain_name` does, without empty ones and duplicates, in their order.

    QueryError for a label with half a character (a lone surrogate), which nothing can store.
    """
    for label in labels:
        if any("\ud800" <= character <= "\udfff" for character in label):
            raise QueryError(f"the label {label!r} has half a character", "write it again")
    return tuple(dict.fromkeys(filter(None, map(plain_name, labels))))
