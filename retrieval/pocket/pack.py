"""Make the graphs that ship beside a checkpoint, so that it runs without torch.

    python -m retrieval.pocket.pack [FOLDER]

FOLDER is an open_clip checkpoint with safetensors weights, by default the built-in one. Run this
when its weights, configuration or licence change, and when the export changes. It needs torch:
pip install 'pixtrieve[models]'
"""

from __future__ import annotations

import os
import sys

from retrieval.encoders.export.packing import pack
from retrieval.encoders.models.references import BUILT_IN, FOLDER_PREFIX, built_in_folder
from retrieval.encoders.models.registry import require_files
from retrieval.encoders.openclip import OpenClipEncoder


def main(arguments: list[str]) -> None:
    """Pack the checkpoint in the named folder and print the folder of its graphs."""
    folder = arguments[0] if arguments else built_in_folder()
    own = os.path.realpath(folder) == os.path.realpath(built_in_folder())
    files = require_files(BUILT_IN if own else f"{FOLDER_PREFIX}{folder}")
    sys.stdout.write(f"{pack(OpenClipEncoder(files, device='cpu'), files.weights)}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
