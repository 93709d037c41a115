"""What the tests of encoders share: clean folders, hub settings of nobody, checkpoints."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from support.model_files import SMALL_CONFIG, settle

HUB_VARIABLES = (
    "HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_ENDPOINT", "HF_HUB_OFFLINE", "HF_TOKEN",
    "TRANSFORMERS_OFFLINE", "HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY",
    "all_proxy", "NO_PROXY", "no_proxy",
)  # fmt: skip


@pytest.fixture(autouse=True)
def own_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees or writes the user's caches, or the user's settings for the hub."""
    for name in HUB_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def put_in_hub_cache(tmp_path: Path) -> Callable[[str, Mapping[str, bytes]], Path]:
    """Lay out files as the hub's client does after a download; gives the snapshot's folder."""

    def put(repo: str, contents: Mapping[str, bytes], revision: str = "a" * 40) -> Path:
        name = "models--" + repo.replace("/", "--")
        folder = tmp_path / "cache" / "huggingface" / "hub" / name
        snapshot = folder / "snapshots" / revision
        snapshot.mkdir(parents=True, exist_ok=True)
        (folder / "refs").mkdir(exist_ok=True)
        (folder / "refs" / "main").write_text(revision)
        for file, content in contents.items():
            (snapshot / file).write_bytes(content)
        return snapshot

    return put


@pytest.fixture
def without_open_clip(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with the base install."""
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "open_clip" else find(name)
    )


@pytest.fixture
def folder_model(tmp_path: Path) -> Path:
    """A local-dir: model whose weights are no weights: enough for all that needs no torch."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "open_clip_config.json").write_text(json.dumps(SMALL_CONFIG))
    weights = folder / "open_clip_model.safetensors"
    weights.write_bytes(b"weights")
    settle(weights)
    return folder
