"""Back ends by name: a new one is a module and one line; nothing is imported early."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.fakes import FakeEncoder
from support.painting import paint
from support.stores import TOY
from support.toy_store import ToyStore

from retrieval import Library, MissingExtra, PixtrieveError
from retrieval.stores import backends
from retrieval.stores.backends import BACKENDS, Backend, store_factory


def names(library: Library, query: str) -> list[str]:
    return [os.path.basename(hit.path) for hit in library.search(query, 20).hits]


def fill(folder: Path) -> None:
    for number in range(12):
        paint(folder / f"{number:02}.png", (number * 20, 240 - number * 20, 40))


def test_a_library_works_on_a_back_end_that_is_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path / "p")
    with Library.create(tmp_path / "on faiss", FakeEncoder()) as library:
        library.add(tmp_path / "p")
        want = names(library, "red")
    monkeypatch.setitem(BACKENDS, "toy", TOY)
    monkeypatch.setattr(backends, "DEFAULT", "toy")
    with Library.create(tmp_path / "on toy", FakeEncoder()) as library:
        library.add(tmp_path / "p")
        assert names(library, "red") == want
        (cache,) = (Path(library.path) / "cache").iterdir()
    loaded = ToyStore.load(str(cache))
    assert cache.suffix == ".toy"
    assert loaded is not None
    assert loaded[0].count() == 12
    paint(tmp_path / "p/new.png", (255, 0, 0))
    os.remove(tmp_path / "p/11.png")
    with Library.open(tmp_path / "on toy", FakeEncoder()) as library:
        library.add()
        assert names(library, "red")[0] == "new.png"
        assert "11.png" not in names(library, "red")


def test_a_library_may_change_its_back_end(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path / "p")
    library.add(tmp_path / "p")
    want = names(library, "red")
    (cache,) = (Path(library.path) / "cache").iterdir()
    monkeypatch.setattr(backends, "DEFAULT", "exact")
    shutil.copy(cache, cache.with_suffix(".exact"))  # not a file that the other can load
    with Library.open(library.path, FakeEncoder()) as reopened:
        assert names(reopened, "red") == want


def test_an_unknown_name_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(PixtrieveError, match="fiass") as raised:
        store_factory("fiass")
    for name in BACKENDS:
        assert name in raised.value.hint


def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> Backend:
    (tmp_path / "written_by_a_test.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "written_by_a_test", raising=False)
    return Backend("written_by_a_test", "Store", package="not_installed", extra="remote")


def test_a_missing_package_is_named_with_the_extra_that_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = module(tmp_path, monkeypatch, "from not_installed import Client")
    monkeypatch.setitem(BACKENDS, "remote", backend)
    with pytest.raises(MissingExtra, match="not_installed") as raised:
        store_factory("remote")
    assert "pixtrieve[remote]" in raised.value.hint


def test_a_back_end_that_imports_what_it_did_not_name_is_not_excused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(BACKENDS, "remote", module(tmp_path, monkeypatch, "import another_one"))
    with pytest.raises(ModuleNotFoundError, match="another_one"):
        store_factory("remote")


@pytest.mark.parametrize("name", BACKENDS)
def test_a_name_can_be_the_suffix_of_a_file(name: str) -> None:
    assert name.isascii()
    assert name.isidentifier()


def test_a_back_end_is_imported_when_it_is_used() -> None:
    code = (
        "import sys\n"
        "from retrieval.stores.backends import store_factory\n"
        "import retrieval.stores.live_index\n"
        "store_factory('exact')\n"
        "print('faiss' in sys.modules)\n"
        "store_factory('faiss')\n"
        "print('faiss' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


def test_a_filter_alone_imports_no_back_end(
    library: Library, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.add(pictures)
    monkeypatch.setattr(backends, "BACKENDS", {})
    with Library.open(library.path, FakeEncoder()) as again:
        assert len(again.search(None, where="width > 0")) == 4
        with pytest.raises(PixtrieveError, match="no vector store"):
            again.search("red")
