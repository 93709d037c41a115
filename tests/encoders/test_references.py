from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.encoders.models import tables
from retrieval.encoders.models.presets import PRESETS
from retrieval.encoders.models.references import ModelReference, parse
from retrieval.errors import ModelNotFound

PUBLISHED = sorted((name, tag) for name, tags in tables.published().items() for tag in tags)
PATHS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)
REPOS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_]{0,9}/[A-Za-z0-9][A-Za-z0-9_]{0,9}", fullmatch=True)
TEXTS = st.one_of(
    st.sampled_from(PUBLISHED).map("/".join),
    st.builds("{}@{}".format, st.sampled_from(tables.architectures()), PATHS),
    PATHS.map("local-dir:{}".format),
    REPOS.map("hf-hub:{}".format),
    st.sampled_from(sorted(PRESETS)),
)


@given(TEXTS)
def test_the_canonical_name_means_the_same_model(text: str) -> None:
    reference = parse(text)
    assert parse(str(reference)) == reference


def test_published_weights() -> None:
    assert parse("ViT-B-32/laion2b_s34b_b79k") == ModelReference(
        "published", "ViT-B-32", "laion2b_s34b_b79k"
    )


def test_tags_take_the_spelling_of_open_clip() -> None:
    assert str(parse("ViT-B-32/Laion2B-s34B-b79K")) == "ViT-B-32/laion2b_s34b_b79k"


def test_weights_trained_with_quick_gelu_get_the_architecture_that_has_it() -> None:
    assert str(parse("ViT-B-32/openai")) == "ViT-B-32-quickgelu/openai"


def test_paths_become_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.chdir(str(tmp_path))
    here = os.getcwd()
    assert str(parse("local-dir:a/../b")) == f"local-dir:{here}/b"
    assert str(parse("ViT-B-32@w@1.safetensors")) == f"ViT-B-32@{here}/w@1.safetensors"
    assert parse("ViT-B-32", "w.bin") == parse("ViT-B-32@w.bin")


def test_a_preset_stands_for_its_model() -> None:
    assert str(parse("fast")) == PRESETS["fast"].reference


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("ViT-B32/openai", "did you mean ViT-B-32"),
        ("vit-b-32/openai", "did you mean ViT-B-32"),
        ("defualt", "did you mean default"),
        ("ViT-B-32/laion2b_s34b", "ViT-B-32/laion2b_s34b_b79k"),
        ("ViT-B-32", "ViT-B-32/"),
        ("", "NAME/PRETRAINED"),
        ("hf-hub:only-one-part", "hf-hub:ORG/REPO"),
        ("hf-hub:../../etc", "hf-hub:ORG/REPO"),
        ("local-dir:", "local-dir:FOLDER"),
        ("ViT-B-32@", "NAME@FILE"),
        ("ViT-B-33@weights.bin", "did you mean ViT-B-32"),
    ],
)
def test_a_wrong_name_is_answered_with_a_right_one(text: str, hint: str) -> None:
    with pytest.raises(ModelNotFound) as caught:
        parse(text)
    assert hint in caught.value.hint


def test_a_bare_folder_is_no_name_of_a_model(tmp_path: object) -> None:
    with pytest.raises(ModelNotFound, match="is a folder") as caught:
        parse(str(tmp_path))
    assert f"local-dir:{tmp_path}" in caught.value.hint
