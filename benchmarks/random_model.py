"""Write models with random weights, for measuring speed, which does not depend on the weights.

    python benchmarks/random_model.py weights ARCHITECTURE FILE.safetensors
    python benchmarks/random_model.py onnx FILE.safetensors FOLDER

The first command writes the weights of an open_clip model from its seeded initialisation. The
second writes both towers of ViT-B-32-256 in rclip's format. They are separate programs, so that the
benchmarks themselves do not load torch.
"""

from __future__ import annotations

import os
import sys
import warnings
from typing import Any

import open_clip
import torch
from bench import ARCHITECTURE
from safetensors.torch import load_file, save_file

_CONTEXT = 77
_SIDE = 256


class _Tower(torch.nn.Module):
    """One of a model's two encoders."""

    def __init__(self, model: Any, method: str) -> None:
        super().__init__()
        self.model = model
        self._method = method

    def forward(self, input: torch.Tensor) -> Any:  # noqa: A002 - rclip needs this name
        return getattr(self.model, self._method)(input)


def write_weights(architecture: str, path: str) -> None:
    """Write seeded weights as safetensors."""
    torch.manual_seed(0)
    model = open_clip.create_model(architecture, pretrained=None)
    save_file({name: value.contiguous() for name, value in model.state_dict().items()}, path)


def write_onnx(weights: str, folder: str) -> None:
    """Write `visual.onnx` and `textual.onnx` for the weights, with any batch size."""
    model = open_clip.create_model(ARCHITECTURE, pretrained=None)
    model.load_state_dict(load_file(weights))
    model.eval().requires_grad_(False)
    torch.backends.mha.set_fastpath_enabled(value=False)  # ONNX cannot express fused attention
    os.makedirs(folder, exist_ok=True)
    for name, method, example in (
        ("visual", "encode_image", torch.zeros(2, 3, _SIDE, _SIDE)),
        ("textual", "encode_text", torch.zeros(2, _CONTEXT, dtype=torch.int64)),
    ):
        torch.onnx.export(
            _Tower(model, method).eval(),
            (example,),
            os.path.join(folder, f"{name}.onnx"),
            input_names=["input"],
            output_names=["output"],
            dynamic_axes={"input": {0: "n"}, "output": {0: "n"}},
            opset_version=17,
            dynamo=False,
        )


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    if sys.argv[1] == "weights":
        write_weights(sys.argv[2], sys.argv[3])
    else:
        write_onnx(sys.argv[2], sys.argv[3])
