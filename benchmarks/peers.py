"""Install other programs that search pictures by text, for comparison with Pixtrieve.

    python benchmarks/peers.py [--cache DIR]

Each has its own environment in the cache folder, installed on first use from the Python package
index, and the same random weights, so no model hub is needed. The tables omit a peer that cannot be
installed, and a log line gives the reason.
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

# Runs in rclip's environment with its own code; reads a file with "mtime size path" per line.
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
    """Another program that encodes folders of pictures; creating the object installs it."""

    name: str

    @abstractmethod
    def __init__(self, cache: str) -> None:
        """Install it in a cache folder; BenchmarkError when that fails."""

    @abstractmethod
    def index(self, pictures: str, out: str) -> Program:
        """Return the program that encodes a folder; `out` is an empty folder for its output."""

    @abstractmethod
    def count(self, out: str) -> int:
        """Return the number of pictures that it has encoded."""


def peer_or_none(peer: type[AnyPeer], cache: str) -> AnyPeer | None:
    """Install a peer; log the reason and return None when that fails."""
    try:
        return peer(cache)
    except BenchmarkError as error:
        note(f"skipped {peer.name}: {error}")
        return None


class PlainLoop(Peer):
    """The loop of a typical open_clip and torch tutorial: see `plain_loop`."""

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
    """`clip-retrieval inference`, which encodes a folder; it searches only in a server."""

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
        """Return the program that encodes a folder and searches once; rclip always does both."""
        self.new_data(out)
        return self.ask(out, pictures, "a dog", index=True)

    def count(self, out: str) -> int:
        """Return the number of pictures in its index."""
        counting = "SELECT count(*) FROM images WHERE deleted IS NULL"
        with closing(sqlite3.connect(f"{out}/db.sqlite3")) as database:
            return int(database.execute(counting).fetchone()[0])

    def new_data(self, folder: str) -> None:
        """Create a data folder with the models and without an index."""
        os.makedirs(folder, exist_ok=True)
        for name in os.listdir(self._models):
            os.symlink(os.path.join(self._models, name), os.path.join(folder, name))

    def ask(self, data: str, pictures: str, question: str, *, index: bool = False) -> Program:
        """Return a search for ten pictures; with `index` it first scans for changed files."""
        flags = () if index else ("-n",)
        command = (os.path.join(self._bin, "rclip"), *flags, "-t", "10", question)
        return Program(command, pictures, {"RCLIP_DATADIR": data})

    def fill(self, data: str, files: Iterable[tuple[float, int, str]]) -> None:
        """Write files (mtime in seconds, size, path) to its index with random vectors."""
        listed = os.path.join(data, "files.txt")
        with open(listed, "w", encoding="utf-8") as file:
            file.writelines(f"{mtime!r} {size} {path}\n" for mtime, size, path in files)
        python = os.path.join(self._bin, "python")
        run(Program((python, "-c", _FILL, f"{data}/db.sqlite3", listed)))
        os.unlink(listed)


def _rclip_models(cache: str) -> Callable[[str], None]:
    def install_onnx(folder: str) -> None:
        # Separate from Pixtrieve's packages, because only torch's exporter needs it.
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
    """Return the folder of programs of an environment with these packages."""
    folder = os.path.join(cache, "peers", name)
    # Created in place, because its programs contain absolute paths.
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
    """Install all peers."""
    arguments = begin(options(__doc__))
    for peer in PEERS.values():
        ready = peer_or_none(peer, arguments.cache)
        print(f"{peer.name}: {'ready' if ready else 'not available'}")


if __name__ == "__main__":
    main()
