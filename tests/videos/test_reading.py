"""Videos are read moment by moment, whatever their container, and damage costs one file."""

from __future__ import annotations

import io
import random
from contextlib import ExitStack
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from support.fakes import SMALL
from support.videos import CODECS, COLOURS, make_video, turn_clockwise, write_frames

from retrieval.errors import PictureError
from retrieval.images import Picture, PictureInfo, ReadLimits
from retrieval.images.decoding import load_picture, read_picture
from retrieval.images.isolation import pictures
from retrieval.images.parts import Part, moment_view, seconds_of
from retrieval.images.thumbnails import thumbnail
from retrieval.images.videos import decoding
from retrieval.images.videos.containers import container_of
from retrieval.images.videos.decoding import read_moments
from retrieval.images.videos.reading import Video
from retrieval.images.videos.sampling import MOST_MOMENTS, Plan, step_of

SCENES = (("red", 3.0), ("green", 2.0), ("blue", 4.0))


def moments(path: Path, limits: ReadLimits | None = None) -> tuple[PictureInfo, tuple[Part, ...]]:
    with open(path, "rb") as file:
        return read_moments(file, container_of(file.read(64)), SMALL, limits or ReadLimits())


def colour_of(pixels: np.ndarray) -> str:
    mean = pixels.reshape(-1, 3).mean(axis=0)
    return min(COLOURS, key=lambda name: float(np.abs(mean - COLOURS[name]).sum()))


@pytest.mark.parametrize("extension", CODECS)
def test_moments_are_where_scenes_begin(tmp_path: Path, extension: str) -> None:
    info, parts = moments(make_video(tmp_path / f"a{extension}", SCENES))
    assert [colour_of(part.pixels) for part in parts] == ["red", "green", "blue"]
    starts = [seconds_of(part.view) for part in parts]
    assert starts[0] == 0
    assert starts[1] == pytest.approx(3, abs=1.05)
    assert starts[2] == pytest.approx(5, abs=1.05)
    assert info.format == extension[1:].upper()
    assert (info.width, info.height) == (96, 64)
    assert info.duration == pytest.approx(9, abs=0.2)


def test_one_key_frame_for_all(tmp_path: Path) -> None:
    """Screen recordings have a single key frame, and then more packets than a part holds."""
    scenes = (("red", 30.0), ("green", 30.0), ("blue", 10.0))
    path = make_video(tmp_path / "a.mp4", scenes, g="100000", sc_threshold="0")
    with av.open(str(path)) as container:
        keys = sum(packet.is_keyframe for packet in container.demux(video=0))
    assert keys == 1
    _, parts = moments(path)
    assert [colour_of(part.pixels) for part in parts] == ["red", "green", "blue"]
    assert seconds_of(parts[1].view) == pytest.approx(30, abs=1.05)


def test_a_turned_video_is_upright(tmp_path: Path) -> None:
    pixels = np.zeros((64, 96, 3), np.uint8)
    pixels[:, :48] = COLOURS["red"]  # the left half, which comes to lie above
    path = write_frames(tmp_path / "a.mp4", [(pixels, 10)])
    turn_clockwise(path)
    info, parts = moments(path)
    assert (info.width, info.height) == (64, 96)
    picture = np.asarray(load_picture(str(path)), np.int16)
    assert picture.shape == (96, 64, 3)
    assert colour_of(picture[:40]) == "red"
    assert colour_of(picture[56:]) == "black"
    assert colour_of(parts[0].pixels[:3]) == "red"
    assert colour_of(parts[0].pixels[5:]) == "black"


def test_what_the_container_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    told = {
        "creation_time": "2021-05-06T07:08:09Z",
        "location": "+38.7223-009.1393/",
        "title": "A walk",
    }
    info, _ = moments(make_video(tmp_path / "a.mp4", SCENES, metadata=told))
    assert info.taken.startswith("2021-05-06T")
    assert (info.latitude, info.longitude) == (38.7223, -9.1393)
    assert info.words == "A walk"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"com.apple.quicktime.creationdate": "2021-05-06T23:08:09+0200"}, "2021-05-06T23:08:09"),
        ({"creation_time": "1904-01-01T00:00:00Z"}, ""),
        ({"creation_time": "1970-01-01T00:00:00Z"}, ""),
        ({"creation_time": "yesterday"}, ""),
        ({}, ""),
    ],
)
def test_dates(written: dict[str, str], expected: str) -> None:
    from retrieval.images.videos.told import facts_told

    assert facts_told(written)["taken"] == expected


@pytest.mark.parametrize("written", ["+99.0+009.0/", "+00.0000+000.0000/", "north", "+1+181/", ""])
def test_positions_that_are_none(written: str) -> None:
    from retrieval.images.videos.told import facts_told

    assert "latitude" not in facts_told({"location": written})


def test_containers_of_pictures_and_music_are_no_videos() -> None:
    for brand in (b"heic", b"avif", b"mif1", b"crx ", b"M4A ", b"M4B "):
        assert container_of(b"\0\0\0\x18ftyp" + brand + bytes(48)) == ""
    assert container_of(b"RIFF\0\0\0\0WEBP" + bytes(52)) == ""
    assert container_of(b"RIFF\0\0\0\0AVI " + bytes(52)) == "AVI"
    assert container_of(b"\0\0\0\x14ftypqt  " + bytes(52)) == "MOV"
    assert container_of(b"\0\0\0\x08wide\0\0\0\0mdat" + bytes(48)) == "MOV"


def test_every_byte_may_be_damaged(tmp_path: Path) -> None:
    """Damage gives moments or a reason, never another exception."""
    whole = make_video(tmp_path / "a.mp4", SCENES).read_bytes()
    chosen = random.Random(1)
    read = refused = 0
    for number in range(120):
        data = bytearray(whole)
        if number % 3 == 0:
            del data[chosen.randrange(len(data)) :]
        for _ in range(chosen.randrange(1, 20)):
            if data:
                data[chosen.randrange(len(data))] = chosen.randrange(256)
        name = container_of(bytes(data[:64]))
        if not name:
            continue
        try:
            _, parts = read_moments(io.BytesIO(bytes(data)), name, SMALL, ReadLimits())
        except PictureError:
            refused += 1
        else:
            assert parts
            read += 1
    assert read
    assert refused


def test_sound_alone_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame(format="fltp", layout="mono", samples=1024)
        frame.sample_rate = 8000
        frame.planes[0].update(bytes(4096))
        for packet in (*stream.encode(frame), *stream.encode()):
            container.mux(packet)
    with pytest.raises(PictureError, match="no moving pictures"):
        moments(path)


def test_a_frame_above_the_limit_is_refused(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", SCENES, size=(640, 480))
    with pytest.raises(PictureError, match="megapixels"):
        moments(path, ReadLimits(max_megapixels=0.1))


def test_a_worker_reads_the_same(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", SCENES)
    results = [
        read(str(path), SMALL, ReadLimits(), lambda _: True)
        for read in (read_picture, pictures.read_picture)
    ]
    here, there = (result for result in results if isinstance(result, Picture))
    assert [part.view for part in here.parts] == [part.view for part in there.parts]
    for one, other in zip(here.parts, there.parts, strict=True):
        assert np.array_equal(one.pixels, other.pixels)
    assert here.info == there.info
    assert here.pixels is not None
    assert there.pixels is not None
    assert np.array_equal(here.pixels, there.pixels)


def test_thumbnails_show_the_wanted_moment(tmp_path: Path) -> None:
    path = str(make_video(tmp_path / "a.mp4", SCENES))
    for at, colour in ((0.5, "red"), (3.6, "green"), (8.9, "blue"), (99.0, "blue")):
        for make in (thumbnail, pictures.thumbnail):
            shown = Image.open(io.BytesIO(make(path, 64, at=at))).convert("RGB")
            assert colour_of(np.asarray(shown)) == colour, at


@pytest.mark.parametrize(("late", "found"), [(0.0, 3), (0.6, 1), (0.9, 0)])
def test_time_is_limited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late: float, found: int
) -> None:
    """After half of the time only key frames are decoded, after four fifths nothing more."""
    path = make_video(tmp_path / "a.mp4", SCENES, g="100000", sc_threshold="0")
    monkeypatch.setattr(Video, "_is_over", lambda _, share: late > share)
    if found:
        assert len(moments(path)[1]) == found
    else:
        with pytest.raises(PictureError, match="longer than"):
            moments(path)


def test_a_recording_that_does_not_say_how_long_it_is(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.webm", SCENES, muxer={"live": "1"})
    with av.open(str(path)) as container:
        assert not container.duration
    info, parts = moments(path)
    assert [colour_of(part.pixels) for part in parts] == ["red", "green", "blue"]
    assert info.duration == pytest.approx(9, abs=0.3)


def test_a_single_frame_is_a_video(tmp_path: Path) -> None:
    info, parts = moments(make_video(tmp_path / "a.mkv", (("red", 0.1),)))
    assert len(parts) == 1
    assert info.duration is not None
    assert info.duration > 0


def test_what_changes_all_the_time_has_no_more_moments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "_MOST_PARTS", 6)
    scenes = [(colour, 1.2) for _ in range(6) for colour in ("red", "green", "blue")]
    _, parts = moments(make_video(tmp_path / "a.mp4", scenes))
    starts = [seconds_of(part.view) or 0.0 for part in parts]
    assert 3 <= len(parts) <= 6
    assert starts == sorted(starts)
    assert starts[-1] > 10  # the whole of it is covered


@pytest.mark.parametrize("duration", [0.0, 3.0, 200.0, 7200.0, 1e6])
def test_the_number_of_moments_is_bounded(duration: float) -> None:
    plan = Plan(step_of(duration))
    # A key frame each half second, as all cameras together would write them.
    count = sum(len(list(plan.wanted(at / 2, at / 2 + 0.5))) for at in range(int(2 * duration)))
    assert count <= 2.5 * MOST_MOMENTS
    if duration >= 3:
        assert count >= min(duration, MOST_MOMENTS) - 1


def test_names_of_moments() -> None:
    assert seconds_of(moment_view(12.3333333)) == 12.334  # never before the frame
    assert seconds_of(moment_view(3.0)) == 3.0
    for view in ("whole", "text", "at", "at x", "at 1", "at -1.000"):
        assert seconds_of(view) is None


def test_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from retrieval.images import formats
    from retrieval.images.videos import reading

    path = make_video(tmp_path / "a.mp4", SCENES)
    monkeypatch.setattr(formats, "can_read", lambda: False)
    monkeypatch.setattr(reading, "can_read", lambda: False)
    assert "pip install 'pixtrieve[video]'" in str(formats.unsupported_reason("a.mp4"))
    with pytest.raises(PictureError, match="video"), ExitStack():
        moments(path)
