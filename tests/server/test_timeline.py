"""The routes of the timeline: the order of all pictures, its parts, places; placeholders."""

from __future__ import annotations

import base64
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.fakes import FakeEncoder
from support.painting import paint
from support.waiting import WAIT_S

from retrieval import Library, QueryError
from retrieval.catalogue.tags import Tagged
from retrieval.images.placeholder import SIZE
from retrieval.map import Region
from retrieval.search.timeline import Timeline

pytest.importorskip("fastapi")
from support.api_client import Client, Params, names, numbers

from retrieval.server.often import top_labels, top_names
from retrieval.server.placeholders import Placeholders
from retrieval.server.timelines import ratio_codes

PARIS, SYDNEY = (48.8584, 2.2945), (-33.8568, 151.2153)


def located(path: Path, place: tuple[float, float], colour: str) -> None:
    """Paint a picture that says where it was taken."""
    exif = Image.Exif()
    north, east = place
    exif.get_ifd(0x8825).update(
        {1: "N" if north > 0 else "S", 2: (abs(north), 0, 0), 3: "E", 4: (east, 0, 0)}
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (30, 20), colour).save(path, exif=exif.tobytes())


@pytest.fixture
def dated(folder: str, encoder: FakeEncoder, pictures: Path) -> str:
    """The library with pictures of three days and two places besides."""
    for day, name in (("2020-02-01", "a"), ("2020-02-01", "b"), ("2021-03-05", "c")):
        paint(pictures / f"{day}_{name}.png", (ord(name), 9, 9))
    for number, (place, colour) in enumerate(((PARIS, "red"), (PARIS, "navy"), (SYDNEY, "teal"))):
        near = (place[0] + 0.01 * number, place[1])
        located(pictures / f"2019-01-0{1 + number}.jpg", near, colour)
    with Library.open(folder, encoder) as library:
        library.add(pictures)
    return folder


def test_the_first_pictures_come_with_the_list(
    dated: str, encoder: FakeEncoder, client: Client
) -> None:
    api = client()

    def asked(first: int) -> list[dict[str, object]]:
        found: list[dict[str, object]] = api.get(f"/api/timeline?first={first}").json()["pictures"]
        return found

    order = api.get("/api/timeline").json()["order"]
    parts = api.get(f"/api/timeline/{order}/pictures?limit=3").json()["pictures"]
    assert asked(0) == []
    assert asked(3) == asked(3) == parts
    assert api.get("/api/timeline?first=501").status_code == 422
    first = parts[0]
    assert not first["favourite"]
    with Library.open(dated, encoder) as library:
        library.favourites.add([first["id"]])
    assert asked(3)[0]["favourite"]  # what was kept of an answer is not that of another moment
    assert api.get(f"/api/pictures/{first['id']}/thumbnail?side=256").status_code == 200
    assert asked(1)[0]["placeholder"] == asked(3)[0]["placeholder"] != first["placeholder"]


def test_what_the_library_shows_most_is_named(client: Client) -> None:
    api = client()
    assert api.get("/api/often").json() == {"labels": [], "regions": []}
    body = {"labels": [f"label {number}" for number in range(10)], "least": 0}
    assert api.post("/api/labels", json=body).status_code == 200
    found = api.get("/api/often").json()
    tags = api.get("/api/labels").json()["tags"]
    assert found["labels"] == [tag["label"] for tag in tags][:8] != []
    assert found["regions"] == []


def test_names_that_stand_for_most_pictures_come_first_each_once() -> None:
    tags = [Tagged("sea", "label", 9), Tagged("dog", "label", 5), Tagged("sea", "concept", 2)]
    assert top_labels(tags) == ["sea", "dog"]

    def region(name: str, count: int) -> Region:
        return Region(name, 0, -1, 0.0, 0.0, 0.0, count, 1)

    regions = [region("", 90), region("sea", 30), region("dogs", 40), region("sea", 20)]
    assert top_names(regions) == ["dogs", "sea"]


def test_all_pictures_are_listed_newest_first_with_their_days(dated: str, client: Client) -> None:
    api = client()
    found = api.get("/api/timeline").json()
    assert found["count"] == 40
    assert sum(count for _, count in found["days"]) == 40
    assert [day for day, _ in found["days"]][-5:] == [
        *("2021-03-05", "2020-02-01", "2019-01-03", "2019-01-02", "2019-01-01"),
    ]
    codes = np.frombuffer(base64.b64decode(found["ratios"]), np.uint8)
    assert len(codes) == 40
    assert 6 ** (codes[-1] / 127.5 - 1) == pytest.approx(1.5, rel=0.01)
    listed = api.get(f"/api/timeline/{found['order']}/pictures", params={"limit": 40}).json()
    by_search = api.get("/api/search", params={"where": "width > 0", "limit": 40}).json()
    assert [each["name"] for each in listed["pictures"]] == names(by_search)
    assert listed["pictures"][-1]["date"] == "2019-01-01"
    ids = api.get(f"/api/timeline/{found['order']}/ids").json()["ids"]
    assert ids == [each["id"] for each in listed["pictures"]]


def test_parts_of_the_order(dated: str, client: Client) -> None:
    api = client()
    order = api.get("/api/timeline", params={"sort": "name"}).json()["order"]
    assert api.get("/api/timeline", params={"sort": "name"}).json()["days"] == []
    address = f"/api/timeline/{order}/pictures"
    whole = api.get(address, params={"limit": 100}).json()["pictures"]
    paged = []
    for offset in range(0, 45, 7):
        paged += api.get(address, params={"offset": offset, "limit": 7}).json()["pictures"]
    assert paged == whole
    there = whole[20]["id"]
    page = api.get(address, params={"page_of": there, "limit": 6}).json()
    assert (page["offset"], page["pictures"]) == (18, whole[18:24])
    assert api.get(address, params={"page_of": 99999}).status_code == 404
    part = api.get(f"/api/timeline/{order}/ids", params={"offset": 38, "limit": 5}).json()
    assert part == {"offset": 38, "ids": [each["id"] for each in whole[38:]]}


def test_filters_narrow_it_and_mistakes_are_shown(
    dated: str, client: Client, pictures: Path
) -> None:
    api = client()

    def count(where: str) -> int:
        return int(api.get("/api/timeline", params={"where": where}).json()["count"])

    assert count("date < 2022") == 6
    assert count("date >= 2020 and date <= 2020") == 2
    assert count(f"folder in ('{pictures}/deep', '{pictures}/grey')") == 32
    assert count("name ~ '2019' and has gps") == 3
    assert count("orientation = panorama") == 0
    wrong = api.get("/api/timeline", params={"where": "colour = 1"})
    assert wrong.status_code == 422
    assert "^" in wrong.json()["hint"]
    assert api.get("/api/timeline", params={"sort": "beauty"}).status_code == 422


def test_a_page_keeps_its_order_while_the_library_changes(
    dated: str, client: Client, pictures: Path, encoder: FakeEncoder
) -> None:
    api = client()
    before = api.get("/api/timeline").json()
    whole = api.get(f"/api/timeline/{before['order']}/pictures").json()["pictures"]
    paint(pictures / "2022-01-01.png", "white")
    (pictures / "2021-03-05_c.png").unlink()
    with Library.open(dated, encoder) as library:
        library.add(pictures)
    after = api.get("/api/timeline").json()
    assert after["order"] != before["order"]
    assert after["days"] != before["days"]
    same = api.get(f"/api/timeline/{before['order']}/pictures").json()["pictures"]
    gone = [each["name"] for each, now in zip(whole, same, strict=True) if now is None]
    assert gone == ["2021-03-05_c.png"]
    for number in range(9):
        api.get("/api/timeline", params={"where": f"width > {number}"})
    forgotten = api.get(f"/api/timeline/{before['order']}/pictures")
    assert forgotten.status_code == 409
    assert api.get("/api/timeline/0123456789abcdef/ids").status_code == 409
    assert api.get("/api/timeline/x..y/ids").status_code == 422


def test_a_picture_in_several_folders_is_listed_once(client: Client, pictures: Path) -> None:
    where = f"folder in ('{pictures}')"
    assert client().get("/api/timeline", params={"where": where}).json()["count"] == 34


def test_places_are_where_most_pictures_are(dated: str, client: Client) -> None:
    api = client()
    found = api.get("/api/places").json()
    paris, sydney = found["places"]
    assert (paris["images"], sydney["images"]) == (2, 1)
    assert (paris["latitude"], paris["longitude"]) == pytest.approx(PARIS, abs=0.02)
    assert sydney["latitude"] == pytest.approx(SYDNEY[0] + 0.02, abs=0.02)
    assert sydney["image_id"] == numbers(api)["pictures/2019-01-03.jpg"]
    for place in (paris, sydney):
        where = f"gps near {place['latitude']},{place['longitude']} within {found['km']} km"
        listed = api.get("/api/timeline", params={"where": where}).json()
        assert listed["count"] == place["images"]


def test_placeholders_are_grey_until_a_thumbnail_was_made(dated: str, client: Client) -> None:
    api = client()
    search: Params = {"q": "red", "limit": 1}
    hit = api.get("/api/search", params=search).json()["hits"][0]
    grey = base64.b64decode(hit["placeholder"])
    assert len(grey) == SIZE
    assert abs(grey[2] / 255 * 2 - 1) < 0.01
    assert api.get(f"/api/pictures/{hit['id']}/thumbnail").status_code == 200
    shown = base64.b64decode(api.get("/api/search", params=search).json()["hits"][0]["placeholder"])
    assert shown[2] == 255  # as much more red than green as can be
    order = api.get("/api/timeline").json()["order"]
    listed = api.get(f"/api/timeline/{order}/pictures").json()["pictures"]
    assert [each["placeholder"] for each in listed if each["id"] == hit["id"]] == [
        base64.b64encode(shown).decode()
    ]
    # Another server finds it in the file beside the thumbnails.
    assert Placeholders(os.path.join(dated, "thumbnails")).of(bytes.fromhex(hit["sha256"])) == shown


def test_what_tiles_show_is_read_beside_a_long_list(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While all pictures are listed, a search has its placeholders; the event loop reads none."""
    api = client()
    api.get("/api/timeline")
    held, listing = threading.Event(), threading.Event()
    threads = set()
    of = Placeholders.of

    def ordered(*_: object) -> None:
        listing.set()
        held.wait(WAIT_S)
        raise QueryError("the list is held up")

    def noted(self: Placeholders, digest: bytes) -> bytes:
        threads.add(threading.current_thread().name)
        return of(self, digest)

    monkeypatch.setattr(Timeline, "ordered", ordered)
    monkeypatch.setattr(Placeholders, "of", noted)
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(api.get, "/api/timeline", params={"where": "width > 1"})
        assert listing.wait(WAIT_S)
        hits = (
            pool.submit(api.get, "/api/search", params={"q": "red"}).result(WAIT_S).json()["hits"]
        )
        held.set()
        assert slow.result().status_code == 422
    assert all(len(base64.b64decode(hit["placeholder"])) == SIZE for hit in hits)
    assert threads
    assert all(name.startswith("library") for name in threads)


def test_a_damaged_file_of_placeholders_costs_only_what_is_damaged(tmp_path: Path) -> None:
    folder = tmp_path / "library" / "thumbnails"
    known = {bytes([number]) * 32: bytes([number]) * SIZE for number in range(4)}
    first = Placeholders(str(folder))
    for digest, placeholder in known.items():
        first.keep(digest, placeholder)
        first.keep(digest, placeholder)
    file = folder / "placeholders"
    data = bytearray(file.read_bytes())
    assert len(data) == 4 * (32 + SIZE + 4)
    data[60] ^= 1
    file.write_bytes(bytes(data[:-3]))
    second = Placeholders(str(folder))
    found = {digest: second.of(digest) for digest in known}
    assert list(found.values()) == [known[b"\0" * 32], b"", known[b"\2" * 32], b""]
    second.keep(b"\3" * 32, b"x" * SIZE)  # after a record that was cut short
    third = Placeholders(str(folder))
    assert third.of(b"\3" * 32) == b"x" * SIZE
    assert third.of(b"\2" * 32) == known[b"\2" * 32]


def test_placeholders_are_neither_read_nor_written_through_a_link(tmp_path: Path) -> None:
    folder, other = tmp_path / "library" / "thumbnails", tmp_path / "other"
    folder.mkdir(parents=True)
    other.write_bytes(b"")
    (folder / "placeholders").symlink_to(other)
    Placeholders(str(folder)).keep(b"\1" * 32, b"\2" * SIZE)
    assert other.read_bytes() == b""


def test_shapes_are_bytes() -> None:
    widths, heights = np.array([600, 100, 100, 9000, 0]), np.array([100, 600, 100, 10, 0])
    assert ratio_codes(widths, heights).tolist() == [255, 0, 128, 255, 128]


def test_a_picture_with_several_files_is_listed_once(
    folder: str, encoder: FakeEncoder, tmp_path: Path
) -> None:
    for name in ("a/red", "b/red", "b/blue", "c/red"):
        paint(tmp_path / f"copies/{name}.png", name[2:])
    with Library.open(folder, encoder) as library:
        library.add(tmp_path / "copies")
        ordered = library.timeline.ordered("path in 'copies'", "name")
        blue, red = (library.image_at(tmp_path / f"copies/b/{n}.png") for n in ("blue", "red"))
    assert blue is not None
    assert red is not None
    assert ordered.ids.tolist() == [blue.id, red.id]
    assert len(ordered.widths) == len(ordered.heights) == len(ordered.days) == 2
