"""A model's fingerprint: two models with the same fingerprint give the same vectors.

It is a SHA-256 over the weights' own SHA-256, the architecture, the preprocessing and the
tokenizer. It does not include names and paths: a moved checkpoint keeps its fingerprint, and a
checkpoint that changes under the same name gets another. The user's cache folder stores digests of
files by path, size, inode and times, because hashing 600 MB takes seconds. What a disk changes in a
file without a write is noticed after `forget_digests`, which `serve` calls when it starts.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from retrieval.encoders.models import cache, tables
from retrieval.encoders.models.files import ModelFiles
from retrieval.whole_file import read_record, write_record

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
    return digests([path])[0]


def digests(paths: Sequence[str]) -> list[str]:
    """Return the SHA-256 (hex) of each file, from the cache if the file is unchanged."""
    known, found, new = _remembered(), [], {}
    for path in paths:
        real = os.path.realpath(path)
        status = os.stat(real)
        key = _key(real, status)
        if key not in known:
            known[key] = _hash(real)
            if time.time_ns() - max(status.st_mtime_ns, status.st_ctime_ns) > _SETTLED_NS:
                new[key] = known[key]
        found.append(known[key])
    if new:
        _remember({**_remembered(), **new})
    return found


def have_digests(folder: str, wanted: Mapping[str, str]) -> bool:
    """Tell whether the files of a folder have these digests, by name; OSError if one is missing.

    A file that seems to differ is read again: the cache itself may be damaged.
    """
    paths = [os.path.join(folder, name) for name in wanted]
    pairs = zip(paths, digests(paths), wanted.values(), strict=True)
    return all(seen == right or _hash(path) == right for path, seen, right in pairs)


def forget_digests() -> None:
    """Delete the cache, so that every file is read again before it is used."""
    with suppress(OSError):
        os.unlink(digest_cache())


def _key(real: str, status: os.stat_result) -> str:
    """Return what becomes another when a file is written to or replaced."""
    times = f"{status.st_mtime_ns}:{status.st_ctime_ns}"
    return f"{os.fsencode(real).hex()}:{status.st_size}:{status.st_ino}:{times}"


def _hash(path: str) -> str:
    with open(path, "rb", buffering=0) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_cache() -> str:
    """Return the path of the file that stores digests."""
    return os.path.join(cache.user_cache(), "pixtrieve", "digests.json")


def _remembered() -> dict[str, str]:
    known = read_record(digest_cache()) or {}
    return {key: value for key, value in known.items() if _is_digest(value)}


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and len(value) == 64 and not set(value) - set("0123456789abcdef")


def _remember(known: Mapping[str, str]) -> None:
    newest = dict(list(known.items())[-_REMEMBERED:])
    with suppress(OSError):  # without the cache, hashing only takes longer
        os.makedirs(os.path.dirname(digest_cache()), exist_ok=True)
        write_record(digest_cache(), newest)
