"""The command line, in this process, with an encoder one can compute by hand."""

from __future__ import annotations

import http.server
import importlib.util
import io
import json
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from support.fakes import FakeEncoder
from support.painting import paint

import retrieval.commands.evaluate
import retrieval.context
import retrieval.evaluation.captions
import retrieval.folder.opening
import retrieval.images.decoding
import retrieval.indexing.read_file
import retrieval.library
from retrieval.commands import main
from retrieval.encoders import ModelIdentity
from retrieval.errors import ModelUnavailable


@dataclass
class Done:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Run:
    """Return a function that runs `pixtrieve` with a fake model, in an empty folder."""
    encoder = FakeEncoder()
    for module in (
        retrieval.library,
        retrieval.library.base,
        retrieval.context,
        retrieval.commands.evaluate,
    ):
        monkeypatch.setattr(module, "open_encoder", lambda *_, **__: encoder)
    for module in (retrieval.folder.opening, retrieval.context):
        monkeypatch.setattr(module, "identify", lambda name: ModelIdentity(name, "fake-1"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PIXTRIEVE_LIBRARY", raising=False)

    def pixtrieve(*arguments: str | os.PathLike[str]) -> Done:
        capfdbinary.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([os.fspath(argument) for argument in arguments])
        out, err = (
            stream.decode("utf-8", "surrogateescape") for stream in capfdbinary.readouterr()
        )
        return Done(int(ended.value.code or 0), out, err)

    return pixtrieve


@pytest.fixture
def indexed(run: Run, pictures: Path) -> Path:
    assert run("index", pictures, "--model", "fast").code == 0
    return pictures


def test_index_says_what_it_did(run: Run, pictures: Path) -> None:
    (pictures / "bad.jpg").write_bytes(b"no picture")
    (pictures / "a.psd").write_bytes(b"x")
    done = run("index", pictures, "--model", "fast")
    assert done.code == 0
    assert "6 picture files looked at" in done.out
    assert "4 encoded" in done.out
    assert "1 damaged, 1 in formats that are not supported" in done.out
    assert "bad.jpg: not a picture" in done.out
    assert "pixtrieve status --problems" in done.out
    assert "The library has 4 pictures in 4 files" in done.out
    assert done.err == ""
    again = run("index")
    assert "6 unchanged" in again.out
    assert "bad.jpg" not in again.out


def test_the_library_is_where_the_option_or_the_environment_says(
    run: Run, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("index", pictures, "--library", "one")
    assert (tmp_path / "one/catalogue.sqlite").exists()
    monkeypatch.setenv("PIXTRIEVE_LIBRARY", "two")
    run("index", pictures)
    assert (tmp_path / "two/catalogue.sqlite").exists()
    monkeypatch.delenv("PIXTRIEVE_LIBRARY")
    run("index", pictures)
    assert (tmp_path / "index_data/catalogue.sqlite").exists()


_TEXTS = "(its texts)"


def test_a_table_of_hits(run: Run, indexed: Path) -> None:
    done = run("search", "red", "-k", "2", "--in", "pictures")
    header, first, second = done.out.splitlines()
    assert header.split() == ["#", "score", "sure", "date", "pixels", "size", "picture"]
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
    answer = {"searched", "strong", "unknown", "notes", "hits"}
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
    source = paint(tmp_path / "source.png", "red")
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


def test_asking_with_a_picture(
    run: Run, indexed: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert run("search", "--image", indexed / "red.png", "-k1").out.endswith("yellow.png\n")
    own = run("search", "--image", indexed / "red.png", "-k1", "--include-self")
    assert own.out.endswith("red.png\n")
    stranger = paint(tmp_path / "stranger.png", (0, 0, 200))
    stdin = io.TextIOWrapper(io.BytesIO(stranger.read_bytes()))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert run("search", "--image", "-", "-k1").out.endswith("blue.png\n")


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """The address of a small web server over tmp_path/web."""
    folder = tmp_path / "web"
    paint(folder / "green.jpg", "green")
    (folder / "page.html").write_text("<!doctype html><p>no picture")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=str(folder))  # type: ignore[arg-type]

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_asking_with_an_address(run: Run, indexed: Path, web: str) -> None:
    done = run("search", "--image", f"{web}/green.jpg", "-k1", "--json")
    found = json.loads(done.out)
    assert found["hits"][0]["path"].endswith("green.png")
    assert found["query"] == f"{web}/green.jpg"
    missing = run("search", "--image", f"{web}/none.jpg")
    assert missing.code == 1
    assert "answered with 404" in missing.err
    page = run("search", "--image", f"{web}/page.html")
    assert page.code == 1
    assert "web page" in page.err
    dead = run("search", "--image", "http://127.0.0.1:9/a.jpg")
    assert dead.code == 1
    assert "cannot be fetched" in dead.err


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
    monkeypatch.setattr("click.launch", lambda page: shown.append(page) or 0)
    assert run("search", "red", "--open").code == 0
    assert run("search", "red", "--open", "--html", "here.html").code == 0
    assert shown[1] == "here.html"
    assert "data:image/webp" in Path(shown[0]).read_text("utf-8")
    os.remove(shown[0])


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("search", "red", "--library", "nowhere"), 1, "no library in"),
        (("status", "--library", "nowhere"), 1, "pixtrieve index FOLDER"),
        (("search",), 2, "ask in words"),
        (("search", "red", "--image", "a.jpg"), 1, "a.jpg cannot be used: no such file"),
        (("search", "red", "--weight", "2,1"), 2, "2 numbers for 1 terms"),
        (("search", "red", "--weight", "heavy"), 2, "not a list of numbers"),
        (("search", "red", "--weight", "-1"), 2, "not between"),
        (("search", "red + "), 1, "a term of the question is empty"),
        (("search", "--not", "red"), 2, "ask in words"),
        (("search", "#99"), 1, "no picture #99"),
        (("search", "--image", "missing.jpg"), 1, "missing.jpg cannot be used: no such file"),
        (("search", "red", "-k", "0"), 2, "range"),
        (("index", "nowhere"), 1, "nowhere does not exist"),
        (("index", "--library", "new"), 2, "name the folders to index"),
        (("remove", "nowhere"), 1, "nothing at or below"),
        (("export", "a.txt"), 2, "must end in .npz or .parquet"),
        (("export", "nowhere/a.npz"), 1, "nowhere/a.npz cannot be written"),
        (("evaluate", "missing.jsonl"), 1, "missing.jsonl cannot be read"),
        (("search", "red", "--html", "nowhere/a.html"), 1, "nowhere/a.html cannot be written"),
        (("nonsense",), 2, "No such command"),
    ],
)
def test_mistakes_are_named(
    run: Run, indexed: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    done = run(*arguments)
    assert (done.code, done.out if "--html" not in arguments else "") == (code, "")
    assert said in done.err
    assert "Traceback" not in done.err


def test_another_model_for_a_library_is_refused(
    run: Run, indexed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        retrieval.folder.opening, "identify", lambda name: ModelIdentity(name, "another")
    )
    done = run("index", indexed, "--model", "best")
    assert done.code == 1
    assert "is another model" in done.err
    assert "pixtrieve model use" in done.err


def test_status_and_problems(run: Run, indexed: Path) -> None:
    (indexed / "bad.jpg").write_bytes(b"no picture")
    run("index")
    out = run("status").out
    assert "4 in 4 files" in out
    assert "1 damaged" in out
    assert str(indexed) in out
    assert run("status", "--problems").out.strip().endswith("beyond recognition")
    facts = json.loads(run("status", "--problems", "--json").out)
    assert (facts["images"], facts["damaged"], facts["model"]["dim"]) == (4, 1, 4)
    assert facts["problems"][0]["path"] == str(indexed / "bad.jpg")
    os.remove(indexed / "bad.jpg")
    run("index")
    assert "No problems" in run("status", "--problems").out


def test_remove(run: Run, indexed: Path) -> None:
    assert "2 files taken out" in run("remove", indexed / "deep").out
    assert len(json.loads(run("search", "red", "--json").out)["hits"]) == 2


def test_export(run: Run, indexed: Path, tmp_path: Path) -> None:
    shutil.copy(indexed / "red.png", indexed / "copy.png")
    run("index")
    assert "5 files written" in run("export", "all.npz").out
    assert run("export", "all.parquet").code == 0
    with np.load(tmp_path / "all.npz") as npz:
        assert npz["embeddings"].shape == (5, 4)
        assert npz["embeddings"].dtype == np.float16
        paths = npz["path"].tolist()
        assert str(indexed / "copy.png") in paths
        red = npz["embeddings"][paths.index(str(indexed / "red.png"))].astype(np.float32)
        assert str(npz["fingerprint"]) == "fake-1"
    np.testing.assert_allclose(red, FakeEncoder().encode_texts(["red"])[0], atol=2e-3)
    import pyarrow.parquet as pq

    table = pq.read_table(tmp_path / "all.parquet")
    assert table.column("path").to_pylist() == paths
    row = paths.index(str(indexed / "red.png"))
    np.testing.assert_array_equal(np.array(table.column("embedding")[row].as_py(), "f4"), red)
    assert table.schema.metadata[b"fingerprint"] == b"fake-1"


def test_evaluate(run: Run, indexed: Path, tmp_path: Path) -> None:
    lines = [
        {"file": str(indexed / f"{c}.png"), "captions": [c, f"a {c} thing"]}
        for c in ("red", "green")
    ]
    (tmp_path / "c.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    found = json.loads(run("evaluate", "c.jsonl", "--json").out)
    assert found["text_to_image"] == {
        "R@1": 1.0,
        "R@5": 1.0,
        "R@10": 1.0,
        "MedR": 1.0,
        "MRR": 1.0,
        "nDCG@10": 1.0,
    }
    assert (found["images"], found["captions"], found["model"]) == (2, 4, "fake")
    assert found["chance"]["text_to_image"]["R@1"] == 0.5
    direct = json.loads(run("evaluate", "c.jsonl", "--json", "--model", "fast").out)
    assert direct["image_to_text"] == found["image_to_text"]
    assert "text→image" in run("evaluate", "c.jsonl").out
    (indexed / "red.png").write_bytes(b"x")
    broken = run("evaluate", "c.jsonl")
    assert broken.code == 1
    assert "red.png cannot be used" in broken.err


def test_exact_decoding_is_for_what_is_encoded_now(
    run: Run, indexed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []
    for module in (retrieval.indexing.read_file, retrieval.evaluation.captions):
        real = module.read_picture

        def asking(path, how, limits, wanted, real=real):  # type: ignore[no-untyped-def]
            asked.append(limits.exact)
            return real(path, how, limits, wanted)

        monkeypatch.setattr(module, "read_picture", asking)
    assert "4 unchanged" in run("index", indexed, "--exact-decode").out
    assert asked == []
    paint(indexed / "white.png", "white")
    assert "1 encoded" in run("index", indexed, "--exact-decode").out
    (tmp_path / "c.jsonl").write_text('{"file": "pictures/red.png", "captions": ["red"]}\n')
    for options in (["--exact-decode"], []):
        assert run("evaluate", "c.jsonl", "--model", "fast", *options).code == 0
    assert asked == [True, True, False]


def test_exact_decoding_of_the_picture_that_asks(
    run: Run, indexed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[bool, float]] = []
    real = retrieval.images.decoding.decode

    def asking(file, how, limits):  # type: ignore[no-untyped-def]
        asked.append((limits.exact, limits.max_megapixels))
        return real(file, how, limits)

    monkeypatch.setattr(retrieval.images.decoding, "decode", asking)
    stranger = paint(tmp_path / "stranger.png", (0, 0, 200))
    for options in (["--exact-decode"], ["--max-megapixels", "7"]):
        assert run("search", "--image", stranger, *options).code == 0
        stdin = io.TextIOWrapper(io.BytesIO(stranger.read_bytes()))
        monkeypatch.setattr(sys, "stdin", stdin)
        assert run("search", "--image", "-", *options).code == 0
    assert asked == [(True, 250.0)] * 2 + [(False, 7.0)] * 2


def test_help_and_version(run: Run) -> None:
    out = run("--help").out
    for command in ("index", "search", "status", "remove", "export", "evaluate", "models"):
        assert command in out
        assert run(command, "--help").code == 0
    assert run("--version").out.startswith("pixtrieve, version")


def test_models_are_listed(run: Run) -> None:
    out = run("models").out
    for name in ("default", "fast", "multilingual", "best"):
        assert name in out
    assert "licence Apache-2.0" in out
    assert "R@1 50.9 COCO (Meta); languages: English" in out
    assert out.count("needs: pip install 'pixtrieve[transformers]'") == 2
    research = out[out.index("For research only") :]
    assert "MobileCLIP2-S2/dfndr2b: Apple's, for research only" in research
    assert "CC-BY-NC-4.0, not for commercial use" in research
    facts = json.loads(run("models", "--json").out)
    assert facts["presets"][0]["on_disk"] in (True, False)


def test_ctrl_c_while_searching(run: Run, indexed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(retrieval.library.Library, "answer", interrupt)
    done = run("search", "red")
    assert (done.code, done.out) == (130, "")


def test_without_a_model_the_small_one_is_taken_and_it_says_so(run: Run, pictures: Path) -> None:
    done = run("index", pictures)
    assert done.code == 0
    assert "pocket, the small one that comes with Pixtrieve" in done.err
    assert "English only" in done.err
    assert "pixtrieve models fetch default" in done.err
    assert "pixtrieve model use default" in done.err
    assert run("index", pictures).err == "", "said once"


def test_the_recommended_model_is_taken_when_it_is_here(
    run: Run, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retrieval.encoders.models.registry.on_disk", lambda _: ("weights",))
    done = run("index", pictures)
    assert "Model: PE-Core-B-16/meta (Apache-2.0)" in done.err


@pytest.mark.parametrize("answer", [True, False])
def test_on_a_terminal_it_asks_before_it_fetches(
    run: Run, pictures: Path, monkeypatch: pytest.MonkeyPatch, answer: bool
) -> None:
    asked: list[str] = []
    fetched: list[str] = []
    model_choice = "retrieval.commands.model_choice"
    monkeypatch.setattr(f"{model_choice}.is_interactive", lambda: True)
    monkeypatch.setattr("click.confirm", lambda text, **_: asked.append(text) or answer)
    monkeypatch.setattr(f"{model_choice}.fetch_with_progress", fetched.append)
    done = run("index", pictures)
    assert len(asked) == 1
    assert "1.8 GB" in asked[0]
    assert "pocket" in asked[0]
    assert fetched == (["default"] if answer else [])
    assert ("pocket" in done.err) is not answer


def test_a_named_model_is_fetched_only_when_a_person_agrees(
    run: Run, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[str] = []
    model_choice = "retrieval.commands.model_choice"
    monkeypatch.setattr(f"{model_choice}.fetch_with_progress", fetched.append)
    monkeypatch.setattr("click.confirm", lambda *_, **__: True)
    run("index", pictures, "--model", "fast", "--library", "one")
    assert fetched == []
    monkeypatch.setattr(f"{model_choice}.is_interactive", lambda: True)
    run("index", pictures, "--model", "fast", "--library", "two")
    assert fetched == ["ViT-B-32-SigLIP2-256/webli"]
    run("model", "use", "local-dir:/nowhere", "--library", "two")
    assert len(fetched) == 1


def test_what_a_model_needs_besides_is_said_before_it_is_fetched(
    run: Run, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    find = importlib.util.find_spec
    for module in ("model_choice", "models"):
        monkeypatch.setattr(f"retrieval.commands.{module}.fetch_with_progress", lambda _: ("file",))
    monkeypatch.setattr("retrieval.commands.model_choice.is_interactive", lambda: True)
    monkeypatch.setattr("click.confirm", lambda text, **_: asked.append(text) or False)
    needs = "pip install 'pixtrieve[transformers]'"
    for there in (False, True):
        monkeypatch.setattr(
            "importlib.util.find_spec",
            lambda name, *rest: (
                there or None if name == "transformers" else find(name, *rest)  # noqa: B023
            ),
        )
        run("index", pictures, "--model", "fast", "--library", f"library-{there}")
        assert (needs in asked.pop()) is not there
        assert (needs in run("models", "fetch", "fast").out) is not there
    assert needs not in run("models", "fetch", "default").out


def test_when_fetching_fails_the_small_one_is_taken(
    run: Run, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: str) -> None:
        raise ModelUnavailable("no network", "plug it in")

    model_choice = "retrieval.commands.model_choice"
    monkeypatch.setattr(f"{model_choice}.is_interactive", lambda: True)
    monkeypatch.setattr("click.confirm", lambda *_, **__: True)
    monkeypatch.setattr(f"{model_choice}.fetch_with_progress", fail)
    done = run("index", pictures)
    assert done.code == 0
    assert "no network" in done.err
    assert "pocket" in done.err


def test_models_of_the_library(run: Run, indexed: Path) -> None:
    assert run("model").out == "* fake  4 pictures\n"
    done = run("model", "use", "fast")
    assert done.code == 0
    assert "answers with fake" in done.out
    assert run("model", "forget", "fast").code == 1


def test_demo(run: Run, tmp_path: Path) -> None:
    done = run("demo", "d", "--count", "20")
    assert done.code == 0, done.err
    assert "Drawing 20 scenes" in done.out
    assert "20 encoded" in done.out
    assert "pictures like scene-011.jpg" in done.out
    assert "20 full ones" in done.out
    assert "by chance          5.0%  25.0%" in done.out
    page = (tmp_path / "d/answers.html").read_text("utf-8")
    assert page.count("<section>") == 8
    again = run("demo", "d", "--count", "20")
    assert "20 unchanged" in again.out or "20 moved or copied" in again.out
    (tmp_path / "d/mine.txt").write_text("x")
    assert run("demo", "d").code == 2


def test_filters_narrow_a_search_and_list_without_one(run: Run, indexed: Path) -> None:
    done = run("search", "green", "--where", "path in deep and format = png", "--paths")
    assert [os.path.basename(line) for line in done.out.splitlines()] == ["yellow.png", "blue.png"]
    listed = run("search", "--where", "width > 1", "--sort", "name", "-k", "2")
    assert "score" not in listed.out
    assert [line.split("/")[-1] for line in listed.out.splitlines()[1:3]] == [
        "blue.png",
        "green.png",
    ]
    assert "4 pictures fit" in listed.out
    assert "No picture fits the filter" in run("search", "red", "--where", "has gps").out
    found = json.loads(run("search", "--where", "has camera or width > 1", "--json").out)
    assert (found["query"], found["where"]) == ("", "has camera or width > 1")
    assert found["searched"] == 4
    assert "4 pictures that fit" in run("search", "--where", "width>1", "--html", "-").out


def test_a_wrong_filter_is_shown_with_a_caret(run: Run, indexed: Path) -> None:
    done = run("search", "red", "--where", "widht > 3")
    assert done.code == 1
    lines = done.err.splitlines()
    assert "there is no field widht (character 1 of the filter)" in lines[0]
    assert lines[1].index("widht") == lines[2].index("^")
    assert "did you mean width?" in lines[3]


def test_groups_stand_for_their_others(run: Run, indexed: Path) -> None:
    assert "(+1 more)" in run("search", "red", "--group", "folder").out
    hits = json.loads(run("search", "red", "--group", "folder", "--diverse", "--json").out)["hits"]
    others = [hit["group"]["others"] for hit in hits]
    assert sorted(map(len, others)) == [0, 0, 1]
    assert {"id", "path", "score"} == set(next(filter(None, others))[0])
