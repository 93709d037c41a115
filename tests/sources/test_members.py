"""One picture of an archive: which of several, how often it is listed, how much is read."""

from __future__ import annotations

import hashlib
import random
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.data_sets import parquet, png, tar

from retrieval import Library
from retrieval.errors import PictureError
from retrieval.images.sources import parquets, tars
from retrieval.images.sources.members import Member
from retrieval.images.sources.tar_index import TarIndices

Imported = Callable[..., Library]

MEMBERS = {"000/0.png": png("red"), "000/0.txt": b"a red field", "000/1.png": png("green")}


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_of_several_members_with_one_name_the_last_counts(
    tmp_path: Path, imported: Imported, kind: str
) -> None:
    archive = tmp_path / f"a.{kind}"
    if kind == "tar":
        tar(archive, {"./x.png": png("red"), "x.png": png("blue")})
    else:
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("x.png", png("red"))
            with pytest.warns(UserWarning, match="Duplicate"):
                file.writestr("x.png", png("blue"))
    hit = imported(archive).search("blue")[0]
    assert hashlib.sha256(png("blue")).hexdigest() == hit.sha256
    assert hit.open().getpixel((0, 0)) == (0, 0, 255)


def test_a_tar_is_listed_once_for_all_its_thumbnails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tar(tmp_path / "a.tar", MEMBERS)
    listed: list[str] = []
    members = tars.OpenTar.members

    def counted(self: tars.OpenTar) -> Iterator[Member]:
        listed.append(self.name)
        return members(self)

    monkeypatch.setattr(tars.OpenTar, "members", counted)
    for _ in range(2):
        for name, data in MEMBERS.items():
            assert tars.member_bytes(str(archive), name) == data
    assert len(listed) == 1
    with pytest.raises(PictureError, match="has no"):
        tars.member_bytes(str(archive), "none.png")
    tar(archive, {"000/0.png": png("grey"), "more.png": png("grey")})  # another version
    assert tars.member_bytes(str(archive), "000/0.png") == png("grey")
    assert len(listed) == 2


def test_indices_of_many_tars_do_not_fill_the_memory() -> None:
    indices = TarIndices(most_members=5)
    listed: list[str] = []

    def of(name: str) -> None:
        def members() -> list[Member]:
            listed.append(name)
            return [Member(f"{n}.png", n, 0, n) for n in range(3)]

        found = indices.of(name, "1", members).find("2.png")
        assert found == Member("2.png", 2, 0, 2)

    for name in ("a", "b", "b", "a", "a", "b"):
        of(name)
    assert listed == ["a", "b", "a", "b"]


def test_parquet_rows_that_may_not_fit_in_memory_are_read_one_by_one(
    tmp_path: Path, imported: Imported, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = random.Random(0).randbytes(20_000)
    rows = [{"image": png((9 * n, 0, 0)) + noise * (n == 5)} for n in range(8)]
    file = parquet(tmp_path / "a.parquet", rows, row_group_size=4)
    monkeypatch.setattr(parquets, "MOST_BYTES", 10_000)
    sizes: list[int] = []
    real = parquets._at_once

    def noted(group: object) -> int:
        sizes.append(real(group))
        return sizes[-1]

    monkeypatch.setattr(parquets, "_at_once", noted)
    library = imported(file, size=99)
    assert sizes == [64, 1]
    (problem,) = library.problems()
    assert problem.path == f"{file}/000000005"
    assert "more than" in problem.reason
    assert library.status().counts.files == 7
    with pytest.raises(PictureError, match="more than"):
        parquets.member_bytes(str(file), "000000005")
    for row in (3, 4, 7):
        assert parquets.member_bytes(str(file), f"{row:09}") == rows[row]["image"]
