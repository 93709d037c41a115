"""A CLIP text tower in plain numpy, for the first queries of a process.

Loading OpenVINO and the compiled model takes ten times as long as computing twelve layers for the
few tokens of a query. So only reading the weights remains, and those are memory-mapped from the
export or the checkpoint. Padding is not computed: attention is causal, so tokens after the end of a
text do not influence the embedding, which is read at the end (Radford et al. 2021, "Learning
transferable visual models from natural language supervision", 2.4).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Tokens = NDArray[np.int64]
Activation = Callable[[Floats], Floats]

LAYER = "transformer.resblocks.{}."
_INDEX = "words.json"
_WEIGHTS = "text.bin"
_TOKENS_AT_ONCE = 512  # activations between layers then fit into the processor's cache


@dataclass(frozen=True, slots=True)
class Place:
    """The position of an array in the weights file of the exported text tower."""

    offset: int  # bytes
    dtype: str  # "float32" or "float16"
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TextTowerShape:
    """The parameters of the architecture that the arrays do not determine."""

    layers: int
    heads: int
    activation: str  # a name in `ACTIVATIONS`
    epsilon: float  # in the layer norms


class NumpyTextTower:
    """A causal transformer. A text's vector is read at its end, the largest token id."""

    def __init__(self, shape: TextTowerShape, arrays: Mapping[str, NDArray[np.floating]]) -> None:
        """`arrays` have the names of open_clip's CLIP; linear weights are (out, in)."""
        self._shape = shape
        self._arrays = arrays
        self._activate = ACTIVATIONS[shape.activation]

    def run(self, tokens: Tokens) -> Floats:
        """Embed (n, context) token ids as (n, dim) rows, not normalised."""
        rows = np.empty((len(tokens), self._arrays["text_projection"].shape[1]), np.float32)
        for places, cut in by_length(tokens, _TOKENS_AT_ONCE):
            rows[places] = self._embed(cut)
        return rows

    def _embed(self, tokens: Tokens) -> Floats:
        count, length = tokens.shape
        x = self._arrays["token_embedding.weight"][tokens].astype(np.float32)
        x += self._array("positional_embedding")[:length]
        x = x.reshape(count * length, -1)
        for layer in range(self._shape.layers):
            name = LAYER.format(layer)
            x += self._attended(self._norm(x, name + "ln_1"), name + "attn.", length)
            x += self._mixed(self._norm(x, name + "ln_2"), name + "mlp.")
        read = x.reshape(count, length, -1)[np.arange(count), tokens.argmax(axis=1)]
        return self._norm(read, "ln_final") @ self._array("text_projection")

    def _attended(self, x: Floats, name: str, length: int) -> Floats:
        heads, width = self._shape.heads, x.shape[1]
        wide = x @ self._array(name + "in_proj_weight").T
        wide += self._array(name + "in_proj_bias")
        parts = wide.reshape(-1, length, 3, heads, width // heads)
        query, key, value = parts.transpose(2, 0, 3, 1, 4)  # each (texts, heads, length, …)
        scores = (query @ key.swapaxes(2, 3)) * np.float32((width // heads) ** -0.5)
        scores += np.triu(np.full((length, length), -np.inf, np.float32), 1)
        scores -= scores.max(axis=-1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=-1, keepdims=True)
        joined = (scores @ value).swapaxes(1, 2).reshape(-1, width)
        return self._linear(joined, name + "out_proj")

    def _mixed(self, x: Floats, name: str) -> Floats:
        return self._linear(self._activate(self._linear(x, name + "c_fc")), name + "c_proj")

    def _linear(self, x: Floats, name: str) -> Floats:
        out: Floats = x @ self._array(name + ".weight").T
        out += self._array(name + ".bias")
        return out

    def _norm(self, x: Floats, name: str) -> Floats:
        centred: Floats = x - x.mean(axis=1, keepdims=True)
        spread = np.square(centred).mean(axis=1, keepdims=True)
        centred /= np.sqrt(spread + np.float32(self._shape.epsilon))
        centred *= self._array(name + ".weight")
        centred += self._array(name + ".bias")
        return centred

    def _array(self, name: str) -> Floats:
        return np.asarray(self._arrays[name], np.float32)  # copies only half floats


def by_length(tokens: Tokens, at_once: int) -> Iterator[tuple[NDArray[np.intp], Tokens]]:
    """Yield groups of texts of similar length: their row numbers, and their tokens without padding.

    A group has at most `at_once` tokens, or one text, and is as long as its longest text. The end
    of a text is its largest id.
    """
    ends = tokens.argmax(axis=1)
    order = np.argsort(ends, kind="stable")
    start = 0
    for stop in range(1, len(order) + 1):
        full = stop == len(order) or (stop - start + 1) * (ends[order[stop]] + 1) > at_once
        if full:
            places = order[start:stop]
            yield places, tokens[places, : ends[places[-1]] + 1]
            start = stop


def write_index(folder: str, shape: TextTowerShape, places: Mapping[str, Place]) -> None:
    """Write the positions of the arrays beside an exported text tower."""
    facts = {"shape": asdict(shape), "places": {name: asdict(p) for name, p in places.items()}}
    with open(os.path.join(folder, _INDEX), "w", encoding="utf-8") as file:
        json.dump(facts, file)


def open_numpy_text_tower(folder: str) -> NumpyTextTower | None:
    """Return an export's text tower with memory-mapped weights; None if it has no index."""
    path = os.path.join(folder, _INDEX)
    if not os.path.exists(path):
        return None
    with open(path, encoding="utf-8") as file:
        facts = json.load(file)
    weights = np.memmap(os.path.join(folder, _WEIGHTS), np.uint8, mode="r")
    arrays = {name: _mapped(weights, Place(**place)) for name, place in facts["places"].items()}
    return NumpyTextTower(TextTowerShape(**facts["shape"]), arrays)


def _mapped(weights: NDArray[np.uint8], place: Place) -> NDArray[np.floating]:
    dtype = np.dtype(place.dtype)
    size = int(np.prod(place.shape)) * dtype.itemsize
    found: NDArray[np.floating] = weights[place.offset : place.offset + size].view(dtype)
    return found.reshape(place.shape)


def _gelu(x: Floats) -> Floats:
    """Return x Φ(x), with the error function to 1.5e-7 (Abramowitz and Stegun 1964, 7.1.26)."""
    size = np.abs(x) * np.float32(0.5**0.5)
    t = 1 / (1 + np.float32(0.3275911) * size)
    tail = np.full_like(t, 1.061405429)
    for factor in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        tail *= t
        tail += np.float32(factor)
    tail *= t
    tail *= np.exp(-size * size) / 2
    tail *= x  # x Φ(-|x|)
    return np.where(x > 0, x - tail, tail)


def _quick_gelu(x: Floats) -> Floats:
    """Return x times the logistic function of 1.702 x."""
    with np.errstate(over="ignore"):
        gate: Floats = 1 + np.exp(np.float32(-1.702) * x)
    return x / gate


ACTIVATIONS: Mapping[str, Activation] = {"gelu": _gelu, "quick_gelu": _quick_gelu}
