"""Takes what a person made in another library into this one: see `retrieval.folder.edits`."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from typing import Any, get_args

import numpy as np

from retrieval.catalogue import CAPTION, Catalogue
from retrieval.catalogue.albums import AlbumOrder
from retrieval.catalogue.concepts import ConceptRow, HeadRow
from retrieval.catalogue.edits import PictureKey
from retrieval.catalogue.roots import Root
from retrieval.errors import LibraryError, QueryError
from retrieval.folder.edits import KIND, STORED, VERSION, Edits
from retrieval.query.names import clean_name, plain_name
from retrieval.query.saved import SavedPicture, SavedQuestion
from retrieval.query.spelling import as_read
from retrieval.scoring.linear_head import Head

_MOST_BYTES = 2**30
_DAMAGE = (ValueError, TypeError, KeyError, AttributeError, OverflowError)


def import_edits(catalogue: Catalogue, writer: AbstractContextManager[None], path: str) -> Edits:
    """Add to a library what `export_edits` wrote, in one transaction; twice changes nothing more.

    Captions of a picture, and concepts and saved searches of the same name, are replaced; all else
    is added, pictures to an album of the same name, too. Pictures of albums and favourites that the
    library does not have are kept for when they come. Raises LibraryError for another file,
    LibraryBusy when another process is writing.
    """
    facts = _read(path)
    with writer, catalogue.writing():
        try:
            return _Import(catalogue).all(facts)
        except (*_DAMAGE, QueryError) as error:
            raise _refused(path, f"a part of it is not as it should be ({error})") from error


def _read(path: str) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            content = file.read(_MOST_BYTES)
        facts = json.loads(content)
    except OSError as error:
        raise LibraryError(
            f"{path} cannot be read: {error.strerror or error}", "check the path"
        ) from error
    except (ValueError, RecursionError) as error:
        raise _refused(path, "it is not whole JSON") from error
    kind = (facts.get("format"), facts.get("version")) if isinstance(facts, dict) else None
    if kind != (KIND, VERSION):
        raise _refused(path, f"it is not of the format {KIND}, version {VERSION}")
    return dict(facts)


def _refused(path: str, reason: str) -> LibraryError:
    return LibraryError(
        f"{path} cannot be taken in: {reason}",
        "make such a file with: pixtrieve edits export FILE; nothing was changed",
    )


class _Import:
    """Writes the parts of a file, within the caller's transaction."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._roots = catalogue.roots.all()
        self._spellings = catalogue.spellings()
        self._unknown: dict[str, None] = {}

    def all(self, facts: dict[str, Any]) -> Edits:
        parts: tuple[tuple[str, Callable[[Any], int]], ...] = (
            ("captions", self._captions),
            ("concepts", self._concept),
            ("labels", self._label),
            ("kept", self._kept),
            ("folders", self._folder),
            ("albums", self._album),
            ("favourites", self._favourite),
            ("saved", self._saved),
        )
        # A file of an earlier version of the program lacks what that could not make.
        counts = {n: sum(take(each) for each in _list(facts.get(n, []))) for n, take in parts}
        excludes = counts.pop("folders")
        return Edits(**counts, excludes=excludes, unknown=tuple(self._unknown))

    def _captions(self, row: dict[str, Any]) -> int:
        image_id = self._image(row)
        lines = (" ".join(_text(line).split()) for line in _list(row["captions"]))
        text = "\n".join(dict.fromkeys(filter(None, lines)))
        if image_id is not None:
            self._catalogue.texts.put(image_id, {CAPTION: text})
        return image_id is not None

    def _concept(self, row: dict[str, Any]) -> int:
        like = self._examples(row["like"])
        unlike = [example for example in self._examples(row["unlike"]) if example not in like]
        name = clean_name(_text(row["name"]), "a concept")
        heads = [(_text(each["model"]), _head(each)) for each in _list(row["heads"])]
        if not like:
            raise ValueError("a concept without examples")
        concepts = self._catalogue.concepts
        known = concepts.named(name)
        if known is None or not _same_examples(known, like, unlike):
            concept_id = concepts.put(name if known is None else known.name, like, unlike)
        else:
            concept_id = known.id
        models = {model.fingerprint: model for model in self._catalogue.edits.models()}
        for fingerprint, head in heads:
            model = models.get(fingerprint)
            if model is not None and model.dim == len(head.head.direction):
                concepts.put_head(concept_id, model.id, head)
        return 1

    def _label(self, label: str) -> int:
        labels = self._catalogue.tags.labels()
        label = plain_name(_text(label))
        if label and label not in map(as_read, labels):
            self._catalogue.tags.put_labels([*labels, label])
        return 1

    def _kept(self, group: list[dict[str, Any]]) -> int:
        files: dict[int, int] = {}
        for each in _list(group):
            image_id = self._image(each)
            if image_id is not None:
                files[image_id] = int(each["files"])
        duplicates = self._catalogue.duplicates
        if files and files not in duplicates.kept():
            duplicates.keep(files)
        return bool(files)

    def _album(self, row: dict[str, Any]) -> int:
        albums, name = self._catalogue.albums, clean_name(_text(row["name"]), "an album")
        order, cover = row["order"], row["cover"]
        if order not in get_args(AlbumOrder):
            raise ValueError(f"an album cannot have the order {order!r}")
        pictures = [self._collected(each) for each in _list(row["pictures"])]
        known = albums.named(name)
        album_id = albums.create(name, order) if known is None else known.id
        albums.add(album_id, pictures)
        if cover is not None and (known is None or known.cover is None):
            albums.set_cover(album_id, bytes.fromhex(self._collected(cover).sha256))
        return 1

    def _favourite(self, row: dict[str, Any]) -> int:
        self._catalogue.favourites.add([self._collected(row)])
        return 1

    def _saved(self, row: dict[str, Any]) -> int:
        name = clean_name(_text(row["name"]), "a saved search")
        asked = SavedQuestion.of_object(row)
        keys = [self._collected(asdict(each)) for each in asked.pictures]
        pictures = tuple(SavedPicture(key.sha256, key.path) for key in keys)
        question = json.dumps(replace(asked, pictures=pictures).as_object())
        known = self._catalogue.saved.named(name)
        if known is None or known.question != question:
            self._catalogue.saved.put(name, question)
        return 1

    def _collected(self, row: dict[str, Any]) -> PictureKey:
        """Return a picture as this library has it; as the file says if it does not."""
        found = self._image(row)
        key = None if found is None else self._catalogue.edits.key(found)
        if key is not None:
            return key
        sha256 = bytes.fromhex(row["sha256"])
        if len(sha256) != 32:
            raise ValueError(f"{row['sha256'][:80]} is no SHA-256")
        return PictureKey(sha256.hex(), _path(row["path"]))

    def _folder(self, row: dict[str, Any]) -> int:
        root = self._root(row)
        if root is None:
            self._unknown[_path(row["path"])] = None
            return 0
        count = 0
        for name in ("exclude", "removed"):
            patterns = [_path(pattern) for pattern in _list(row[name])]
            self._catalogue.roots.exclude(root, patterns, "user" if name == "exclude" else "remove")
            count += len(patterns)
        return count

    def _root(self, row: dict[str, Any]) -> Root | None:
        samples = [
            (bytes.fromhex(each["sha256"]), _path(each["path"])) for each in _list(row["pictures"])
        ]
        there = self._catalogue.edits.root_of_samples(samples)
        path = as_read(_path(row["path"])) if there is None else as_read(there)
        return next((root for root in self._roots if as_read(root.path) == path), None)

    def _examples(self, rows: Any) -> list[str]:
        found = []
        for row in _list(rows):
            image_id = self._image(row) if "sha256" in row else None
            path = _path(row["path"])
            if image_id is not None or path:
                found.append(path if image_id is None else f"#{image_id}")
        return list(dict.fromkeys(found))

    def _image(self, row: dict[str, Any]) -> int | None:
        """Return the id of a picture by its content, or else by its path."""
        path = _path(row["path"])
        found = self._catalogue.edits.image(bytes.fromhex(row["sha256"]))
        if found is None and path:
            found = self._spellings.image_at(path)
        if found is None:
            self._unknown[path or row["sha256"]] = None
        return found


def _same_examples(known: ConceptRow, like: list[str], unlike: list[str]) -> bool:
    return set(known.like) == set(like) and set(known.unlike) == set(unlike)


def _head(row: dict[str, Any]) -> HeadRow:
    direction = np.frombuffer(base64.b64decode(row["direction"], validate=True), STORED)
    numbers = [float(row["steepness"]), float(row["offset"])]
    if not np.isfinite([*direction, *numbers]).all():
        raise ValueError("a head of a concept with numbers that are not finite")
    auc, accuracy = (
        None if row[name] is None else float(row[name]) for name in ("auc", "accuracy")
    )
    return HeadRow(Head(direction.astype(np.float32), *numbers), auc, accuracy)


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("a list is missing")
    return value


def _text(value: Any) -> str:
    """Return a text without lone surrogates, which JSON can hold and UTF-8 cannot."""
    if not isinstance(value, str):
        raise TypeError("a text is missing")
    return value.encode("utf-8", "replace").decode("utf-8")


def _path(value: Any) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise TypeError("a path is missing")
    os.fsencode(value)  # UnicodeEncodeError, a ValueError, for surrogates that are no escaped bytes
    return value
