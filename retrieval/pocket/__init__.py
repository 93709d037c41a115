"""The pocket model: a small dual encoder that travels inside the package.

`checkpoint_dir()` is all that the rest of Pixtrieve needs; open_clip loads the folder like any
other checkpoint. The trainer is `retrieval.pocket.train`. MODEL_CARD.md says what the model can do.
"""

from __future__ import annotations

from pathlib import Path


def checkpoint_dir() -> Path:
    """Return the folder of the shipped checkpoint, for open_clip's `local-dir:` loader."""
    return Path(__file__).parent / "checkpoint"
