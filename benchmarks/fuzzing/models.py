"""Files of models: configurations, exports, packs, digests, checkpoints."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import Any

from fuzzing.cases import Case
from fuzzing.mutations import written_json
from support.fakes import SMALL

from retrieval.encoders.compiled import exports
from retrieval.encoders.models import cache, configs, fingerprint, imported
from retrieval.encoders.models.configs import complete_preprocess, read_config
from retrieval.encoders.models.files import locate
from retrieval.encoders.models.references import parse as parse_reference
from retrieval.encoders.tensors import Tensors
from retrieval.encoders.transfer import read_packed_model
from retrieval.scoring.calibration import read_calibration

_CONFIG = {
    "model_cfg": {
        "embed_dim": 8,
        "vision_cfg": {"image_size": 32, "layers": 2, "width": 16, "patch_size": 8},
        "text_cfg": {"context_length": 16, "vocab_size": 100, "width": 8, "layers": 1},
    },
    "preprocess_cfg": {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "resize_mode": "squash"},
}
_PACK = {
    "format": 1, "export": exports.VERSION, "reference": "ViT-B-32/openai", "fingerprint": "a" * 64,
    "parts": {"weights": "b"}, "files": {"a.xml": [3, "c"]},
}  # fmt: skip
_PARTS: dict[str, Any] = {"config": {}, "preprocess": {}}
_SIZES: dict[str, int] = {}
_EXPORT = {
    "version": exports.VERSION, "sizes": _SIZES, "dim": 8, "licence": "", "context_length": 16,
    "cleaning": "lower", "cut": True, "cache_mode": "", "least_cosine": {},
    "preprocessing": asdict(SMALL),
}  # fmt: skip
_CALIBRATION = {
    "version": 1, "fingerprint": "f", "strong": 0.5,
    "hits": {"intercept": 1.0, "weights": {"score": 2.0}},
    "answers": {"intercept": 1.0, "weights": {"score": 2.0}},
}  # fmt: skip


def model_files(folder: Path) -> Case:
    """Try the JSON files of models: those that people bring, and those that are kept."""
    os.environ["XDG_CACHE_HOME"] = str(folder / "user-cache")
    assert cache.user_cache().startswith(str(folder))
    cases = (*_brought(folder), *_kept(folder))
    return lambda random: random.choice(cases)(random)


def _write(path: str, random: Random, value: Any) -> str:
    """Write a mutated value; return the path."""
    with open(path, "wb") as file:
        file.write(written_json(random, value))
    return path


def _brought(folder: Path) -> tuple[Case, ...]:
    """Return the cases of checkpoints' configurations, packed models and calibrations."""
    model = folder / "model"
    model.mkdir()
    (model / "open_clip_model.safetensors").write_bytes(b"weights")

    def configuration(random: Random) -> None:
        read = read_config(_write(str(model / configs.CONFIG), random, _CONFIG))
        complete_preprocess(read["model_cfg"], read.get("preprocess_cfg") or {})
        files = locate(parse_reference(f"local-dir:{model}"))
        if files is not None:
            fingerprint.fingerprint(files)

    def pack(random: Random) -> None:
        _write(str(model / "model.json"), random, _PACK)
        read_packed_model(str(model))

    def calibration(random: Random) -> None:
        read_calibration(_write(str(folder / "calibration.json"), random, _CALIBRATION), "f")

    return configuration, pack, calibration


def _kept(folder: Path) -> tuple[Case, ...]:
    """Return the cases of records, exports and digests in the user's cache."""
    own = exports.folder_of("e" * 64)
    named = exports.folder_of(fingerprint.fingerprint_of(_PARTS))
    for each in (own, named):
        os.makedirs(each)
    weights = folder / "weights"
    weights.write_bytes(b"weights")

    def record(random: Random) -> None:
        value = {"reference": "ViT-B-32/openai", "parts": _PARTS}
        _write(os.path.join(named, imported.RECORD), random, value)
        imported.references()

    def export(random: Random) -> None:
        _write(os.path.join(own, exports.MANIFEST), random, _EXPORT)
        exports.read_export("e" * 64)

    def digests(random: Random) -> None:
        path = fingerprint.digest_cache()
        os.makedirs(os.path.dirname(path), exist_ok=True)
        _write(path, random, {"61:3:4": "c" * 64})
        assert len(fingerprint.digest(str(weights))) == 64

    return record, export, digests


def safetensors(folder: Path) -> Case:
    """Try headers of safetensors: an array, or an error of the file's value."""
    path = str(folder / "a.safetensors")
    header = {"a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
              "b": {"dtype": "F16", "shape": [4], "data_offsets": [24, 32]},
              "__metadata__": {"format": "pt"}}  # fmt: skip

    def case(random: Random) -> None:
        text = written_json(random, header)
        length = random.choice((len(text), len(text), len(text), len(text) + 1, 2**62, 0))
        with open(path, "wb") as file:
            file.write(length.to_bytes(8, "little") + text + bytes(32))
        try:
            tensors = Tensors(path)
            for name in tensors:
                assert tensors[name].nbytes <= 32
        except ValueError:  # as documented; every caller turns it into a ModelError
            pass

    return case
