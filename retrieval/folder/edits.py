"""What a person made in a library, as one readable file, and back into any index of the pictures.

The file is JSON in UTF-8. A picture is named by its SHA-256 and a path; the first decides, the
second helps where a file was edited meanwhile, and people who read the file.

    {"format": "pixtrieve-edits", "version": 1,
     "captions": [{"sha256": …, "path": …, "captions": [text, …]}, …],
     "concepts": [{"name": …, "like": [picture or {"path": …}, …], "unlike": […], "heads": […]}, …],
     "labels": [label, …],
     "albums": [{"name": …, "order": "hand", "cover": picture or null, "pictures": […]}, …],
     "favourites": [picture, …],
     "saved": [{"name": …, "question": …, "pictures": […], "options": {…}}, …],
     "kept": [[{"sha256": …, "path": …, "files": 2}, …], …],
     "folders": [{"path": …, "exclude": [glob, …], "removed": [glob, …], "pictures": […]}, …]}

A head is what was learned of a concept with one model. `retrieval.query.saved` explains questions.
The pictures of a folder are samples, from which `import_edits` knows the folder when it has another
path.
"""

from __future__ import annotations

import base64
import json
import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from retrieval.catalogue import Catalogue
from retrieval.catalogue.concepts import HeadRow
from retrieval.catalogue.edits import PictureKey
from retrieval.errors import LibraryError
from retrieval.query.saved import SavedQuestion
from retrieval.whole_file import whole_file

KIND, VERSION = "pixtrieve-edits", 1
STORED = np.dtype("<f4")
_COUNTED = ("captions", "concepts", "labels", "kept", "albums", "favourites", "saved")
_SOURCES = (("exclude", "user"), ("removed", "remove"))


@dataclass(frozen=True, slots=True)
class Edits:
    """How much of each kind a file has, or was taken from it; `unknown` are pictures it names.

    `unknown` holds the paths of pictures and folders that the library does not have.
    """

    captions: int
    concepts: int
    labels: int
    kept: int
    excludes: int
    albums: int
    favourites: int
    saved: int
    unknown: tuple[str, ...] = ()


def export_edits(catalogue: Catalogue, path: str, *, replace: bool = False) -> Edits:
    """Write what a person made to a file. Raises LibraryError if it exists or cannot be written."""
    if os.path.exists(path) and not replace:
        raise LibraryError(f"{path} exists", "name another file, or replace this one: --force")
    with catalogue.reading():
        facts = _collected(catalogue)
    written = json.dumps(
        {"format": KIND, "version": VERSION, **facts}, indent=1, ensure_ascii=False
    )
    try:
        with whole_file(path) as file:
            file.write(written.encode("utf-8", "backslashreplace"))  # names that are not UTF-8
    except OSError as error:
        raise LibraryError(
            f"{path} cannot be written: {error.strerror or error}", "check the folder"
        ) from error
    excludes = sum(len(folder[name]) for folder in facts["folders"] for name, _ in _SOURCES)
    counts = {name: len(facts[name]) for name in _COUNTED}
    return Edits(excludes=excludes, unknown=(), **counts)


def _collected(catalogue: Catalogue) -> dict[str, list[Any]]:
    edits = catalogue.edits
    captions = [
        {**_picture(catalogue, image_id), "captions": text.split("\n")}
        for image_id, text in edits.captions()
    ]
    kept = [
        [{**_picture(catalogue, image_id), "files": files} for image_id, files in group.items()]
        for group in catalogue.duplicates.kept()
    ]
    return {
        "captions": captions,
        "concepts": list(_concepts(catalogue)),
        "labels": list(catalogue.tags.labels()),
        "albums": list(_albums(catalogue)),
        "favourites": [_collected_picture(catalogue, each) for each in catalogue.favourites.all()],
        "saved": list(_saved(catalogue)),
        "kept": kept,
        "folders": list(_folders(catalogue)),
    }


def _picture(catalogue: Catalogue, image_id: int) -> dict[str, str]:
    key = catalogue.edits.key(image_id)
    return {} if key is None else {"sha256": key.sha256, "path": key.path}


def _albums(catalogue: Catalogue) -> Iterator[dict[str, Any]]:
    for row in catalogue.albums.all():
        pictures = {
            each.sha256: _collected_picture(catalogue, PictureKey(each.sha256.hex(), each.path))
            for each in catalogue.albums.pictures(row)
        }
        cover = None if row.cover is None else pictures.get(row.cover)
        yield {
            "name": row.name,
            "order": row.sort,
            "cover": cover,
            "pictures": list(pictures.values()),
        }


def _saved(catalogue: Catalogue) -> Iterator[dict[str, Any]]:
    for row in catalogue.saved.all():
        try:
            question = SavedQuestion.of_object(json.loads(row.question))
        except ValueError as error:
            raise LibraryError(
                f"the saved search “{row.name}” is damaged: {error}",
                f"delete it: pixtrieve saved remove {shlex.quote(row.name)}",
            ) from error
        yield {"name": row.name, **question.as_object()}


def _collected_picture(catalogue: Catalogue, key: PictureKey) -> dict[str, str]:
    """Return a picture with its path of now, or with the one that it had when it was collected."""
    image_id = catalogue.edits.image(bytes.fromhex(key.sha256))
    now = {} if image_id is None else _picture(catalogue, image_id)
    return now if now.get("path") else {"sha256": key.sha256, "path": key.path}


def _concepts(catalogue: Catalogue) -> Iterator[dict[str, Any]]:
    models = catalogue.edits.models()
    for name in catalogue.concepts.names():
        row = catalogue.concepts.named(name)
        assert row is not None
        examples = {
            kind: [_example(catalogue, example) for example in own]
            for kind, own in (("like", row.like), ("unlike", row.unlike))
        }
        heads = (
            (model.fingerprint, catalogue.concepts.head(row.id, model.id, model.dim))
            for model in models
        )
        learned = [_head_as_object(model, head) for model, head in heads if head is not None]
        yield {"name": name, **examples, "heads": learned}


def _example(catalogue: Catalogue, example: str) -> dict[str, str]:
    indexed = _picture(catalogue, int(example[1:])) if example.startswith("#") else {}
    return indexed or {"path": example}


def _head_as_object(model: str, row: HeadRow) -> dict[str, Any]:
    direction = base64.b64encode(row.head.direction.astype(STORED).tobytes()).decode()
    numbers = {"steepness": row.head.steepness, "offset": row.head.offset}
    return {
        "model": model,
        "direction": direction,
        **numbers,
        "auc": row.auc,
        "accuracy": row.accuracy,
    }


def _folders(catalogue: Catalogue) -> Iterator[dict[str, Any]]:
    for root in catalogue.roots.all():
        patterns = {
            name: sorted(catalogue.roots.excludes(root, "user" if source == "user" else "remove"))
            for name, source in _SOURCES
        }
        if any(patterns.values()):
            samples = catalogue.edits.samples(root)
            pictures = [{"sha256": each.sha256, "path": each.path} for each in samples]
            yield {"path": root.path, **patterns, "pictures": pictures}
