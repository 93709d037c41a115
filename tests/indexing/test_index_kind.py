"""How a library is searched: exactly, in clusters, or as it finds out by itself."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Never

import pytest
from support.fakes import FakeEncoder
from support.painting import paint
from support.stores import many_lists

from retrieval import Library
from retrieval.indexing import index_kind
from retrieval.indexing.progress import IndexOptions
from retrieval.stores import Pages, Vectors
from retrieval.stores.clustered import ClusteredStore
from retrieval.stores.tuning import Tuning


@pytest.fixture(autouse=True)
def small() -> Iterator[None]:
    """Let a dozen pictures be enough for a choice and for clusters."""
    with many_lists(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(index_kind, "_FEW", 5)
        patch.setattr("retrieval.stores.flat._WORTH_SCREENING", 10)
        yield


@pytest.fixture
def filled(library: Library, tmp_path: Path) -> Library:
    for number in range(12):
        paint(tmp_path / f"p/{number:02}.png", (number * 20, 240 - number * 20, 40))
    library.add(tmp_path / "p")
    return library


def caches(library: Library) -> set[str]:
    return {os.path.splitext(name)[1] for name in os.listdir(os.path.join(library.path, "cache"))}


def raising(error: type[BaseException]) -> Callable[..., Never]:
    def fail(*_: object) -> Never:
        raise error

    return fail


def hits(library: Library) -> list[str]:
    return [os.path.basename(hit.path) for hit in library.search("red", 20).hits]


def test_a_new_library_is_exact(filled: Library) -> None:
    status = filled.status()
    assert (status.wanted_index, status.index, status.tuning) == ("auto", "exact", None)
    assert ".faiss" in caches(filled)


def test_a_library_changes_to_clusters_and_back(filled: Library, tmp_path: Path) -> None:
    want = hits(filled)
    filled.add(options=IndexOptions(index="ivf"))
    status = filled.status()
    assert (status.wanted_index, status.index) == ("ivf", "ivf")
    assert status.tuning is not None
    assert status.tuning.questions > 20
    assert {".ivf", ".tuned"} <= caches(filled)
    assert ".faiss" not in caches(filled)
    assert hits(filled) == want
    paint(tmp_path / "p/new.png", (255, 0, 0))
    os.remove(tmp_path / "p/11.png")
    filled.add()  # it stays as it is
    assert filled.status().index == "ivf"
    assert filled.status().tuning is not None
    assert hits(filled)[0] == "new.png"
    assert "11.png" not in hits(filled)
    filled.add(options=IndexOptions(index="exact"))
    assert filled.status().index == "exact"
    assert not {".ivf", ".tuned"} & caches(filled)


def test_auto_takes_clusters_where_exact_answers_take_long(
    filled: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter([49.0, 51.0, 40.0, 34.0])
    monkeypatch.setattr(index_kind, "exact_milliseconds", lambda *_: next(times))
    kinds = []
    for number in range(4):
        paint(tmp_path / f"p/more{number}.png", (250, number, 0))
        filled.add()
        filled.add()  # nothing is new, so nothing is measured
        kinds.append(filled.status().index)
    assert kinds == ["exact", "ivf", "ivf", "exact"]


def test_whoever_asks_for_auto_has_it_measured(
    filled: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled.add(options=IndexOptions(index="ivf"))
    monkeypatch.setattr(index_kind, "exact_milliseconds", lambda *_: 1.0)
    filled.add(options=IndexOptions(index="auto"))
    assert filled.status().index == "exact"


def test_questions_go_on_with_the_old_index_until_the_other_is_measured(
    filled: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    tune = ClusteredStore.tune
    seen: list[tuple[str, set[str]]] = []

    def watched(store: ClusteredStore, texts: Vectors) -> Tuning:
        seen.append((filled.status().index, caches(filled)))
        return tune(store, texts)

    monkeypatch.setattr(ClusteredStore, "tune", watched)
    filled.add(options=IndexOptions(index="ivf"))
    ((used, there),) = seen
    assert used == "exact"
    assert {".faiss", ".ivf"} <= there
    assert filled.status().index == "ivf"


def test_the_other_index_is_built_once(filled: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    built, build = [], ClusteredStore.build

    def counted(dim: int, pages: Pages, folder: str | None = None) -> ClusteredStore:
        built.append(dim)
        return build(dim, pages, folder)

    monkeypatch.setattr(ClusteredStore, "build", counted)
    filled.add(options=IndexOptions(index="ivf"))
    assert len(built) == 1


def test_a_run_that_is_killed_while_it_changes_the_index_loses_nothing(
    filled: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    want = hits(filled)
    with monkeypatch.context() as patch:
        patch.setattr(ClusteredStore, "tune", raising(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            filled.add(options=IndexOptions(index="ivf"))
    with Library.open(filled.path, FakeEncoder()) as again:
        assert again.status().index == "exact"
        assert hits(again) == want
        again.add()  # the setting is kept, so this run finishes it
        assert again.status().index == "ivf"
        assert again.status().tuning is not None


def test_another_process_sees_the_change(filled: Library) -> None:
    with Library.open(filled.path, FakeEncoder()) as other:
        want = hits(other)
        filled.add(options=IndexOptions(index="ivf"))
        assert other.status().index == "ivf"
        assert hits(other) == want


def test_a_library_whose_cache_is_gone_answers_exactly(filled: Library) -> None:
    want = hits(filled)
    filled.add(options=IndexOptions(index="ivf"))
    for path in (Path(filled.path) / "cache").iterdir():
        path.unlink()
    with Library.open(filled.path, FakeEncoder()) as again:
        assert hits(again) == want
        assert again.status().tuning is None
        again.add()
        assert again.status().tuning is not None


def test_a_damaged_setting_means_the_default(filled: Library) -> None:
    with filled._session.catalogue.writing():
        filled._session.catalogue.put_setting("index_kind", "nonsense")
    assert filled.status().index == "exact"
    assert len(hits(filled)) == 12
