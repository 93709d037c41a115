"""A picture that hangs, crashes or fills the memory of its decoder costs that picture only."""

from __future__ import annotations

import io
import logging
import os
import signal
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from support.scans import repeated_scans
from support.waiting import SUBPROCESS_S, WAIT_S, until

from retrieval.errors import PictureError
from retrieval.images import Picture, Problem, ReadLimits, budget, decoding, thumbnails
from retrieval.images.isolation import conversation, messages, pictures, pool
from retrieval.images.isolation.pictures import read_picture
from retrieval.images.isolation.pool import Pool
from retrieval.images.isolation.process import Worker
from retrieval.images.jpeg import count_scans
from retrieval.specs import Preprocessing

LIMITS = ReadLimits()
linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux can do this")
posix = pytest.mark.skipif(os.name != "posix", reason="needs signals")


def always(_: bytes) -> bool:
    return True


def png(width: int, height: int) -> bytes:
    """A black PNG that is a thousand times larger in memory."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    pack = zlib.compressobj(1)
    rows = b"".join(pack.compress(bytes(1 + 3 * width)) for _ in range(height)) + pack.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", rows), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.fixture
def good(tmp_path: Path, quadrants: Image.Image) -> str:
    path = tmp_path / "good.jpg"
    quadrants.save(path)
    return str(path)


@pytest.fixture
def large(tmp_path: Path) -> str:
    path = tmp_path / "large.png"
    path.write_bytes(png(6000, 5000))
    return str(path)


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pool]:
    """Workers of this test's own, at most one at a time."""
    own = Pool(1)
    monkeypatch.setattr(pictures, "FILES", own)
    yield own
    own.end_idle()


@pytest.fixture
def worker(workers: Pool, good: str, preprocessing: Preprocessing) -> int:
    """The process id of the one worker, which is ready."""
    assert isinstance(read_picture(good, preprocessing, LIMITS, always), Picture)
    (process,) = workers.idle()
    return process


def alive(process: int) -> bool:
    try:
        with open(f"/proc/{process}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


def same(one: Picture | Problem, other: Picture | Problem) -> None:
    """Check that two results are equal to the bit."""
    if isinstance(one, Problem) or isinstance(other, Problem):
        assert one == other
        return
    assert (one.sha256, one.size, one.mtime_ns) == (other.sha256, other.size, other.mtime_ns)
    assert one.pixels is not None
    assert one.info is not None
    assert other.info is not None
    np.testing.assert_array_equal(one.pixels, other.pixels)
    assert one.info == other.info
    assert one.info.words == other.info.words
    assert one.info.luma_thumbnail == other.info.luma_thumbnail


# The same as without


@pytest.mark.parametrize(
    "format_name", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "PPM", "JPEG2000", "AVIF"]
)
@pytest.mark.parametrize("exact", [False, True])
def test_a_worker_returns_what_decoding_here_returns(
    format_name: str,
    exact: bool,
    tmp_path: Path,
    preprocessing: Preprocessing,
    quadrants: Image.Image,
) -> None:
    path = tmp_path / "picture"
    exif = Image.Exif()
    exif[0x0112], exif[0x0110], exif[0x010E] = 6, "Camera \u00e9", "Two dogs"
    quadrants.resize((1300, 1100)).save(path, format_name, exif=exif)
    limits = replace(LIMITS, exact=exact)
    same(
        read_picture(str(path), preprocessing, limits, always),
        decoding.read_picture(str(path), preprocessing, limits, always),
    )
    assert pictures.thumbnail(str(path), 40) == thumbnails.thumbnail(str(path), 40)
    data = path.read_bytes()
    made = thumbnails.thumbnail_of(io.BytesIO(data), 40, kind="JPEG")
    assert pictures.thumbnail_of(data, 40, "JPEG") == made
    np.testing.assert_array_equal(
        pictures.small_picture(str(path), 100, limits),
        thumbnails.small_picture(str(path), 100, limits),
    )
    np.testing.assert_array_equal(
        pictures.pixels_of_upload(data, preprocessing),
        decoding.pixels_from_bytes(data, preprocessing),
    )


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("empty.jpg", b""),
        ("notes.jpg", b"no picture"),
        ("page.jpg", b"<!doctype html><html></html>"),
        ("cut.png", png(300, 200)[:200]),
        ("big.png", png(300, 200)),
        (os.fsdecode(b"b\xe4d.jpg"), b"no picture"),
    ],
)
def test_a_worker_finds_the_same_problems(
    name: str, data: bytes, tmp_path: Path, preprocessing: Preprocessing
) -> None:
    path = os.path.join(tmp_path, name)
    with open(path, "wb") as file:
        file.write(data)
    small = replace(LIMITS, max_megapixels=0.01)
    found = read_picture(path, preprocessing, small, always)
    assert isinstance(found, Problem)
    assert found == decoding.read_picture(path, preprocessing, small, always)
    for missing in (f"{path}.gone", str(tmp_path)):
        found = read_picture(missing, preprocessing, LIMITS, always)
        assert isinstance(found, Problem)
        assert found == decoding.read_picture(missing, preprocessing, LIMITS, always)
    with pytest.raises(PictureError) as here:
        thumbnails.thumbnail(path, 40, small)
    with pytest.raises(PictureError) as there:
        pictures.small_picture(path, 40, small)
    assert there.value.message == here.value.message


def test_a_known_picture_is_not_decoded(good: str, preprocessing: Preprocessing) -> None:
    seen: list[bytes] = []

    def known(sha256: bytes) -> bool:
        seen.append(sha256)
        return False

    found = read_picture(good, preprocessing, LIMITS, known)
    assert found == decoding.read_picture(good, preprocessing, LIMITS, lambda _: False)
    assert isinstance(found, Picture)
    assert found.pixels is None
    assert seen == [found.sha256]


def test_paths_are_those_of_the_caller(
    good: str, preprocessing: Preprocessing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(os.path.dirname(good))
    assert isinstance(read_picture("good.jpg", preprocessing, LIMITS, always), Picture)


def test_an_error_of_the_caller_reaches_it(
    worker: int, workers: Pool, good: str, preprocessing: Preprocessing
) -> None:
    def fails(_: bytes) -> bool:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        read_picture(good, preprocessing, LIMITS, fails)
    assert isinstance(read_picture(good, preprocessing, LIMITS, always), Picture)
    assert workers.idle() != [worker]


# What goes wrong


@posix
@pytest.mark.parametrize(
    ("number", "kind", "reason"),
    [
        (signal.SIGSEGV, "bad", "crashed"),
        (signal.SIGABRT, "bad", "crashed"),
        (signal.SIGKILL, "transient", "killed"),
        (signal.SIGTERM, "transient", "killed"),
        (signal.SIGHUP, "transient", "killed"),
    ],
)
def test_a_crash_costs_one_picture(
    number: int, kind: str, reason: str, worker: int, good: str, preprocessing: Preprocessing
) -> None:
    def crash(_: bytes) -> bool:
        os.kill(worker, number)
        return True

    found = read_picture(good, preprocessing, LIMITS, crash)
    assert isinstance(found, Problem)
    assert (found.kind, reason in found.reason) == (kind, True)
    if kind == "bad":  # it is tried again only when the file changes
        assert (found.size, found.mtime_ns) == (os.stat(good).st_size, os.stat(good).st_mtime_ns)
    assert isinstance(read_picture(good, preprocessing, LIMITS, always), Picture)


@posix
def test_time_in_which_everything_stood_still_does_not_count(
    worker: int, good: str, preprocessing: Preprocessing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-Z stops the clock's keeper as well: the picture is no reason for the delay."""
    clock, slept = time.monotonic, [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock() + slept[0])
    ticked = threading.Event()
    check = Worker.check

    def counted(one: Worker, stood_still: float = 0.0) -> None:
        check(one, stood_still)
        if stood_still:
            ticked.set()

    monkeypatch.setattr(Worker, "check", counted)

    def go_on() -> None:
        time.sleep(0.5)
        slept[0] = 500.0
        ticked.wait(WAIT_S)
        os.kill(worker, signal.SIGCONT)

    def stop(_: bytes) -> bool:
        os.kill(worker, signal.SIGSTOP)
        threading.Thread(target=go_on).start()
        return True

    found = read_picture(good, preprocessing, replace(LIMITS, max_seconds=60.0), stop)
    assert isinstance(found, Picture)
    assert ticked.is_set()


@posix
def test_a_decoder_that_hangs_is_ended(
    worker: int, good: str, preprocessing: Preprocessing
) -> None:
    def hang(_: bytes) -> bool:
        os.kill(worker, signal.SIGSTOP)
        return True

    found = read_picture(good, preprocessing, replace(LIMITS, max_seconds=0.5), hang)
    assert isinstance(found, Problem)
    assert (found.kind, "took longer" in found.reason) == ("bad", True)
    assert found.size == os.stat(good).st_size
    assert not alive(worker)
    assert isinstance(read_picture(good, preprocessing, LIMITS, always), Picture)


@posix
def test_a_drive_that_hangs_is_no_fault_of_the_picture(
    worker: int, good: str, preprocessing: Preprocessing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "READ_S", 0.5)
    os.kill(worker, signal.SIGSTOP)
    found = read_picture(good, preprocessing, LIMITS, always)
    assert isinstance(found, Problem)
    assert (found.kind, "took longer" in found.reason) == ("transient", True)


def test_time_in_which_the_worker_waits_for_the_caller_does_not_count(
    good: str, large: str, preprocessing: Preprocessing, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The clock of a conversation goes only while the worker works.
    running: list[float | None] = []

    def work_until(_: object, deadline: float | None) -> float:
        running.append(deadline)
        return 1.0  # seconds that were left

    monkeypatch.setattr("retrieval.images.isolation.process.Worker.work_until", work_until)

    def asked(_: bytes) -> bool:
        assert running[-1] is None
        return True

    def hold(pixels: int) -> AbstractContextManager[None]:
        assert running[-1] is None
        return nullcontext()

    monkeypatch.setattr(budget, "hold", hold)
    assert isinstance(read_picture(large, preprocessing, LIMITS, asked), Picture)
    assert running[-1] is None


@linux
def test_a_picture_that_needs_more_memory_than_it_may_have(
    large: str, good: str, preprocessing: Preprocessing
) -> None:
    little = replace(LIMITS, max_memory=16 * 2**20)
    found = read_picture(large, preprocessing, little, always)
    assert isinstance(found, Problem)
    assert (found.kind, "memory" in found.reason) == ("bad", True)
    assert found.size == os.stat(large).st_size
    assert isinstance(read_picture(large, preprocessing, LIMITS, always), Picture)
    assert isinstance(read_picture(good, preprocessing, little, always), Picture)


def test_large_pictures_of_all_workers_share_one_budget(
    large: str, preprocessing: Preprocessing, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = budget.PixelBudget(40_000_000)
    held: list[int] = []

    class Watched:
        def __init__(self, pixels: int) -> None:
            self.pixels, self.share = pixels, shared.hold(pixels)

        def __enter__(self) -> None:
            self.share.__enter__()
            held.append(self.pixels)
            assert sum(held) <= 40_000_000

        def __exit__(self, *_: object) -> None:
            held.remove(self.pixels)
            self.share.__exit__(None, None, None)

    monkeypatch.setattr(budget, "hold", Watched)
    with ThreadPoolExecutor(3) as threads:
        read: Callable[..., Any] = read_picture
        found = threads.map(lambda _: read(large, preprocessing, LIMITS, always), range(4))
        assert all(isinstance(each, Picture) for each in found)
    assert held == []


def test_an_upload_does_not_wait_for_the_pictures_of_the_library(
    large: str, preprocessing: Preprocessing
) -> None:
    data = Path(large).read_bytes()
    with ThreadPoolExecutor(1) as elsewhere, budget.hold(10**9):  # all of it
        upload = elsewhere.submit(pictures.pixels_of_upload, data, preprocessing)
        assert upload.result(WAIT_S).shape == (32, 32, 3)


def test_the_order_is_kept_around_a_bad_one(
    tmp_path: Path, preprocessing: Preprocessing, quadrants: Image.Image
) -> None:
    paths = []
    for number in range(24):
        paths.append(str(tmp_path / f"{number}.png"))
        quadrants.rotate(15 * number).save(paths[-1])
    Path(paths[7]).write_bytes(repeated_scans((4000, 3000), 3000))
    Path(paths[11]).write_bytes(b"no picture")
    with ThreadPoolExecutor(4) as threads:
        found = list(
            threads.map(lambda path: read_picture(path, preprocessing, LIMITS, always), paths)
        )
    for path, result in zip(paths, found, strict=True):
        same(result, decoding.read_picture(path, preprocessing, LIMITS, always))
    assert [n for n, each in enumerate(found) if isinstance(each, Problem)] == [7, 11]


# Scans


def test_a_jpeg_with_thousands_of_scans_is_refused_before_it_is_decoded(
    tmp_path: Path, preprocessing: Preprocessing, monkeypatch: pytest.MonkeyPatch
) -> None:
    def loaded(_: object) -> None:
        raise AssertionError("it was decoded")

    path = tmp_path / "scans.jpg"
    path.write_bytes(repeated_scans((4000, 3000), 3000))
    monkeypatch.setattr("PIL.JpegImagePlugin.JpegImageFile.load", loaded)
    found = decoding.read_picture(str(path), preprocessing, LIMITS, always)
    assert isinstance(found, Problem)
    assert (found.kind, "scans" in found.reason) == ("bad", True)


@pytest.mark.parametrize(("size", "scans"), [((4000, 3000), 80), ((64, 48), 3000)])
def test_scans_that_take_no_time_are_allowed(
    size: tuple[int, int], scans: int, tmp_path: Path, preprocessing: Preprocessing
) -> None:
    path = tmp_path / "scans.jpg"
    path.write_bytes(repeated_scans(size, scans))
    found = decoding.read_picture(str(path), preprocessing, LIMITS, always)
    assert isinstance(found, Picture)


def test_scans_are_counted_whatever_is_beside_them() -> None:
    data = repeated_scans((64, 48), 500)
    before = count_scans(io.BytesIO(data))
    assert before >= 500
    metadata = b"\xff\xe1" + struct.pack(">H", 2 + 600) + b"\xff\xda" * 300
    video = b"\xff\xda" * 1000
    assert count_scans(io.BytesIO(data[:2] + metadata + data[2:] + video)) == before


@given(st.binary(max_size=300))
def test_counting_scans_ends_for_any_bytes(data: bytes) -> None:
    repeated = b"\xff\xd8" + data + b"\xff\xda" * 101 + data
    assert 0 <= count_scans(io.BytesIO(repeated)) <= len(repeated)


# Workers


def test_nothing_is_started_before_it_is_needed(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import threading\n"
        "from retrieval.images.isolation import pictures\n"
        "print([t.name for t in threading.enumerate()], pictures.FILES.idle())\n"
    )
    assert run(script) == "['MainThread'] []"


def test_a_script_needs_no_guard_and_leaves_nothing(
    tmp_path: Path, good: str, quadrants: Image.Image
) -> None:
    (tmp_path / "numpy.py").write_text("raise SystemExit('not this one')")
    script = tmp_path / "scripts/script.py"
    script.parent.mkdir()
    script.write_text(READS + "print(picture.size, *FILES.idle())\n")
    size, process = run(script, good, cwd=tmp_path).split()
    assert int(size) == os.stat(good).st_size
    until(lambda: not alive(int(process)))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_has_workers_of_its_own(tmp_path: Path, good: str) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        READS
        + "mine = FILES.idle()\n"
        + "if os.fork():\n"
        + "    assert os.wait()[1] == 0\n"
        + "    again = read()\n"
        + "    assert again.size == picture.size and FILES.idle() == mine\n"
        + "    print('fine')\n"
        + "else:\n"
        + "    assert FILES.idle() == []\n"
        + "    assert read().size == picture.size and FILES.idle() != mine\n"
    )
    assert run(script, good) == "fine"


@posix
@pytest.mark.parametrize("stopped", [False, pytest.param(True, marks=linux)])
def test_no_worker_outlives_its_parent(stopped: bool, tmp_path: Path, good: str) -> None:
    script = tmp_path / "script.py"
    script.write_text(READS + "print(*FILES.idle(), flush=True)\ntime.sleep(10_000)\n")
    parent = start(script, good)
    assert parent.stdout is not None
    process = int(parent.stdout.readline())
    if stopped:  # as busy as a decoder that hangs
        os.kill(process, signal.SIGSTOP)
    parent.kill()
    parent.communicate(timeout=SUBPROCESS_S)
    until(lambda: not alive(process))


@posix
def test_ctrl_c_is_the_parents(worker: int, good: str, preprocessing: Preprocessing) -> None:
    assert os.getpgid(worker) != os.getpgid(0)

    def interrupted(_: bytes) -> bool:
        os.kill(worker, signal.SIGINT)
        return True

    assert isinstance(read_picture(good, preprocessing, LIMITS, interrupted), Picture)


@posix
def test_a_worker_that_was_killed_while_it_was_idle_is_replaced(
    worker: int, workers: Pool, good: str, preprocessing: Preprocessing
) -> None:
    os.kill(worker, signal.SIGKILL)
    assert isinstance(read_picture(good, preprocessing, LIMITS, always), Picture)
    assert workers.idle() != [worker]


def test_idle_workers_end(worker: int, workers: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_IDLE_S", 0.0)
    until(lambda: not workers.idle())
    until(lambda: not alive(worker))


@pytest.mark.parametrize("program", ["/no/such/python", "/bin/true", ""])
def test_without_workers_pictures_are_decoded_here_with_a_warning(
    program: str,
    workers: Pool,
    good: str,
    preprocessing: Preprocessing,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(sys, "executable", program)
    with caplog.at_level(logging.WARNING):
        found = read_picture(good, preprocessing, LIMITS, always)
    same(found, decoding.read_picture(good, preprocessing, LIMITS, always))
    assert "worker" in caplog.text
    assert pictures.thumbnail(good, 40) == thumbnails.thumbnail(good, 40)
    assert pictures.small_picture(good, 40, LIMITS).shape == (30, 40, 3)


def test_workers_that_run_do_when_no_more_can_be_started(
    good: str, preprocessing: Preprocessing, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Pool(4)
    monkeypatch.setattr(pictures, "FILES", own)
    assert isinstance(read_picture(good, preprocessing, LIMITS, always), Picture)
    (process,) = own.idle()
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with ThreadPoolExecutor(4) as threads:
        read: Callable[..., Any] = read_picture
        found = threads.map(lambda _: read(good, preprocessing, LIMITS, always), range(12))
        assert all(isinstance(each, Picture) for each in found)
    assert own.idle() == [process]
    own.end_idle()


@given(
    st.dictionaries(st.text(), st.none() | st.integers() | st.text() | st.lists(st.booleans())),
    st.lists(st.binary(), max_size=3),
    st.integers(0, 200),
)
def test_messages_arrive_as_they_were_sent(
    facts: dict[str, Any], parts: list[bytes], missing: int
) -> None:
    pipe = io.BytesIO()
    messages.send(pipe, facts, *parts)
    whole = pipe.getvalue()
    got = messages.receive(io.BytesIO(whole))
    assert got is not None
    assert (got.facts, bytes(got.data)) == (facts, b"".join(parts))
    if missing:
        assert messages.receive(io.BytesIO(whole[:-missing])) is None


READS = """
import os, sys, time
from retrieval.images import ReadLimits
from retrieval.images.isolation.pictures import FILES, read_picture
from retrieval.specs import Preprocessing
how = Preprocessing((32, 32), "squash", "bicubic", (0, 0, 0), (1, 1, 1))
def read():
    return read_picture(sys.argv[1], how, ReadLimits(), lambda _: True)
picture = read()
"""


def start(script: Path, *arguments: str, cwd: Path | None = None) -> subprocess.Popen[str]:
    command = [sys.executable, str(script), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=cwd)


def run(script: Path, *arguments: str, cwd: Path | None = None) -> str:
    process = start(script, *arguments, cwd=cwd)
    said, _ = process.communicate(timeout=SUBPROCESS_S)
    assert process.returncode == 0
    return said.strip()
