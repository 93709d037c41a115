"""What an open library is made of, as it is handed to the packages that work on it.

The facts of its model are there at once, the encoder when it is needed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrieval.catalogue import Catalogue, ModelRow
from retrieval.encoders import Encoder, identify, open_encoder
from retrieval.errors import ModelMismatch
from retrieval.specs import ModelSpec

if TYPE_CHECKING:
    from retrieval.stores.live_index import LiveIndex


@dataclass(frozen=True, slots=True)
class ModelInUse:
    """A model to index or ask with; `encoder` is called, and may be slow, when it is needed."""

    row: ModelRow
    encoder: Callable[[], Encoder]


@dataclass(frozen=True, slots=True)
class Context:
    """An open library's catalogue, model and vectors; `writer` holds the one writer's lock.

    `images` finds the nearest vectors of pictures, `texts` those of the texts that come with them.
    """

    catalogue: Catalogue
    model: ModelInUse
    images: LiveIndex
    texts: LiveIndex
    writer: Callable[[], AbstractContextManager[None]]


class LazyEncoder:
    """A library's encoder, loaded when first called and checked against its fingerprint.

    Safe in any thread: whoever else calls meanwhile waits for it.
    """

    def __init__(self, spec: ModelSpec, device: str, encoder: Encoder | None = None) -> None:
        self._spec = spec
        self._device = device
        self._encoder = encoder
        self._lock = threading.Lock()

    def __call__(self) -> Encoder:
        """Return the encoder; ModelMismatch when its checkpoint has changed since."""
        with self._lock:
            if self._encoder is None:
                identity = identify(self._spec.name)
                require_same(self._spec, identity.reference, identity.fingerprint)
                self._encoder = open_encoder(self._spec.name, device=self._device)
            return self._encoder


def require_same(spec: ModelSpec, name: str, fingerprint: str) -> None:
    """Raise ModelMismatch unless a model is the one that a library was indexed with."""
    if fingerprint == spec.fingerprint:
        return
    if name == spec.name:
        raise ModelMismatch(
            f"the model {name} has changed since the library was indexed with it "
            f"(fingerprint {fingerprint[:12]}, then {spec.fingerprint[:12]})",
            "put the old checkpoint back, or encode the pictures with the new one: "
            f"pixtrieve model use {name}",
        )
    raise ModelMismatch(
        f"the library was indexed with {spec.name}, and {name} is another model",
        f"leave --model out; to change the library's model: pixtrieve model use {name}",
    )
