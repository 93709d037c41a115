"""Other programs that find pictures by words, set up to be measured beside Pixtrieve.

    python benchmarks/peers.py [--cache DIR]

Each gets an environment of its own below the cache folder, made on first use from the Python
package index, and the same random weights: no model hub is asked for anything. A peer that cannot
be had is left out of the tables, with a line that says why.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sqlite3
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import TypeVar

import numpy as np
from bench import (
    ARCHITECTURE,
    BenchmarkError,
    Program,
    begin,
    beside,
    made_once,
    note,
    options,
    random_weights,
    run,
)

AnyPeer = TypeVar("AnyPeer", bound="Peer")

_RCLIP = ("rclip==3.3.0",)
_CLIP_RETRIEVAL = ("clip-retrieval==2.45.0", "setuptools<81")  # it imports pkg_resources
_ONNX = ("onnx", "ml_dtypes", "protobuf")
_VOCABULARY = "bpe_simple_vocab_16e6.txt.gz"

# Run by rclip's own Python, with its own code: rows from a file, "mtime size path" a line.
_FILL = """
import sys
import numpy as np
from rclip.db import DB
random = np.random.default_rng(0)
database = DB(sys.argv[1])
with open(sys.argv[2], encoding="utf-8") as rows:
    for number, row in enumerate(rows):
        modified_at, size, path = row.rstrip("\\n").split(" ", 2)
        vector = random.standard_normal(512).astype(np.float32)
        vector /= np.linalg.norm(vector)
        facts = {"modified_at": float(modified_at), "size": int(size), "hash": f"{number:064x}"}
        database.upsert_image({"filepath": path, "vector": vector.tobytes(), **facts}, commit=False)
database.close()
"""


class Peer(ABC):
    """A program that is set up when it is made, and encodes folders of pictures."""

    name: str

    @abstractmethod
    def __init__(self, cache: str) -> None:
        """Set it up below a cache folder; BenchmarkError when that cannot be done."""

    @abstractmethod
    def index(self, pictures: str, out: str) -> Program:
        """Encode a folder from nothing; `out` is an empty folder for what it writes."""

    @abstractmethod
    def count(self, out: str) -> int:
        """Return how many pictures it has encoded."""


def peer_or_none(peer: type[AnyPeer], cache: str) -> AnyPeer | None:
    """Set a peer up; say why, and return None, when it cannot be had."""
    try:
        return peer(cache)
    except BenchmarkError as error:
        note(f"left out: {error}")
        return None


class PlainLoop(Peer):
    """What a tutorial does with open_clip and torch: see `plain_loop`."""

    name = "open_clip + torch loop"

    def __init__(self, cache: str) -> None:
        self._weights = random_weights(cache)

    def index(self, pictures: str, out: str) -> Program:
        """Encode a folder."""
        script = (sys.executable, beside("plain_loop.py"))
        return Program((*script, ARCHITECTURE, self._weights, pictures, f"{out}/vectors.npy"))

    def count(self, out: str) -> int:
        """Return how many pictures were encoded."""
        return len(np.load(f"{out}/vectors.npy"))


class ClipRetrieval(Peer):
    """`clip-retrieval inference`, which encodes a folder; its search is a server's."""

    name = "clip-retrieval inference"

    def __init__(self, cache: str) -> None:
        self._weights = random_weights(cache)
        self._bin = _environment(cache, "clip-retrieval", _CLIP_RETRIEVAL)

    def index(self, pictures: str, out: str) -> Program:
        """Encode a folder."""
        command = (os.path.join(self._bin, "clip-retrieval"), "inference")
        facts = {
            "input_dataset": pictures,
            "output_folder": out,
            "clip_model": f"open_clip:{ARCHITECTURE}/{self._weights}",
            "enable_text": "False",
            "use_jit": "False",
            "num_prepro_workers": "2",
            "batch_size": "32",
        }
        return Program((*command, *(f"--{name}={value}" for name, value in facts.items())))

    def count(self, out: str) -> int:
        """Return how many pictures were encoded."""
        return len(np.load(f"{out}/img_emb/img_emb_0.npy"))


class Rclip(Peer):
    """The command line program rclip, whose index is a SQLite file."""

    name = "rclip"

    def __init__(self, cache: str) -> None:
        self._bin = _environment(cache, "rclip", _RCLIP)
        self._models = made_once(os.path.join(cache, "models", "rclip"), _rclip_models(cache))

    def index(self, pictures: str, out: str) -> Program:
        """Encode a folder, and ask once: it does not do the one without the other."""
        self.new_data(out)
        return self.ask(out, pictures, "a dog", index=True)

    def count(self, out: str) -> int:
        """Return how many pictures are in its index."""
        counting = "SELECT count(*) FROM images WHERE deleted IS NULL"
        with closing(sqlite3.connect(f"{out}/db.sqlite3")) as database:
            return int(database.execute(counting).fetchone()[0])

    def new_data(self, folder: str) -> None:
        """Make a data folder with its models and no index."""
        os.makedirs(folder, exist_ok=True)
        for name in os.listdir(self._models):
            os.symlink(os.path.join(self._models, name), os.path.join(folder, name))

    def ask(self, data: str, pictures: str, question: str, *, index: bool = False) -> Program:
        """Ask for ten pictures; with `index`, after it has looked for new and changed files."""
        flags = () if index else ("-n",)
        command = (os.path.join(self._bin, "rclip"), *flags, "-t", "10", question)
        return Program(command, pictures, {"RCLIP_DATADIR": data})

    def fill(self, data: str, files: Iterable[tuple[float, int, str]]) -> None:
        """Put files (mtime in seconds, size, path) into its index, with random vectors."""
        listed = os.path.join(data, "files.txt")
        with open(listed, "w", encoding="utf-8") as file:
            file.writelines(f"{mtime!r} {size} {path}\n" for mtime, size, path in files)
        python = os.path.join(self._bin, "python")
        run(Program((python, "-c", _FILL, f"{data}/db.sqlite3", listed)))
        os.unlink(listed)


def _rclip_models(cache: str) -> Callable[[str], None]:
    def install_onnx(folder: str) -> None:
        # Beside Pixtrieve's packages, not among them: only torch's exporter wants it.
        run(Program((sys.executable, "-m", "pip", "install", "--no-deps", "-t", folder, *_ONNX)))

    def make(folder: str) -> None:
        onnx = made_once(os.path.join(cache, "peers", "onnx"), install_onnx)
        towers = os.path.join(folder, f"{ARCHITECTURE}-datacomp_s34b_b86k")
        command = (sys.executable, beside("random_model.py"), "onnx", random_weights(cache))
        run(Program((*command, towers), environment={"PYTHONPATH": onnx}))
        os.makedirs(os.path.join(folder, "tokenizer"))
        found = importlib.util.find_spec("open_clip")
        assert found is not None
        assert found.origin is not None
        vocabulary = os.path.join(os.path.dirname(found.origin), _VOCABULARY)
        shutil.copyfile(vocabulary, os.path.join(folder, "tokenizer", _VOCABULARY))

    return make


def _environment(cache: str, name: str, requirements: tuple[str, ...]) -> str:
    """Return the folder of programs of an environment that has these packages."""
    folder = os.path.join(cache, "peers", name)
    # Not made beside its place and moved: its programs know where they lie.
    done = os.path.join(folder, "installed")
    if not os.path.exists(done):
        note(f"installing {name} in {folder}")
        run(Program((sys.executable, "-m", "venv", "--clear", folder)))
        run(Program((f"{folder}/bin/python", "-m", "pip", "install", *requirements)))
        with open(done, "w", encoding="utf-8") as file:
            file.write("\n".join(requirements))
    return os.path.join(folder, "bin")


PEERS: dict[str, type[Peer]] = {
    "rclip": Rclip,
    "loop": PlainLoop,
    "clip-retrieval": ClipRetrieval,
}


def main() -> None:
    """Set all of them up."""
    arguments = begin(options(__doc__))
    for peer in PEERS.values():
        ready = peer_or_none(peer, arguments.cache)
        print(f"{peer.name}: {'ready' if ready else 'not to be had'}")


if __name__ == "__main__":
    main()
