from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HEAVY = ("torch", "open_clip", "huggingface_hub", "transformers", "timm", "faiss")


def loaded_by(code: str) -> str:
    report = f"\nimport sys; print([m for m in {HEAVY} if m in sys.modules])"
    run = [sys.executable, "-c", code + report]
    return subprocess.run(run, check=True, capture_output=True, text=True).stdout


def test_importing_loads_no_model_library() -> None:
    assert loaded_by("import retrieval.encoders, retrieval.encoders.models.registry") == "[]\n"
    assert loaded_by("import retrieval.encoders.openclip") == "[]\n"
    assert loaded_by("import retrieval.encoders.models.fetching") == "[]\n"


def test_looking_up_models_loads_no_model_library(folder_model: Path) -> None:
    code = (
        "from retrieval.encoders import identify\nfrom retrieval.encoders.models import registry\n"
        f"identify('local-dir:{folder_model}')\n"
        "registry.found_on_disk(); registry.on_disk(registry.parse('fast'))"
    )
    assert loaded_by(code) == "[]\n"
