"""The API through the ASGI application, with an encoder one can compute by hand."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.fakes import FakeEncoder
from support.painting import paint
from support.waiting import WAIT_S

import retrieval.context
import retrieval.folder.opening
import retrieval.library
from retrieval import Library, SearchResult
from retrieval.encoders import ModelIdentity
from retrieval.query import Query
from retrieval.scoring.calibration import Calibration
from retrieval.whole_file import unsealed

pytest.importorskip("fastapi")
from support.api_client import HOST, Client, Params, names

from retrieval.server import guard
from retrieval.server.library_thread import LibraryThread, RememberingEncoder, Request


def test_a_text_finds_pictures(client: Client, calibrated: Calibration) -> None:
    answer = client().get("/api/search", params={"q": "red", "limit": 2}).json()
    assert names(answer) == ["red.png", "yellow.png"]
    assert (answer["query"], answer["searched"]) == ("red", 34)
    assert answer["hits"][0]["confidence"] is not None


def test_pages_are_cut_from_one_order(client: Client) -> None:
    api = client()
    whole = api.get("/api/search", params={"q": "red - blue", "limit": 34}).json()
    paged: list[str] = []
    for offset in range(0, 40, 7):
        page: Params = {"q": "red - blue", "limit": 7, "offset": offset}
        paged += names(api.get("/api/search", params=page).json())
    assert paged == names(whole)
    assert len(paged) == 34


def test_a_filter_narrows_a_question_or_lists_alone(client: Client) -> None:
    api = client()
    narrowed: Params = {"q": "red", "where": "folder in 'deep'", "limit": 5}
    assert set(names(api.get("/api/search", params=narrowed).json())) == {
        "blue.png",
        "yellow.png",
    }
    listed = api.get("/api/search", params={"where": "name ~ '0'", "sort": "name"}).json()
    assert names(listed)[:3] == ["00.png", "01.png", "02.png"]
    wrong = api.get("/api/search", params={"q": "red", "where": "colour = 1"})
    assert wrong.status_code == 422
    assert "^" in wrong.json()["hint"]


def test_what_the_command_line_can_ask_can_be_asked_here(client: Client) -> None:
    api = client()
    red = api.get("/api/search", params={"q": "red", "limit": 1}).json()["hits"][0]["id"]
    own: Params = {"q": f"#{red}", "include_self": True, "limit": 1}
    assert names(api.get("/api/search", params=own).json()) == ["red.png"]
    named = api.get("/api/search", params={"q": "yellow", "look_in": "texts"}).json()
    assert names(named) == ["yellow.png"]
    plain = api.get("/api/search", params={"q": "green", "look_in": "pictures"}).json()
    liked = {"q": "green", "look_in": "pictures", "like": red}
    turned = api.get("/api/search", params=liked).json()
    assert names(plain)[0] == "green.png"
    scores = [{h["path"]: h["score"] for h in found["hits"]} for found in (plain, turned)]
    path = next(path for path in scores[0] if path.endswith("yellow.png"))
    assert scores[1][path] > scores[0][path]
    assert api.get("/api/search", params={"q": "red", "like": "x"}).status_code == 422


def test_the_library_is_reopened_when_its_model_changes(
    client: Client, folder: str, encoder: FakeEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = client()
    assert api.get("/api/status").json()["model"]["fingerprint"] == "fake-1"
    other = FakeEncoder("fake-2")
    with Library.open(folder, encoder) as library:
        list(library.use_model(other))
    changed = ModelIdentity("fake", "fake-2")
    monkeypatch.setattr(retrieval.context, "identify", lambda _: changed)
    monkeypatch.setattr(encoder, "spec", other.spec)
    assert api.get("/api/status").json()["model"]["fingerprint"] == "fake-2"
    answer = api.get("/api/search", params={"q": "red", "limit": 1}).json()
    assert names(answer) == ["red.png"]


def test_an_uploaded_picture_finds_others_and_joins_words(client: Client, pictures: Path) -> None:
    api = client()
    data = (pictures / "red.png").read_bytes()
    alone = api.post("/api/search", params={"limit": 1}, content=data).json()
    assert names(alone) == ["yellow.png"]
    both = api.post("/api/search", params={"limit": 1, "q": "2:blue"}, content=data).json()
    assert names(both) == ["blue.png"]


def test_more_like_an_indexed_picture(client: Client) -> None:
    api = client()
    red = api.get("/api/search", params={"q": "red", "limit": 1}).json()["hits"][0]["id"]
    similar = api.get(f"/api/pictures/{red}/similar", params={"limit": 1}).json()
    assert names(similar) == ["yellow.png"]
    assert api.get("/api/pictures/9999/similar").status_code == 404


@pytest.mark.parametrize("q", ["./red.png", "/etc/passwd", "red + http://127.0.0.1/a", "~/x - red"])
def test_no_path_or_address_is_opened(client: Client, pictures: Path, q: str) -> None:
    api = client()
    for answer in (
        api.get("/api/search", params={"q": q}),
        api.get("/api/pictures/1/similar", params={"q": q}),
        api.post("/api/search", params={"q": q}, content=(pictures / "red.png").read_bytes()),
    ):
        assert answer.status_code == 422
        assert "the server opens neither" in answer.json()["error"]


@pytest.mark.parametrize("q", ["", "dog +  + cat", "- red", "#12345"])
def test_what_cannot_be_asked_is_explained(client: Client, q: str) -> None:
    answer = client().get("/api/search", params={"q": q})
    assert answer.status_code == 422
    assert answer.json()["hint"]


def test_bytes_that_are_no_picture_are_refused(client: Client) -> None:
    api = client()
    assert api.post("/api/search", content=b"GIF89a nonsense").status_code == 422
    assert api.post("/api/search", content=b"").status_code == 422


def test_pictures_come_by_number(client: Client, pictures: Path) -> None:
    api = client()
    hit = api.get("/api/search", params={"q": "blue", "limit": 1}).json()["hits"][0]
    facts = api.get(f"/api/pictures/{hit['id']}").json()
    assert facts["paths"] == [str(pictures / "deep/blue.png")]
    image = api.get(f"/api/pictures/{hit['id']}/image")
    assert image.headers["content-type"] == "image/png"
    assert image.content == (pictures / "deep/blue.png").read_bytes()
    for wrong in ("9999", "0", "-1", "..%2f..%2fetc%2fpasswd", "x"):
        assert api.get(f"/api/pictures/{wrong}/image").status_code in (404, 422)


def test_a_format_browsers_do_not_show_comes_as_webp(
    client: Client, folder: str, encoder: FakeEncoder, tmp_path: Path
) -> None:
    paint(tmp_path / "more/white.tiff", "white")
    with Library.open(folder, encoder) as library:
        library.add(tmp_path / "more")
    api = client()
    hit = api.get("/api/search", params={"q": "white", "limit": 1}).json()["hits"][0]
    assert hit["format"] == "TIFF"
    image = api.get(f"/api/pictures/{hit['id']}/image")
    assert image.headers["content-type"] == "image/webp"
    assert Image.open(io.BytesIO(image.content)).size == (24, 16)


def test_a_thumbnail_is_made_once(client: Client, folder: str, pictures: Path) -> None:
    api = client()
    hit = api.get("/api/search", params={"q": "red", "limit": 1}).json()["hits"][0]
    address = f"/api/pictures/{hit['id']}/thumbnail"
    first = api.get(address)
    assert Image.open(io.BytesIO(first.content)).format == "WEBP"
    (kept,) = Path(folder, "thumbnails").rglob("*.webp")
    whole = kept.read_bytes()
    assert unsealed(whole) == first.content
    for damaged in (whole[:-1], whole[:50], whole[:60] + b"x" + whole[61:], b"", first.content):
        kept.write_bytes(damaged)
        assert api.get(address).content == first.content
        assert kept.read_bytes() == whole
    (pictures / "red.png").unlink()
    assert api.get(address).content == first.content
    assert api.get(address, params={"side": "9999"}).status_code == 422


def test_a_file_that_was_exchanged_is_not_served(
    client: Client, pictures: Path, tmp_path: Path
) -> None:
    api = client()
    hit = api.get("/api/search", params={"q": "red", "limit": 1}).json()["hits"][0]
    secret = tmp_path / "secret.png"
    paint(secret, "white")
    (pictures / "red.png").unlink()
    (pictures / "red.png").symlink_to(secret)
    for what in ("image", "thumbnail"):
        answer = api.get(f"/api/pictures/{hit['id']}/{what}")
        assert answer.status_code == 422
        assert "changed since it was indexed" in answer.json()["error"]
    shutil.rmtree(pictures)
    assert api.get(f"/api/pictures/{hit['id']}/image").status_code == 422


def test_other_names_of_this_machine_are_not_answered(client: Client) -> None:
    api = client()
    assert api.get("/api/status", headers={"host": "evil.example"}).status_code == 421
    assert api.get("/api/status", headers={"host": ""}).status_code == 421


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_other_pages_cannot_make_the_browser_write(client: Client, headers: dict[str, str]) -> None:
    api = client()
    assert api.post("/api/indexing", headers=headers).status_code == 403
    assert api.request("DELETE", "/api/indexing", headers=headers).status_code == 403
    own = {"origin": f"http://{HOST}", "sec-fetch-site": "same-origin"}
    assert api.post("/api/indexing", headers=own).status_code == 202


def test_a_token_is_wanted_where_there_is_one(client: Client) -> None:
    api = client(guard.Rules(frozenset({HOST}), "s3cret-token"))
    for headers in (
        {},
        {"authorization": "Bearer wrong"},
        {"authorization": "Bearer "},
        {"cookie": "pixtrieve=wrong"},
        {"cookie": "pixtrieve="},
    ):
        assert api.get("/api/status", headers=headers).status_code == 401
    assert api.get("/api/status", params={"token": "s3cret-token"}).status_code == 401
    bearer = {"authorization": "Bearer s3cret-token"}
    assert api.get("/api/status", headers=bearer).status_code == 200
    welcome = api.get("/", params={"token": "s3cret-token"}, follow_redirects=False)
    assert (welcome.status_code, welcome.headers["location"]) == (303, "/")
    assert "HttpOnly" in welcome.headers["set-cookie"]
    assert "SameSite=Strict" in welcome.headers["set-cookie"]
    assert api.get("/api/status").status_code == 200  # the client kept the cookie


def test_an_upload_has_a_limit(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "MOST_UPLOAD", 1000)
    api = client()
    assert api.post("/api/search", content=b"x" * 1001).status_code == 413

    def parts() -> Iterator[bytes]:
        for _ in range(5):
            yield b"x" * 300

    for address in ("/api/search", "/api/concepts", "/api/download/zip"):
        assert api.post(address, content=parts()).status_code == 413
    assert api.get("/api/status").status_code == 200


def test_every_answer_is_dressed(client: Client) -> None:
    api = client()
    for answer in (
        api.get("/"),
        api.get("/api/status"),
        api.get("/nowhere"),
        api.get("/", headers={"host": "evil.example"}),
    ):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_page_needs_nothing_from_elsewhere(client: Client) -> None:
    api = client()
    page = api.get("/").text
    script, style = re.findall('"(/page-[^"]+)"', page)
    for address in ("/", script, style, "/app.js"):
        text = api.get(address).text
        assert "http://" not in text.replace("http://www.w3.org", "")
        # A link to the place of a picture: nothing is asked for until it is clicked.
        assert "https://" not in text.replace("href: `https://www.openstreetmap.org/", "")


def test_files_of_the_page_are_sent_once(client: Client) -> None:
    api = client()
    for address, kind in (("/", "html"), ("/app.js", "javascript"), ("/api", "html")):
        answer = api.get(address)
        assert answer.headers["content-type"].startswith(f"text/{kind}")
        assert answer.headers["cache-control"] == "no-cache"
        again = api.get(address, headers={"if-none-match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert api.get(address, headers={"if-none-match": '"other"'}).content == answer.content
        assert api.head(address).headers["content-length"] == str(len(answer.content))
        assert api.post(address).status_code == 405
    assert api.get("/missing.html").status_code == 404


def test_status_and_problems(
    client: Client, folder: str, encoder: FakeEncoder, tmp_path: Path
) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad/broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    with Library.open(folder, encoder) as library:
        library.add(tmp_path / "bad")
    api = client()
    assert api.get("/api/status").json()["counts"]["images"] == 34
    found = api.get("/api/problems").json()
    assert found["count"] == 1
    assert found["problems"][0]["path"].endswith("broken.jpg")
    assert api.get("/api/problems", params={"offset": 1}).json()["problems"] == []


def test_an_indexing_run_is_started_and_followed(client: Client, pictures: Path) -> None:
    api = client()
    paint(pictures / "white.png", "white")
    assert api.post("/api/indexing").status_code == 202
    with api.stream("GET", "/api/indexing") as events:
        lines = [line for line in events.iter_lines() if line.startswith("data: ")]
    last = json.loads(lines[-1].removeprefix("data: "))
    assert (last["running"], last["error"]) == (False, "")
    assert last["progress"]["encoded"] == 1
    assert names(api.get("/api/search", params={"q": "white", "limit": 1}).json()) == ["white.png"]


def test_questions_that_wait_together_are_encoded_together(
    folder: str, encoder: FakeEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[list[str]] = []
    encode = FakeEncoder.encode_texts

    def counted(self: FakeEncoder, texts: list[str]) -> object:
        batches.append(list(texts))
        return encode(self, texts)

    monkeypatch.setattr(FakeEncoder, "encode_texts", counted)
    thread = LibraryThread(folder, "auto")
    held = threading.Event()
    blocker = thread.call(lambda _: held.wait(WAIT_S))
    asked = ["red", "blue", "green", "red"]

    def ask(query: Query) -> Future[SearchResult]:
        return thread.ask(Request(query, lambda library: library.search(query, 1)))

    waiting = [ask(query) for query in map(Query.parse, asked)]
    dropped = thread.ask(Request(Query.parse("white"), lambda library: library.search("white")))
    assert dropped.cancel()
    held.set()
    blocker.result()
    found = [os.path.basename(future.result(WAIT_S).hits[0].path) for future in waiting]
    assert found == ["red.png", "blue.png", "green.png", "red.png"]
    assert batches == [["red", "blue", "green"]]
    thread.ask(Request(Query.parse("red"), lambda library: library.search("red", 1))).result(WAIT_S)
    assert len(batches) == 1  # remembered
    failing = thread.ask(Request(Query.parse("red"), lambda library: library.search("")))
    with pytest.raises(retrieval.QueryError):
        failing.result(WAIT_S)
    thread.close()


def test_remembered_texts_are_the_encoder_s_own() -> None:
    plain = FakeEncoder()
    remembering = RememberingEncoder(plain.spec, FakeEncoder)
    for texts in (["red", "blue", "red"], ["blue"], ["green", "red"]):
        np.testing.assert_array_equal(remembering.encode_texts(texts), plain.encode_texts(texts))


def test_a_model_that_is_loaded_to_be_asked_often_is_prepared_for_it() -> None:
    class Prepared(FakeEncoder):
        times = 0

        def prepare_texts(self) -> None:
            self.times += 1

        def prepare_pictures(self) -> None:
            raise AssertionError("questions in words are what it is asked")

    encoder = Prepared()
    RememberingEncoder(encoder.spec, lambda: encoder).load()
    assert encoder.times == 1
    RememberingEncoder(encoder.spec, FakeEncoder).load()  # one that need not be
