"""What the date column shows is what filters, orders, groups, lists and exports go by."""

from __future__ import annotations

import csv
import io
import os
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.painting import paint

from retrieval import Library
from retrieval.catalogue.export import export_npz
from retrieval.commands.sheet import contact_sheet
from retrieval.commands.table import table

DATES = {
    "exif.jpg": ("2023-05-02T09:00:00", "exif"),
    "IMG-20230501-WA0001.png": ("2023-05-01", "name"),
    "20230502_110000.png": ("2023-05-02T11:00:00", "name"),
    "plain.png": ("2023-04-30T12:00:00", "file"),
}
SHOWN = {
    "exif.jpg": "2023-05-02",
    "IMG-20230501-WA0001.png": "2023-05-01",
    "20230502_110000.png": "2023-05-02",
    "plain.png": "~2023-04-30",
}


@pytest.fixture
def dated(library: Library, tmp_path: Path) -> Library:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = "2023:05:02 09:00:00"
    folder = tmp_path / "p"
    folder.mkdir()
    Image.new("RGB", (24, 16), "red").save(folder / "exif.jpg", exif=exif)
    for number, name in enumerate(list(DATES)[1:]):
        paint(folder / name, (100, 80 * number, 200))
    for name in DATES:
        changed = datetime(2023, 4, 30, 12).timestamp()  # noqa: DTZ001 - local, as the column
        os.utime(folder / name, (changed, changed))
    library.add(folder)
    return library


def listed(library: Library, where: str, **options: str) -> list[str]:
    hits = library.search(None, where=where, **options)  # type: ignore[arg-type]
    return [os.path.basename(hit.path) for hit in hits]


def test_every_picture_has_a_date_and_says_where_from(dated: Library) -> None:
    hits = dated.search("red")
    assert {os.path.basename(h.path): (h.date, h.date_source) for h in hits} == DATES
    _, *lines = table(dated.search(None, where="has date"))
    assert {os.path.basename(line.split()[-1]): line.split()[2] for line in lines} == SHOWN
    page = contact_sheet([("red", hits)])
    for said in ("2023-05-02 09:00:00", "2023-05-02 11:00:00", "2023-05-01", "~2023-04-30"):
        assert said in page


def test_filters_order_and_groups_go_by_it(dated: Library) -> None:
    assert sorted(listed(dated, "date >= 2023-05")) == sorted(list(DATES)[:3])
    assert listed(dated, "date < 2023-05") == ["plain.png"]
    assert listed(dated, "date = 2023-05-01") == ["IMG-20230501-WA0001.png"]
    assert listed(dated, "taken >= 2023") == listed(dated, "has taken") == ["exif.jpg"]
    assert len(listed(dated, "has date")) == 4
    assert listed(dated, "not has date") == []
    oldest_first = ["plain.png", "IMG-20230501-WA0001.png", "exif.jpg", "20230502_110000.png"]
    assert listed(dated, "has date", sort="date") == oldest_first
    assert listed(dated, "has date", sort="date-desc") == oldest_first[::-1]
    found = dated.search("red", sort="date")
    assert [os.path.basename(hit.path) for hit in found] == oldest_first
    days = dated.search(None, where="has date", group="day")
    assert [hit.group and (hit.group.name, len(hit.group.others)) for hit in days] == [
        ("2023-05-02", 1),
        ("2023-05-01", 0),
        ("2023-04-30", 0),
    ]
    assert [(each.value, each.images) for each in dated.facets()["date"]] == [
        ("2023-05", 3),
        ("2023-04", 1),
    ]


def test_lists_and_exports_have_it(dated: Library, tmp_path: Path) -> None:
    for hit in dated.search("red").to_dicts():
        assert (hit["date"], hit["date_source"]) == DATES[os.path.basename(hit["path"])]
    export_npz(dated.images(), dated.model, str(tmp_path / "all.npz"))
    with np.load(tmp_path / "all.npz") as archive:
        names = [os.path.basename(path) for path in archive["path"]]
        dates = zip(archive["date"].tolist(), archive["date_source"].tolist(), strict=True)
        assert dict(zip(names, dates, strict=True)) == DATES
        assert archive["latitude"].dtype == np.float64
        assert np.isnan(archive["latitude"]).all()
        assert archive["width"].dtype == np.int64


def test_the_server_has_it(dated: Library) -> None:
    pytest.importorskip("fastapi")
    pytest.importorskip("mcp")
    from retrieval.server.downloads import as_csv
    from retrieval.server.mcp.answers import described, hits_of

    images = [image for image, _ in dated.images()]
    rows = csv.DictReader(io.StringIO(b"".join(as_csv(images)).decode()))
    for row in rows:
        assert (row["date"], row["date_source"]) == DATES[os.path.basename(row["path"])]
    brief = hits_of("red", "", dated.search("red"), 0).model_dump(exclude_defaults=True)
    for hit in brief["hits"]:
        assert (hit["date"], hit["date_source"]) == DATES[os.path.basename(hit["path"])]
        assert "taken" not in hit
    for image in images:
        whole = described(image, (), (), (), (), "").model_dump(exclude_defaults=True)
        assert (whole["date"], whole["date_source"]) == DATES[os.path.basename(image.paths[0])]
        assert ("taken" in whole) == (whole["date_source"] == "exif")
