"""Artificial tokenizers of the same size as those from the hub, for machines without a network.

The load time of a tokenizer depends on its number of pieces. The pieces themselves are artificial,
so search results with them are meaningless.
"""

from __future__ import annotations

import json
import os
import string
from collections.abc import Mapping
from typing import Any

from retrieval.encoders.models import cache
from retrieval.encoders.models.configs import tokenizer_repo

_SPECIAL = ("<pad>", "</s>", "<unk>")
_REVISION = "0" * 40
_SETTINGS = {
    "tokenizer_class": "PreTrainedTokenizerFast",
    "pad_token": "<pad>",
    "eos_token": "</s>",
    "unk_token": "<unk>",
}


def stand_in_tokenizer(config: Mapping[str, Any]) -> None:
    """Write a tokenizer into the hub's cache unless one exists or none is needed."""
    repo = tokenizer_repo(config)
    if not repo or cache.snapshot_folder(repo):
        return
    folder = cache.repo_folder(repo)
    snapshot = os.path.join(folder, "snapshots", _REVISION)
    os.makedirs(snapshot)
    with open(os.path.join(snapshot, "tokenizer_config.json"), "w", encoding="utf-8") as file:
        json.dump(_SETTINGS, file)
    _pieces(int(config["text_cfg"]["vocab_size"])).save(os.path.join(snapshot, "tokenizer.json"))
    os.makedirs(os.path.join(folder, "refs"))
    with open(os.path.join(folder, "refs", "main"), "w", encoding="ascii") as file:
        file.write(_REVISION)


def _pieces(count: int) -> Any:
    """Return a byte-pair model of `count` pieces: letters, then pairs of existing pieces."""
    import tokenizers
    from tokenizers import decoders, models, pre_tokenizers, processors

    letters = [*string.ascii_lowercase, *string.digits, "▁"]
    pieces = [*_SPECIAL, *letters]
    known, merges = set(pieces), []
    for number, first in enumerate(parts := letters.copy()):
        for second in parts[: number + 1]:
            if len(pieces) >= count:
                break
            if (both := first + second) not in known:
                known.add(both)
                pieces.append(both)
                parts.append(both)
                merges.append((first, second))
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = tokenizers.Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 1)]
    )
    return tokenizer
