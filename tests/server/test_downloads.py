"""Taking pictures away: zips and lists of chosen ones, vectors of all."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path
from urllib.parse import unquote
from zipfile import ZipFile

import numpy as np
import pytest
from support.fakes import FakeEncoder
from support.full_disks import files_of_at_most
from support.painting import paint

from retrieval import Library

pytest.importorskip("fastapi")
from support.api_client import Client, numbers

from retrieval.catalogue import ImageRow
from retrieval.server.downloads import LEFT_OUT, as_csv, as_paths, zipped


def form(*ids: int) -> dict[str, str]:
    return {"ids": ",".join(map(str, ids))}


def test_a_zip_holds_the_pictures_as_they_are(client: Client, pictures: Path) -> None:
    api = client()
    known = numbers(api)
    ids = (known["pictures/red.png"], known["deep/blue.png"], 99999)
    answer = api.post("/api/download/zip", data=form(*ids))
    assert answer.headers["content-disposition"] == 'attachment; filename="pixtrieve-2.zip"'
    with ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["red.png", "blue.png"]
        assert archive.read("blue.png") == (pictures / "deep/blue.png").read_bytes()


def test_files_of_one_name_get_numbers(
    client: Client, folder: str, encoder: FakeEncoder, pictures: Path
) -> None:
    paint(pictures / "other/RED.png", (250, 10, 10))
    with Library.open(folder, encoder) as library:
        library.add(pictures)
    api = client()
    known = numbers(api)
    ids = (known["pictures/red.png"], known["other/RED.png"])
    answer = api.post("/api/download/zip", data=form(*ids))
    with ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.namelist() == ["red.png", "RED (2).png"]


def test_what_has_changed_is_named_and_not_sent(client: Client, pictures: Path) -> None:
    api = client()
    known = numbers(api)
    (pictures / "red.png").write_bytes(b"something else")
    ids = (known["pictures/red.png"], known["deep/blue.png"])
    answer = api.post("/api/download/zip", data=form(*ids))
    with ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.namelist() == ["blue.png", LEFT_OUT]
        assert "red.png" in archive.read(LEFT_OUT).decode()


def test_lists(client: Client, pictures: Path) -> None:
    api = client()
    red = numbers(api)["pictures/red.png"]
    path = str(pictures / "red.png")
    plain = api.post("/api/download/txt", data=form(red))
    assert plain.content == os.fsencode(path) + b"\n"
    (row,) = csv.DictReader(io.StringIO(api.post("/api/download/csv", data=form(red)).text))
    assert (row["id"], row["path"], row["width"], row["latitude"]) == (str(red), path, "24", "")
    line = json.loads(api.post("/api/download/jsonl", data=form(red)).text)
    assert (line["id"], line["paths"]) == (red, [path])


@pytest.mark.parametrize(
    "ids",
    ["", "x", "1;2", "../1", "-1", "1,", "1" * 19, "1,2,a"],
)
def test_a_form_that_names_no_pictures_is_refused(client: Client, ids: str) -> None:
    assert client().post("/api/download/zip", data={"ids": ids}).status_code == 422


def test_pictures_that_are_not_there_and_kinds_that_are_none(client: Client) -> None:
    api = client()
    assert api.post("/api/download/zip", data=form(99999)).status_code == 422
    assert api.post("/api/download/exe", data=form(1)).status_code == 422
    many = ",".join(str(number) for number in range(1, 10_002))
    assert api.post("/api/download/txt", data={"ids": many}).status_code == 422


def test_all_vectors_are_exported(client: Client) -> None:
    api = client()
    answer = api.get("/api/export/npz")
    with np.load(io.BytesIO(answer.content)) as archive:
        assert archive["embeddings"].shape[0] == 34
        assert {Path(path).name for path in archive["path"]} >= {"red.png", "blue.png"}
    assert api.get("/api/export/exe").status_code == 422


def test_an_export_on_a_full_disk_says_so(client: Client) -> None:
    api = client()
    with files_of_at_most(2000):
        answer = api.get("/api/export/npz")
    assert answer.status_code == 507
    assert "disk space" in answer.json()["hint"]


def image(path: str, camera: str = "") -> ImageRow:
    return ImageRow(
        id=1,
        sha256="00",
        paths=(path,),
        size=1,
        mtime_ns=0,
        date="1970-01-01",
        date_source="file",
        camera=camera,
    )


def test_names_that_are_no_text_and_formulas_do_no_harm(tmp_path: Path) -> None:
    odd = os.fsdecode(b"/photos/\xff.jpg")
    assert b"".join(as_paths([image(odd)])) == b"/photos/\xff.jpg\n"
    table = b"".join(as_csv([image(odd, '=HYPERLINK("x")')])).decode()
    row = next(csv.DictReader(io.StringIO(table)))
    assert row["camera"] == '\'=HYPERLINK("x")'
    with ZipFile(io.BytesIO(b"".join(zipped([image(odd)])))) as archive:
        assert archive.namelist() == [LEFT_OUT]


def test_a_name_with_line_breaks_stays_one_line() -> None:
    for name in ("two\nlines.jpg", "carriage\rreturn.jpg"):
        path = f"/photos/100% {name}"
        (line,) = b"".join(as_paths([image(path)])).splitlines()
        assert unquote(line.decode().removeprefix("file://")) == path
        table = b"".join(as_csv([image(path)])).decode()
        (row,) = csv.DictReader(io.StringIO(table, newline=""))
        assert row["path"] == path
        with ZipFile(io.BytesIO(b"".join(zipped([image(path)])))) as archive:
            assert len(archive.read(LEFT_OUT).decode().splitlines()) == 1
