"""`kill -9` at any moment loses at most the batch in flight."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from support.fakes import FakeEncoder
from support.painting import paint

from retrieval import IndexOptions, Library

PICTURES, BATCH = 120, 8

# Indexes with an encoder that is slow and writes down, by its mean colour, each picture it encodes.
CHILD = f"""
import sys, time
from support.fakes import FakeEncoder
from retrieval import IndexOptions, Library

class Slow(FakeEncoder):
    def encode_images(self, pixels):
        time.sleep(0.02)
        with open(sys.argv[3], "a") as log:
            for picture in pixels:
                log.write(f"{{picture.mean(axis=(0, 1)).round().tolist()}}\\n")
        return super().encode_images(pixels)

library_path, pictures = sys.argv[1:3]
opener = Library.open if Library.exists(library_path) else Library.create
with opener(library_path, Slow()) as library:
    library.add(pictures, options=IndexOptions(batch_size={BATCH}))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(PICTURES):
        paint(tmp_path / f"p/{number:03}.png", (number * 2, 255 - number * 2, number))
    return tmp_path / "p"


def contents(library: Library) -> list[tuple[tuple[str, ...], bytes]]:
    return sorted((row.paths, blob) for row, blob in library.images())


def test_killed_again_and_again_it_ends_as_if_never_killed(tmp_path: Path, folder: Path) -> None:
    log = tmp_path / "encoded.log"
    command = [sys.executable, "-c", CHILD, str(tmp_path / "killed"), str(folder), str(log)]
    tests = str(Path(__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([tests, *sys.path])}
    kills = 0
    random = np.random.default_rng(7)
    while True:
        before = len(log.read_text().splitlines()) if log.exists() else 0
        child = subprocess.Popen(command, env=environment)
        target = before + int(random.integers(1, 40))
        while child.poll() is None:
            if log.exists() and len(log.read_text().splitlines()) >= target:
                time.sleep(float(random.uniform(0, 0.03)))
                child.send_signal(signal.SIGKILL)
                break
            time.sleep(0.002)
        if child.wait() == 0:
            break
        assert child.returncode == -signal.SIGKILL
        kills += 1
    assert kills >= 2
    times = Counter(log.read_text().splitlines())
    assert len(times) == PICTURES
    assert sum(times.values()) - PICTURES <= kills * BATCH

    with Library.create(tmp_path / "whole", FakeEncoder()) as whole:
        whole.add(folder, options=IndexOptions(batch_size=BATCH))
        with Library.open(tmp_path / "killed", FakeEncoder()) as killed:
            assert contents(killed) == contents(whole)
            for query in ("red", "green", "red blue"):
                assert [(h.path, h.score) for h in killed.search(query, 20).hits] == [
                    (h.path, h.score) for h in whole.search(query, 20).hits
                ]
