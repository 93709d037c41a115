"""The records of models in a catalogue."""

from __future__ import annotations

from dataclasses import dataclass

from retrieval.specs import ModelSpec


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A model whose vectors the library has."""

    id: int
    spec: ModelSpec


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """A model and how many of the library's pictures have its vector."""

    name: str
    fingerprint: str
    dim: int
    images: int
    in_use: bool
