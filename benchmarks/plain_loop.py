"""A tutorial's loop: open_clip's transform, a DataLoader with two workers, torch, batches of 32.

python benchmarks/plain_loop.py ARCHITECTURE WEIGHTS FOLDER VECTORS.npy
"""

from __future__ import annotations

import os
import sys
from typing import Any

import numpy as np
import open_clip
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset


class Pictures(Dataset[Any]):
    """The pictures of a folder, transformed."""

    def __init__(self, folder: str, transform: Any) -> None:
        self._paths = sorted(entry.path for entry in os.scandir(folder))
        self._transform = transform

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, number: int) -> Any:
        return self._transform(Image.open(self._paths[number]))


def main() -> None:
    """Encode a folder and write the vectors."""
    architecture, weights, folder, out = sys.argv[1:]
    model, _, transform = open_clip.create_model_and_transforms(architecture, pretrained=weights)
    model.eval()
    rows = []
    with torch.inference_mode():
        for batch in DataLoader(Pictures(folder, transform), batch_size=32, num_workers=2):
            features = model.encode_image(batch)
            rows.append(torch.nn.functional.normalize(features, dim=-1).numpy())
    np.save(out, np.concatenate(rows))


if __name__ == "__main__":
    main()
