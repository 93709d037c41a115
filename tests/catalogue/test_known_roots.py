"""Roots in memory answer as a scan of all roots does, and merging needs no scan for each."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.data_sets import encode, json_lines, merge, png, tar
from support.fakes import FakeEncoder

from retrieval import Library
from retrieval.catalogue.known_roots import KnownRoots
from retrieval.catalogue.roots import Root, Roots, is_below, root_of

PATHS = st.sampled_from(
    [
        "/", "/a", "/a/b", "/a/b/c", "/ab", "/a b", "/a/bc", "/a.tar", "https://", "s3://b",
        "https://e.com/x", "s3://b/k", "s3://b/k/m",
    ]
)  # fmt: skip


@given(st.dictionaries(PATHS, st.booleans()), PATHS, st.sets(PATHS))
def test_they_answer_as_a_scan_does(roots: dict[str, bool], path: str, forgotten: set[str]) -> None:
    every = [Root(n, each, whole, False) for n, (each, whole) in enumerate(roots.items())]
    known = KnownRoots(every)
    for root in every:
        if root.path in forgotten:
            known.forget(root)
    left = [root for root in every if root.path not in forgotten]
    assert known.whole_at_or_above(path) == root_of([root for root in left if root.whole], path)
    around = [
        root
        for root in left
        if not root.whole and (is_below(root.path, path) or is_below(path, root.path))
    ]
    assert sorted(known.single_around(path), key=lambda r: r.id) == around


def test_merging_reads_all_roots_once(
    tmp_path: Path, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(6):
        tar(tmp_path / f"{n}.tar", {"x.png": png((9 * n, 0, 0))})
        (tmp_path / f"folder{n}").mkdir()
        (tmp_path / f"folder{n}/x.png").write_bytes(png((9, 9 * n, 0)))
    rows = [{"file_name": f"folder{n}/x.png"} for n in range(6)]
    lines = json_lines(tmp_path / "list.jsonl", rows)
    encode(FakeEncoder(), tmp_path / "out", *(tmp_path / f"{n}.tar" for n in range(6)), lines)
    scans: list[int] = []
    real = Roots.all

    def counted(self: Roots) -> list[Root]:
        scans.append(1)
        return real(self)

    monkeypatch.setattr(Roots, "all", counted)
    merge(library, tmp_path / "out")
    assert len(scans) < 6  # of 12 roots
    monkeypatch.undo()
    assert library.status().counts.files == 12
    assert len(library.status().roots) == 12
