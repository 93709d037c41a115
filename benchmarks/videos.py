"""Measure videos: whether captions find their moment, and how fast videos are indexed.

    python benchmarks/videos.py [--clips N] [--seconds S] [--sides WIDTHxHEIGHT]

Each clip shows drawn scenes, panned slowly, one after another, each for two to six seconds; the
built-in model was not trained on them. A caption that describes one scene of all is asked, and is
right if the first hit is the clip and its best moment begins while the scene is shown, or at most
two seconds before or after. The containers take turns. Speed is that of a whole `index` run.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

import av
import numpy as np
from bench import BenchmarkError, Machine, begin, note, options, print_table
from PIL import Image

from retrieval import Library
from retrieval.scenes import SetScene, scene_set

_SEED = 7
_SCENES = 5  # in a clip
_RATE = 25
_PAN = 1.15  # how much larger than the frame a scene is drawn
_NEAR_S = 2.0
_CONTAINERS = {
    ".mp4": ("libx264", {}),
    ".mov": ("libx264", {"g": "100000", "sc_threshold": "0"}),
    ".mkv": ("libx265", {"x265-params": "log-level=none"}),
    ".webm": ("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8"}),
    ".avi": ("mpeg4", {"b": "4000000"}),
    ".3gp": ("mpeg4", {"b": "4000000"}),
}
_NAMES = {".mov": "MOV (H.264, one key frame)", ".mp4": "MP4 (H.264)", ".mkv": "MKV (H.265)",
          ".webm": "WebM (VP9)", ".avi": "AVI (MPEG-4)", ".3gp": "3GP (MPEG-4)"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shown:
    """A scene in a clip, from a second to another, with the captions that describe it alone."""

    begins: float
    ends: float
    captions: tuple[str, ...]


def main() -> None:
    """Make clips, index them, ask, and print the tables."""
    parser = options(__doc__)
    parser.add_argument("--clips", type=int, default=24, help="(%(default)s)")
    parser.add_argument("--sides", default="1280x720", help="of the frames (%(default)s)")
    arguments = begin(parser)
    width, _, height = arguments.sides.partition("x")
    size = int(width), int(height)
    machine = Machine()
    with tempfile.TemporaryDirectory() as place:
        made = dict(_clips(place, arguments.clips, size))
        speeds = _speeds(place, made)
        with Library.create(os.path.join(place, "library"), "pocket") as library:
            folder = os.path.join(place, "clips")
            library.add(folder)
            rows = [_row(library, folder, ending, made, speeds) for ending in _CONTAINERS]
            kept = sum(
                os.path.getsize(os.path.join(place, "library", name))
                for name in os.listdir(os.path.join(place, "library"))
                if name.startswith("catalogue")
            )
    seconds = sum(clip[-1].ends for clip in made.values())
    print_table(
        f"Videos of {arguments.sides}, {len(made)} clips of {seconds:.0f} s in all, "
        f"{_SCENES} scenes each, {machine.line()}",
        ("container", "captions", "R@1, video", "R@1, within 2 s", "seconds of video a second"),
        [*rows, _total(rows)],
    )
    note(f"the catalogue has {kept / (seconds / 60):,.0f} bytes for each minute")


def _clips(
    place: str, count: int, size: tuple[int, int]
) -> Iterator[tuple[str, tuple[Shown, ...]]]:
    """Write the clips, and yield the name of each and what it shows."""
    folder = os.path.join(place, "clips")
    os.mkdir(folder)
    random = Random(_SEED)
    members = list(scene_set(count * _SCENES, _SEED, size=max(size)))
    for number in range(count):
        ending = list(_CONTAINERS)[number % len(_CONTAINERS)]
        name = f"clip{number:03}{ending}"
        note(f"making {name}")
        scenes = members[number * _SCENES : (number + 1) * _SCENES]
        yield name, _written(os.path.join(folder, name), scenes, size, random)


def _written(
    path: str, scenes: list[SetScene], size: tuple[int, int], random: Random
) -> tuple[Shown, ...]:
    codec, codec_options = _CONTAINERS[os.path.splitext(path)[1]]
    shown: list[Shown] = []
    begins = 0
    with av.open(path, "w") as container:
        stream = container.add_stream(codec, rate=_RATE)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.options = dict(codec_options)
        for member in scenes:
            large = member.scene.image.resize(
                (round(_PAN * size[0]), round(_PAN * size[1])), Image.Resampling.BICUBIC
            )
            frames = random.randrange(2 * _RATE, 6 * _RATE)
            for at in range(frames):
                left = round((large.width - size[0]) * at / frames)
                top = (large.height - size[1]) // 2
                picture = large.crop((left, top, left + size[0], top + size[1]))
                frame = av.VideoFrame.from_ndarray(np.asarray(picture, np.uint8), format="rgb24")
                for packet in stream.encode(frame):
                    container.mux(packet)
            pairs = zip(member.scene.captions, member.unique, strict=True)
            captions = tuple(dict.fromkeys(caption for caption, unique in pairs if unique))
            shown.append(Shown(begins / _RATE, (begins + frames) / _RATE, captions))
            begins += frames
        for packet in stream.encode():
            container.mux(packet)
    return tuple(shown)


def _speeds(place: str, made: dict[str, tuple[Shown, ...]]) -> dict[str, float]:
    """Return the seconds of video that are indexed a second, for each container."""
    speeds = {}
    for ending in _CONTAINERS:
        names = [name for name in made if name.endswith(ending)]
        if not names:
            raise BenchmarkError(f"at least {len(_CONTAINERS)} clips are needed")
        with Library.create(os.path.join(place, f"library{ending}"), "pocket") as library:
            library.encoder().encode_texts(["warm"])
            began = time.perf_counter()
            library.add([os.path.join(place, "clips", name) for name in names])
            took = time.perf_counter() - began
        speeds[ending] = sum(made[name][-1].ends for name in names) / took
        note(f"{ending}: {speeds[ending]:.0f} seconds of video a second")
    return speeds


def _row(
    library: Library,
    folder: str,
    ending: str,
    made: dict[str, tuple[Shown, ...]],
    speeds: dict[str, float],
) -> tuple[str, ...]:
    asked = video = moment = 0
    for name, scenes in made.items():
        if not name.endswith(ending):
            continue
        for shown in scenes:
            for caption in shown.captions:
                hit = library.search(caption, 1)[0]
                asked += 1
                right = hit.path == os.path.join(folder, name)
                video += right
                near = shown.begins - _NEAR_S <= hit.moments[0].seconds <= shown.ends + _NEAR_S
                moment += right and near
    return (
        _NAMES[ending],
        f"{asked}",
        f"{video / asked:.3f}",
        f"{moment / asked:.3f}",
        f"{speeds[ending]:.0f}",
    )


def _total(rows: list[tuple[str, ...]]) -> tuple[str, ...]:
    counts = [int(row[1]) for row in rows]
    shares = (
        sum(count * float(row[at]) for count, row in zip(counts, rows, strict=True)) / sum(counts)
        for at in (2, 3)
    )
    return ("all", f"{sum(counts)}", *(f"{share:.3f}" for share in shares), "")


if __name__ == "__main__":
    main()
