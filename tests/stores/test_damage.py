"""A damaged file of a store is not loaded, whatever the damage is and wherever."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.random import Generator
from support.stores import DIM, assert_nearest, header_of, pages_of, screened, unit

from retrieval.catalogue import Snapshot
from retrieval.stores import Ids, StoreFactory, Vectors, cache_file
from retrieval.stores.backends import BACKENDS, store_factory
from retrieval.stores.cache_file import CacheKey
from retrieval.stores.live_index import LiveIndex

TRIALS = 150
IDS, VECTORS = np.arange(1, 301), unit(300)
KINDS = ("flip", "overwrite", "zero", "cut", "fill")


class Fixed:
    """A source of vectors that never change."""

    def snapshot(self) -> Snapshot:
        return Snapshot(7, "stamp")

    def stamp_of(self, generation: int) -> str | None:
        return "stamp"

    def after(
        self, last_id: int, damaged: list[int] | None = None
    ) -> Iterator[tuple[Ids, Vectors]]:
        yield from pages_of(IDS[last_id:], VECTORS[last_id:])

    def removed_since(self, generation: int) -> Ids:
        return np.empty(0, np.int64)


@pytest.fixture(params=[*BACKENDS, "screened"])
def factory(request: pytest.FixtureRequest) -> Iterator[StoreFactory]:
    if request.param == "screened":
        with screened():
            yield store_factory("faiss")
    else:
        yield store_factory(request.param)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many blocks even in a small file."""
    monkeypatch.setattr(cache_file, "_BLOCK", 1000)


@pytest.fixture
def large(small_blocks: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file counts as large, and none as written just now."""
    monkeypatch.setattr(cache_file, "_SMALL", 0)
    monkeypatch.setattr(cache_file, "_TICK_NS", 0)


def damaged(whole: bytes, kind: str, random: Generator) -> bytes:
    """Return other bytes than `whole`; half of the damages are in the last 2,000 bytes."""
    tail = random.random() < 0.5
    at = int(random.integers(max(len(whole) - 2000, 0) if tail else 0, len(whole)))
    match kind:
        case "flip":
            flipped = whole[at] ^ (1 << int(random.integers(8)))
            return whole[:at] + bytes([flipped]) + whole[at + 1 :]
        case "overwrite":
            return whole[:at] + random.bytes(len(whole[at : at + 16])) + whole[at + 16 :]
        case "zero":
            at = at // 512 * 512
            return whole[:at] + bytes(len(whole[at : at + 512])) + whole[at + 512 :]
        case "fill":
            return whole[:at] + b"\xff" * len(whole[at : at + 8]) + whole[at + 8 :]
        case _:
            return whole[:at]


def wait_for_tick() -> None:
    """Wait until a write to the file changes its time."""
    time.sleep(0.02)


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_is_not_loaded(
    factory: StoreFactory, tmp_path: Path, small_blocks: None, kind: str
) -> None:
    path, random = tmp_path / "a", np.random.default_rng(KINDS.index(kind))
    factory.build(DIM, pages_of(IDS, VECTORS)).save(str(path), header_of(IDS))
    whole = path.read_bytes()
    for _ in range(TRIALS):
        content = damaged(whole, kind, random)
        path.write_bytes(content)
        assert (factory.load(str(path)) is None) == (content != whole)


@pytest.mark.parametrize("kind", KINDS)
def test_a_large_file_that_was_written_to_is_not_loaded(
    factory: StoreFactory, tmp_path: Path, large: None, kind: str
) -> None:
    path, random = tmp_path / "a", np.random.default_rng(KINDS.index(kind))
    factory.build(DIM, pages_of(IDS, VECTORS)).save(str(path), header_of(IDS))
    whole = path.read_bytes()
    assert factory.load(str(path)) is not None
    for _ in range(TRIALS // 10):
        wait_for_tick()
        content = damaged(whole, kind, random)
        path.write_bytes(content)
        assert (factory.load(str(path)) is None) == (content != whole)


def test_the_heads_of_a_large_file_are_checked_at_every_load(
    factory: StoreFactory, tmp_path: Path, large: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk may lose bits of what says how long the rest is, without a write."""
    path = tmp_path / "a"
    factory.build(DIM, pages_of(IDS, VECTORS)).save(str(path), header_of(IDS))
    whole, _ = path.read_bytes(), monkeypatch.setattr(cache_file, "_was_checked", lambda *_: True)
    end = len(whole) - cache_file._TAIL
    length = int.from_bytes(whole[-16:-8], "little")
    facts = json.loads(whole[end - length : end])
    places = [
        begin + at
        for begin, head in zip(facts["parts"], facts["heads"], strict=False)
        for at in range(0, head, 1 + head // 40)
    ]
    assert factory.load(str(path)) is not None
    for at in places:
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 64]) + whole[at + 1 :])
        assert factory.load(str(path)) is None


def test_a_large_file_is_read_once(
    tmp_path: Path, large: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, factory = str(tmp_path / "a"), store_factory("exact")
    factory.build(DIM, pages_of(IDS, VECTORS)).save(path, header_of(IDS))
    read: list[int] = []
    intact = cache_file._Blocks.intact

    def counted(body: cache_file._Blocks, blocks: list[int]) -> bool:
        read.append(len(blocks))
        return intact(body, blocks)

    monkeypatch.setattr(cache_file._Blocks, "intact", counted)
    assert factory.load(path) is not None
    always, everything = read
    assert everything == (300 * (8 + 4 * DIM) + 999) // 1000
    assert factory.load(path) is not None
    assert read == [always, everything, always]
    assert always < everything
    cache_file.forget_check(path)
    assert factory.load(path) is not None
    assert read[3:] == [always, everything]


def test_a_file_written_just_now_is_checked_again(
    tmp_path: Path, large: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second write at once could leave the same times."""
    monkeypatch.setattr(cache_file, "_TICK_NS", 10**15)
    path, factory = str(tmp_path / "a"), store_factory("exact")
    factory.build(DIM, pages_of(IDS, VECTORS)).save(path, header_of(IDS))
    assert factory.load(path) is not None
    assert os.listdir(tmp_path) == ["a"]


def test_an_index_answers_right_over_a_damaged_file(
    factory: StoreFactory, tmp_path: Path, small_blocks: None
) -> None:
    random, path, query = np.random.default_rng(9), tmp_path / "a", unit(1, seed=5)
    key = CacheKey(str(path), "model", DIM)
    LiveIndex(Fixed(), key, factory).count()
    for trial in range(20):
        path.write_bytes(damaged(path.read_bytes(), KINDS[trial % len(KINDS)], random))
        index = LiveIndex(Fixed(), key, factory)
        assert_nearest(index.search(query, 9), IDS, VECTORS, query, 9)
        assert factory.load(str(path)) is not None  # it was made anew


@pytest.mark.parametrize(
    "changed",
    [
        {"parts": []},
        {"parts": [0]},
        {"parts": None},
        {"blocks": []},
        {"blocks": None},
        {"header": {}},
    ],
)
def test_a_forged_trailer_is_not_loaded(
    tmp_path: Path, factory: StoreFactory, changed: dict[str, object]
) -> None:
    """Anyone can write a digest that fits."""
    path = tmp_path / "a"
    factory.build(DIM, pages_of(IDS, VECTORS)).save(str(path), header_of(IDS))
    whole = path.read_bytes()
    end = len(whole) - cache_file._TAIL
    begin = end - int.from_bytes(whole[-16:-8], "little")
    facts = json.loads(whole[begin:end])
    if changed.get("parts") == [0]:
        changed = {"parts": [begin]}
    for forged in (facts, {**facts, **changed}):
        trailer = json.dumps(forged).encode()
        length = len(trailer).to_bytes(8, "little")
        path.write_bytes(
            whole[:begin] + trailer + cache_file._digest(trailer) + length + whole[-8:]
        )
        assert (factory.load(str(path)) is None) == (forged is not facts)


def test_verify_finds_what_changed_without_a_write(
    tmp_path: Path, large: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk may lose bits of a file while its size and times stay the same."""
    path, factory = tmp_path / "a", store_factory("exact")
    index = LiveIndex(Fixed(), CacheKey(str(path), "model", DIM), factory)
    index.count()
    whole = path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(cache_file, "_state", lambda stat: "the same")
        assert factory.load(str(path)) is not None  # remembers the state
        at = len(whole) // 2
        path.with_name("b").write_bytes(whole[:at] + bytes(99) + whole[at + 99 :])
        os.replace(path.with_name("b"), path)
        assert factory.load(str(path)) is not None  # the damage is in none of the first blocks
        index.verify()
        assert path.read_bytes() == whole
        assert_nearest(index.search(VECTORS[:1], 9), IDS, VECTORS, VECTORS[:1], 9)
