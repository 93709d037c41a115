"""Under which licence a model's weights are, as far as its name tells."""

from __future__ import annotations

import re

from retrieval.encoders.models.presets import PRESETS
from retrieval.encoders.models.references import BUILT_IN

_BY_NAME = (
    (re.compile("mobileclip", re.IGNORECASE), "Apple's, for research only"),
    (re.compile("metaclip|worldwide", re.IGNORECASE), "CC-BY-NC-4.0, not for commercial use"),
)


def licence_of(reference: str) -> str:
    """Return the licence of a model's weights, "" where it is not known here.

    What `timm` says of the same weights confirms it (`tests/encoders/test_licences.py`).
    """
    if reference == BUILT_IN:
        return "see its model card: trained on research data"
    for preset in PRESETS.values():
        if preset.reference == reference:
            return preset.licence
    if reference.startswith("local-dir:") or "@" in reference:
        return ""  # whose weights these are, nobody here can know
    return next((licence for name, licence in _BY_NAME if name.search(reference)), "")
