"""A training run: stages, steps, checkpoints renamed into place, and resuming from them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from retrieval.pocket.corpus import Corpus
from retrieval.pocket.evaluate import Development, development_recall, embed_texts
from retrieval.pocket.export import load_towers, recalibrate
from retrieval.pocket.lesson import Lesson
from retrieval.pocket.model import DualEncoder, Heads
from retrieval.pocket.precision import half_precision, pays_in_half
from retrieval.pocket.recipe import Recipe, Stage, cosine
from retrieval.pocket.stages import step_losses
from retrieval.pocket.teachers import Teachers, gather
from retrieval.pocket.words import word_targets

SAVE_EVERY = 120.0  # seconds
WORKERS = 2  # batches computed side by side in a step on the processor


@dataclass(frozen=True)
class Record:
    """One line of the training log."""

    stage: str
    step: int
    progress: float
    seconds: float  # of training in this stage
    loss: float
    recall: float | None = None  # text→image R@10 on the development set


class Run:
    """A run under way: model, average, optimizer and place in the recipe."""

    def __init__(self, recipe: Recipe, corpus: Corpus, out: Path, device: str, seed: int) -> None:
        torch.manual_seed(seed)
        self.recipe, self.corpus, self.out, self.seed = recipe, corpus, out, seed
        self.stage_index, self.step, self.seconds, self.best = 0, 0, 0.0, -1.0
        self.size = 0  # of the last pictures that were trained on
        heads = Heads(corpus.class_count, recipe.words, corpus.scene_claims.shape[1])
        shape = (recipe.shape, len(corpus.vocabulary), heads)
        self.model = DualEncoder(*shape).to(device).to(memory_format=torch.channels_last)
        self.average = DualEncoder(*shape).to(device).to(memory_format=torch.channels_last)
        self.average.load_state_dict(self.model.state_dict())
        self.optimizer = _optimizer(self.model, recipe)
        self.teacher = torch.zeros(0)
        self.teachers: Teachers | None = None
        # Two threads with a batch each beat one batch spread over two threads: small layers spend
        # most of their time handing pieces to one another.
        self.device = device
        self.workers = 1 if device == "cuda" else WORKERS
        self._pool = ThreadPoolExecutor(self.workers, initializer=_single_threaded)
        self._half = self._pool.submit(pays_in_half, device, recipe.shape.tower).result()

    def start_from(self, folder: Path) -> None:
        """Begin with the towers of an exported checkpoint instead of random ones."""
        load_towers(self.model, self.corpus.vocabulary, folder)
        self.average.load_state_dict(self.model.state_dict())

    def listen_to(self, folders: Sequence[Path]) -> None:
        """Take exported checkpoints as teachers, in the space that the towers are in now."""
        self.teachers = gather(folders, self.corpus, self.out / "cache", self.model)

    def resume(self) -> bool:
        """Go on from the last checkpoint in the output folder; False when there is none."""
        path = self.out / "last.pt"
        if not path.exists():
            return False
        state = torch.load(path, map_location="cpu", weights_only=True)
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.teacher = state["teacher"]
        self.stage_index, self.step = state["stage_index"], state["step"]
        self.seconds, self.best, self.size = state["seconds"], state["best"], state["size"]
        return True

    def save(self, name: str = "last.pt") -> None:
        """Write a checkpoint and rename it into place, so that a crash never leaves half a file."""
        state = {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "teacher": self.teacher,
            "stage_index": self.stage_index,
            "step": self.step,
            "seconds": self.seconds,
            "best": self.best,
            "size": self.size,
            "kept_tokens": list(self.corpus.vocabulary.kept),
        }
        partial = self.out / f"{name}.partial"
        torch.save(state, partial)
        os.replace(partial, self.out / name)

    def train(self, development: Development | None) -> Iterator[Record]:
        """Run the stages from the current place to the end, yielding log records."""
        while self.stage_index < len(self.recipe.stages):
            stage = self.recipe.stages[self.stage_index]
            if self.step == 0:
                self.best = -1.0
                self._begin(stage)
            yield from self._stage(stage, development)
            if stage.keep_best and development:
                self._go_back_to_best()
            self.stage_index, self.step, self.seconds = self.stage_index + 1, 0, 0.0
            self.save(f"after-{stage.name}.pt")
            self.save()

    def _begin(self, stage: Stage) -> None:
        """Take what the text tower says now as teacher, and as first guess of the class vectors."""
        if not (stage.weights.labels or stage.weights.pictures):
            return
        texts, count = self.corpus.texts, self.corpus.pictured
        vectors = torch.from_numpy(embed_texts(self.average, texts.tokens[: texts.starts[count]]))
        groups = np.repeat(np.arange(count), np.diff(texts.starts[: count + 1]))
        sums = torch.zeros(count, vectors.shape[1])
        sums.index_add_(0, torch.from_numpy(groups), vectors)
        self.teacher = nn.functional.normalize(sums, dim=1)
        if not any(s.weights.labels for s in self.recipe.stages[: self.stage_index]):
            weights = self.teacher[: self.corpus.class_count]
            self.model.class_weights.data.copy_(weights)
            self.average.class_weights.data.copy_(weights)

    def _stage(self, stage: Stage, development: Development | None) -> Iterator[Record]:
        lesson = self._lesson()
        saved, looks = self.seconds, int(self._progress(stage) * stage.evaluations)
        while (progress := self._progress(stage)) < 1:
            began = time.perf_counter()
            loss = self._step(stage, lesson, progress)
            self.step += 1
            self.seconds += time.perf_counter() - began
            recall = None
            if development and int(self._progress(stage) * stage.evaluations) > looks:
                looks, recall = looks + 1, self._look(development)
            if recall is not None or self.step % 50 == 0:
                yield Record(stage.name, self.step, progress, self.seconds, loss, recall)
            if self.seconds - saved > SAVE_EVERY:
                saved = self.seconds
                self.save()

    def _step(self, stage: Stage, lesson: Lesson, progress: float) -> float:
        self.model.train()
        factor = cosine(progress)
        for group in self.optimizer.param_groups:
            group["lr"] = factor * (stage.text_rate if group["text"] else stage.rate)
        size = stage.size_at(progress) if stage.sizes else 0
        self.size = size or self.size
        draws = range(self.step * self.workers, (self.step + 1) * self.workers)
        done = list(self._pool.map(lambda draw: self._gradients(stage, lesson, size, draw), draws))
        for parameter, *gradients in zip(
            self.model.parameters(), *(found for _, found in done), strict=True
        ):
            present = [gradient for gradient in gradients if gradient is not None]
            parameter.grad = torch.stack(present).sum(0) / self.workers if present else None
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self._follow(min(self.recipe.ema, (1 + self.step) / (10 + self.step)))
        return sum(loss for loss, _ in done) / self.workers

    def _gradients(
        self, stage: Stage, lesson: Lesson, size: int, draw: int
    ) -> tuple[float, Sequence[torch.Tensor | None]]:
        """Compute loss and gradients of one batch."""
        with half_precision(self.device, self._half):
            found = step_losses(self.model, lesson, stage, draw, size, self.seed)
        weights = asdict(stage.weights)
        loss = torch.stack([weights[name] * value for name, value in found.items()]).sum()
        parameters = list(self.model.parameters())
        return float(loss.detach()), torch.autograd.grad(loss, parameters, allow_unused=True)

    @torch.no_grad()
    def _follow(self, decay: float) -> None:
        """Move the average towards the model, batch-norm statistics included."""
        ours, theirs = self.average.state_dict(), self.model.state_dict()
        floats = [name for name, value in ours.items() if value.is_floating_point()]
        torch._foreach_lerp_([ours[n] for n in floats], [theirs[n] for n in floats], 1 - decay)

    def usable(self, batches: int) -> DualEncoder:
        """Return a copy of the average, with batch norm for whole pictures at the size of use.

        Where the last pictures had that size the averages of training are left as they are: with
        them the weights were learned, and they do no worse (see the model card).
        """
        ready = deepcopy(self.average)
        if self.size != self.recipe.shape.image_size:
            recalibrate(ready, self.corpus, self.recipe.shape.image_size, batches)
        return ready.eval()

    def _look(self, development: Development) -> float:
        recall = development_recall(self.usable(batches=4), development)
        if recall > self.best:
            self.best = recall
            self.save("best.pt")
        return recall

    def _go_back_to_best(self) -> None:
        """Take the weights that the development set liked best, where that is not the last look."""
        state = torch.load(self.out / "best.pt", map_location="cpu", weights_only=True)
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.size = state["size"]

    def _progress(self, stage: Stage) -> float:
        return stage.progress(self.step, self.seconds)

    def _lesson(self) -> Lesson:
        texts = self.corpus.texts
        targets = word_targets(texts, self.corpus.class_count, self.recipe.words)
        several = np.flatnonzero(np.diff(texts.starts) > 1)
        first = deepcopy(self.average)
        return Lesson(
            self.corpus, self.recipe, self.teacher, targets, several, first, self.teachers
        )


def _single_threaded() -> None:
    torch.set_num_threads(1)


def _optimizer(model: DualEncoder, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW in four groups: text or not, with weight decay or (norms, biases, scale) without."""
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        text = name.startswith("clip.") and not name.startswith("clip.visual.")
        groups.setdefault((text, parameter.ndim >= 2), []).append(parameter)
    return torch.optim.AdamW(
        [
            {"params": found, "text": text, "weight_decay": recipe.weight_decay if decay else 0.0}
            for (text, decay), found in groups.items()
        ],
        betas=(0.9, 0.98),
        fused=True,
    )
