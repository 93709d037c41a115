"""What open_clip makes of inputs that nobody would have: an export has to make the same of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from retrieval.encoders.compiled.proofs import Probe
from retrieval.encoders.openclip import OpenClipEncoder
from retrieval.encoders.probes import PROBE_TEXTS, probe_pixels


def probes_of(encoder: OpenClipEncoder) -> tuple[Probe, ...]:
    """Return a probe of each tower. For large models open_clip takes seconds."""
    pixels = probe_pixels(encoder.spec.preprocessing.size)
    return (
        Probe("image", pixels, encoder.encode_images(pixels)),
        Probe("text", probe_tokens(encoder), encoder.encode_texts(list(PROBE_TEXTS))),
    )


def probe_tokens(encoder: OpenClipEncoder) -> NDArray[np.int64]:
    """Return (n, context) tokens of the probe texts."""
    tokens: NDArray[np.int64] = encoder.tokenize(list(PROBE_TEXTS)).numpy()
    return tokens
