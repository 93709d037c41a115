"""The parts of an open library that other packages work with.

The model's facts are available at once; the encoder loads on first use.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrieval.catalogue import Catalogue, ModelRow
from retrieval.encoders import Encoder, identify, open_encoder
from retrieval.errors import LibraryError, ModelMismatch
from retrieval.specs import ModelSpec

if TYPE_CHECKING:
    from retrieval.stores import VectorIndex


@dataclass(frozen=True, slots=True)
class ModelInUse:
    """A model to index or search with. `encoder()` returns the encoder; the first call is slow."""

    row: ModelRow
    encoder: Callable[[], Encoder]


@dataclass(frozen=True, slots=True)
class Context:
    """An open library's catalogue, model and vector indexes.

    `images` searches the pictures' vectors, `texts` the vectors of the texts that accompany them,
    `parts` those of parts of pictures, such as the moments of videos; `searched` is what questions
    are compared with: pictures and, if there are any, their parts.
    `writer()` is a context manager that holds the library's writer lock.
    """

    catalogue: Catalogue
    model: ModelInUse
    images: VectorIndex
    texts: VectorIndex
    parts: VectorIndex
    searched: VectorIndex
    writer: Callable[[], AbstractContextManager[None]]


class LazyEncoder:
    """A library's encoder: loads on the first call and checks the model's fingerprint.

    Thread-safe: concurrent callers wait until it is loaded.
    """

    def __init__(self, spec: ModelSpec, device: str, encoder: Encoder | None = None) -> None:
        self._spec = spec
        self._device = device
        self._encoder = encoder
        self._lock = threading.Lock()

    def __call__(self) -> Encoder:
        """Return the encoder; ModelMismatch if its checkpoint has changed since indexing."""
        with self._lock:
            if self._encoder is None:
                identity = identify(self._spec.name)
                require_same(self._spec, identity.reference, identity.fingerprint)
                self._encoder = open_encoder(self._spec.name, device=self._device)
            _require_recorded(self._spec, self._encoder.spec)
            return self._encoder


def _require_recorded(recorded: ModelSpec, loaded: ModelSpec) -> None:
    """Raise LibraryError unless the catalogue says about its model what the model says.

    With the same fingerprint, another dimension or preprocessing is damage.
    """
    for what in ("dim", "preprocessing"):
        if getattr(recorded, what) != getattr(loaded, what):
            raise LibraryError(
                f"the catalogue's record of the model {recorded.name} is damaged ({what})",
                "mend it: pixtrieve doctor --repair",
            )


def require_same(spec: ModelSpec, name: str, fingerprint: str) -> None:
    """Raise ModelMismatch unless a model is the one that the library was indexed with."""
    if fingerprint == spec.fingerprint:
        return
    if name == spec.name:
        raise ModelMismatch(
            f"the model {name} has changed since it indexed the library "
            f"(its fingerprint was {spec.fingerprint[:12]} and is now {fingerprint[:12]})",
            "restore the old checkpoint, or encode the pictures with the new one: "
            f"pixtrieve model use {name}",
        )
    raise ModelMismatch(
        f"the library was indexed with {spec.name}, but {name} is another model",
        f"omit --model, or change the library's model: pixtrieve model use {name}",
    )
