"""A model's own tokenizer gives the same ids without transformers, open_clip and torch."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import models

from retrieval.encoders import identify, open_encoder
from retrieval.encoders.compiled.exports import read_export
from retrieval.encoders.compiled.openvino import light_tokenizer
from retrieval.encoders.export import exporting
from retrieval.encoders.models.loading import load_tokenizer
from retrieval.encoders.models.registry import require_files
from retrieval.encoders.openclip import OpenClipEncoder
from retrieval.encoders.probes import HARD_TEXTS
from retrieval.encoders.texts.pieces import PieceTokenizer

pytest.importorskip("transformers")
pytestmark = pytest.mark.slow

LETTERS = st.text("abcdogbeachtwo ▁.,'_-</s>", max_size=80)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return models.save("siglip2", tmp_path_factory.mktemp("models") / "siglip2")


@pytest.fixture(scope="module")
def both(folder: Path) -> tuple[Callable[..., np.ndarray], Callable[..., np.ndarray]]:
    files = require_files(f"local-dir:{folder}")
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


def save_gemma(folder: Path) -> None:
    """Write a tokenizer as SigLIP 2 has it: Gemma's kind, byte pairs with bytes for the rest."""
    from transformers import GemmaTokenizer

    marks = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
    letters = ["▁", *"abcdefghijklmnopqrstuvwxyz"]
    pairs: Any = [("▁", "d"), ("o", "g"), ("▁d", "og"), ("▁", "a"), ("▁dog", "s")]
    pieces = [*marks, *(f"<0x{n:02X}>" for n in range(256)), *letters, *map("".join, pairs)]
    tokenizer = GemmaTokenizer(
        {piece: number for number, piece in enumerate(pieces)},
        pairs,  # transformers says list[str], and takes pairs alone
        padding_side="right",
        add_bos_token=False,
        add_eos_token=True,
    )
    tokenizer.save_pretrained(folder)
    path = folder / "tokenizer_config.json"
    marks_told = {"add_bos_token": False, "add_eos_token": True}  # as older transformers wrote it
    path.write_text(json.dumps(json.loads(path.read_text()) | marks_told))


@pytest.fixture(scope="module")
def gemma(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SigLIP 2 with a tokenizer of its kind; texts are lower-cased, their punctuation left out."""
    config = models.CONFIGS["siglip2"]["model_cfg"]["text_cfg"]
    with pytest.MonkeyPatch.context() as changed:
        changed.setitem(config, "vocab_size", 400)
        folder = models.save("siglip2", tmp_path_factory.mktemp("models") / "gemma")
    save_gemma(folder)
    return folder


def cleaning_of(folder: Path) -> str:
    encoder = open_encoder(f"local-dir:{folder}", device="torch")
    assert isinstance(encoder, OpenClipEncoder)
    return exporting.cleaning_of(encoder)


@settings(max_examples=200, deadline=None)
@given(text=st.one_of(LETTERS, st.text(max_size=60), st.sampled_from(HARD_TEXTS)))
def test_gemma_s_kind_gives_the_same_ids(gemma: Path, text: str) -> None:
    files = require_files(f"local-dir:{gemma}")
    if gemma not in _LOADED:
        _LOADED[gemma] = (
            load_tokenizer(files), light_tokenizer(files.tokenizer_files, 32, "canonicalize"),
        )  # fmt: skip
    theirs, ours = _LOADED[gemma]
    np.testing.assert_array_equal(ours([text]), theirs([text]).numpy())


_LOADED: dict[Path, tuple[Callable[..., Any], Callable[..., Any]]] = {}


def test_gemma_s_kind_is_run_without_transformers(gemma: Path) -> None:
    assert cleaning_of(gemma) == "canonicalize"
    (row,) = light_tokenizer(
        require_files(f"local-dir:{gemma}").tokenizer_files, 8, "canonicalize"
    )(["Dogs!"])
    names = json.loads((gemma / "tokenizer.json").read_text("utf-8"))["model"]["vocab"]
    assert row.tolist() == [*(names[piece] for piece in ("d", "og", "s", "<eos>")), *[0] * 4]


def test_one_that_open_clip_changes_further_is_left_to_it(gemma: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(gemma, folder)
    path = folder / "open_clip_config.json"
    config = json.loads(path.read_text("utf-8"))
    config["model_cfg"]["text_cfg"]["tokenizer_kwargs"]["strip_sep_token"] = True
    path.write_text(json.dumps(config), "utf-8")
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | {"sep_token": "<eos>"}))
    files = require_files(f"local-dir:{folder}")
    assert 1 not in load_tokenizer(files)(["two dogs"])
    assert 1 in light_tokenizer(files.tokenizer_files, 32, "canonicalize")(["two dogs"])
    assert cleaning_of(folder) == ""


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
    for told in ("{}", '{"pad_token": "<nothing>"}', "[]"):
        config.write_text(told)
        with pytest.raises(ValueError, match=r"padding|tokenizer_config\.json"):
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
