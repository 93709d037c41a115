"""Questions find moments of videos; each video is one hit."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from support.fakes import FakeEncoder
from support.painting import paint
from support.videos import make_video

from retrieval import Library, Query, Term
from retrieval.catalogue import PARTS, row_checks
from retrieval.folder.doctor import check
from retrieval.query.options import SearchOptions
from retrieval.stores.parted import PartedIndex

Names = Callable[..., list[str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with pictures and videos of plain colours."""
    made = tmp_path / "pictures"
    made.mkdir()
    paint(made / "red.png", (255, 0, 0))
    paint(made / "green.png", (0, 255, 0))
    make_video(made / "all.mp4", (("red", 2), ("green", 2), ("blue", 2)))
    make_video(made / "blue.mkv", (("blue", 3),))
    return made


@pytest.fixture
def filled(library: Library, folder: Path) -> Library:
    library.add(folder)
    return library


def test_a_video_is_one_hit_with_its_best_moment(filled: Library, names: Names) -> None:
    assert names(filled, "red")[:2] in (["red.png", "all.mp4"], ["all.mp4", "red.png"])
    assert len(names(filled, "red")) == 4
    hit = next(hit for hit in filled.search("blue") if hit.path.endswith("all.mp4"))
    assert hit.moments[0].seconds == pytest.approx(4, abs=1.05)
    assert hit.moments[0].until == pytest.approx(6, abs=0.3)
    assert hit.duration == pytest.approx(6, abs=0.2)
    assert hit.at == hit.moments[0].seconds
    best = max(moment.score for moment in hit.moments)
    assert hit.score == pytest.approx(best, abs=2e-3)


def test_pictures_have_no_moments(filled: Library) -> None:
    hit = next(hit for hit in filled.search("red") if hit.path.endswith("red.png"))
    assert hit.moments == ()
    assert hit.at is None
    assert filled.moments(hit.id) == ()


def test_all_moments_of_a_video(filled: Library) -> None:
    hit = next(hit for hit in filled.search("red") if hit.path.endswith("all.mp4"))
    assert filled.moments(hit.id) == pytest.approx((0, 2, 4), abs=1.05)


def test_filters_know_videos(filled: Library, names: Names) -> None:
    def where(condition: str) -> set[str]:
        found = filled.answer(None, SearchOptions(where=condition))
        return {Path(hit.path).name for hit in found}

    assert where("kind = video") == {"all.mp4", "blue.mkv"}
    assert where("kind = picture") == {"red.png", "green.png"}
    assert where("duration < 4s") == {"blue.mkv"}
    assert where("duration > 0.05 min") == {"all.mp4"}
    assert where("format = MKV") == {"blue.mkv"}
    assert names(filled, "green", where="kind = video")[0] == "all.mp4"
    assert names(filled, "blue", where="kind = picture") == names(
        filled, "blue", where="not kind = video"
    )


@pytest.mark.parametrize("fuse", ["add", "multiply"])
def test_several_terms(filled: Library, names: Names, fuse: str) -> None:
    found = names(filled, Query((Term("text", "blue"), Term("text", "blue"))), fuse=fuse)
    assert set(found[:2]) == {"all.mp4", "blue.mkv"}
    assert len(found) == len(set(found)) == 4
    found = names(filled, "red - green", fuse=fuse)
    assert len(found) == len(set(found)) == 4


def test_the_best_of_each_is_that_of_all_vectors(
    library: Library, tmp_path: Path, names: Names
) -> None:
    """The composite index answers as a comparison with every vector by hand."""
    folder = tmp_path / "many"
    folder.mkdir()
    colours = ("red", "green", "blue", "yellow", "white")
    for number in range(6):
        scenes = [(colours[(number + at) % 5], 1.5) for at in range(number % 4 + 1)]
        make_video(folder / f"v{number}.mp4", scenes)
    for number in range(8):
        paint(folder / f"p{number}.png", (30 * number, 255 - 20 * number, (90 * number) % 256))
    library.add(folder)
    context = library._session.context()
    assert isinstance(context.searched, PartedIndex)
    with closing(sqlite3.connect(Path(library.path) / "catalogue.sqlite")) as db:
        rows = db.execute("SELECT image_id, view, embedding FROM vectors").fetchall()
    parted = {image for image, view, _ in rows if view.startswith("at ")}
    for text in ("red", "green", "blue", "yellow white", "white"):
        query = FakeEncoder().encode_texts([text])[0]
        best: dict[int, float] = {}
        for image, view, blob in rows:
            if view == "whole" and image in parted:
                continue
            score = min(float(np.frombuffer(blob, "<f2").astype(np.float32) @ query), 1.0)
            best[image] = max(best.get(image, -1.0), score)
        for k in (1, 3, 14):
            hits = library.search(text, k)
            expected = sorted(best.values(), reverse=True)[:k]
            assert [hit.score for hit in hits] == pytest.approx(expected, abs=1e-5)
            assert all(hit.score == pytest.approx(best[hit.id], abs=1e-5) for hit in hits)


def test_a_video_that_leaves_takes_its_moments(filled: Library, folder: Path, names: Names) -> None:
    (folder / "all.mp4").unlink()
    filled.add(folder)
    assert names(filled, "red") == ["red.png", *names(filled, "red")[1:]]
    assert "all.mp4" not in names(filled, "red")
    make_video(folder / "again.mp4", (("red", 2), ("green", 2), ("blue", 2)))
    filled.add(folder)
    assert "again.mp4" in names(filled, "red")


def test_a_video_is_encoded_once(filled: Library, folder: Path, encoder: FakeEncoder) -> None:
    before = encoder.images_encoded
    (folder / "sub").mkdir()
    (folder / "sub" / "copy.mp4").write_bytes((folder / "all.mp4").read_bytes())
    filled.add(folder)
    assert encoder.images_encoded == before
    hit = next(hit for hit in filled.search("red") if hit.duration and hit.duration > 5)
    assert len(hit.copies) == 1


def test_a_damaged_moment_is_made_again(filled: Library, folder: Path) -> None:
    path = Path(filled.path) / "catalogue.sqlite"
    moments = filled.moments(_id_of(filled, "all.mp4"))
    with closing(sqlite3.connect(path)) as db:
        row_checks.register(db)
        db.execute("DROP TRIGGER vectors_checked_update")
        db.execute("UPDATE vectors SET embedding = zeroblob(8) WHERE view = 'at 0.000'")
        db.execute("UPDATE state SET value = value + 1 WHERE key = 'generation'")
        db.commit()
    with Library.open(filled.path, FakeEncoder()) as again:
        again.add(folder)
        assert again.moments(_id_of(again, "all.mp4")) == moments
        assert again.search("red", where="kind = video")[0].path.endswith("all.mp4")


def test_the_doctor_finds_nothing(filled: Library) -> None:
    found = {finding.code for finding in check(str(filled.path)).findings}
    assert found <= {"model.missing"}  # the stand-in encoder is on no disk


def test_json_has_the_moments(filled: Library) -> None:
    found = json.loads(json.dumps(filled.search("blue").to_dict()))
    video = next(hit for hit in found["hits"] if hit["path"].endswith("all.mp4"))
    assert video["moments"][0].keys() == {"seconds", "until", "score"}


def test_a_library_without_videos_has_no_parts(library: Library, tmp_path: Path) -> None:
    paint(tmp_path / "red.png", (255, 0, 0))
    library.add(tmp_path / "red.png")
    context = library._session.context()
    assert not context.catalogue.vectors(context.model.row, PARTS).exist()
    assert context.searched is context.images


def _id_of(library: Library, name: str) -> int:
    return next(hit.id for hit in library.search("red") if hit.path.endswith(name))
