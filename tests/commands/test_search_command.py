"""`pixtrieve search`: what it prints, and for whom."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from support.command_line import Run
from support.painting import paint

import retrieval.commands.evaluate
import retrieval.context
import retrieval.folder.opening
import retrieval.images.decoding
import retrieval.library

_TEXTS = "(its texts)"


def test_a_table_of_hits(run: Run, indexed: Path) -> None:
    done = run("search", "red", "-k", "2", "--in", "pictures")
    header, first, second = done.out.splitlines()
    assert header.split() == ["#", "id", "score", "sure", "date", "pixels", "size", "picture"]
    assert first.split()[0] == "1"
    assert first.endswith(str(indexed / "red.png"))
    assert second.endswith("yellow.png")
    assert "24×16" in first


def test_terms_from_options_and_written_are_the_same(run: Run, indexed: Path) -> None:
    picture = indexed / "green.png"
    written = run("search", f"2:red + {picture} - blue", "--json", "-k4", "--explain")
    options = run(
        "search", "red", "--image", picture, "--weight", "2 1", "--not", "blue", "--json", "-k4",
        "--explain",
    )  # fmt: skip
    one, other = json.loads(written.out), json.loads(options.out)
    assert one["query"] == other["query"] == f"2:red + {picture} - blue"
    assert one["hits"] == other["hits"]
    first = one["hits"][0]
    assert first["path"].endswith("yellow.png") or first["path"].endswith("red.png")
    assert [term["term"] for term in first["terms"]] == ["2:red", str(picture), "- blue", _TEXTS]
    parts = sum(term["contribution"] for term in first["terms"])
    assert first["score"] == pytest.approx(parts, abs=1e-4)


def test_an_explanation_stands_below_each_hit(run: Run, indexed: Path) -> None:
    lines = run("search", "red + green", "-k1", "--explain").out.splitlines()
    assert [line.split(maxsplit=1)[1][:5] for line in lines[2:5]] == ["red (", "green", _TEXTS[:5]]


def test_words_need_no_quotes(run: Run, indexed: Path) -> None:
    asked = run("search", "red", "green", "-k1", "--in", "pictures")
    assert asked.out.endswith("yellow.png\n")


def test_json(run: Run, indexed: Path) -> None:
    found = json.loads(run("search", "blue", "-k", "3", "--in", "pictures", "--json").out)
    answer = {"searched", "strong", "unknown", "damaged", "notes", "hits"}
    assert set(found) == {"query", "where", "fuse", "model", "seconds", *answer}
    assert (found["query"], found["fuse"]) == ("blue", "add")
    assert found["searched"] == 4
    assert [hit["rank"] for hit in found["hits"]] == [1, 2, 3]
    first = found["hits"][0]
    assert first["path"] == str(indexed / "deep/blue.png")
    assert first["score"] == pytest.approx(1.0, abs=1e-3)
    assert {"copies", "width", "height", "size", "mtime", "taken", "sha256", "format"} <= set(first)
    assert first["mtime"] == pytest.approx(os.path.getmtime(first["path"]))


def test_paths_for_other_programs(run: Run, tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path / "p")
    source = os.fsencode(paint(tmp_path / "source.png", "red"))
    os.mkdir(folder)
    odd = folder + b"/\xff new\nline.png"
    shutil.copy(source, odd)
    run("index", "p")
    assert os.fsencode(run("search", "red", "--paths", "-0").out) == odd + b"\0"
    assert os.fsencode(run("search", "red", "--paths").out) == odd + b"\n"
    table = run("search", "red").out
    assert "\\x0a" in table
    assert "\N{REPLACEMENT CHARACTER} new" in table
    json.loads(run("search", "red", "--json").out)
    assert run("search", "red", "--html", "sheet.html").code == 0


def test_a_terminal_is_not_commanded_by_file_names(run: Run, tmp_path: Path) -> None:
    paint(tmp_path / "p/\x1b[31mred\x07.png", "red")
    run("index", "p")
    for command in (("search", "red"), ("status",), ("search", "red", "--html", "-")):
        assert "\x1b" not in run(*command).out


def test_the_contact_sheet_stands_alone(run: Run, indexed: Path, tmp_path: Path) -> None:
    os.remove(indexed / "green.png")
    paint(indexed / "a<b>&\"'.png", (200, 0, 0))
    run("index", "--exclude", "nothing")
    shutil.move(indexed / "deep", tmp_path / "elsewhere")
    assert run("search", "red <script>alert(1)</script>", "--html", "sheet.html").code == 0
    page = (tmp_path / "sheet.html").read_text("utf-8")
    assert page.count("<li>") == 4
    assert page.count("data:image/webp;base64,") == 2
    assert page.count("no such file") == 2, "pictures that are gone say so"
    assert "<script>" not in page
    assert "a&lt;b&gt;&amp;&quot;&#x27;.png" in page
    assert "http://" not in page
    assert "https://" not in page


def test_open_shows_the_sheet(run: Run, indexed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr("click.launch", shown.append)
    assert run("search", "red", "--open").code == 0
    assert run("search", "red", "--open", "--html", "here.html").code == 0
    assert shown[1] == "here.html"
    assert "data:image/webp" in Path(shown[0]).read_text("utf-8")
    os.remove(shown[0])


def test_ctrl_c_while_searching(run: Run, indexed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(retrieval.library.Library, "answer", interrupt)
    done = run("search", "red")
    assert (done.code, done.out) == (130, "")


def test_filters_narrow_a_search_and_list_without_one(run: Run, indexed: Path) -> None:
    done = run("search", "green", "--where", "path in deep and format = png", "--paths")
    assert [os.path.basename(line) for line in done.out.splitlines()] == ["yellow.png", "blue.png"]
    listed = run("search", "--where", "width > 1", "--sort", "name", "-k", "2")
    assert "score" not in listed.out
    assert [line.split("/")[-1] for line in listed.out.splitlines()[1:3]] == [
        "blue.png",
        "green.png",
    ]
    assert "2 of 4" in listed.out
    assert "match the filter" in run("search", "red", "--where", "has gps").out
    found = json.loads(run("search", "--where", "has camera or width > 1", "--json").out)
    assert (found["query"], found["where"]) == ("", "has camera or width > 1")
    assert found["searched"] == 4
    assert "4 matching pictures" in run("search", "--where", "width>1", "--html", "-").out


def test_a_wrong_filter_is_shown_with_a_caret(run: Run, indexed: Path) -> None:
    done = run("search", "red", "--where", "widht > 3")
    assert done.code == 1
    lines = done.err.splitlines()
    assert "there is no field widht (character 1 of the filter)" in lines[0]
    assert lines[1].index("widht") == lines[2].index("^")
    assert "did you mean width?" in lines[3]


def test_places_people_and_ratings(run: Run, indexed: Path) -> None:
    takeout = {
        "geoData": {"latitude": 38.7139, "longitude": -9.1334},
        "people": [{"name": "Anna"}, {"name": "Bob"}],
    }
    for name in ("red", "green"):
        (indexed / f"{name}.png.json").write_text(json.dumps(takeout))
    run("index")
    for where in ("place = 'Lisbon'", "country = PT", "country = 'Portugal'", "person = 'anna'"):
        lines = run("search", "--where", where).out.splitlines()
        assert len(lines) == 3, where
    (grouped,) = run("search", "--where", "has place", "--group", "place").out.splitlines()[1:]
    assert grouped.endswith(".png  Lisbon, Portugal  (+1 more)")
    (grouped,) = run("search", "--where", "has person", "--group", "person").out.splitlines()[1:]
    assert grouped.endswith(".png  Anna, Bob  (+1 more)")
    found = json.loads(run("search", "--where", "place ~ 'lis'", "--group", "place", "--json").out)
    (hit,) = found["hits"]
    assert (hit["city"], hit["region"], hit["country"]) == ("Lisbon", "Lisbon", "Portugal")
    assert (hit["country_code"], hit["people"], hit["rating"]) == ("PT", ["Anna", "Bob"], None)
    assert hit["group"]["name"] == "Lisbon, Portugal"
    sheet = indexed.parent / "sheet.html"
    run("search", "red", "-k", "1", "--html", str(sheet))
    assert "Lisbon, Portugal · Anna, Bob" in sheet.read_text("utf-8")


def test_groups_stand_for_their_others(run: Run, indexed: Path) -> None:
    assert "(+1 more)" in run("search", "red", "--group", "folder").out
    hits = json.loads(run("search", "red", "--group", "folder", "--diverse", "--json").out)["hits"]
    others = [hit["group"]["others"] for hit in hits]
    assert sorted(map(len, others)) == [0, 0, 1]
    assert {"id", "path", "score"} == set(next(filter(None, others))[0])
