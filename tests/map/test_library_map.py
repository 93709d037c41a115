"""The map: who is near on it, what regions are called, what happens when pictures come and go."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.fakes import FakeEncoder
from support.painting import paint

import retrieval.map.layout
from retrieval import Library
from retrieval.commands import pixtrieve
from retrieval.map import LibraryMap, Map
from retrieval.map.layout import _jittered, _without_self, lay_out
from retrieval.map.tsne import ITERATIONS, arrange
from retrieval.stores.clustering import k_means, nearest_rows
from retrieval.tagging.corpora import Corpus, read_corpus
from retrieval.whole_file import sealed, unsealed

HUES = {"red": (200, 20, 20), "green": (20, 200, 20), "blue": (20, 20, 200)}


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def hues(tmp_path: Path) -> Path:
    """Thirty pictures of each of three hues, in folders named after them."""
    for name, (red, green, blue) in HUES.items():
        for number in range(30):
            colour = (red + number % 6, green + number // 6, blue + number % 4)
            paint(tmp_path / "hues" / name / f"{number:02}.png", colour)
    return tmp_path / "hues"


@pytest.fixture
def colours(tmp_path: Path) -> Corpus:
    """Names that the fake encoder tells apart."""
    path = tmp_path / "colours.txt"
    path.write_text("a red\na green\nthe blue\nyellow\nwhite\n")
    return read_corpus(str(path))


def hue_of(library: Library, drawn: Map) -> list[str]:
    found = []
    for image_id in drawn.ids.tolist():
        image = library.image(image_id)
        assert image is not None
        found.append(os.path.basename(os.path.dirname(image.paths[0])))
    return found


def live_ids(library: Library) -> list[int]:
    return sorted(row.id for row, _ in library.images())


def map_files(library: Library) -> list[Path]:
    return list(Path(library.path, "cache").glob("*-map.npz"))


def test_every_picture_has_one_place(library: Library, hues: Path, colours: Corpus) -> None:
    assert library.map.current() is None
    library.add(hues)
    drawn = library.map.update(corpus=colours)
    assert sorted(drawn.ids.tolist()) == live_ids(library)
    assert drawn.layout == "neighbours"
    assert drawn.positions.shape == (90, 2)
    assert drawn.positions.dtype == np.float32
    assert ((drawn.positions >= 0) & (drawn.positions <= 1)).all()
    assert np.ptp(drawn.positions, axis=0).max() == pytest.approx(1)
    assert np.ptp(drawn.positions, axis=0).argmax() == 0
    assert drawn.unplaced == 0


def test_the_same_hue_lies_side_by_side(library: Library, hues: Path, colours: Corpus) -> None:
    library.add(hues)
    drawn = library.map.update(corpus=colours)
    hue = np.array(hue_of(library, drawn))
    apart = ((drawn.positions[:, None] - drawn.positions[None]) ** 2).sum(axis=2)
    np.fill_diagonal(apart, np.inf)
    nearest = apart.argsort(axis=1)[:, :5]
    assert (hue[nearest] == hue[:, None]).mean() > 0.95


def test_it_is_drawn_the_same_every_time(library: Library, hues: Path, colours: Corpus) -> None:
    library.add(hues)
    first = library.map.update(corpus=colours)
    again = library.map.update(rebuild=True, corpus=colours)
    np.testing.assert_array_equal(first.positions, again.positions)
    assert first.regions == again.regions


def test_regions_are_named_after_what_sets_them_apart(
    library: Library, hues: Path, colours: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retrieval.map.regions._SIZES", ((30, 3), (10, 9)))
    library.add(hues)
    drawn = library.map.update(corpus=colours)
    hue = np.array(hue_of(library, drawn))
    top = [region for region in drawn.regions if region.level == 0]
    assert sorted(region.name for region in top) == ["blue", "green", "red"]
    for number, region in enumerate(top):
        parts = [place for place, part in enumerate(drawn.regions) if part.parent == number]
        members = np.isin(drawn.region, parts)
        assert set(hue[members]) == {region.name}
        assert region.count == members.sum() == sum(drawn.regions[each].count for each in parts)
        assert region.picture in drawn.ids[members]
        inside = np.hypot(*(drawn.positions[members] - (region.x, region.y)).T) <= region.radius
        assert inside.mean() == pytest.approx(0.9, abs=0.05)
    for level in (0, 1):
        names = [region.name for region in drawn.regions if region.level == level and region.name]
        assert len(set(names)) == len(names)


def test_a_region_that_no_text_is_true_of_has_no_name(
    library: Library, hues: Path, colours: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One region of all hues: its mean is near some text, which fits a third of its pictures."""
    monkeypatch.setattr("retrieval.map.regions._SIZES", ((90, 1), (30, 3)))
    library.add(hues)
    whole, *parts = library.map.update(corpus=colours).regions
    assert (whole.count, whole.name) == (90, "")
    assert sorted(part.name for part in parts) == ["blue", "green", "red"]


def test_new_pictures_find_their_place_and_nothing_else_moves(
    library: Library, hues: Path, colours: Corpus
) -> None:
    library.add(hues)
    before = library.map.update(corpus=colours)
    paint(hues / "blue" / "new.png", (22, 23, 201))
    library.add(hues)
    waiting = library.map.current()
    assert waiting is not None
    assert (len(waiting.ids), waiting.unplaced) == (90, 1)
    after = library.map.update()
    assert (len(after.ids), after.unplaced) == (91, 0)
    old = dict(zip(before.ids.tolist(), before.positions.tolist(), strict=True))
    now = dict(zip(after.ids.tolist(), after.positions.tolist(), strict=True))
    assert {image_id: now[image_id] for image_id in old} == old
    (new,) = now.keys() - old.keys()
    blue = [
        now[i]
        for i, hue in zip(after.ids.tolist(), hue_of(library, after), strict=True)
        if hue == "blue" and i != new
    ]
    assert np.min(blue, axis=0).tolist() <= now[new] <= np.max(blue, axis=0).tolist()
    assert sum(region.count for region in after.regions if region.level == 0) == 91
    assert after.generation > before.generation


def test_it_is_rebuilt_when_a_fifth_has_changed(
    library: Library, hues: Path, colours: Corpus
) -> None:
    library.add(hues / "red")
    library.add(hues / "green")
    before = library.map.update(corpus=colours)
    library.add(hues)
    after = library.map.update(corpus=colours)
    assert len(after.ids) == 90
    old = dict(zip(before.ids.tolist(), before.positions.tolist(), strict=True))
    now = dict(zip(after.ids.tolist(), after.positions.tolist(), strict=True))
    assert all(now[image_id] != old[image_id] for image_id in old)


def test_a_deleted_picture_is_off_the_map_before_it_is_drawn_again(
    library: Library, hues: Path, colours: Corpus
) -> None:
    library.add(hues)
    before = library.map.update(corpus=colours)
    gone = before.regions[0].picture
    image = library.image(gone)
    assert image is not None
    os.unlink(image.paths[0])
    library.add(hues)
    left = library.map.current()
    assert left is not None
    assert gone not in left.ids
    assert (len(left.ids), left.unplaced) == (89, 0)
    assert gone not in [region.picture for region in left.regions]
    assert left.regions[0].count == before.regions[0].count - 1
    assert sorted(library.map.update().ids.tolist()) == live_ids(library)


def test_what_is_removed_leaves_no_trace(library: Library, hues: Path, colours: Corpus) -> None:
    library.add(hues)
    library.map.update(corpus=colours)
    assert len(map_files(library)) == 1
    library.remove(hues / "red")
    assert map_files(library) == []
    assert library.map.current() is None
    drawn = library.map.update(corpus=colours)
    assert set(hue_of(library, drawn)) == {"green", "blue"}
    assert "red" not in [region.name for region in drawn.regions]


def test_what_is_removed_while_the_map_is_drawn_is_not_written(
    library: Library, encoder: FakeEncoder, hues: Path, colours: Corpus
) -> None:
    library.add(hues)
    drawing = library.map.iter_update(corpus=colours)
    while next(drawing).stage != "naming":
        pass
    with Library.open(library.path, encoder) as other:
        other.remove(hues / "red")
    list(drawing)
    (path,) = map_files(library)
    with np.load(path) as kept:
        assert len(kept["ids"]) == len(kept["contents"]) == 60
    known = library.map.current()
    assert known is not None
    assert set(hue_of(library, known)) == {"green", "blue"}


def test_places_belong_to_contents_not_to_ids(
    library: Library, encoder: FakeEncoder, hues: Path, colours: Corpus, tmp_path: Path
) -> None:
    library.add(hues)
    library.map.update(corpus=colours)
    with Library.create(tmp_path / "other", encoder) as other:
        for name in ("green", "blue", "red"):
            other.add(hues / name)
        (path,) = map_files(library)
        (Path(other.path) / "cache" / path.name).write_bytes(path.read_bytes())
        there, here = other.map.current(), library.map.current()
        assert there is not None
        assert here is not None
        assert there.ids.tolist() != here.ids.tolist()
        assert hue_of(other, there) == hue_of(library, here)


@pytest.mark.parametrize("damage", ["cut", "text", "empty"])
def test_a_damaged_file_is_as_none(
    library: Library, hues: Path, colours: Corpus, damage: str
) -> None:
    library.add(hues)
    drawn = library.map.update(corpus=colours)
    (path,) = map_files(library)
    data = path.read_bytes()
    path.write_bytes({"cut": data[: len(data) // 2], "text": b"no map", "empty": b""}[damage])
    assert library.map.current() is None
    np.testing.assert_array_equal(library.map.update(corpus=colours).positions, drawn.positions)


def forged(path: Path, **changed: NDArray[Any]) -> None:
    """Seal other arrays into the file of a map, as somebody else's program could."""
    content = unsealed(path.read_bytes())
    assert content is not None
    with np.load(io.BytesIO(content)) as archive:
        arrays: dict[str, Any] = {name: archive[name] for name in archive.files} | changed
    file = io.BytesIO()
    np.savez(file, **arrays)
    path.write_bytes(sealed(file.getvalue()))


def test_every_damage_is_seen(library: Library, pictures: Path, colours: Corpus) -> None:
    library.add(pictures)
    drawn = library.map.update(corpus=colours)
    (path,) = Path(library.path, "cache").glob("*-map.npz")
    whole, random = path.read_bytes(), np.random.default_rng(1)
    for at in random.integers(0, len(whole), 60).tolist():
        flipped = whole[:at] + bytes([whole[at] ^ 1 << int(random.integers(8))]) + whole[at + 1 :]
        for other in (flipped, whole[:at], whole[:at] + bytes(9) + whole[at + 9 :]):
            path.write_bytes(other)
            assert (library.map.current() is None) == (other != whole)
    again = library.map.update(corpus=colours)
    np.testing.assert_array_equal(again.positions, drawn.positions)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ids", np.zeros((4, 1), np.int64)), ("ids", np.zeros(4)), ("ids", np.zeros(3, np.int64)),
        ("places", np.zeros((4, 3), np.float32)), ("places", np.full((4, 2), np.nan, np.float32)),
        ("region", np.full(4, 99, np.int32)), ("region", np.full(4, -2, np.int32)),
        ("region", np.zeros(4, np.int64)), ("contents", np.zeros(4, np.int64)),
        ("arranged", np.zeros(5, np.bool_)), ("mean", np.zeros((4, 4), np.float32)),
        ("directions", np.zeros((9, 4), np.float32)), ("facts", np.array("[]")),
        ("facts", np.array("{")), ("facts", np.zeros(3)),
    ],
)  # fmt: skip
def test_a_forged_file_is_as_none(
    library: Library, pictures: Path, colours: Corpus, name: str, value: NDArray[Any]
) -> None:
    library.add(pictures)
    library.map.update(corpus=colours)
    (path,) = Path(library.path, "cache").glob("*-map.npz")
    forged(path)
    assert library.map.current() is not None
    forged(path, **{name: value})
    assert library.map.current() is None
    assert len(library.map.update(corpus=colours).ids) == 4


@pytest.mark.parametrize("count", [0, 1, 2, 3, 29, 30, 31])
def test_few_pictures_have_a_map_too(
    library: Library, tmp_path: Path, colours: Corpus, count: int
) -> None:
    (tmp_path / "few").mkdir()
    for number in range(count):
        paint(tmp_path / f"few/{number}.png", (7 * number, 230 - 7 * number, 90))
    library.add(tmp_path / "few")
    drawn = library.map.update(corpus=colours)
    assert sorted(drawn.ids.tolist()) == live_ids(library)
    assert np.isfinite(drawn.positions).all()
    assert sum(region.count for region in drawn.regions if region.level == 0) == count
    assert drawn.layout == ("neighbours" if count >= 30 else "principal components")


def test_everyday_names_are_used_without_a_corpus(library: Library, hues: Path) -> None:
    library.add(hues)
    names = {region.name for region in library.map.update().regions}
    texts = " ".join(told.text for told in read_corpus().texts)
    assert names
    assert all(name.split(", ")[0] in texts for name in names)


def test_a_map_that_cannot_be_stored_is_returned_all_the_same(
    library: Library,
    hues: Path,
    colours: Corpus,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    library.add(hues)
    monkeypatch.setattr("os.replace", _refused)
    drawn = library.map.update(corpus=colours)
    assert sorted(drawn.ids.tolist()) == live_ids(library)
    assert "map.npz: Permission denied" in caplog.text
    assert library.map.current() is None
    with pytest.raises(retrieval.LibraryError, match=r"map\.npz: Permission denied"):
        list(library.map.iter_update(corpus=colours))


def _refused(*_: object) -> None:
    raise PermissionError(13, "Permission denied")


def test_it_is_written_down(library: Library, hues: Path, colours: Corpus, tmp_path: Path) -> None:
    library.add(hues)
    drawn = library.map.update(corpus=colours)
    for name in ("map.csv", "map.json"):
        arguments = ["map", str(tmp_path / name), "--library", library.path]
        pixtrieve.main(arguments, standalone_mode=False)
    written = json.loads((tmp_path / "map.json").read_text())
    assert [each["id"] for each in written["pictures"]] == drawn.ids.tolist()
    lines = (tmp_path / "map.csv").read_text().splitlines()
    assert lines[0] == "id,path,x,y,region"
    assert len(lines) == 91


@pytest.mark.parametrize("count", [30, 33, 60, 400])
def test_points_without_any_neighbourhood_stay_together(count: int) -> None:
    random = np.random.default_rng(0).standard_normal((count, 4)).astype(np.float32)
    for points in (random, np.ones_like(random)):
        start = _jittered(points[:, :2])
        neighbours = _without_self(nearest_rows(points, points, count // 6 + 1)[1])
        for places in arrange(start, neighbours):
            assert np.abs(places).max() < 30


def test_beyond_a_limit_the_rest_is_placed_among_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    cluster = np.repeat(np.arange(3), 60)
    points = (np.eye(3)[cluster] * 5 + random.standard_normal((180, 3)) * 0.1).astype(np.float32)
    monkeypatch.setattr(retrieval.map.layout, "_MAX_SAMPLE", 90)
    places = _placed(points)
    middles = np.stack([places[cluster == each].mean(axis=0) for each in range(3)])
    apart = ((places[:, None] - middles) ** 2).sum(axis=2)
    assert (apart.argmin(axis=1) == cluster).all()


def _placed(points: np.ndarray) -> np.ndarray:
    laying = lay_out(points)
    shares = []
    try:
        while True:
            shares.append(next(laying))
    except StopIteration as done:
        assert shares == sorted(shares)
        assert shares[-1] == 1
        places: np.ndarray = done.value[0]
        return places


def test_pushing_by_waves_equals_pushing_pair_by_pair() -> None:
    from retrieval.map.tsne import _repulsion

    places = np.random.default_rng(2).normal(0, 8, (60, 2)).astype(np.float32)
    found, _ = _repulsion(places, None)
    apart = places[:, None].astype(float) - places[None]
    near = 1 / (1 + (apart**2).sum(axis=2))
    exact = (apart * near[..., None] ** 2).sum(axis=1) / (near.sum() - 60)
    assert np.corrcoef(found.ravel(), exact.ravel())[0, 1] > 0.98
    assert 0.8 < np.linalg.norm(found) / np.linalg.norm(exact) < 1.2


def test_arranging_yields_every_round() -> None:
    start = np.random.default_rng(1).normal(0, 1, (20, 2)).astype(np.float32)
    neighbours = nearest_rows(start, start, 4)[1][:, 1:]
    rounds = [places.copy() for places in arrange(start, neighbours)]
    assert len(rounds) == ITERATIONS
    assert np.abs(rounds[-1].mean(axis=0)).max() < 1e-3


def test_nearest_rows_are_nearly_exact_in_a_large_set() -> None:
    points = np.random.default_rng(4).standard_normal((6000, 8)).astype(np.float32)
    asked = points[:200]
    distances, rows = nearest_rows(points, asked, 5)
    exact = ((asked[:, None] - points[None]) ** 2).sum(axis=2)
    true = np.argsort(exact, axis=1)[:, :5]
    found = np.mean([np.isin(a, b).mean() for a, b in zip(true, rows, strict=True)])
    assert found > 0.9
    assert (rows[:, 0] == np.arange(200)).all()
    np.testing.assert_allclose(
        distances, np.take_along_axis(exact, rows, axis=1), rtol=1e-3, atol=1e-3
    )


def test_k_means_of_few_points_gives_each_its_own() -> None:
    assert k_means(np.array([[0, 0], [1, 1]], np.float32), 5).tolist() == [0, 1]


def test_a_map_needs_no_model_to_be_read(
    library: Library, hues: Path, colours: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.add(hues)
    drawn = library.map.update(corpus=colours)
    with Library.open(library.path) as plain:  # its model could not be loaded
        assert isinstance(plain.map, LibraryMap)
        known = plain.map.current()
    assert known is not None
    assert known.ids.tolist() == drawn.ids.tolist()
