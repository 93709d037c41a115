"""A model's fingerprint: two models with the same fingerprint give the same vectors.

It is a SHA-256 over the weights' own SHA-256, the architecture, the preprocessing and the
tokenizer. It does not include names and paths: a moved checkpoint keeps its fingerprint, and a
checkpoint that changes under the same name gets another. The user's cache folder stores digests of
files by path, size and times, because hashing 600 MB takes seconds.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from retrieval.encoders.models import cache, tables
from retrieval.encoders.models.files import ModelFiles

OPEN_CLIPS_OWN = "open_clip"
"""The name of open_clip's own tokenizer in the parts of a fingerprint."""

_REMEMBERED = 256  # entries; each replaced checkpoint leaves a stale one
_SETTLED_NS = 3_000_000_000  # a younger file can change again within its clock's resolution
# How open_clip initialises towers before it loads the checkpoint: no influence on vectors.
_WITHOUT_EFFECT = {"timm_model_pretrained", "hf_model_pretrained"}


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """The model that a reference currently means: its canonical name and its fingerprint."""

    reference: str
    fingerprint: str


def fingerprint(files: ModelFiles) -> str:
    """Return the fingerprint (hex) of a model on disk."""
    return files.fingerprint or fingerprint_of(parts_of(files))


def parts_of(files: ModelFiles) -> dict[str, Any]:
    """Return the parts that a model's fingerprint is computed from."""
    return {
        "weights": digest(files.weights),
        "config": _effective(files.config),
        "preprocess": dict(files.preprocess),
        "tokenizer": _tokenizer(files),
    }


def fingerprint_of(parts: Mapping[str, Any]) -> str:
    """Return the fingerprint (hex) of a model with these parts."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _effective(config: Any) -> Any:
    if not isinstance(config, Mapping):
        return config
    return {key: _effective(config[key]) for key in config if key not in _WITHOUT_EFFECT}


def _tokenizer(files: ModelFiles) -> dict[str, str]:
    if files.tokenizer_files:
        return {os.path.basename(path): digest(path) for path in files.tokenizer_files}
    return {OPEN_CLIPS_OWN: digest(tables.bpe_vocabulary())}


def digest(path: str) -> str:
    """Return the SHA-256 (hex) of a file, from the cache if the file is unchanged."""
    real = os.path.realpath(path)
    status = os.stat(real)
    times = f"{status.st_mtime_ns}:{status.st_ctime_ns}"
    key = f"{os.fsencode(real).hex()}:{status.st_size}:{times}"
    known = _remembered()
    if key in known:
        return known[key]
    found = _hash(real)
    if time.time_ns() - max(status.st_mtime_ns, status.st_ctime_ns) > _SETTLED_NS:
        _remember({**known, key: found})
    return found


def _hash(path: str) -> str:
    with open(path, "rb", buffering=0) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_cache() -> str:
    """Return the path of the file that stores digests."""
    return os.path.join(cache.user_cache(), "pixtrieve", "digests.json")


def _remembered() -> dict[str, str]:
    try:
        with open(digest_cache(), encoding="ascii") as file:
            known = json.load(file)
    except (OSError, ValueError):  # missing, unreadable or damaged: hash again
        return {}
    if not isinstance(known, dict):
        return {}
    return {key: value for key, value in known.items() if _is_digest(value)}


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and len(value) == 64 and not set(value) - set("0123456789abcdef")


def _remember(known: Mapping[str, str]) -> None:
    import tempfile

    path = digest_cache()
    newest = dict(list(known.items())[-_REMEMBERED:])
    temporary = ""
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path), suffix=".tmp")
        with os.fdopen(handle, "w", encoding="ascii") as file:
            json.dump(newest, file)
        os.replace(temporary, path)
    except OSError:  # without the cache, hashing only takes longer
        if temporary and os.path.exists(temporary):
            os.unlink(temporary)
