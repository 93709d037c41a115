from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from support.model_files import SMALL_CONFIG

from retrieval.encoders import identify, open_encoder
from retrieval.encoders.models import cache, files, registry
from retrieval.encoders.models.references import parse
from retrieval.errors import ModelError, ModelNotFound, ModelUnavailable

Put = Callable[[str, Mapping[str, bytes]], Path]
PLAIN = "ViT-B-32/laion2b_s34b_b79k"
LARGER = "ViT-B-16/laion2b_s34b_b88k"
PIECES = "ViT-SO400M-14-SigLIP-384/webli"
"""Its tokenizer is of another repository than its weights."""
PLAIN_REPO = "laion/CLIP-ViT-B-32-laion2B-s34B-b79K"


def test_nothing_is_on_disk_at_first() -> None:
    assert registry.on_disk(parse(PLAIN)) == ()
    assert registry.found_on_disk() == ()


def test_safetensors_are_preferred(put_in_hub_cache: Put) -> None:
    put_in_hub_cache(PLAIN_REPO, {"open_clip_pytorch_model.bin": b"pickle"})
    assert [Path(p).name for p in registry.on_disk(parse(PLAIN))] == ["open_clip_pytorch_model.bin"]
    put_in_hub_cache(PLAIN_REPO, {"open_clip_model.safetensors": b"tensors"})
    assert [Path(p).name for p in registry.on_disk(parse(PLAIN))] == ["open_clip_model.safetensors"]
    assert registry.found_on_disk() == ("ViT-B-32/laion2b_s34b_b79k",)


def test_a_model_without_its_tokenizer_is_not_on_disk(put_in_hub_cache: Put) -> None:
    best = parse(PIECES)
    put_in_hub_cache("timm/ViT-SO400M-14-SigLIP-384", {"open_clip_model.safetensors": b"tensors"})
    assert registry.on_disk(best) == ()
    put_in_hub_cache("timm/ViT-B-16-SigLIP", {"tokenizer.json": b"{}"})
    names = [Path(path).name for path in registry.on_disk(best)]
    assert names == ["open_clip_model.safetensors", "tokenizer.json"]


def test_a_repository_of_the_hub(put_in_hub_cache: Put) -> None:
    config = json.dumps(SMALL_CONFIG).encode()
    put_in_hub_cache("me/mine", {"open_clip_config.json": config})
    assert registry.on_disk(parse("hf-hub:me/mine")) == ()
    put_in_hub_cache("me/mine", {"open_clip_model.safetensors": b"tensors"})
    assert registry.found_on_disk() == ("hf-hub:me/mine",)


def test_the_hub_cache_is_where_the_hubs_client_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for settings in (
        {},
        {"HF_HOME": str(tmp_path / "home")},
        {"HF_HUB_CACHE": str(tmp_path / "hub"), "HF_HOME": "elsewhere"},
        {"HUGGINGFACE_HUB_CACHE": str(tmp_path / "old")},
        {"HF_HOME": "$XDG_CACHE_HOME/x"},
    ):
        with monkeypatch.context() as context:
            for name, value in settings.items():
                context.setenv(name, value)
            ask = "from huggingface_hub.constants import HF_HUB_CACHE; print(HF_HUB_CACHE)"
            run = [sys.executable, "-c", ask]
            theirs = subprocess.run(run, check=True, capture_output=True, text=True).stdout
            assert theirs.strip() == cache.hub_cache()


def test_an_encoder_is_never_downloaded() -> None:
    with pytest.raises(ModelUnavailable, match="is not on disk") as caught:
        open_encoder("fast")
    assert "pixtrieve models fetch fast" in caught.value.hint
    assert "--checkpoint FILE" in caught.value.hint


def test_the_hint_names_the_models_on_disk(put_in_hub_cache: Put) -> None:
    put_in_hub_cache(PLAIN_REPO, {"open_clip_model.safetensors": b"tensors"})
    with pytest.raises(ModelUnavailable) as caught:
        identify(LARGER)
    assert "--model ViT-B-32/laion2b_s34b_b79k" in caught.value.hint


def test_a_folder_names_what_it_lacks(folder_model: Path) -> None:
    reference = f"local-dir:{folder_model}"
    assert identify(reference).reference == reference

    (folder_model / "open_clip_model.safetensors").unlink()
    with pytest.raises(ModelNotFound, match="no weights"):
        identify(reference)
    (folder_model / "open_clip_config.json").unlink()
    with pytest.raises(ModelNotFound, match=r"has no open_clip_config\.json"):
        identify(reference)
    folder_model.rmdir()
    with pytest.raises(ModelNotFound, match="there is no folder"):
        identify(reference)
    assert registry.on_disk(parse(reference)) == ()


@pytest.mark.parametrize(
    "content",
    [
        "", "{", "[]", "{}", "\xff", '{"model_cfg": {"embed_dim": 3}}',
        '{"model_cfg": {"embed_dim": 3, "vision_cfg": 1, "text_cfg": {}}}',
        '{"model_cfg": {"embed_dim": 3, "vision_cfg": {}, "text_cfg": {}}, "preprocess_cfg": 1}',
    ],
)  # fmt: skip
def test_a_damaged_configuration_is_named(folder_model: Path, content: str) -> None:
    config = folder_model / "open_clip_config.json"
    config.write_bytes(content.encode("latin-1"))
    with pytest.raises(ModelError, match=r"open_clip_config\.json"):
        identify(f"local-dir:{folder_model}")


def test_a_folder_whose_tokenizer_is_missing(folder_model: Path) -> None:
    config = json.loads(json.dumps(SMALL_CONFIG))
    config["model_cfg"]["text_cfg"]["hf_tokenizer_name"] = "org/words"
    (folder_model / "open_clip_config.json").write_text(json.dumps(config))
    with pytest.raises(ModelNotFound, match="no tokenizer"):
        identify(f"local-dir:{folder_model}")
    (folder_model / "tokenizer.json").write_text("{}")
    assert identify(f"local-dir:{folder_model}")


def test_a_checkpoint_file_must_be_there_and_be_one(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match="there is no checkpoint"):
        identify(f"ViT-B-32@{tmp_path}/w.safetensors")
    (tmp_path / "w.txt").write_text("no")
    with pytest.raises(ModelNotFound, match="is not a checkpoint"):
        identify(f"ViT-B-32@{tmp_path}/w.txt")


def test_a_checkpoint_file_is_prepared_as_all_weights_of_its_architecture(tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(b"w")
    mobile = files.locate(parse(f"MobileCLIP2-S0@{tmp_path}/w.bin"))
    assert mobile is not None
    assert mobile.preprocess["mean"] == (0.0, 0.0, 0.0)
    assert mobile.preprocess["interpolation"] == "bilinear"
    disagreeing = files.locate(parse(f"ViT-L-14@{tmp_path}/w.bin"))
    assert disagreeing is not None
    assert disagreeing.preprocess["mean"][0] == pytest.approx(0.48145466)
