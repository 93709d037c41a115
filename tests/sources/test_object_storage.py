"""Object storage, with a local server that speaks S3."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.data_sets import encode, json_lines, png, tar, zipped
from support.fakes import FakeEncoder

from retrieval import Library
from retrieval.errors import SourceError
from retrieval.server import picture_files

pytest.importorskip("moto")
pytest.importorskip("s3fs")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("default"),  # of boto, moto and their event loops
]

Put = Callable[[str, bytes], str]


@pytest.fixture
def put(monkeypatch: pytest.MonkeyPatch) -> Iterator[Put]:
    """A bucket that is empty; the function puts an object there and returns its address."""
    import boto3
    import s3fs
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    for name, value in (
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
    ):
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    client = boto3.client("s3", endpoint_url=endpoint)
    client.create_bucket(Bucket="pictures")

    def one(key: str, data: bytes) -> str:
        client.put_object(Bucket="pictures", Key=key, Body=data)
        return f"s3://pictures/{key}"

    yield one
    s3fs.S3FileSystem.clear_instance_cache()
    server.stop()


def test_objects_and_archives(
    put: Put, tmp_path: Path, imported: Callable[..., Library], encoder: FakeEncoder
) -> None:
    put("p/a/red.png", png("red"))
    put("p/a/red.txt", b"a red door")
    put("p/ü b/blue.png", png("blue"))
    put("p/bad.jpg", b"no picture")
    put("p/notes.doc", b"no picture either")
    for number in range(2):
        archive = tar(tmp_path / "x.tar", {f"{number}/g.png": png((0, 200 + number, 0))})
        put(f"t/{number:02}.tar", archive.read_bytes())
    put("z.zip", zipped(tmp_path / "z.zip", {"grey.png": png("grey")}).read_bytes())
    lines = json_lines(tmp_path / "l.jsonl", [{"url": "s3://pictures/p/a/red.png", "text": "x"}])
    put("lists/l.jsonl", lines.read_bytes())
    library = imported(
        "s3://pictures/p/",
        "s3://pictures/t/{00..01}.tar",
        "s3://pictures/*.zip",
        "s3://pictures/lists/l.jsonl",
    )
    assert library.search("red")[0].path == "s3://pictures/p/a/red.png"
    assert library.search("blue")[0].path == "s3://pictures/p/ü b/blue.png"
    assert {hit.path for hit in library.search("green", 2)} == {
        f"s3://pictures/t/{number:02}.tar/{number}/g.png" for number in range(2)
    }
    assert [problem.path for problem in library.problems()] == ["s3://pictures/p/bad.jpg"]
    assert library.search('text:"red door"')[0].path == "s3://pictures/p/a/red.png"
    for hit in library.search("green", 9):
        assert hit.open().size == (24, 16)
        image = library.image(hit.id)
        assert image is not None
        assert len(picture_files.original(image)) == image.size
    library.add()
    assert library.status().counts.images == 5
    encoder.images_encoded = 0
    again = encode(encoder, tmp_path / "out", "s3://pictures/p/", "s3://pictures/t/{00..01}.tar")
    assert (again.written, encoder.images_encoded) == (0, 0)
    assert library.remove("s3://pictures/p") == 3


def test_what_is_not_there(put: Put, tmp_path: Path) -> None:
    put("p/a/red.png", png("red"))
    state = encode(FakeEncoder(), tmp_path / "out", "s3://nowhere/p", "s3://pictures/none.tar")
    assert len(state.failures) == 2
    with pytest.raises(SourceError, match="nothing matches"):
        encode(FakeEncoder(), tmp_path / "out", "s3://pictures/x*.tar")
