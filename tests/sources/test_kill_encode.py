"""`kill -9` of the driver at any moment repeats at most the shard in progress."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from support.data_sets import contents_of, encode, merge, png, tar
from support.fakes import FakeEncoder

from retrieval import Library

TARS, PICTURES = 6, 10

# Encodes with an encoder that is slow and writes down, by its colour, each picture it encodes.
CHILD = """
import sys, time
from support.data_sets import encode
from support.fakes import FakeEncoder

class Slow(FakeEncoder):
    def encode_images(self, pixels):
        time.sleep(0.02)
        with open(sys.argv[1], "a") as log:
            for picture in pixels:
                log.write(f"{picture.mean(axis=(0, 1)).round().tolist()}\\n")
        return super().encode_images(pixels)

encode(Slow(), *sys.argv[2:])
"""


def test_killed_again_and_again_it_ends_as_if_never_killed(tmp_path: Path) -> None:
    sources = [
        tar(
            tmp_path / f"{number}.tar",
            {f"{n}.png": png((number * 30, n * 20, 99)) for n in range(PICTURES)},
        )
        for number in range(TARS)
    ]
    log = tmp_path / "encoded.log"
    command = [sys.executable, "-c", CHILD, str(log), str(tmp_path / "killed"), *map(str, sources)]
    tests = str(Path(__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([tests, *sys.path])}
    moments, kills = iter((12, 14, 13)), 0

    def lines() -> int:
        return len(log.read_text().splitlines()) if log.exists() else 0

    while True:
        target = lines() + next(moments, TARS * PICTURES)
        child = subprocess.Popen(command, env=environment)
        while child.poll() is None:
            if lines() >= target:
                child.send_signal(signal.SIGKILL)
                break
            time.sleep(0.002)
        if child.wait() == 0:
            break
        assert child.returncode == -signal.SIGKILL
        kills += 1
    assert kills >= 2
    times = Counter(log.read_text().splitlines())
    assert len(times) == TARS * PICTURES
    assert sum(times.values()) - TARS * PICTURES <= kills * PICTURES

    encode(FakeEncoder(), tmp_path / "whole", *sources)
    with (
        Library.create(tmp_path / "one", FakeEncoder()) as one,
        Library.create(tmp_path / "two", FakeEncoder()) as two,
    ):
        merge(one, tmp_path / "killed")
        merge(two, tmp_path / "whole")
        assert contents_of(one) == contents_of(two)
        assert one.status().counts.images == TARS * PICTURES
