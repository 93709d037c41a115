"""Paths, links and names that lead elsewhere: what others would try who mean harm."""

from __future__ import annotations

import io
import os
import socket
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zipfile import ZipFile

import pytest
from support.fakes import FakeEncoder
from support.painting import paint

from retrieval import Library

pytest.importorskip("fastapi")
from fastapi.testclient import TestClient
from support.api_client import Client, numbers, operations

from retrieval.server import picture_files


def test_no_path_in_any_parameter_is_opened(
    client: Client, tmp_path: Path, opened: list[str]
) -> None:
    secret = tmp_path / "secret-of-others.png"
    paint(secret, "white")
    api = client()
    written = [f(str(secret)) for f in (str, quote, lambda p: quote(quote(p, safe=""), safe=""))]
    written += [f"{secret}\0", f"file://{secret}", f"./../{secret.name}", f"~/../..{secret}"]
    json_fields = ("name", "labels", "like", "groups")
    opened.clear()
    for path in written:
        for method, address in operations(api):
            for name in ("q", "where", "name", "side", "version", "sort", "limit", "path"):
                api.request(method, address, params={name: path})
            if method == "POST":
                api.post(address, json=dict.fromkeys(json_fields, path))
                api.post(address, json={f: [path] for f in json_fields} | {"name": path})
                api.post(address, data={"ids": path})
        for address in ("/{}", "/api/pictures/{}/image", "/api/download/{}", "/api/export/{}"):
            api.get(address.format(quote(path)))
            api.get(address.format(quote(path, safe="")))
    assert opened, "nothing was heard"
    assert not [path for path in opened if secret.name in path]
    (tmp_path / "pictures/red.png").read_bytes()
    assert "red.png" in opened[-1]


def ask_for_red(api: TestClient) -> list[Any]:
    number = numbers(api)["pictures/red.png"]
    return [api.get(f"/api/pictures/{number}/{what}") for what in ("image", "thumbnail")]


@pytest.mark.parametrize("what", ["pipe", "device", "folder", "socket"])
def test_what_is_no_file_in_a_picture_s_place_holds_nobody_up(
    client: Client, pictures: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    red = pictures / "red.png"
    red.unlink()
    if what == "pipe":
        os.mkfifo(red)
    elif what == "device":
        red.symlink_to("/dev/zero")
    elif what == "folder":
        red.mkdir()
    else:
        with socket.socket(socket.AF_UNIX) as listening:
            monkeypatch.chdir(pictures)  # the name of a socket may not be long
            listening.bind("red.png")
    for answer in ask_for_red(client()):
        assert answer.status_code == 422
        assert "cannot be shown" in answer.json()["error"]
        if what in ("pipe", "device"):
            assert "no longer a picture file" in answer.json()["error"]


def test_a_folder_swapped_for_a_link_leads_nowhere(
    client: Client, pictures: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    paint(other / "blue.png", "white")
    api = client()
    number = numbers(api)["deep/blue.png"]
    os.rename(pictures / "deep", tmp_path / "moved")
    (pictures / "deep").symlink_to(other)
    for what in ("image", "thumbnail"):
        assert api.get(f"/api/pictures/{number}/{what}").status_code == 422
    taken = api.post("/api/download/zip", data={"ids": str(number)})
    with ZipFile(io.BytesIO(taken.content)) as archive:
        assert archive.namelist() == ["left out.txt"]


def test_an_exchanged_file_is_compared_and_never_sent(
    client: Client, pictures: Path, tmp_path: Path
) -> None:
    """Of the same size, so that its hash alone tells it."""
    secret = tmp_path / "secret"
    secret.write_bytes(b"s" * (pictures / "red.png").stat().st_size)
    (pictures / "red.png").unlink()
    (pictures / "red.png").symlink_to(secret)
    for answer in ask_for_red(client()):
        assert answer.status_code == 422
        assert b"ssss" not in answer.content


def test_a_large_file_in_a_picture_s_place_is_not_read(
    client: Client, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Unread(io.BytesIO):
        def __init__(self, path: str) -> None:
            self._file = open(path, "rb")  # noqa: SIM115 closed below

        def fileno(self) -> int:
            return self._file.fileno()

        def read(self, *_: Any) -> bytes:
            raise AssertionError("it was read")

        def close(self) -> None:
            self._file.close()

    (pictures / "red.png").write_bytes(b"x" * 10_000)
    monkeypatch.setattr(picture_files, "open_file", Unread)
    for answer in ask_for_red(client()):
        assert answer.status_code == 422


@pytest.mark.parametrize("what", ["link", "dangling", "folder", "pipe"])
def test_a_thumbnail_is_neither_read_nor_written_through_a_link(
    client: Client, folder: str, tmp_path: Path, what: str
) -> None:
    api = client()
    first = ask_for_red(api)[1]
    (kept,) = Path(folder, "thumbnails").rglob("*.webp")
    kept.unlink()
    secret = tmp_path / "secret"
    if what == "link":
        secret.write_bytes(b"secret")
    if what == "folder":
        kept.mkdir()
    elif what == "pipe":
        os.mkfifo(kept)
    else:
        kept.symlink_to(secret)
    assert ask_for_red(api)[1].content == first.content
    assert secret.exists() == (what == "link")
    assert what != "link" or secret.read_bytes() == b"secret"


def test_names_in_a_zip_stay_in_its_folder(
    client: Client, folder: str, encoder: FakeEncoder, pictures: Path
) -> None:
    for number, name in enumerate(("x\\..\\..\\evil", "C:evil", "new\nline", "-rf", "<b>")):
        paint(pictures / f"{name}.png", (10 * number, 200, 100))
    with Library.open(folder, encoder) as library:
        library.add(pictures)
    api = client()
    ids = ",".join(map(str, numbers(api).values()))
    with ZipFile(io.BytesIO(api.post("/api/download/zip", data={"ids": ids}).content)) as taken:
        assert len(taken.namelist()) == 39
        for name in taken.namelist():
            assert not set(name) & set('/\\:\n<>"|?*')
            assert name not in (".", "..")
