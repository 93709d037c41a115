"""Finding duplicates in a library: groups, what is kept, what was put away."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageOps
from support.fakes import FakeEncoder
from support.patterns import pattern, save

from retrieval import Library, LibraryError
from retrieval.duplicates.alignment import correlation, part_correlation
from retrieval.duplicates.grouping import LIKENESS, Pictures, group
from retrieval.duplicates.keeping import DuplicateGroup
from retrieval.duplicates.perceptual_hash import TURNS, PerceptualHashes, turned
from retrieval.folder.locking import writer_lock
from retrieval.images.luma_thumbnail import SIDE, make_luma_thumbnail
from retrieval.images.scaling import Frame
from retrieval.vectors import normalise


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Two pictures with duplicates and three without."""
    folder = tmp_path / "album"
    for number in range(5):
        save(pattern(number, (120, 80)), folder / f"{number}.png")
    shutil.copy(folder / "0.png", folder / "copy of 0.png")
    save(pattern(1, (120, 80)).resize((60, 40)), folder / "small/1.png")
    save(ImageOps.mirror(pattern(1, (120, 80))), folder / "mirrored 1.jpg")
    return folder


def names(group: DuplicateGroup) -> tuple[str, list[str]]:
    return group.kept.path, sorted(file.path for file in group.redundant)


def test_copies_and_changed_pictures_are_found(library: Library, album: Path) -> None:
    library.add(album)
    report = library.duplicates.find()
    groups = {names(each)[0]: names(each)[1] for each in report.groups}
    assert groups == {"0.png": ["copy of 0.png"], "1.png": ["mirrored 1.jpg", "small/1.png"]}
    assert (report.pictures, report.without_thumbnail) == (7, 0)
    (exact,) = library.duplicates.find("exact").groups
    assert names(exact) == ("0.png", ["copy of 0.png"])
    assert exact.redundant[0].likeness == 1.0
    (near,) = library.duplicates.find("near").groups
    assert names(near)[0] == "1.png"
    assert {file.path: (file.exact, file.reason) for file in near.redundant} == {
        "small/1.png": (False, "pixels"),
        "mirrored 1.jpg": (False, "bytes"),
    }
    assert all(LIKENESS < file.likeness <= 1 for file in near.redundant)


def test_a_part_of_a_picture_is_found(library: Library, album: Path) -> None:
    save(pattern(3, (120, 80)).crop((10, 5, 108, 75)), album / "part of 3.png")
    library.add(album)
    groups = dict(names(each) for each in library.duplicates.find("near").groups)
    assert groups["3.png"] == ["part of 3.png"]
    strict = dict(names(each) for each in library.duplicates.find("near", threshold=1.0).groups)
    assert strict == {}


def test_what_is_kept_and_why(library: Library, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    old = save(pattern(1, (60, 40)), folder / "a/longer name.png")
    for name in ("b/x.png", "b/y.png", "c.png"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy2(old, folder / name)
    os.utime(folder / "b/x.png", (1e9, 1e9))
    os.utime(folder / "b/y.png", (1e9, 1e9))
    os.utime(old, (1.5e9, 1.5e9))
    library.add(folder)
    (found,) = library.duplicates.find().groups
    assert found.kept.path == "b/x.png"
    reasons = {file.path: file.reason for file in found.redundant}
    assert reasons == {"b/y.png": "path", "a/longer name.png": "age", "c.png": "age"}


def test_a_raw_file_is_kept_before_a_larger_picture() -> None:
    from retrieval.catalogue.duplicates import KnownFile, KnownImage
    from retrieval.duplicates.keeping import rank

    raw = KnownImage(1, b"", "NEF", 1600, 1200, "", None)
    large = KnownImage(2, b"", "JPEG", 6000, 4000, "2020-01-01T00:00:00", None)
    file = KnownFile(1, "/r", "a", 1, 1)
    assert rank(raw, file) < rank(large, file)


def test_the_date_taken_goes_before_that_of_the_file() -> None:
    from retrieval.catalogue.duplicates import KnownFile, KnownImage
    from retrieval.duplicates.keeping import rank

    file = KnownFile(1, "/r", "a", 1, 10**18)
    taken = KnownImage(1, b"", "JPEG", 1, 1, "1999-01-01T00:00:00", None)
    unknown = KnownImage(2, b"", "JPEG", 1, 1, "", None)
    nonsense = KnownImage(3, b"", "JPEG", 1, 1, "0000-99-99T", None)
    assert rank(taken, file) < rank(unknown, file)
    assert rank(nonsense, file) == rank(unknown, file)


def test_what_is_put_away_is_not_shown_again_until_there_is_more(
    library: Library, album: Path
) -> None:
    library.add(album)
    duplicates = library.duplicates
    duplicates.keep_all(duplicates.find().groups)
    assert duplicates.find().groups == ()
    first, second = duplicates.find(show_kept=True).groups
    duplicates.unkeep([second])
    assert duplicates.find().groups == (second,)
    duplicates.unkeep([second])  # it is not kept: nothing changes
    duplicates.keep_all([second])
    assert duplicates.find().groups == ()
    assert first in duplicates.find(show_kept=True).groups
    shutil.copy(album / "0.png", album / "another copy of 0.png")
    save(pattern(1, (90, 60)), album / "a new 1.png")
    library.add(album)
    groups = dict(names(each) for each in library.duplicates.find().groups)
    assert groups["0.png"] == ["another copy of 0.png", "copy of 0.png"]
    assert groups["1.png"] == ["a new 1.png"], "the three that were put away stay apart"


def test_groups_are_put_away_while_somebody_else_writes_or_takes_pictures_out(
    library: Library, album: Path
) -> None:
    library.add(album)
    found = library.duplicates.find().groups
    with Library.open(library.path, FakeEncoder()) as other:
        other.remove(album / "small/1.png")
    with writer_lock(library.path):
        library.duplicates.keep_all(found)
    assert library.duplicates.find().groups == ()
    assert len(library.duplicates.find(show_kept=True).groups) == 2


def test_groups_are_named_by_the_kept_pictures_id(library: Library, album: Path) -> None:
    library.add(album)
    report = library.duplicates.find()
    first = report.groups[0]
    assert report.of([first.id]) == (first,)
    assert library.search(first.kept.full_path and Path(first.kept.full_path), include_self=True)
    with pytest.raises(LibraryError, match="there is no group 999"):
        report.of([999])


def test_files_on_a_drive_that_is_not_there_are_left_out(library: Library, album: Path) -> None:
    library.add(album)
    os.rename(album, album.with_name("elsewhere"))
    library.add()
    report = library.duplicates.find()
    assert (report.groups, report.pictures) == ((), 0)


def test_pictures_without_a_thumbnail_are_counted(library: Library, album: Path) -> None:
    library.add(album)
    library._session.catalogue.duplicates._db.rows("DELETE FROM sketches")
    report = library.duplicates.find()
    assert report.without_thumbnail == 7
    assert [names(each)[0] for each in report.groups] == ["0.png"]


def test_a_library_without_pictures_has_no_duplicates(library: Library) -> None:
    assert library.duplicates.find().groups == ()


def thumbnails_of(pictures: list[Image.Image]) -> np.ndarray:
    rows = [
        np.frombuffer(make_luma_thumbnail(each, Frame.whole(each.size)), np.uint8)
        for each in pictures
    ]
    return np.stack(rows).reshape(-1, SIDE, SIDE)


def changed(number: int, how: int) -> Image.Image:
    picture = pattern(number, (96, 96))
    return [
        picture,
        picture.resize((48, 48)),
        picture.transpose(Image.Transpose.ROTATE_90),
        ImageOps.mirror(picture),
        picture.crop((4, 2, 88, 90)),
        picture.crop((0, 12, 80, 96)),
    ][how]


def vectors_of(sketches: np.ndarray) -> NDArray[np.float16]:
    flat = sketches.reshape(len(sketches), -1).astype(np.float32)
    return normalise(flat - flat.mean(axis=1, keepdims=True)).astype(np.float16)


def nothing(first: np.ndarray, _: np.ndarray) -> np.ndarray:
    return np.zeros(len(first), np.bool_)


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 5)), min_size=1, max_size=14))
@example([(0, 5), (0, 0), (0, 2)])
def test_groups_against_brute_force(made: list[tuple[int, int]]) -> None:
    """Every member is near its best; with wholes only it is what a loop over all pairs gives."""
    thumbnails = thumbnails_of([changed(*each) for each in made])
    hashes = PerceptualHashes(thumbnails)
    grouping = group(Pictures(thumbnails, vectors_of(thumbnails).__getitem__, nothing))
    for row, kept in enumerate(grouping.kept.tolist()):
        assert grouping.kept[kept] == kept
        assert kept <= row
        if kept != row:
            # However it is turned: a part says too little of that to guess it from two hashes.
            best = thumbnails[[kept]]
            others = [turned(thumbnails[[row]], np.array([turn])) for turn in range(len(TURNS))]
            found = max(
                max(correlation(best, other)[0], part_correlation(best, other)[0])
                for other in others
            )
            assert found >= grouping.likeness[row] - 1e-4
            assert grouping.likeness[row] >= LIKENESS
            assert made[kept][0] == made[row][0], "of one picture"
    # Whatever looks alike is in one group, or in groups of which the first was taken before.
    expected = np.arange(len(made))
    for first in range(len(made)):
        if expected[first] == first:
            for second in range(first + 1, len(made)):
                pair = np.array([first]), np.array([second])
                if expected[second] == second and hashes.similar(*pair)[0]:
                    expected[second] = first
    no_vectors = np.zeros((len(made), 2), np.float16)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("retrieval.duplicates.grouping._Groups.join_parts", lambda _: None)
        wholes = group(Pictures(thumbnails, no_vectors.__getitem__, nothing))
    assert wholes.kept.tolist() == expected.tolist()


def test_a_copy_of_a_part_joins_only_if_it_is_like_the_best() -> None:
    whole = pattern(1, (96, 96))
    part = whole.crop((8, 4, 90, 92))
    pictures = [whole, part, part.resize((60, 60)), pattern(2, (96, 96))]
    thumbnails = thumbnails_of(pictures)
    grouping = group(Pictures(thumbnails, vectors_of(thumbnails).__getitem__, nothing))
    assert grouping.kept.tolist() == [0, 0, 0, 3]

    def not_the_copy(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return np.asarray((first == 0) & (second == 2))

    distinct = group(Pictures(thumbnails, vectors_of(thumbnails).__getitem__, not_the_copy))
    assert distinct.kept.tolist() == [0, 0, 2, 3]


def test_the_model_does_not_change_what_a_thumbnail_is(tmp_path: Path, album: Path) -> None:
    with Library.create(tmp_path / "a", FakeEncoder()) as library:
        library.add(album)
        one = [
            library._session.catalogue.duplicates.luma_thumbnail(number) for number in range(1, 8)
        ]
    assert all(one)
    assert len({bytes(each) for each in one if each}) == 7
