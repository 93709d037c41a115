"""A fake encoder in the place of every model, also in a process of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import retrieval.commands.encode
import retrieval.commands.evaluate
import retrieval.context
import retrieval.folder.doctor.catalogue
import retrieval.folder.doctor.models
import retrieval.folder.opening
import retrieval.library.base
from retrieval.encoders import ModelIdentity

OPENING = (
    retrieval.library,
    retrieval.library.base,
    retrieval.context,
    retrieval.commands.encode,
    retrieval.commands.evaluate,
    retrieval.folder.doctor.catalogue,
    retrieval.folder.doctor.models,
)
IDENTIFYING = (retrieval.folder.opening, retrieval.context, retrieval.folder.doctor.models)


def install(make: Callable[[], Any], put: Callable[[Any, str, Any], None] = setattr) -> None:
    """Let every name of a model mean the encoder that `make` returns.

    `put` sets an attribute: `monkeypatch.setattr` in a test, `setattr` in a process of its own.
    """
    fingerprint = make().spec.fingerprint
    for module in OPENING:
        put(module, "open_encoder", lambda *_, **__: make())
    for module in IDENTIFYING:
        put(module, "identify", lambda name: ModelIdentity(name, fingerprint))
