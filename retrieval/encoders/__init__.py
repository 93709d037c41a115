"""Encoders turn pictures and texts into unit vectors of one space.

Importing this package loads no model library; calling `open_encoder` does.
"""

from __future__ import annotations

from retrieval.encoders.models.fingerprint import ModelIdentity
from retrieval.encoders.models.registry import identify
from retrieval.encoders.protocols import Calibrating, Encoder, Preparing

__all__ = ["Calibrating", "Encoder", "ModelIdentity", "Preparing", "identify", "open_encoder"]


def open_encoder(reference: str, *, device: str = "auto") -> Encoder:
    """Load a model from disk (see `references` for its names); never downloads.

    Raises ModelNotFound for a model that does not exist, ModelUnavailable for one that must be
    fetched first, ModelError for a checkpoint that cannot be loaded.
    """
    from retrieval.encoders.engines import open_files
    from retrieval.encoders.models.registry import require_files

    return open_files(require_files(reference), device)
