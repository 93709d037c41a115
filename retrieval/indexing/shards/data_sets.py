"""Folders of encoded pictures: of `pixtrieve encode`, or in clip-retrieval's layout."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from retrieval.context import ModelInUse
from retrieval.errors import ModelMismatch, SourceError
from retrieval.images.sources import Columns
from retrieval.images.sources.naming import sources_of
from retrieval.indexing.shards import Shard, ShardProblem
from retrieval.indexing.shards.clip_retrieval import ClipRetrieval
from retrieval.indexing.shards.files import IMAGES, Manifest, read_manifest, read_shard
from retrieval.specs import ModelSpec
from retrieval.vectors import STORED


class DataSet(Protocol):
    """Encoded pictures that a library can take over."""

    @property
    def folders(self) -> tuple[str, ...]:
        """The roots that are folders which were read whole."""
        ...

    def shards(self) -> Iterator[Shard]:
        """Yield the pictures, in order; raises SourceError for a damaged file."""
        ...


@dataclass(frozen=True, slots=True)
class EncodedFolder:
    """What `pixtrieve encode` has written."""

    path: str
    manifest: Manifest

    @property
    def folders(self) -> tuple[str, ...]:
        """The sources that are folders."""
        return self.manifest.folders

    def shards(self) -> Iterator[Shard]:
        """Yield the shards, in order, then what was left out; SourceError for a damaged file."""
        for name in self.manifest.shards:
            yield read_shard(self.path, name, self.manifest.model.dim)
        left_out = tuple(
            ShardProblem(
                source, "", 0, 0, f"left out when the others were encoded: {reason}", "flaw"
            )
            for source, reason in self.manifest.failed
        )
        if left_out:
            nothing = np.zeros((0, self.manifest.model.dim), STORED)
            yield Shard((), nothing, nothing, left_out)


def open_data_set(
    path: str, model: ModelInUse, pictures: Sequence[str] = (), *, any_address: bool = False
) -> DataSet:
    """Open a folder of encoded pictures for a library with a model; see `Library.iter_import`."""
    spec = model.row.spec
    manifest = read_manifest(path)
    if manifest is not None:
        require_finished(path, manifest)
        require_model(path, manifest.model, spec)
        return EncodedFolder(path, manifest)
    if os.path.isdir(os.path.join(path, IMAGES)):
        sources = sources_of(pictures, Columns(any_address=any_address))
        return ClipRetrieval(path, model, tuple(sources), any_address)
    raise SourceError(
        f"{path} holds no encoded pictures",
        "name a folder that pixtrieve encode has written, or one with img_emb/ and metadata/",
    )


def require_finished(path: str, manifest: Manifest) -> None:
    """Raise SourceError unless all of a data set is encoded."""
    if not manifest.finished:
        raise SourceError(
            f"{path} is not complete yet", "run the same pixtrieve encode again to continue it"
        )


def require_model(path: str, of: ModelSpec, wanted: ModelSpec) -> None:
    """Raise ModelMismatch unless vectors are those of the library's model."""
    if of.fingerprint != wanted.fingerprint:
        raise ModelMismatch(
            f"the vectors in {path} are of the model {of.name}, the library has {wanted.name}",
            f"import them into another library (--library), or encode with --model {wanted.name}",
        )
