"""Videos over HTTP: ranges, own bytes only; moments; downloads."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import IO
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image
from support.videos import make_video

pytest.importorskip("fastapi")
from fastapi.testclient import TestClient
from support.api_client import Client, numbers

from retrieval.server import video_files
from retrieval.server.video_files import Span, span_of


@pytest.fixture
def pictures(pictures: Path) -> Path:
    """The same pictures, and a video."""
    make_video(pictures / "clip.mp4", (("red", 2), ("green", 2), ("blue", 2)))
    return pictures


def number_of(api: TestClient, name: str) -> int:
    return next(id_ for path, id_ in numbers(api).items() if path.endswith(f"/{name}"))


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, (0, 100)),
        ("bytes=0-", (0, 100)),
        ("bytes=10-19", (10, 20)),
        ("bytes=90-1000", (90, 100)),
        ("bytes=-10", (90, 100)),
        ("bytes=-1000", (0, 100)),
        ("bytes=100-", None),
        ("bytes=20-10", None),
        ("bytes=-0", None),
        ("bytes=-", (0, 100)),
        ("bytes=0-1,5-6", (0, 100)),
        ("lines=1-2", (0, 100)),
        ("bytes=a-b", (0, 100)),
    ],
)
def test_ranges(header: str | None, expected: tuple[int, int] | None) -> None:
    assert span_of(header, 100) == (None if expected is None else Span(*expected, 100))


def test_any_part_of_a_video(client: Client, pictures: Path) -> None:
    api = client()
    data = (pictures / "clip.mp4").read_bytes()
    address = f"/api/pictures/{number_of(api, 'clip.mp4')}/video"
    whole = api.get(address)
    assert (whole.status_code, whole.content) == (200, data)
    assert whole.headers["content-type"] == "video/mp4"
    assert whole.headers["accept-ranges"] == "bytes"
    part = api.get(address, headers={"range": "bytes=100-299"})
    assert (part.status_code, part.content) == (206, data[100:300])
    assert part.headers["content-range"] == f"bytes 100-299/{len(data)}"
    beyond = api.get(address, headers={"range": f"bytes={len(data)}-"})
    assert (beyond.status_code, beyond.content) == (416, b"")
    assert beyond.headers["content-range"] == f"bytes */{len(data)}"


def test_only_the_indexed_bytes_are_sent(client: Client, pictures: Path, tmp_path: Path) -> None:
    api = client()
    number = number_of(api, "clip.mp4")
    assert api.get(f"/api/pictures/{number}/video").status_code == 200
    path = pictures / "clip.mp4"
    os.rename(path, tmp_path / "clip.mp4")
    assert api.get(f"/api/pictures/{number}/video").status_code >= 400
    secret = make_video(tmp_path / "secret.mp4", (("white", 3),))
    path.symlink_to(secret)
    for kind in ("video", "thumbnail", "thumbnail?side=256"):
        answer = api.get(f"/api/pictures/{number}/{kind}")
        assert answer.status_code >= 400, kind
        assert secret.read_bytes()[:100] not in answer.content


def test_pictures_are_no_videos(client: Client) -> None:
    api = client()
    assert api.get(f"/api/pictures/{number_of(api, 'red.png')}/video").status_code == 404


def test_moments_and_their_thumbnails(client: Client) -> None:
    api = client()
    number = number_of(api, "clip.mp4")
    facts = api.get(f"/api/pictures/{number}").json()
    assert len(facts["moments"]) == 3
    assert facts["duration"] == pytest.approx(6, abs=0.2)
    for at, channel in zip(facts["moments"], (0, 1, 2), strict=True):
        answer = api.get(f"/api/pictures/{number}/thumbnail", params={"at": at})
        shown = np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB"))
        assert int(shown[5, 5].argmax()) == channel
    assert api.get(f"/api/pictures/{number}/thumbnail", params={"at": 1.5}).status_code == 404
    large = api.get(f"/api/pictures/{number}/image")
    assert large.headers["content-type"] == "image/webp"


def test_a_search_says_which_moments_fit(client: Client) -> None:
    found = client().get("/api/search", params={"q": "blue", "where": "kind = video"}).json()
    (hit,) = found["hits"]
    assert hit["moments"][0]["seconds"] == pytest.approx(4, abs=1.05)


def test_a_zip_has_the_whole_video(client: Client, pictures: Path) -> None:
    api = client()
    ids = f"{number_of(api, 'clip.mp4')},{number_of(api, 'red.png')}"
    archive = ZipFile(io.BytesIO(api.post("/api/download/zip", data={"ids": ids}).content))
    assert archive.testzip() is None
    assert archive.read("clip.mp4") == (pictures / "clip.mp4").read_bytes()


def test_the_gallery_knows_how_long_videos_are(client: Client) -> None:
    api = client()
    order = api.get("/api/timeline").json()["order"]
    shown = api.get(f"/api/timeline/{order}/pictures").json()["pictures"]
    lengths = {each["name"]: each["duration"] for each in shown}
    assert lengths["clip.mp4"] == pytest.approx(6, abs=0.2)
    assert lengths["red.png"] is None


def test_the_indexed_file_is_not_hashed_again(
    client: Client, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gallery of videos would read all of them; a copy of one proves its content once."""
    api = client()
    number = number_of(api, "clip.mp4")
    hashed: list[str] = []

    def noted(file: IO[bytes]) -> bytes:
        hashed.append(file.name)
        return digest_of(file)

    digest_of = video_files._digest
    monkeypatch.setattr(video_files, "_digest", noted)
    assert api.get(f"/api/pictures/{number}/video").status_code == 200
    assert api.get(f"/api/pictures/{number}/thumbnail").status_code == 200
    assert hashed == []
    os.utime(pictures / "clip.mp4", (1, 1))
    assert api.get(f"/api/pictures/{number}/video").status_code == 200
    assert hashed == [str(pictures / "clip.mp4")]
