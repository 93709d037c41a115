"""A small model's configuration, and files that are old enough to be trusted."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

SMALL_CONFIG: dict[str, Any] = {
    "model_cfg": {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "patch_size": 16},
        "text_cfg": {
            "context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1,
        },
    },
    "preprocess_cfg": {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "resize_mode": "squash"},
}  # fmt: skip


def settle(path: Path) -> None:
    """Make a file's time old; digests of files younger than seconds are not remembered."""
    os.utime(path, ns=(10**18, 10**18))
