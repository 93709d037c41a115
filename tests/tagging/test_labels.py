"""Labels, classification, descriptions and translations, with an encoder worked out by hand."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from support.fakes import FakeEncoder
from support.painting import paint

from retrieval import Library, QueryError
from retrieval.encoders.texts.languages import advice, is_multilingual
from retrieval.scoring.calibration import Calibration
from retrieval.tagging.corpora import captions_by_language, encode_corpus, languages, read_corpus
from retrieval.tagging.labels import read_labels
from retrieval.tagging.zero_shot import MIDPOINT, STEEPNESS, ZeroShot, present, prompts, shares


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def coloured(library: Library, pictures: Path) -> Library:
    library.add(pictures)
    return library


def tags_of(library: Library) -> dict[str, set[str]]:
    return {
        os.path.basename(row.paths[0]): {tag.label for tag in library.tags.of(row.id)}
        for row, _ in library.images()
    }


def test_shares_and_presence_worked_out_by_hand() -> None:
    # Cosines of the unlikely things: 0.1 and 0.3, mean 0.2, spread 0.1; of the labels: 0.4, 0.2.
    def at(cosine: float) -> list[float]:
        return [cosine, (1 - cosine**2) ** 0.5]

    judge = ZeroShot(
        np.array([at(0.4), at(0.2)], np.float32), np.array([at(0.1), at(0.3)], np.float32)
    )
    item = np.array([[1, 0]], np.float32)
    e = np.exp(STEEPNESS * np.array([2.0, 0.0, MIDPOINT]))
    odds = judge.odds(item)
    assert present(odds)[0] == pytest.approx(e[:2] / (e[:2] + e[2]), abs=1e-4)
    assert shares(odds)[0] == pytest.approx(e[:2] / e.sum(), abs=1e-4)


def test_prompts_have_articles() -> None:
    assert "a photo of an apple" in prompts("apple")
    assert "a photo of a dog" in prompts("dog")


def test_pictures_get_the_labels_they_show(coloured: Library) -> None:
    # Yellow is red and green in equal parts.
    assert coloured.tags.label(["red", "blue", "violin"]) == {"red": 2, "blue": 1, "violin": 0}
    assert tags_of(coloured)["red.png"] == tags_of(coloured)["yellow.png"] == {"red"}
    assert tags_of(coloured)["green.png"] == set()
    assert [(tag.label, tag.source, tag.images) for tag in coloured.tags.all()] == [
        ("red", "label", 2),
        ("blue", "label", 1),
    ]


def test_a_calibrated_model_gives_labels_that_are_as_likely_as_hits(
    mixed: Library, calibrated: Calibration
) -> None:
    found = mixed.search("red", 45, look_in="pictures").hits
    likely = {hit.id: hit.confidence for hit in found if (hit.confidence or 0) >= 0.5}
    assert 0 < len(likely) < len(found)
    assert mixed.tags.label(["red", "violin"]) == {"red": len(likely), "violin": 0}
    for id_, confidence in likely.items():
        (tag,) = mixed.tags.of(id_)
        assert tag.score == pytest.approx(confidence, abs=1e-3)
    (classified,) = mixed.classify([found[0].id], ["red"])
    assert classified.labels[0].probability == pytest.approx(found[0].confidence, abs=1e-3)


def test_a_second_run_tags_new_pictures_and_forgets_old_labels(
    coloured: Library, pictures: Path
) -> None:
    coloured.tags.label(["red", "blue"])
    paint(pictures / "crimson.png", (250, 3, 3))
    coloured.add(pictures)
    assert tags_of(coloured)["crimson.png"] == set()
    assert coloured.tags.label() == {"red": 3, "blue": 1}
    coloured.tags.label(["green"])
    assert {tag.label for tag in coloured.tags.all()} == {"green"}


def test_labels_are_removed_and_stay_away(coloured: Library) -> None:
    coloured.tags.label(["red", "blue"])
    assert coloured.tags.remove("red") == 2
    assert coloured.tags.label() == {"blue": 1}
    with pytest.raises(QueryError, match="“red” is not one of the labels"):
        coloured.tags.remove("red")
    assert coloured.tags.remove() == 1
    with pytest.raises(QueryError, match="no labels"):
        coloured.tags.label()


def test_tags_go_with_their_picture_and_with_their_model(coloured: Library, pictures: Path) -> None:
    coloured.tags.label(["red", "blue"])
    coloured.remove(pictures / "deep/blue.png")
    assert {tag.label for tag in coloured.tags.all()} == {"red"}
    for _ in coloured.use_model(FakeEncoder("fake-2")):
        pass
    coloured.tags.label()
    coloured.forget_model("fake")
    assert {tag.label for tag in coloured.tags.all()} == {"red"}


def test_labels_are_read_from_files_and_lists(tmp_path: Path) -> None:
    (tmp_path / "labels").write_text("# mine\ndog\n\n cat \ndog\n", "utf-8")
    assert read_labels(str(tmp_path / "labels")) == ("dog", "cat")
    assert read_labels("dog, cat") == ("dog", "cat")
    with pytest.raises(QueryError, match=r"no file missing\.txt"):
        read_labels("missing.txt")
    with pytest.raises(QueryError, match="no labels"):
        read_labels(",")
    (tmp_path / "odd").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\r")
    with pytest.raises(QueryError, match="there are no labels in"):
        read_labels(str(tmp_path / "odd"))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_labels_in_any_encoding_and_without_control_characters(
    tmp_path: Path, encoding: str
) -> None:
    (tmp_path / "labels.txt").write_bytes("Bär\r\na\tdog\r\n".encode(encoding))
    assert read_labels(str(tmp_path / "labels.txt")) == ("Bär", "a dog")
    assert read_labels("\x1b[2Jcat, a\ndog ") == ("[2Jcat", "a dog")


def test_texts_and_pictures_are_classified_alike(coloured: Library, pictures: Path) -> None:
    ids = [hit.id for hit in coloured.search("blue", 1).hits]
    found = coloured.classify(["red red", pictures / "green.png", *ids], ["red", "green", "blue"])
    assert [each.labels[0].label for each in found] == ["red", "green", "blue"]
    for each in found:
        assert each.none is not None
        assert sum(one.probability for one in each.labels) + each.none == pytest.approx(1)
    (odd,) = coloured.classify(["a violin"], ["red", "green"])
    assert odd.none is not None
    assert odd.none > 0.9


def test_concepts_classify_texts_and_pictures(coloured: Library, pictures: Path) -> None:
    coloured.concepts.learn("warm", [pictures / "red.png"], [pictures / "deep/blue.png"])
    red, blue, words, others = coloured.classify(
        [pictures / "red.png", pictures / "deep/blue.png", "red", "blue"], concepts=["warm"]
    )
    assert red.none is None
    assert red.concepts[0].probability > 0.5 > blue.concepts[0].probability
    assert words.concepts[0].probability > 0.5 > others.concepts[0].probability


def test_nothing_to_classify_by_is_refused_and_remembered_labels_serve(coloured: Library) -> None:
    with pytest.raises(QueryError) as caught:
        coloured.classify(["red"])
    assert "--labels" in caught.value.hint
    assert "--concept" in caught.value.hint
    coloured.tags.label(["red", "blue"])
    assert coloured.classify(["red"])[0].labels[0].label == "red"


def corpus_file(folder: Path, pictures: Path) -> Path:
    rows = [
        {"file": str(pictures / "red.png"), "captions": ["red"], "captions_ml": {"de": ["rot"]}},
        {
            "file": str(pictures / "deep/blue.png"),
            "captions": ["blue", "Blue"],
            "captions_ml": {"de": ["blau"], "de_translated": ["ganz blau"], "fr": []},
        },
        {"text": "white", "lang": "xx"},
    ]
    path = folder / "corpus.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), "utf-8")
    return path


def test_a_corpus_is_read_with_its_languages(tmp_path: Path, pictures: Path) -> None:
    corpus = read_corpus(str(corpus_file(tmp_path, pictures)))
    assert languages(corpus) == ("de", "en", "xx")
    assert [told.text for told in corpus.texts if told.lang == "de"] == ["rot", "blau", "ganz blau"]
    assert {told.row for told in corpus.texts if "blau" in told.text} == {1}
    with pytest.raises(ValueError, match="de"):
        captions_by_language({"captions_ml": {"de": "kein Feld"}})


@pytest.mark.parametrize(
    "line", ['{"text": 3}', "{broken", '{"captions": "one"}', '{"file": 4, "captions": ["a"]}']
)
def test_a_line_that_does_not_fit_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "c").write_text(f"fine\n{line}\n", "utf-8")
    with pytest.raises(QueryError, match="line 2"):
        read_corpus(str(tmp_path / "c"))


def test_a_corpus_is_encoded_once_for_each_model(tmp_path: Path, pictures: Path) -> None:
    corpus = read_corpus(str(corpus_file(tmp_path, pictures)))
    asked: list[int] = []

    class Counting(FakeEncoder):
        def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
            asked.append(len(texts))
            return super().encode_texts(texts)

    first, again = encode_corpus(corpus, Counting()), encode_corpus(corpus, Counting())
    np.testing.assert_array_equal(first, again)
    assert asked == [7]
    encode_corpus(corpus, Counting("another"))
    assert asked == [7, 7]
    (kept, _) = (tmp_path / "cache/pixtrieve/corpora").iterdir()
    for other in (kept.read_bytes()[:20], kept.read_bytes()[:-1] + b"?", b""):
        kept.write_bytes(other)
        for name in ("fake-1", "another"):
            np.testing.assert_array_equal(encode_corpus(corpus, Counting(name)), first)


def test_a_picture_is_described_by_the_nearest_texts(
    coloured: Library, tmp_path: Path, pictures: Path
) -> None:
    corpus = read_corpus(str(corpus_file(tmp_path, pictures)))
    found = coloured.describe(pictures / "deep/blue.png", corpus, 2)
    assert [each.text for each in found] == ["blue", "white"], "each wording once"
    assert found[0].score > found[1].score
    assert len(coloured.describe(pictures / "red.png")) == 5


def test_translation_by_texts_and_by_pictures(
    coloured: Library, tmp_path: Path, pictures: Path
) -> None:
    corpus = read_corpus(str(corpus_file(tmp_path, pictures)))
    assert coloured.translate("white", corpus, "en", 1)[0].text in ("red", "blue")
    by_pictures = coloured.translate("blue", corpus, "de", 3, via="pictures")
    assert [each.text for each in by_pictures] == ["blau", "ganz blau", "rot"]
    with pytest.raises(QueryError, match="no text in “fr”") as caught:
        coloured.translate("blue", corpus, "fr")
    assert "de, en, xx" in caught.value.hint
    with pytest.raises(QueryError) as caught:
        coloured.translate("blue", corpus, "xx", via="pictures")
    assert "--via texts" in caught.value.hint


def test_models_that_know_english_only_are_recognised() -> None:
    assert is_multilingual("ViT-B-16-SigLIP-i18n-256/webli")
    assert is_multilingual("xlm-roberta-base-ViT-B-32/laion5b_s13b_b90k")
    assert is_multilingual("pocket") is False
    assert is_multilingual("ViT-B-32/laion2b_s34b_b79k") is False
    assert is_multilingual("ViT-B-32-SigLIP2-256/webli")
    assert is_multilingual("hf-hub:timm/ViT-B-16-SigLIP2")
    assert is_multilingual("ViT-H-14-worldwide/metaclip2_worldwide")
    for english in ("PE-Core-B-16/meta", "MobileCLIP2-S2/dfndr2b", "ViT-B-16-SigLIP/webli"):
        assert is_multilingual(english) is False
    assert is_multilingual("ViT-B-32-SigLIP2-256@/models/mine.pt")
    assert is_multilingual("PE-Core-B-16@/multilingual/mine.pt") is None
    assert is_multilingual("local-dir:/models/mine") is None
    assert "models fetch multilingual" in advice("pocket")
    assert "pip install 'pixtrieve[transformers]'\n" in advice("pocket")
    assert advice("local-dir:/models/mine") == ""
