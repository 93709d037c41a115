"""A watch over the pictures, with real notices of the system."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.fakes import FakeEncoder
from support.watches import Watch

from retrieval import Library

Names = Callable[..., list[str]]


@pytest.fixture
def watch(library: Library, pictures: Path, encoder: FakeEncoder, names: Names) -> Iterator[Watch]:
    """A watch over the pictures, which are all indexed by now."""
    with Watch(library.path, encoder, [pictures]) as begun:
        begun.follows()
        assert len(names(library, "red")) == 4
        yield begun
    assert begun.error is None
    assert begun.delays == []
