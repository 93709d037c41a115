"""What happens to checkpoints that are broken, hostile or something else."""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import models

from retrieval.encoders import open_encoder
from retrieval.errors import MissingExtra, ModelError

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return models.save("oblong", tmp_path_factory.mktemp("models") / "oblong")


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    """A small model to be broken."""
    return Path(shutil.copytree(original, tmp_path / "model"))


def error_of(folder: Path, device: str = "cpu") -> ModelError:
    with pytest.raises(ModelError) as caught:
        open_encoder(f"local-dir:{folder}", device=device)
    assert caught.value.hint
    return caught.value


def weights_of(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return dict(load_file(folder / "open_clip_model.safetensors"))


def change_config(folder: Path, section: str, **changes: Any) -> None:
    path = folder / "open_clip_config.json"
    config = json.loads(path.read_text())
    part = config["model_cfg"][section] if section else config["model_cfg"]
    part.update(changes)
    path.write_text(json.dumps(config))


class Bomb:
    """Pickles to a call of os.mkdir."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_that_would_run_code_is_refused(
    folder: Path, tmp_path: Path, zipped: bool
) -> None:
    import torch

    hurt = tmp_path / "hurt"
    hostile = {**weights_of(folder), "extra": Bomb(hurt)}
    (folder / "open_clip_model.safetensors").unlink()
    path = folder / "open_clip_pytorch_model.bin"
    torch.save(hostile, path, _use_new_zipfile_serialization=zipped)
    message = error_of(folder).message
    assert str(path) in message
    assert "refused" in message
    assert not hurt.exists()


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_of_tensors_is_loaded(folder: Path, zipped: bool) -> None:
    import torch

    expected = open_encoder(f"local-dir:{folder}", device="torch").encode_texts(["dog"])
    weights = {"state_dict": {f"module.{key}": value for key, value in weights_of(folder).items()}}
    (folder / "open_clip_model.safetensors").unlink()
    path = folder / "open_clip_pytorch_model.bin"
    torch.save(weights, path, _use_new_zipfile_serialization=zipped)
    np.testing.assert_array_equal(
        open_encoder(f"local-dir:{folder}", device="torch").encode_texts(["dog"]), expected
    )


@pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning")
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_a_torchscript_program_is_refused(folder: Path) -> None:
    import torch

    (folder / "open_clip_model.safetensors").unlink()
    path = folder / "open_clip_pytorch_model.bin"
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), path)
    message = error_of(folder).message
    assert str(path) in message
    assert "refused" in message


@pytest.mark.parametrize("length", [0, 5, 1000, -1000])
def test_a_truncated_checkpoint_is_named(folder: Path, length: int) -> None:
    path = folder / "open_clip_model.safetensors"
    path.write_bytes(path.read_bytes()[:length])
    assert str(path) in error_of(folder).message


@pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\x03\x04 no zip"])
def test_a_damaged_pickle_is_named(folder: Path, content: bytes) -> None:
    (folder / "open_clip_model.safetensors").unlink()
    path = folder / "open_clip_pytorch_model.bin"
    path.write_bytes(content)
    assert str(path) in error_of(folder).message


@pytest.mark.parametrize("name", ["logit_scale", "visual.conv1.weight", "ln_final.weight"])
def test_incomplete_weights_are_refused(folder: Path, name: str) -> None:
    from safetensors.torch import save_file

    weights = weights_of(folder)
    del weights[name]
    path = folder / "open_clip_model.safetensors"
    save_file(weights, path)
    error = error_of(folder)
    assert str(path) in error.message
    assert name in error.message
    assert len(error.message) < 600


def test_weights_of_another_size_are_refused(folder: Path) -> None:
    change_config(folder, "vision_cfg", width=128)
    assert "does not fit" in error_of(folder).message


@pytest.mark.parametrize(
    ("section", "changes"),
    [
        ("vision_cfg", {"timm_model_name": "vit_of_tomorrow"}),
        ("vision_cfg", {"unheard_of": 1}),
        ("", {"unheard_of": 1}),
        ("text_cfg", {"width": "wide"}),
    ],
)
def test_an_unknown_architecture_is_named(
    folder: Path, section: str, changes: dict[str, Any]
) -> None:
    change_config(folder, section, **changes)
    message = error_of(folder).message
    assert "cannot build" in message
    assert str(folder / "open_clip_config.json") in message


@pytest.mark.parametrize(
    "changes",
    [
        {"resize_mode": "stretch"},
        {"interpolation": "nearest"},
        {"mean": "grey"},
        {"std": [1.0, 1.0]},
        {"fill_color": "red"},
    ],
)
def test_preprocessing_that_makes_no_sense_is_refused(
    folder: Path, changes: dict[str, Any]
) -> None:
    path = folder / "open_clip_config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, "preprocess_cfg": changes}))
    assert str(folder) in error_of(folder).message


def test_weights_that_are_not_numbers_are_noticed(folder: Path) -> None:
    import torch
    from safetensors.torch import save_file

    weights = weights_of(folder)
    for name in ("visual.proj", "text_projection"):
        weights[name] = torch.full_like(weights[name], float("nan"))
    save_file(weights, folder / "open_clip_model.safetensors")
    encoder = open_encoder(f"local-dir:{folder}", device="torch")
    with pytest.raises(ModelError, match=str(folder)):
        encoder.encode_texts(["dog"])
    with pytest.raises(ModelError, match=str(folder)):
        encoder.encode_images(np.zeros((1, 64, 96, 3), np.uint8))


def test_devices(folder: Path) -> None:
    import torch

    assert "auto, cpu, cpu:f32" in error_of(folder, "tpu").hint
    if not torch.cuda.is_available():
        assert "cuda is not available" in error_of(folder, "cuda").message
    if not torch.backends.mps.is_available():
        assert "mps is not available" in error_of(folder, "mps").message


def test_a_tokenizer_that_needs_a_package_says_so(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "transformers" else find(name)
    )
    change_config(folder, "text_cfg", hf_tokenizer_name="org/words")
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(MissingExtra, match="transformers"):
        open_encoder(f"local-dir:{folder}", device="torch")


def test_a_named_architecture_with_a_file_or_from_the_hubs_cache(
    tmp_path: Path, put_in_hub_cache: Callable[[str, Mapping[str, bytes]], Path]
) -> None:
    import open_clip
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(1)
    model = open_clip.create_model("MobileCLIP2-S0", load_weights=False).eval()
    path = tmp_path / "mine.safetensors"
    save_file({key: value.contiguous() for key, value in model.state_dict().items()}, path)
    snapshot = put_in_hub_cache("timm/MobileCLIP2-S0-OpenCLIP", {})
    (snapshot / "open_clip_model.safetensors").symlink_to(path)
    with torch.no_grad():
        tokens = open_clip.get_tokenizer("MobileCLIP2-S0")(["dog"])
        expected = model.encode_text(tokens, normalize=True).numpy()

    published = open_encoder("MobileCLIP2-S0/dfndr2b", device="torch")
    own = open_encoder(f"MobileCLIP2-S0@{path}", device="torch")
    for encoder in (published, own):
        assert encoder.spec.dim == 512
        assert encoder.spec.preprocessing.mean == (0.0, 0.0, 0.0)
        np.testing.assert_allclose(encoder.encode_texts(["dog"]), expected, atol=1e-5)
    assert published.spec.fingerprint == own.spec.fingerprint


def test_a_repository_in_the_hubs_cache(
    folder: Path, put_in_hub_cache: Callable[[str, Mapping[str, bytes]], Path]
) -> None:
    put_in_hub_cache("me/mine", {path.name: path.read_bytes() for path in folder.iterdir()})
    hub, local = (
        open_encoder("hf-hub:me/mine", device="torch"),
        open_encoder(f"local-dir:{folder}", device="torch"),
    )
    assert hub.spec.name == "hf-hub:me/mine"
    assert hub.spec.fingerprint == local.spec.fingerprint
    np.testing.assert_array_equal(hub.encode_texts(["dog"]), local.encode_texts(["dog"]))


def test_a_tokenizer_of_transformers(
    folder: Path, put_in_hub_cache: Callable[[str, Mapping[str, bytes]], Path]
) -> None:
    pytest.importorskip("transformers")
    tokenizers = pytest.importorskip("tokenizers")
    import open_clip

    words = {"<pad>": 0, "</s>": 1, "<unk>": 2, "dog": 3, "beach": 4}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    special = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", **special}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    change_config(folder, "text_cfg", hf_tokenizer_name="org/words")

    from retrieval.encoders.models.loading import load_tokenizer
    from retrieval.encoders.models.registry import require_files

    ours = load_tokenizer(require_files(f"local-dir:{folder}"))
    theirs = open_clip.get_tokenizer(f"local-dir:{folder}")
    texts = ["dog beach", "zebra", ""]
    assert ours(texts).tolist() == theirs(texts).tolist()

    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    put_in_hub_cache(
        "org/words", {name: files.pop(name) for name in sorted(files) if "tok" in name}
    )
    put_in_hub_cache("me/mine", files)
    local, hub = (
        open_encoder(f"local-dir:{folder}", device="torch"),
        open_encoder("hf-hub:me/mine", device="torch"),
    )
    assert local.spec.fingerprint == hub.spec.fingerprint
    np.testing.assert_array_equal(local.encode_texts(texts), hub.encode_texts(texts))


def test_nothing_reaches_the_screen(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    handlers = list(logging.getLogger().handlers)
    encoder = open_encoder(f"local-dir:{folder}", device="torch")
    encoder.encode_texts(["dog"])
    encoder.encode_images(np.zeros((1, 64, 96, 3), np.uint8))
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger().handlers == handlers
