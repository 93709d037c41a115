"""Find models on disk, and explain how to get those that are not.

This imports neither torch nor open_clip nor the hub's client, so `pixtrieve models` is fast.
"""

from __future__ import annotations

from collections.abc import Iterator

from retrieval.encoders.models import cache, files, imported, tables
from retrieval.encoders.models.files import ModelFiles
from retrieval.encoders.models.fingerprint import ModelIdentity, fingerprint
from retrieval.encoders.models.presets import PRESETS, Preset, Recall
from retrieval.encoders.models.references import BUILT_IN, ModelReference, parse
from retrieval.errors import MissingExtra, ModelError, ModelNotFound, ModelUnavailable

__all__ = [
    "PRESETS",
    "ModelIdentity",
    "ModelReference",
    "Preset",
    "Recall",
    "can_export",
    "found_on_disk",
    "identify",
    "install_line",
    "on_disk",
    "parse",
    "require_files",
    "unavailable",
]


def can_export() -> bool:
    """Return whether models can be fetched and exported here: whether open_clip is installed."""
    return tables.is_installed()


def install_line(preset: Preset) -> str:
    """Return the command that installs what a preset needs beyond the base install, or "".

    It includes open_clip only if that is missing and the model needs it.
    """
    needs_open_clip = not (can_export() or on_disk(parse(preset.name)))
    extras = [*(["models"] if needs_open_clip else []), *([preset.extra] if preset.extra else [])]
    return f"pip install 'pixtrieve[{','.join(extras)}]'" if extras else ""


def on_disk(reference: ModelReference) -> tuple[str, ...]:
    """Return the files of a model, empty if some of them are not on disk."""
    try:
        found = _found(reference)
    except (ModelError, MissingExtra):  # a missing or damaged local checkpoint
        return ()
    return (found.weights or found.folder, *found.tokenizer_files) if found else ()


def found_on_disk() -> tuple[str, ...]:
    """Return the references of the models that work without network.

    These are imported models and, if open_clip is installed, those in the hub's cache.
    """
    imported_models = imported.references()
    if not tables.is_installed():
        return imported_models
    repos = set(cache.cached_repos())
    found = dict.fromkeys((*imported_models, *_published_of(repos)))
    known = {row.repo for tags in tables.published().values() for row in tags.values()}
    for repo in sorted(repos - known):
        if on_disk(reference := ModelReference("hub", repo, "")):
            found[str(reference)] = None
    return tuple(found)


def _published_of(repos: set[str]) -> Iterator[str]:
    for name, tags in tables.published().items():
        for tag, row in tags.items():
            if row.repo in repos and on_disk(reference := parse(f"{name}/{tag}")):
                yield str(reference)


def require_files(text: str) -> ModelFiles:
    """Return the files of a model.

    Raises ModelUnavailable if they are not on disk, ModelNotFound for an unknown model or an
    incomplete local checkpoint, MissingExtra if the model needs open_clip and it is missing.
    """
    reference = parse(text)
    found = _found(reference)
    if found is None:
        if not tables.is_installed():
            raise tables.missing(f"the model {reference}")
        raise ModelUnavailable(
            f"the model {reference} is not on disk",
            f"fetch it: pixtrieve models fetch {text}\n" + _local_ways(),
        )
    return found


def _found(reference: ModelReference) -> ModelFiles | None:
    """Return a model's files, or those of an imported model; errors as `files.locate`."""
    try:
        return files.locate(reference) or imported.find(reference)
    except (ModelNotFound, MissingExtra) as error:
        found = imported.find(reference)
        if found is None:
            if isinstance(error, MissingExtra):
                raise tables.missing(f"the model {reference}") from None
            raise
        return found


def identify(text: str) -> ModelIdentity:
    """Return which model a reference currently means, without loading it.

    Raises the errors of `require_files`.
    """
    found = require_files(text)
    return ModelIdentity(str(found.reference), fingerprint(found))


def unavailable(reference: ModelReference, cause: str) -> ModelUnavailable:
    """Return the error for a model that could not be fetched, with all remedies in its hint."""
    folders = dict.fromkeys(cache.repo_folder(repo) for repo, _names in files.wanted(reference))
    copies = " and ".join(folders) or cache.hub_cache()
    return ModelUnavailable(
        f"the model {reference} is not on disk and could not be fetched: {cause}",
        f"on another machine with network: run pixtrieve models fetch {reference} there and copy "
        f"the folder of the same name from its hub cache to {copies}\n" + _local_ways(),
    )


def _local_ways() -> str:
    found = (BUILT_IN, *found_on_disk())
    return (
        "or use your own weights: --model local-dir:FOLDER, or --model NAME --checkpoint FILE\n"
        "or import a model that another machine has packed: pixtrieve models import FOLDER\n"
        "or use a model that is on disk: " + ", ".join(f"--model {each}" for each in found)
    )
