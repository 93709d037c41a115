"""A store is built in its file: what that holds, what is left of it, how little is in memory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import faiss
import numpy as np
import pytest
from support.stores import DIM, assert_nearest, header_of, many_lists, pages_of, photographs, unit

from retrieval.stores import Ids, Vectors
from retrieval.stores.clustered import ClusteredStore
from retrieval.stores.flat import FlatStore
from retrieval.whole_file import SUFFIX

WIDTH = 48


@pytest.fixture(params=[FlatStore, ClusteredStore])
def factory(request: pytest.FixtureRequest) -> Iterator[type[FlatStore]]:
    with many_lists():
        yield request.param


def of_faiss(index: object) -> bytes:
    """Return the bytes that FAISS writes of an index that it filled itself."""
    return bytes(faiss.serialize_index(index))


def test_the_bytes_are_those_that_faiss_writes(factory: type[FlatStore], tmp_path: Path) -> None:
    ids, vectors = np.arange(2500) * 3, photographs(2500, WIDTH)
    store = factory.build(WIDTH, pages_of(ids, vectors), str(tmp_path))
    half_floats = faiss.IndexScalarQuantizer(
        WIDTH, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
    )
    filled = faiss.IndexIDMap(half_floats)
    filled.add_with_ids(vectors, ids)
    assert store._mapped.tobytes() == of_faiss(filled)
    screen = store._screen
    assert screen is not None
    assert screen.index.nlist == (1 if factory is FlatStore else 64)
    assert screen.mapped[0].tobytes() == of_faiss(screen.index)
    for number in range(screen.index.nlist):
        rows = faiss.rev_swig_ptr(screen.index.invlists.get_ids(number), int(screen.sizes[number]))
        assert (np.diff(rows) > 0).all()


def test_in_a_folder_or_in_memory_it_is_the_same_file(
    factory: type[FlatStore], tmp_path: Path
) -> None:
    ids, vectors = np.arange(3000) * 3, photographs(3000, WIDTH)
    (tmp_path / "other").mkdir()
    here, other = str(tmp_path), str(tmp_path / "other")
    for name, folder in (("memory", None), ("renamed", here), ("copied", other)):
        built = factory.build(WIDTH, pages_of(ids, vectors), folder)
        for _ in range(2):  # the second time, its own file has another name already
            built.save(str(tmp_path / name), header_of(ids, WIDTH))
            assert (tmp_path / name).read_bytes() == (tmp_path / "memory").read_bytes()
        assert_nearest(built.search(vectors[:1], 9), ids, vectors, vectors[:1], 9)
    del built
    assert sorted(os.listdir(tmp_path)) == ["copied", "memory", "other", "renamed"]
    assert os.listdir(tmp_path / "other") == []


def test_what_was_not_saved_leaves_nothing(
    factory: type[FlatStore], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaking() -> Iterator[tuple[Ids, Vectors]]:
        yield from pages_of(range(2000), unit(2000))
        raise OSError("the catalogue is gone")

    with pytest.raises(OSError, match="the catalogue is gone"):
        factory.build(DIM, breaking(), str(tmp_path))
    assert os.listdir(tmp_path) == []
    store = factory.build(DIM, pages_of(range(2000), unit(2000)), str(tmp_path))

    def full(*_: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr("os.replace", full)
        with pytest.raises(OSError, match="disk full"):
            store.save(str(tmp_path / "a"), header_of(range(2000)))
    assert_nearest(store.search(unit(1), 5), range(2000), unit(2000), unit(1), 5)
    store.save(str(tmp_path / "a"), header_of(range(2000)))  # there is room again
    assert factory.load(str(tmp_path / "a")) is not None
    del store
    assert os.listdir(tmp_path) == ["a"]


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="missing"):
        FlatStore.build(DIM, [], str(tmp_path / "missing"))


BUILDS = """
import sys
import numpy as np
from retrieval.stores import StoreHeader
from retrieval.stores.flat import FlatStore
from retrieval.vectors import normalise
def pages():
    for at in range(10**6):
        print(at, flush=True)
        yield np.arange(at * 1000, at * 1000 + 1000), normalise(np.ones((1000, 64), np.float32))
FlatStore.build(64, pages(), sys.argv[1])
"""


def test_a_killed_build_leaves_the_old_store_and_a_temporary_file(tmp_path: Path) -> None:
    path, ids = str(tmp_path / "a"), np.arange(50)
    FlatStore.build(DIM, pages_of(ids, unit(50))).save(path, header_of(ids))
    command = [sys.executable, "-c", BUILDS, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as building:
        assert building.stdout is not None
        while int(building.stdout.readline()) < 20:
            pass
        building.send_signal(signal.SIGKILL)
    assert FlatStore.load(path) is not None
    left = [name for name in os.listdir(tmp_path) if name != "a"]
    assert [name.endswith(SUFFIX) for name in left] == [True]


PEAK = """
import resource, sys
import numpy as np
from retrieval.stores import StoreHeader, clustered, coded_rows
from retrieval.stores.clustered import ClusteredStore
from retrieval.stores.flat import FlatStore
from retrieval.vectors import normalise
clustered._PAGE, clustered._TRAINED_ON, coded_rows._PAGES = 8192, 16, 2  # what is held at once
count, dim, path = int(sys.argv[1]), 128, sys.argv[2]
middles = np.random.default_rng(0).standard_normal((500, dim)) / np.arange(1, dim + 1)
def pages():
    random = np.random.default_rng(1)
    for at in range(0, count, 8192):
        ids = np.arange(at, min(at + 8192, count))
        noise = random.standard_normal((len(ids), dim)) / np.arange(1, dim + 1)
        yield ids, normalise((middles[ids % 500] + noise).astype(np.float32))
for kind in (FlatStore, ClusteredStore):
    store = kind.build(dim, pages(), path)
    assert store._screen.axes.basis is not None
    store.save(path + "/a", StoreHeader("m", dim, 1, "s", count, count - 1))
    del store
    assert kind.load(path + "/a") is not None
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


def test_building_holds_a_small_part_of_the_vectors_in_memory(tmp_path: Path) -> None:
    """Twice: the second time with six times as many vectors."""

    def peak(count: int) -> int:
        command = [sys.executable, "-c", PEAK, str(count), str(tmp_path)]
        return int(subprocess.run(command, capture_output=True, check=True).stdout)

    few, many = 50_000, 300_000
    vectors = (many - few) * 128 * 2
    assert peak(many) - peak(few) < vectors / 2


def resident_kb(path: str) -> int:
    """Return how much of a mapped file is in the memory of this process."""
    maps = Path("/proc/self/smaps").read_text("utf-8").split("VmFlags:")
    return sum(int(each.split("\nRss:")[1].split()[0]) for each in maps if f" {path}\n" in each)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_vectors_that_were_looked_at_do_not_stay_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, ids, vectors = str(tmp_path / "a"), np.arange(20_000), unit(20_000, dim=256)
    FlatStore.build(256, pages_of(ids, vectors)).save(path, header_of(ids, 256))
    for most, stays in ((2**30, True), (2**20, False)):
        monkeypatch.setattr("retrieval.stores.residency._MOST", most)
        loaded = FlatStore.load(path)
        assert loaded is not None
        store = loaded[0]
        np.testing.assert_array_equal(store.vectors(ids), vectors)
        assert (resident_kb(path) > 10_000) == stays
        assert_nearest(store.search(vectors[:1], 9), ids, vectors, vectors[:1], 9)
        assert (resident_kb(path) > 10_000) == stays
        np.testing.assert_array_equal(store.vectors(ids[::7]), vectors[::7])
        del store, loaded
