"""open_clip's vectors of the probe inputs: an export must reproduce them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from retrieval.encoders.compiled.proofs import Probe
from retrieval.encoders.openclip import OpenClipEncoder
from retrieval.encoders.probes import PROBE_TEXTS, probe_pixels


def probes_of(encoder: OpenClipEncoder) -> tuple[Probe, ...]:
    """Return one probe per tower; with a large model this takes seconds."""
    pixels = probe_pixels(encoder.spec.preprocessing.size)
    return (
        Probe("image", pixels, encoder.encode_images(pixels)),
        Probe("text", probe_tokens(encoder), encoder.encode_texts(list(PROBE_TEXTS))),
    )


def probe_tokens(encoder: OpenClipEncoder) -> NDArray[np.int64]:
    """Return the token ids (n, context) of the probe texts."""
    tokens: NDArray[np.int64] = encoder.tokenize(list(PROBE_TEXTS)).numpy()
    return tokens
