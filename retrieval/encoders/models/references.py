"""Model references: one string that names a model, which a library stores.

NAME/PRETRAINED        weights that open_clip publishes   ViT-B-32/laion2b_s34b_b79k
NAME@FILE              an architecture and your own file  ViT-B-32@/models/mine.safetensors
hf-hub:ORG/REPO        a repository on the model hub      hf-hub:laion/CLIP-ViT-B-32-laion2B-s34B-b79K
local-dir:FOLDER       open_clip_config.json + weights    local-dir:/models/pocket
pocket                 the small model that comes with Pixtrieve
default, fast, …       a preset stands for one of these
"""  # noqa: E501

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from retrieval.encoders.models import tables
from retrieval.encoders.models.presets import PRESETS
from retrieval.errors import ModelNotFound

BUILT_IN = "pocket"
HUB_PREFIX = "hf-hub:"
FOLDER_PREFIX = "local-dir:"
_REPO = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
_FORMS = (
    "a model is NAME/PRETRAINED, NAME@FILE (or NAME with a checkpoint file), hf-hub:ORG/REPO, "
    f"local-dir:FOLDER, {BUILT_IN}, or a preset: " + ", ".join(PRESETS)
)

Kind = Literal["published", "hub", "folder", "file", "built-in"]


@dataclass(frozen=True, slots=True)
class ModelReference:
    """A parsed model reference; `str()` returns its canonical form.

    `name` is the architecture (`published`, `file`) or the hub repository (`hub`); `source` is the
    pretrained tag (`published`) or the absolute path of the weights (`file`) or folder (`folder`,
    `built-in`).
    """

    kind: Kind
    name: str
    source: str

    def __str__(self) -> str:
        if self.kind == "published":
            return f"{self.name}/{self.source}"
        if self.kind == "built-in":
            return self.name
        if self.kind == "file":
            return f"{self.name}@{self.source}"
        return f"{HUB_PREFIX}{self.name}" if self.kind == "hub" else FOLDER_PREFIX + self.source


def parse(text: str, checkpoint: str | None = None) -> ModelReference:
    """Parse a reference; with `checkpoint`, `text` names the architecture of that file.

    Paths become absolute, presets become their models, and tags get open_clip's spelling, so
    `str(parse(text))` is the canonical name. Raises ModelNotFound for an unknown or malformed one.
    """
    if checkpoint is not None:
        return _file(text, checkpoint)
    if text.startswith(HUB_PREFIX):
        return _hub(text.removeprefix(HUB_PREFIX))
    if text.startswith(FOLDER_PREFIX):
        return ModelReference("folder", "", _absolute(text.removeprefix(FOLDER_PREFIX), text))
    if text == BUILT_IN:
        return ModelReference("built-in", BUILT_IN, str(built_in_folder()))
    if text in PRESETS:
        return parse(PRESETS[text].reference)
    name, at, path = text.partition("@")
    if at and "/" not in name:
        return _file(name, path)
    name, _, tag = text.partition("/")
    return _published(name, tag, text)


def built_in_folder() -> Path:
    """Return the folder of the checkpoint that ships with Pixtrieve."""
    return Path(__file__).resolve().parents[2] / "pocket" / "checkpoint"


def _hub(repo: str) -> ModelReference:
    if not _REPO.fullmatch(repo) or ".." in repo or "--" in repo:
        raise ModelNotFound(
            f"{HUB_PREFIX}{repo} is not the name of a hub repository",
            f"write {HUB_PREFIX}ORG/REPO",
        )
    return ModelReference("hub", repo, "")


def _file(name: str, path: str) -> ModelReference:
    if tables.is_installed() and name not in tables.architectures():
        raise _unknown_architecture(name)
    return ModelReference("file", name, _absolute(path, f"{name}@{path}"))


def _absolute(path: str, text: str) -> str:
    if not path or "\0" in path:
        raise ModelNotFound(f"{text} names no path", _FORMS)
    return os.path.abspath(os.path.expanduser(path))


def _published(name: str, tag: str, text: str) -> ModelReference:
    if tag and not tables.is_installed():
        # It may be an imported model; if not, the caller that looks it up raises the error.
        return ModelReference("published", name, _spelled(tag))
    known = tables.published() if tables.is_installed() else {}
    if name not in known:
        if os.path.isdir(os.path.expanduser(text)):
            raise ModelNotFound(
                f"{text} is a folder, not the name of a model", f"write {FOLDER_PREFIX}{text}"
            )
        raise _unknown_architecture(name, text)
    tag = _spelled(tag)
    tags = known[name]
    if tag not in tags:
        near = _near(tag, tags, 0.4) or list(tags)[:3]
        raise ModelNotFound(
            f"open_clip has the model {name}, but not with the weights {tag}"
            if tag
            else f"{text} does not name the weights of the model {name}",
            "did you mean " + " or ".join(f"{name}/{each}" for each in near) + "?",
        )
    # Weights trained with QuickGELU give worse vectors in the plain architecture, and open_clip
    # only warns. If open_clip has the right architecture under another name, use that one.
    quick = f"{name}-quickgelu"
    if tags[tag].quick_gelu and tag in known.get(quick, {}) and quick in tables.architectures():
        name = quick
    return ModelReference("published", name, tag)


def _spelled(tag: str) -> str:
    """Return a tag in open_clip's spelling."""
    return tag.lower().replace("-", "_")


def _unknown_architecture(name: str, text: str = "") -> ModelNotFound:
    names = tables.architectures() if tables.is_installed() else ()
    choices = {each.lower(): each for each in (*names, BUILT_IN, *PRESETS)}
    near = _near(name.lower(), choices, 0.6)
    hint = f"did you mean {' or '.join(choices[each] for each in near)}? " if near else ""
    return ModelNotFound(f"there is no model {text or name}", hint + _FORMS)


def _near(name: str, choices: Iterable[str], cutoff: float) -> list[str]:
    import difflib  # imported here because only misspelt names need it

    return difflib.get_close_matches(name, list(choices), n=3, cutoff=cutoff)
