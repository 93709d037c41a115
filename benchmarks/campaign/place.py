"""A small library to break: its pictures, what people added, its answers, and who judges them.

Everything lies in one folder at a fixed path, because a library stores absolute paths; templates of
its states are copied there for each trial. Pictures in `kept/` have captions, labels and a concept,
and no trial changes them. The encoder is computed by hand (`tests/support/fakes.py`).
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

sys.path.append(str(Path(__file__).parents[2] / "tests"))

from support.fake_model import IDENTIFYING, OPENING
from support.fakes import FakeEncoder

from retrieval import IndexOptions, Library, SearchOptions
from retrieval.encoders import ModelIdentity
from retrieval.images.isolation.pool import NoWorkersError, Pool

ROWS = 500  # more than there are pictures, so that answers name all of them
OPTIONS = IndexOptions(batch_size=4)
_KEPT = {
    "kept/red.png": (250, 10, 10),
    "kept/green.png": (10, 240, 20),
    "kept/sea.png": (20, 30, 230),
}
_CAPTIONS = {"kept/red.png": ["a lighthouse at dusk"], "kept/sea.png": ["the bay", "two boats"]}
_LABELS = ("red", "blue")
_CONCEPT = "our sea"
_QUESTIONS: tuple[tuple[str, Any, dict[str, Any]], ...] = (
    ("words", "red", {}),
    ("two terms", "green + blue", {}),
    ("a caption", "lighthouse", {}),
    ("a filter", "yellow", {"where": "width > 20 and not format = gif"}),
    ("no question", None, {"where": "size > 0", "sort": "name"}),
)


class OtherEncoder(FakeEncoder):
    """Another model: other vectors of the same pictures."""

    def __init__(self) -> None:
        super().__init__("fake-other")
        self.spec = replace(self.spec, name="fake-other")

    def _with_fourth(self, colours: NDArray[np.float64]) -> NDArray[np.float32]:
        return super()._with_fourth(colours**2 @ np.array([[1, 0.3, 0], [0, 1, 0.3], [0.3, 0, 1]]))


ENCODERS: dict[str, Callable[[], FakeEncoder]] = {
    "fake": FakeEncoder,
    "fake-other": OtherEncoder,
}


_WORKER = Pool.worker


def with_workers() -> None:
    """Let this process decode in worker processes after all."""
    changed: Any = Pool
    changed.worker = _WORKER


def fake_models() -> None:
    """Let the libraries of this process load the models above, and decode without workers.

    Each trial is a short process of its own, for which worker processes would take too long.
    """

    def opened(reference: str, **_: Any) -> FakeEncoder:
        return ENCODERS.get(reference, FakeEncoder)()

    def identified(reference: str) -> ModelIdentity:
        return ModelIdentity(reference, opened(reference).spec.fingerprint)

    def no_workers(_: Pool) -> AbstractContextManager[Any]:
        raise NoWorkersError("each trial decodes in its own process")

    logging.getLogger("retrieval.images.isolation.pictures").setLevel(logging.ERROR)
    changed: Any = Pool
    changed.worker = no_workers
    for changed in OPENING:
        changed.open_encoder = opened
    for changed in IDENTIFYING:
        changed.identify = identified


@dataclass(frozen=True)
class Place:
    """The folder of the trials."""

    folder: Path

    @property
    def library(self) -> str:
        """The library's folder."""
        return str(self.folder / "library")

    @property
    def pictures(self) -> Path:
        """The folder that is indexed."""
        return self.folder / "pictures"

    def open(self) -> Library:
        """Open the library, or create it."""
        if Library.exists(self.library):
            return Library.open(self.library)
        return Library.create(self.library, FakeEncoder())

    def index(self) -> None:
        """Index the pictures, as `pixtrieve index` does."""
        with self.open() as library:
            library.add(self.pictures, options=OPTIONS)

    def switch(self) -> None:
        """Switch to the other model, as `pixtrieve model use` does."""
        with self.open() as library:
            for _ in library.use_model(OtherEncoder(), OPTIONS):
                pass

    def annotate(self) -> None:
        """Add what a person adds: captions, labels, a concept, an exclusion."""
        with self.open() as library:
            library.texts.put({self.pictures / name: text for name, text in _CAPTIONS.items()})
            for _ in library.texts.encode():
                pass
            library.tags.label(_LABELS, least=0.3)
            library.concepts.learn(
                _CONCEPT, [str(self.pictures / "kept/sea.png")],
                [str(self.pictures / "kept/red.png")],
            )  # fmt: skip
            red, sea = self.pictures / "kept/red.png", self.pictures / "kept/sea.png"
            library.albums.add("colours", [sea, red])
            library.favourites.add([red])
            library.saved.add("reds", "red", SearchOptions(k=3, like=[red]))

    def draw_map(self) -> None:
        """Draw the map."""
        with self.open() as library:
            library.map.update()

    def answers(self) -> dict[str, Any]:
        """Return what the library answers to each question, without ids, and what it counts."""
        with Library.open(self.library) as library:
            found: dict[str, Any] = {
                name: self._rows(library, asked, options) for name, asked, options in _QUESTIONS
            }
            found["a picture"] = self._rows(library, self.pictures / "kept/red.png", {})
            counts = library.status().counts
            found["counts"] = [counts.images, counts.files]
            albums = [album.name for album in library.albums.all()]
            shown = {name: library.albums.pictures(name) for name in albums}
            found["people's"] = [
                [(name, [hit.sha256 for hit in hits]) for name, hits in shown.items()],
                [(each.name, each.where, each.trouble) for each in library.saved.all()],
                sorted(library.tags.labels()),
                [
                    (each.name, list(each.like), list(each.unlike))
                    for each in library.concepts.all()
                ],
                sorted(
                    (text.source, text.text)
                    for row, _ in library.images()
                    for text in library.texts.of(row.id)
                ),
            ]
            return found

    def cosines_now(self) -> list[list[Any]]:
        """Return `cosines` for JSON."""
        return [list(row) for row in sorted(self.cosines())]

    def _rows(self, library: Library, asked: Any, options: dict[str, Any]) -> list[Any]:
        hits = library.search(asked, ROWS, **options).to_dicts()
        rows = []
        for hit in hits:
            left = {k: v for k, v in hit.items() if k not in ("id", "rank", "score", "tags")}
            left["copies"] = sorted(hit["copies"])
            rows.append([-round(hit["score"], 5), os.path.basename(hit["path"]), left])
        return sorted(rows, key=lambda row: (*row[:2], repr(row[2])))

    def cosines(self) -> set[tuple[str, str, float]]:
        """Return the model, path and cosine of every picture that two plain searches find."""
        with Library.open(self.library) as library:
            found: set[tuple[str, str, float]] = set()
            for axis in range(2):
                model = library.model.fingerprint
                hits = library.search(np.eye(4, dtype=np.float32)[axis], ROWS)
                if library.model.fingerprint == model:  # another process may switch it
                    names = (os.path.relpath(hit.path, self.pictures) for hit in hits)
                    scores = (round(hit.score, 5) for hit in hits)
                    found |= {(f"{model} {axis}", *row) for row in zip(names, scores, strict=True)}
            library.status()
            return found


def paint(path: Path, colour: tuple[int, int, int], size: tuple[int, int] = (24, 16)) -> None:
    """Write a picture of one colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)


def paint_first(pictures: Path, count: int) -> None:
    """Paint the pictures of a new library: `count` that trials may change, and those of people."""
    for number in range(count):
        paint(pictures / f"{number % 3}/{number:03}.png", _colour(number), (24, 16 + number % 5))
    for number in range(0, count, 6):
        path = pictures / f"{number % 3}/{number:03}.txt"
        path.write_text(f"picture number {number} of the series", encoding="utf-8")
    for name, colour in _KEPT.items():
        paint(pictures / name, colour)


def change(pictures: Path, count: int, random: Random) -> None:
    """Change a library's pictures as people do: new, edited, renamed, copied and deleted files."""
    names = [pictures / f"{number % 3}/{number:03}.png" for number in range(count)]
    chosen = random.sample(names, count // 2)
    for number, path in enumerate(chosen):
        match number % 5:
            case 0:
                path.unlink()
            case 1:
                path.rename(path.with_name(f"renamed-{path.name}"))
            case 2:
                shutil.copy2(path, path.with_name(f"copy-{path.name}"))
            case 3:
                paint(path, _colour(random.randrange(10**6)), (25, 17))
            case _:
                paint(path.with_name(f"new-{path.name}"), _colour(random.randrange(10**6)))


def _colour(number: int) -> tuple[int, int, int]:
    mixed = number * 2654435761 % 2**24
    return mixed >> 16, mixed >> 8 & 255, mixed & 255


@dataclass
class Templates:
    """States of the place, made once and copied for each trial."""

    place: Place
    store: Path
    made: dict[str, Path] = field(default_factory=dict)

    def take(self, name: str, make: Callable[[], None]) -> None:
        """Put the place into a state; `make` makes it from an empty folder, the first time."""
        folder = self.place.folder
        if name not in self.made:
            _empty(folder)
            make()
            self.made[name] = self.store / name
            shutil.copytree(folder, self.made[name], symlinks=True)
            return
        _empty(folder)
        shutil.copytree(self.made[name], folder, symlinks=True, dirs_exist_ok=True)


def _empty(folder: Path) -> None:
    """Empty a folder, whatever permissions a trial has left."""
    if os.path.ismount(folder):
        raise RuntimeError(f"{folder} is still mounted")
    for parent, folders, _ in os.walk(folder):
        for name in folders:
            path = os.path.join(parent, name)
            if not os.path.islink(path):
                os.chmod(path, 0o700)
    shutil.rmtree(folder, ignore_errors=False) if folder.exists() else None
    folder.mkdir(parents=True)


def library_files(place: Place) -> Iterator[Path]:
    """Yield the files of the library that hold anything, in a fixed order."""
    for parent, _, names in sorted(os.walk(place.library)):
        for name in sorted(names):
            path = Path(parent, name)
            if path.stat().st_size:
                yield path
