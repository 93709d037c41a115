"""Lay finished towers into larger ones that begin by saying the same.

Larger towers need not learn again what smaller ones know: what is new in them starts silent, and
takes part as far as training gives it weight (Chen, Goodfellow and Shlens 2016, "Net2Net:
accelerating learning via knowledge transfer").
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import torch

State = Mapping[str, torch.Tensor]

_BLOCK = re.compile(r"(visual\.trunk\.s\d+\.b|transformer\.resblocks\.)(\d+)\.(.+)")
# What a block adds to its input goes through these last; at zero, the block adds nothing.
_LAST = re.compile(
    r"(conv3\.bn\.(weight|bias)|attn\.out_proj\.(weight|bias)|mlp\.c_proj\.(weight|bias))"
)
_GATE = re.compile(r"se\.fc2\.(weight|bias)")


def grown(state: State, wanted: State) -> dict[str, torch.Tensor]:
    """Fill the state `wanted` of new towers with that of finished ones.

    New channels read everything and are read by nothing yet; new blocks add nothing yet; new gates
    (squeeze and excitation) let half through, and the convolution behind them is doubled. A stage
    that has fewer blocks than before keeps its first ones and loses the last: only there the
    outcome is not the same. Raises ValueError where a tensor would have to become smaller.
    """
    known = _block_counts(state)
    out = {}
    for name, fresh in wanted.items():
        source = state.get(name)
        block = _BLOCK.fullmatch(name)
        if source is not None:
            out[name] = _laid(name, fresh, source)
            if block and _ungated(block, state, wanted):
                out[name] = out[name] * 2
        elif block and int(block[2]) in known.get(block[1], ()):
            out[name] = torch.zeros_like(fresh) if _GATE.fullmatch(block[3]) else fresh.clone()
        elif block:
            out[name] = torch.zeros_like(fresh) if _LAST.fullmatch(block[3]) else fresh.clone()
        else:
            raise ValueError(f"{name} is not in the checkpoint, and cannot be made up")
    return out


def _block_counts(names: Iterable[str]) -> dict[str, set[int]]:
    """Collect the numbers of the blocks of each stage."""
    found: dict[str, set[int]] = {}
    for match in filter(None, map(_BLOCK.fullmatch, names)):
        found.setdefault(match[1], set()).add(int(match[2]))
    return found


def _ungated(block: re.Match[str], state: State, wanted: State) -> bool:
    """Tell whether a tensor is read behind a gate that is new."""
    gate = f"{block[1]}{block[2]}.se.fc2.weight"
    return block[3] == "conv3.conv.weight" and gate in wanted and gate not in state


def _laid(name: str, fresh: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
    """Lay a tensor into the first rows and columns of a larger one."""
    if source.ndim != fresh.ndim or any(
        have > room for have, room in zip(source.shape, fresh.shape, strict=True)
    ):
        have, room = tuple(source.shape), tuple(fresh.shape)
        raise ValueError(f"{name} of shape {have} does not fit into {room}: towers only grow")
    out = fresh.clone()
    if source.ndim > 1:
        out[: len(source)] = 0  # old channels do not hear new ones
    out[tuple(slice(size) for size in source.shape)] = source.to(fresh.dtype)
    return out
