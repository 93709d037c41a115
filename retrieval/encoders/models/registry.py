"""Which models there are, which are on disk, and what to do about one that is not.

Loads neither torch nor open_clip nor the hub's client: `pixtrieve models` answers at once.
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
    "located",
    "on_disk",
    "parse",
    "unavailable",
]


def can_export() -> bool:
    """Tell whether models can be fetched and prepared here: whether open_clip is installed."""
    return tables.is_installed()


def install_line(preset: Preset) -> str:
    """Return the command that installs what a preset needs and the base install lacks, or "".

    open_clip is named only where it is not here and the model would need it.
    """
    needs_open_clip = not (can_export() or on_disk(parse(preset.name)))
    extras = [*(["models"] if needs_open_clip else []), *([preset.extra] if preset.extra else [])]
    return f"pip install 'pixtrieve[{','.join(extras)}]'" if extras else ""


def on_disk(reference: ModelReference) -> tuple[str, ...]:
    """Return the files of a model, empty if it is not (completely) on disk."""
    try:
        found = _found(reference)
    except (ModelError, MissingExtra):  # a local checkpoint that is not there, or broken
        return ()
    return (found.weights or found.folder, *found.tokenizer_files) if found else ()


def found_on_disk() -> tuple[str, ...]:
    """Return the references of the models that can be used without network.

    They were brought in, or are in the hub's cache, which only open_clip can use.
    """
    brought_in = imported.every()
    if not tables.is_installed():
        return brought_in
    repos = set(cache.cached_repos())
    found = dict.fromkeys((*brought_in, *_published_of(repos)))
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


def located(text: str) -> ModelFiles:
    """Return the files that a reference means; ModelUnavailable if they are not on disk."""
    reference = parse(text)
    found = _found(reference)
    if found is None:
        if not tables.is_installed():
            raise tables.missing(f"the model {reference}")
        raise ModelUnavailable(
            f"the model {reference} is not on disk",
            f"fetch it with: pixtrieve models fetch {text}\n" + _local_ways(),
        )
    return found


def _found(reference: ModelReference) -> ModelFiles | None:
    """Return a model's files, or else what was brought in of it; as `files.locate` otherwise."""
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
    """Say which model a reference means now, without loading it."""
    found = located(text)
    return ModelIdentity(str(found.reference), fingerprint(found))


def unavailable(reference: ModelReference, cause: str) -> ModelUnavailable:
    """Build the error for a model that could not be fetched, with the ways out."""
    folders = dict.fromkeys(cache.repo_folder(repo) for repo, _names in files.wanted(reference))
    copies = " and ".join(folders) or cache.hub_cache()
    return ModelUnavailable(
        f"the model {reference} is not on disk and could not be fetched: {cause}",
        f"with network on another machine: run pixtrieve models fetch {reference} there and copy "
        f"the folder (same name, from its hub cache) to {copies}\n" + _local_ways(),
    )


def _local_ways() -> str:
    found = (BUILT_IN, *found_on_disk())
    return (
        "with weights you have: --model local-dir:FOLDER, or --model NAME --checkpoint FILE\n"
        "with what another machine has packed: pixtrieve models import FOLDER\n"
        "with a model that is on disk: " + ", ".join(f"--model {each}" for each in found)
    )
