"""What an open library is made of, as it is handed to the rooms that work on it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrieval.catalogue import Catalogue
from retrieval.model_in_use import ModelInUse

if TYPE_CHECKING:
    from retrieval.asking.nearest import NearestVectors


@dataclass(frozen=True, slots=True)
class Parts:
    """An open library's catalogue, model and vectors; `writer` holds the one writer's lock.

    `nearest` are the vectors of pictures, `meanings` those of the texts that come with them.
    """

    catalogue: Catalogue
    model: ModelInUse
    nearest: NearestVectors
    meanings: NearestVectors
    writer: Callable[[], AbstractContextManager[None]]
