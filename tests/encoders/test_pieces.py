"""A model's own tokenizer gives the same ids without transformers, open_clip and torch."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.encoders import identify, open_encoder
from retrieval.encoders.compiled.exports import read_export
from retrieval.encoders.compiled.openvino import light_tokenizer
from retrieval.encoders.models.loading import load_tokenizer
from retrieval.encoders.models.registry import located
from retrieval.encoders.probes import HARD_TEXTS
from retrieval.encoders.texts.pieces import PieceTokenizer

from . import models

pytest.importorskip("transformers")
pytestmark = pytest.mark.slow

LETTERS = st.text("abcdogbeachtwo ▁.,'_-</s>", max_size=80)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return models.save("siglip2", tmp_path_factory.mktemp("models") / "siglip2")


@pytest.fixture(scope="module")
def both(folder: Path) -> tuple[Callable[..., np.ndarray], Callable[..., np.ndarray]]:
    files = located(f"local-dir:{folder}")
    theirs = load_tokenizer(files)
    ours = light_tokenizer(files.tokenizer_files, 32, "canonicalize")
    return (lambda texts: theirs(list(texts)).numpy()), ours


def test_hard_texts(both: tuple[Callable[..., np.ndarray], ...]) -> None:
    theirs, ours = both
    np.testing.assert_array_equal(ours(HARD_TEXTS), theirs(HARD_TEXTS))
    assert ours([]).shape == (0, 32)
    assert ours(["two dogs"]).dtype == np.int64


@settings(max_examples=300)
@given(text=st.one_of(LETTERS, st.text(max_size=60)))
def test_any_text(both: tuple[Callable[..., np.ndarray], ...], text: str) -> None:
    theirs, ours = both
    np.testing.assert_array_equal(ours([text]), theirs([text]))


def test_a_question_needs_no_torch_after_the_export(folder: Path) -> None:
    model = f"local-dir:{folder}"
    expected = open_encoder(model, device="torch").encode_texts(["two dogs"])
    found = open_encoder(model, device="cpu:f32").encode_texts(["two dogs"])
    np.testing.assert_allclose(found, expected, atol=1e-4)
    export = read_export(identify(model).fingerprint)
    assert export is not None
    assert export.cleaning == "canonicalize"
    code = (
        "import sys\n"
        "from retrieval.encoders import open_encoder\n"
        f"open_encoder({model!r}, device='cpu').encode_texts(['two dogs'])\n"
        "print([m for m in ('torch', 'open_clip', 'transformers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stderr, done.stdout) == ("", "[]\n")


def test_files_that_say_too_little_are_left_to_transformers(folder: Path, tmp_path: Path) -> None:
    pieces, config = str(folder / "tokenizer.json"), tmp_path / "tokenizer_config.json"
    with pytest.raises(ValueError, match=r"no tokenizer\.json"):
        PieceTokenizer([], 8, "lower")
    for settings_ in ({}, {"pad_token": "<nothing>"}, []):
        config.write_text(json.dumps(settings_))
        with pytest.raises(ValueError, match=r"padding|no dict"):
            PieceTokenizer([pieces, str(config)], 8, "lower")


def test_padding_and_cutting_follow_the_files(folder: Path, tmp_path: Path) -> None:
    config = tmp_path / "tokenizer_config.json"
    config.write_text(json.dumps({"pad_token": {"content": "<pad>"}, "padding_side": "left"}))
    tokenize = PieceTokenizer([str(folder / "tokenizer.json"), str(config)], 6, "lower")
    (row,) = tokenize(["a dog"])
    assert row[0] == 0
    assert row[-1] == 1
    (cut,) = tokenize(["dog " * 20])
    assert len(cut) == 6
    assert 0 not in cut
