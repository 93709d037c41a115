"""The licence of a model's weights, derived from its name."""

from __future__ import annotations

import re

from retrieval.encoders.models.presets import PRESETS
from retrieval.encoders.models.references import BUILT_IN

_BY_NAME = (
    (re.compile("mobileclip", re.IGNORECASE), "Apple's, for research only"),
    (re.compile("metaclip|worldwide", re.IGNORECASE), "CC-BY-NC-4.0, not for commercial use"),
)


def licence_of(reference: str) -> str:
    """Return the licence of a model's weights, "" if it is unknown.

    A test compares the result with the licences in `timm` (`tests/encoders/test_licences.py`).
    """
    if reference == BUILT_IN:
        return "see its model card: trained on research data"
    for preset in PRESETS.values():
        if preset.reference == reference:
            return preset.licence
    if reference.startswith("local-dir:") or "@" in reference:
        return ""  # the origin of a local checkpoint is unknown
    return next((licence for name, licence in _BY_NAME if name.search(reference)), "")
