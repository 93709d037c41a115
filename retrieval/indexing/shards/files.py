"""Shards on disk, in clip-retrieval's layout, and the record of all that belong to a data set.

pixtrieve.json        the model, and the shards in order once all are there
shards/NAME.json      written last: the shard is complete; its problems
img_emb/img_emb_NAME.npy, text_emb/text_emb_NAME.npy    (n, dim) float16, rows of length 1
metadata/metadata_NAME.parquet                          row i belongs to row i of the vectors
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from retrieval.errors import SourceError
from retrieval.indexing.shards import Shard, ShardProblem
from retrieval.indexing.shards.metadata import read_rows, write_rows
from retrieval.specs import ModelSpec, is_plausible, preprocessing_of
from retrieval.vectors import STORED
from retrieval.whole_file import read_record, whole_file, write_record

MANIFEST = "pixtrieve.json"
FORMAT = 1

IMAGES, TEXTS, METADATA, RECORDS = "img_emb", "text_emb", "metadata", "shards"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a folder of shards holds.

    `shards` are their names in order, and `folders` the sources that are folders; both are empty
    until all is encoded. `failed` are the sources that could not be read, with the reason.
    """

    model: ModelSpec
    finished: bool = False
    shards: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    failed: tuple[tuple[str, str], ...] = ()


def write_manifest(folder: str, manifest: Manifest) -> None:
    """Write the record of a folder of shards; raises OSError."""
    write_record(os.path.join(folder, MANIFEST), {"format": FORMAT, **asdict(manifest)})


def read_manifest(folder: str) -> Manifest | None:
    """Return the record of a folder of shards, or None if there is none.

    Raises SourceError if it is damaged, or a newer Pixtrieve wrote it.
    """
    path = os.path.join(folder, MANIFEST)
    if not os.path.lexists(path):
        return None
    facts = read_record(path)
    try:
        return _manifest(facts or {})
    except (ValueError, TypeError, KeyError) as error:
        raise SourceError(
            f"{path} is damaged, or a newer Pixtrieve wrote it",
            "delete it and run pixtrieve encode again: the shards that are there are kept",
        ) from error


def _manifest(facts: dict[str, Any]) -> Manifest:
    model = dict(facts["model"])
    spec = ModelSpec(**{**model, "preprocessing": preprocessing_of(model["preprocessing"])})
    if facts["format"] != FORMAT or not is_plausible(spec):
        raise ValueError(facts["format"])
    return Manifest(
        spec,
        bool(facts["finished"]),
        tuple(facts["shards"]),
        tuple(facts["folders"]),
        tuple((str(name), str(reason)) for name, reason in facts["failed"]),
    )


@dataclass(frozen=True, slots=True)
class ShardFacts:
    """The record of a shard: its number of pictures, and what could not be used."""

    pictures: int
    problems: tuple[ShardProblem, ...]

    @property
    def retryable(self) -> bool:
        """Tell whether another attempt may read more of its pictures."""
        return any(problem.kind == "transient" for problem in self.problems)


def record_of(folder: str, name: str) -> ShardFacts | None:
    """Return the record of a shard, or None if the shard is not complete."""
    facts = read_record(os.path.join(folder, RECORDS, f"{name}.json"))
    if facts is None:
        return None
    try:
        problems = tuple(ShardProblem(**problem) for problem in facts["problems"])
        return ShardFacts(int(facts["pictures"]), problems)
    except (ValueError, TypeError, KeyError):
        return None


def shards_by_digest(folder: str) -> dict[str, str]:
    """Return the names of all shards with a record by their digest: see `planning.plan`."""
    records = os.path.join(folder, RECORDS)
    entries = sorted(os.listdir(records), reverse=True) if os.path.isdir(records) else []
    names = (entry.removesuffix(".json") for entry in entries if entry.endswith(".json"))
    return {digest_of(name): name for name in names}


def digest_of(name: str) -> str:
    """Return the digest in the name of a shard."""
    return name.partition("-")[2]


def write_shard(folder: str, name: str, shard: Shard) -> None:
    """Write a shard, each file whole or not at all, its record last. Raises OSError.

    The record of an earlier attempt goes first, so that it never stands beside other files.
    """
    for each in (IMAGES, TEXTS, METADATA, RECORDS):
        os.makedirs(os.path.join(folder, each), exist_ok=True)
    path = os.path.join(folder, RECORDS, f"{name}.json")
    if os.path.lexists(path):
        os.unlink(path)
    if shard.rows:
        _write(folder, IMAGES, name, ".npy", lambda file: np.save(file, shard.embeddings))
        _write(folder, TEXTS, name, ".npy", lambda file: np.save(file, shard.text_embeddings))
        _write(folder, METADATA, name, ".parquet", lambda file: write_rows(file, shard.rows))
    problems = [asdict(problem) for problem in shard.problems]
    record = {"pictures": len(shard.rows), "problems": problems}
    write_record(path, record)


def read_shard(folder: str, name: str, dim: int) -> Shard:
    """Return a complete shard; SourceError if a file of it is missing or damaged."""
    facts = record_of(folder, name)
    if facts is None:
        raise _damaged(os.path.join(folder, RECORDS, f"{name}.json"))
    if not facts.pictures:
        nothing = np.zeros((0, dim), STORED)
        return Shard((), nothing, nothing, facts.problems)
    images, texts = (
        partial(read_vectors, path_of(folder, each, name, ".npy"), facts.pictures, dim)
        for each in (IMAGES, TEXTS)
    )
    path = path_of(folder, METADATA, name, ".parquet")
    try:
        rows = read_rows(path)
    except ValueError as error:
        raise _damaged(path) from error
    if len(rows) != facts.pictures:
        raise _damaged(path)
    return Shard(rows, images(), texts(), facts.problems, texts)


def read_vectors(path: str, count: int, dim: int) -> NDArray[np.float16]:
    """Return (count, dim) stored vectors; SourceError for a file of others."""
    try:
        found = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise _damaged(path) from error
    if found.shape != (count, dim) or found.dtype != STORED:
        raise _damaged(path)
    return np.asarray(found)


def path_of(folder: str, kind: str, name: str, ending: str) -> str:
    """Return the path of a shard's file of one kind."""
    return os.path.join(folder, kind, f"{kind}_{name}{ending}")


def forget_others(folder: str, shards: Sequence[str]) -> None:
    """Delete the shards of an earlier state of the sources, so that the folder holds one state."""
    kept = set(shards)
    records = os.path.join(folder, RECORDS)
    for entry in sorted(os.listdir(records)) if os.path.isdir(records) else ():
        name = entry.removesuffix(".json")
        if name in kept or name == entry:
            continue
        for path in (
            os.path.join(records, entry),
            path_of(folder, IMAGES, name, ".npy"),
            path_of(folder, TEXTS, name, ".npy"),
            path_of(folder, METADATA, name, ".parquet"),
        ):
            if os.path.isfile(path):
                os.unlink(path)


def _write(
    folder: str, kind: str, name: str, ending: str, write: Callable[[IO[bytes]], None]
) -> None:
    with whole_file(path_of(folder, kind, name, ending)) as file:
        write(file)


def _damaged(path: str) -> SourceError:
    return SourceError(
        f"{path} is missing, damaged, or was written by another version of Pixtrieve",
        "delete the folder shards/ beside it and run pixtrieve encode again",
    )
