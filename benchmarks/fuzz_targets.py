"""What is fuzzed: for each target, how an input is made and what must hold for every one.

A target is made once in a process of its own, with a folder for its files; then it is called with a
random generator for each input. It may raise PixtrieveError; anything else is a finding. To add a
target, write a function that returns a `Case` and give it a line in `TARGETS`.
"""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from hashlib import blake2b
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote, urlencode

import fuzz_seeds
import numpy as np
from fault_place import Place, fake_models, paint_first
from fuzz_mutations import (
    TEXTS,
    mutated,
    mutated_json,
    mutated_png,
    mutated_text,
    png_chunks,
    png_of,
    random_filter,
    strange,
    written_json,
)
from support.fakes import SMALL, FakeEncoder

from retrieval import Library, LibraryError, PixtrieveError, Query, SearchOptions
from retrieval.encoders.compiled import exports
from retrieval.encoders.models import cache, configs, fingerprint, imported
from retrieval.encoders.models.configs import complete_preprocess, read_config
from retrieval.encoders.models.files import locate
from retrieval.encoders.models.references import parse as parse_reference
from retrieval.encoders.tensors import Tensors
from retrieval.encoders.texts.bpe import BpeTokenizer
from retrieval.encoders.transfer import read_packed_model
from retrieval.errors import PictureError
from retrieval.evaluation.captions import read_captions
from retrieval.images import PictureInfo, ReadLimits
from retrieval.images.decoding import decode
from retrieval.images.sources import Flaw
from retrieval.images.sources.naming import sources_of
from retrieval.images.thumbnails import thumbnail_of
from retrieval.images.xmp import read_xmp
from retrieval.query.where import parse as parse_filter
from retrieval.scoring.calibration import read_calibration
from retrieval.stores import StoreHeader
from retrieval.stores.backends import store_factory
from retrieval.tagging.corpora import encode_corpus, read_corpus
from retrieval.texts.captions import read_caption_file
from retrieval.texts.sidecars import read_sidecar, text_of
from retrieval.vectors import from_blobs, normalise, to_blobs
from retrieval.whole_file import sealed, unsealed

Case = Callable[[Random], object]
_LIMITS = ReadLimits(max_megapixels=4)


def _clean(text: str) -> None:
    """Check that a text can be stored and shown: UTF-8, without control characters."""
    text.encode()
    assert all(c.isprintable() or c in "\n\u200d\u200c" or c.isspace() for c in text), repr(text)


def _decoded(data: bytes, *, small: bool) -> None:
    pixels, info = decode(io.BytesIO(data), SMALL, _LIMITS)
    assert pixels.shape == (8, 8, 3)
    assert pixels.dtype == np.uint8
    assert isinstance(info, PictureInfo)
    info.words.encode()
    for value in asdict(info).values():
        if isinstance(value, float):
            assert np.isfinite(value), info
    if small:
        thumbnail_of(io.BytesIO(data), 32, _LIMITS)


def _pictures(seeds: Mapping[str, bytes]) -> Callable[[Path], Case]:
    def make(_: Path) -> Case:
        files = sorted(seeds.values())

        def case(random: Random) -> None:
            data = random.choice(files)
            png = data.startswith(b"\x89PNG") and random.random() < 0.7
            changed = mutated_png(random, data) if png else mutated(random, data, files)
            _decoded(changed, small=random.random() < 0.1)

        return case

    return make


def pictures(folder: Path) -> Case:
    """Return the target of pictures of all formats."""
    return _pictures(fuzz_seeds.pictures())(folder)


def raw(folder: Path) -> Case:
    """Return the target of raw files."""
    return _pictures(fuzz_seeds.raw_files())(folder)


def metadata(_: Path) -> Case:
    """Try EXIF and XMP blocks inside sound pictures."""
    jpeg = fuzz_seeds.saved(fuzz_seeds.drawn(), "JPEG")
    chunks = png_chunks(fuzz_seeds.saved(fuzz_seeds.drawn(), "PNG"))
    exif, xmp = fuzz_seeds.exif_block(), fuzz_seeds.XMP

    def segment(content: bytes) -> bytes:
        return b"\xff\xe1" + (len(content[:65_533]) + 2).to_bytes(2, "big") + content[:65_533]

    def case(random: Random) -> None:
        block, packet = mutated(random, exif), mutated(random, xmp)
        if random.random() < 0.7:
            if not block.startswith(b"Exif\0\0"):
                block = b"Exif\0\0" + block
            space = b"http://ns.adobe.com/xap/1.0/\0"
            data = jpeg[:2] + segment(block) + segment(space + packet) + jpeg[2:]
        else:
            extra = [(b"eXIf", block[6:]), (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet)]
            data = png_of([chunks[0], *extra, *chunks[1:]])
        pixels, info = decode(io.BytesIO(data), SMALL, _LIMITS)  # metadata never costs the picture
        assert pixels.shape == (8, 8, 3)
        info.words.encode()

    return case


def xmp(_: Path) -> Case:
    """Return the target of XMP packets."""

    def case(random: Random) -> None:
        packet = mutated(random, fuzz_seeds.XMP)
        if random.random() < 0.2:
            packet = packet.decode("utf-8", "replace").encode(
                random.choice(("utf-16", "utf-16-be"))
            )
        for line in read_xmp(packet):
            assert line == " ".join(line.split())
            line.encode()

    return case


_TERMS = (
    " + ", " - ", "2:", "0.5:", "#12", "#", "image:", "text:", '"', "'", "\\", "a dog", ":", "1e5:",
    "-", "+", "./a.jpg", "~/b.png", "*", "like:", "concept:", "nan:", "-1:", "http://x/y.jpg",
)  # fmt: skip


def query(_: Path) -> Case:
    """Try questions; what was understood is written so that it is understood alike."""
    seeds = ("2:dog - people", '"a + b" + #12', "./a.jpg - 0.5:snow", "text:'x' + y", "two dogs")

    def case(random: Random) -> None:
        text = mutated_text(random, random.choice(seeds), _TERMS)
        found = Query.parse(text)
        assert Query.parse(str(found)) == found, (text, str(found))

    return case


def where(_: Path) -> Case:
    """Try filters; what was understood is written so that it is understood alike."""

    def case(random: Random) -> None:
        text = random_filter(random)
        if random.random() < 0.4:
            text = mutated_text(random, text, ("and", "or", "not", "(", ")", "'", ",", "~", "in"))
        found = parse_filter(text)
        assert parse_filter(str(found)) == found, (text, str(found))

    return case


def _library(folder: Path) -> str:
    """Make a small library and return its folder."""
    place = Place(folder / "place")
    fake_models()
    paint_first(place.pictures, 12)
    place.index()
    place.annotate()
    place.draw_map()
    return place.library


def search(folder: Path) -> Case:
    """Try questions with filters and options, asked of a library."""
    library = Library.open(_library(folder))

    def case(random: Random) -> None:
        asked = None if random.random() < 0.3 else mutated_text(random, "red - blue", _TERMS)
        parsed = None if asked is None else Query.parse(asked)
        if parsed is not None and any(t.kind == "picture" for t in parsed.terms):
            return
        found = library.search(parsed, random.choice((1, 5, 1000)), where=random_filter(random))
        for hit in found:
            assert np.isfinite(hit.score)
            assert hit.confidence is None or 0 <= hit.confidence <= 1
        json.dumps(found.to_dict())

    return case


_CAPTIONS = (
    '{"file": "a.jpg", "captions": ["a dog", "a beach"]}\n{"file": "b/c.png", "caption": "red"}\n',
    '[{"file": "a.jpg", "text": "x"}, {"image": "b.jpg", "description": "y"}]',
    'file,caption\na.jpg,a dog\n"b, c.jpg","said ""hello""\nand left"\n',
    "filename\tdescription\na.jpg\tx\n",
    "sep=;\r\nfile;caption\r\na.jpg;Größe\r\n",
    '{"file": "a.jpg", "captions": ["x"], "captions_ml": {"de": ["ein Hund"]}}\n',
    'a dog on a beach\n# a comment\n{"text": "ein Hund", "lang": "de"}\n',
)
_ENCODINGS = ("utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-be", "cp1252", "utf-32", "latin-1")


def captions(folder: Path) -> Case:
    """Try caption files, corpora and test sets, as text, tables and JSON in many encodings."""
    path = str(folder / "captions")

    def case(random: Random) -> None:
        text = mutated_text(random, random.choice(_CAPTIONS), (",", "\t", '"', "{", "[", "\n", ":"))
        if random.random() < 0.2:
            row = {"file": "a.jpg", "captions": ["x", "y"], "captions_ml": {"de": ["z"]}}
            text = json.dumps(mutated_json(random, row)) + "\n" + text
        data = text.encode(random.choice(_ENCODINGS), "replace")
        if random.random() < 0.2:
            data = mutated(random, data)
        with open(path, "wb") as file:
            file.write(data)
        reader = random.choice((read_caption_file, read_caption_file, read_corpus, read_captions))
        found = reader(path)
        if isinstance(found, dict):
            for name, lines in found.items():
                os.fsencode(name)
                assert os.path.isabs(name)
                for line in lines:
                    line.encode()
                    assert line == " ".join(line.split())

    return case


def archives(folder: Path) -> Case:
    """Try tars, zips, Parquet files and lists: no name leaves its archive."""
    members = {
        "a/0.png": b"\x89PNG any bytes: they are not decoded here" * 9,
        "a/0.txt": b"a dog",
        "a/0.json": b'{"caption": "x"}',
        "1.png": b"\x89PNG others" * 99,
    }
    seeds = {name: seed(members) for name, seed in fuzz_seeds.ARCHIVES.items()}

    def case(random: Random) -> None:
        name = random.choice(list(seeds))
        data = seeds[name]
        if name == "a.tar.gz" and random.random() < 0.5:
            data = gzip.compress(mutated(random, gzip.decompress(data)), 1)
        else:
            data = mutated(random, data)
        path = str(folder / name)
        with open(path, "wb") as file:
            file.write(data)
        for source in sources_of([path]):
            for piece in source.pieces(3):
                for each in piece.read():
                    if isinstance(each, Flaw):
                        continue
                    item, load = each
                    assert item.path
                    if item.root == path:
                        assert not {"", ".", ".."} & set(item.path.split("/"))
                    if item.size >= 0:  # no address of a list is opened here
                        with suppress(PictureError):
                            load()

    return case


def sidecars(folder: Path) -> Case:
    """Try .txt and .xmp files beside pictures."""
    texts = ("a quiet lake at dawn\nwith two boats", "Ein See – früh am Morgen", "落日的照片", "")

    def case(random: Random) -> None:
        if random.random() < 0.5:
            text = mutated_text(random, random.choice(texts), ("\n", "\r\n", "\0", "word"))
            data = text.encode(random.choice(_ENCODINGS), "replace")
            data = mutated(random, data) if random.random() < 0.5 else data
            _clean(text_of(data))
            return
        path = str(folder / random.choice(("a.xmp", "a.txt", "A.XMP")))
        with open(path, "wb") as file:
            file.write(mutated(random, fuzz_seeds.XMP))
        found = read_sidecar(path)
        assert found is not None
        found[1].encode()

    return case


def vectors(_: Path) -> Case:
    """Try stored vectors: what is written is read, anything else is an error of its value."""

    def case(random: Random) -> None:
        dim = random.choice((1, 4, 64))
        rows = np.array([random.gauss(0, 1) for _ in range(dim * 3)], np.float32).reshape(3, dim)
        blobs = to_blobs(normalise(rows))
        again = from_blobs(blobs, dim)
        assert to_blobs(again) == blobs
        changed = [mutated(random, blob) for blob in blobs]
        if all(len(blob) == 2 * dim for blob in changed):
            assert from_blobs(changed, dim).shape == (3, dim)

    return case


_HEADER = StoreHeader("model", 8, 7, "stamp", 50, 50)


def store(folder: Path) -> Case:
    """Try the vector cache: with other bytes, and with sound digests around false facts."""
    path, factory = str(folder / "cache.faiss"), store_factory("faiss")
    rows = normalise(np.random.default_rng(0).normal(size=(50, 8)).astype(np.float32))
    factory.build(8, [(np.arange(1, 51), rows)]).save(path, _HEADER)
    whole = Path(path).read_bytes()
    tail = 32  # digest, length, magic
    length = int.from_bytes(whole[-16:-8], "little")
    body, trailer = whole[: -tail - length], json.loads(whole[-tail - length : -tail])

    def case(random: Random) -> None:
        data = mutated(random, whole)
        if random.random() < 0.5:  # facts that nobody wrote, with a digest that fits them
            facts = json.dumps(mutated_json(random, trailer)).encode("utf-8", "surrogatepass")
            size = len(facts).to_bytes(8, "little")
            data = body + facts + blake2b(facts, digest_size=16).digest() + size + whole[-8:]
        with open(path, "wb") as file:
            file.write(data)
        found = factory.load(path)
        if found is not None:
            assert data == whole or found[1] != _HEADER or data[: len(body)] == body
            found[0].search(rows[:1], 5)

    return case


def drawn_map(folder: Path) -> Case:
    """Try the file of the map: with other bytes, and as a sound archive of false arrays."""
    library = _library(folder)
    name = next(n for n in os.listdir(os.path.join(library, "cache")) if n.endswith("map.npz"))
    path = os.path.join(library, "cache", name)
    whole = Path(path).read_bytes()
    content = unsealed(whole)
    assert content is not None
    with np.load(io.BytesIO(content)) as archive:
        arrays = {key: archive[key] for key in archive.files}
    opened = Library.open(library)

    def false_arrays(random: Random) -> bytes:
        changed = dict(arrays)
        key = random.choice(sorted(changed))
        if key == "facts":
            facts = mutated_json(random, json.loads(str(changed[key])))
            changed[key] = np.array(json.dumps(facts))
        else:
            array = changed[key]
            changed[key] = random.choice(
                (array[:-1], array[None], array.astype(float) * np.nan, array.astype(str),
                 array.astype(np.int8), np.zeros(0), np.concatenate([array, array]), array[::-1])
            )  # fmt: skip
        file = io.BytesIO()
        np.savez(file, **changed)
        return file.getvalue()

    def case(random: Random) -> None:
        ways = (lambda: mutated(random, whole), lambda: sealed(mutated(random, content)),
                lambda: sealed(false_arrays(random)))  # fmt: skip
        data = random.choice(ways)()
        with open(path, "wb") as file:
            file.write(data)
        found = opened.map.current()
        if found is not None:
            n = len(found.ids)
            assert found.positions.shape == (n, 2)
            assert found.region.shape[:1] == (n,)
            assert np.isfinite(found.positions).all()
        if random.random() < 0.02:
            opened.map.update()

    return case


def model_files(folder: Path) -> Case:
    """Try configurations and checkpoints: JSON of models, exports, packs and digests."""
    os.environ["XDG_CACHE_HOME"] = str(folder / "user-cache")
    config = {
        "model_cfg": {
            "embed_dim": 8,
            "vision_cfg": {"image_size": 32, "layers": 2, "width": 16, "patch_size": 8},
            "text_cfg": {"context_length": 16, "vocab_size": 100, "width": 8, "layers": 1},
        },
        "preprocess_cfg": {
            "mean": [0.5, 0.5, 0.5],
            "std": [0.5, 0.5, 0.5],
            "resize_mode": "squash",
        },
    }
    packed = {"format": 1, "export": exports.VERSION, "reference": "ViT-B-32/openai",
              "fingerprint": "a" * 64, "parts": {"weights": "b"},
              "files": {"a.xml": [3, "c"]}}  # fmt: skip
    record = {"reference": "ViT-B-32/openai", "parts": {"config": {}, "preprocess": {}}}
    sizes: dict[str, int] = {}
    export = {"version": exports.VERSION, "sizes": sizes, "dim": 8, "licence": "",
              "context_length": 16, "cleaning": "lower", "cut": True, "cache_mode": "",
              "least_cosine": {}, "preprocessing": asdict(SMALL)}  # fmt: skip
    calibration = {"version": 1, "fingerprint": "f", "strong": 0.5,
                   "hits": {"intercept": 1.0, "weights": {"score": 2.0}},
                   "answers": {"intercept": 1.0, "weights": {"score": 2.0}}}  # fmt: skip
    own = exports.folder_of("e" * 64)
    named = exports.folder_of(fingerprint.fingerprint_of(record["parts"]))  # type: ignore[arg-type]
    for each in (own, named, str(folder / "model")):
        os.makedirs(each, exist_ok=True)
    weights = folder / "model" / "open_clip_model.safetensors"
    weights.write_bytes(b"weights")

    def write(path: str, random: Random, value: Any) -> str:
        with open(path, "wb") as file:
            file.write(written_json(random, value))
        return path

    def configuration(random: Random) -> None:
        path = write(str(folder / "model" / configs.CONFIG), random, config)
        read = read_config(path)
        complete_preprocess(read["model_cfg"], read.get("preprocess_cfg") or {})
        files = locate(parse_reference(f"local-dir:{folder / 'model'}"))
        if files is not None:
            fingerprint.fingerprint(files)

    def packs(random: Random) -> None:
        write(str(folder / "model" / "model.json"), random, packed)
        read_packed_model(str(folder / "model"))

    def records(random: Random) -> None:
        write(os.path.join(named, imported.RECORD), random, record)
        imported.references()

    def exported(random: Random) -> None:
        write(os.path.join(own, exports.MANIFEST), random, export)
        exports.read_export("e" * 64)

    def calibrations(random: Random) -> None:
        path = write(str(folder / "calibration.json"), random, calibration)
        read_calibration(path, "f")

    def digests(random: Random) -> None:
        path = fingerprint.digest_cache()
        os.makedirs(os.path.dirname(path), exist_ok=True)
        write(path, random, {"61:3:4": "c" * 64})
        assert len(fingerprint.digest(str(weights))) == 64

    cases = (configuration, packs, records, exported, calibrations, digests)
    assert cache.user_cache().startswith(str(folder))
    return lambda random: random.choice(cases)(random)


def safetensors(folder: Path) -> Case:
    """Try headers of safetensors: an array, or an error of the file's value."""
    path = str(folder / "a.safetensors")
    header = {"a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
              "b": {"dtype": "F16", "shape": [4], "data_offsets": [24, 32]},
              "__metadata__": {"format": "pt"}}  # fmt: skip

    def case(random: Random) -> None:
        text = written_json(random, header)
        length = random.choice((len(text), len(text), len(text), len(text) + 1, 2**62, 0))
        with open(path, "wb") as file:
            file.write(length.to_bytes(8, "little") + text + bytes(32))
        try:
            tensors = Tensors(path)
            for name in tensors:
                assert tensors[name].nbytes <= 32
        except ValueError:  # as documented; every caller turns it into a ModelError
            pass

    return case


def tokenizer(folder: Path) -> Case:
    """Try vocabularies of the tokenizer, and texts for it."""
    from retrieval.encoders.models.tables import bpe_vocabulary

    whole = BpeTokenizer(bpe_vocabulary(), 16, "lower")
    with gzip.open(bpe_vocabulary()) as file:
        lines = file.read(4000)
    path = str(folder / "vocabulary.gz")

    def case(random: Random) -> None:
        text = mutated_text(random, "two dogs on a beach", TEXTS)
        rows = whole([text])
        assert rows.shape == (1, 16)
        assert 0 <= rows.min() <= rows.max() < 49_408
        if random.random() < 0.05:
            with open(path, "wb") as file:
                file.write(gzip.compress(mutated(random, lines), 1))
            assert BpeTokenizer(path, 16, "lower")([text]).shape == (1, 16)

    return case


class _Web:
    """The application without a socket, in an event loop of its own."""

    def __init__(self, folder: Path) -> None:
        from retrieval.server import guard
        from retrieval.server.app import create_app

        self._loop = asyncio.new_event_loop()
        self._app: Any = create_app(_library(folder), "cpu", guard.Rules(frozenset({"localhost"})))
        self._queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._loop.create_task(self._app({"type": "lifespan"}, self._queue.get, self._started))
        self._queue.put_nowait({"type": "lifespan.startup"})
        self._ready = asyncio.Event()
        self._loop.run_until_complete(self._ready.wait())

    async def _started(self, _: Any) -> None:
        self._ready.set()

    def ask(
        self, method: str, path: str, query: bytes = b"", body: bytes = b"", kind: str = ""
    ) -> tuple[int, bytes]:
        """Return the status and the body of an answer."""
        sent: list[Any] = []
        headers = [(b"host", b"localhost"), (b"content-length", str(len(body)).encode())]
        headers += [(b"accept", b"application/json, text/event-stream")]
        if kind:
            headers.append((b"content-type", kind.encode()))
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
            "path": path, "raw_path": quote(path, errors="replace").encode(), "root_path": "",
            "query_string": query, "headers": headers, "scheme": "http",
            "server": ("localhost", 80), "client": ("127.0.0.1", 1), "state": {},
        }  # fmt: skip
        messages = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def receive() -> dict[str, Any]:
            message = next(messages, None)
            if message is None:
                await asyncio.sleep(3600)
            assert message is not None
            return message

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        self._loop.run_until_complete(self._app(scope, receive, send))
        status = int(sent[0]["status"])
        answer = b"".join(message.get("body", b"") for message in sent[1:])
        assert status < 500 or status in (501, 503), (
            method,
            path,
            query,
            body,
            status,
            answer[:500],
        )
        return status, answer


_NOT_ASKED = ("/api/index", "/api/duplicates/move", "/api/watch")  # they work for seconds


def http(folder: Path) -> Case:
    """Try requests of the API: parameters and bodies of every address."""
    web = _Web(folder)
    operations = list(_operations(json.loads(web.ask("GET", "/api/openapi.json")[1])))

    def case(random: Random) -> None:
        method, path, names = random.choice(operations)
        path = path.replace("{", "").replace("}", "") if random.random() < 0.02 else path
        for name in ("image_id", "kind", "side", "name", "label", "z", "x", "y"):
            value = random.choice(("1", "2", "zip", "csv", "red", "64", *TEXTS))
            path = path.replace(f"{{{name}}}", value)
        given = {name: _value(random) for name in random.sample(names, min(len(names), 3))}
        for name in ("q", "where"):
            if name in names and random.random() < 0.6:
                given[name] = random_filter(random) if name == "where" else "red - 2:blue"
        body = written_json(random, {"name": "x", "ids": [1, 2], "like": [1], "labels": ["red"]})
        kind = random.choice(
            ("application/json", "application/json", "text/plain", "image/png", "")
        )
        query = urlencode(given, errors="replace").encode()
        web.ask(method, path, query, body if method != "GET" else b"", kind)

    return case


def _operations(described: Any) -> Iterator[tuple[str, str, list[str]]]:
    for path, methods in described["paths"].items():
        if not path.startswith(_NOT_ASKED):
            for method, facts in methods.items():
                names = [each["name"] for each in facts.get("parameters", ())]
                yield method.upper(), path, names


def _value(random: Random) -> str:
    value = strange(random)
    return value if isinstance(value, str) else json.dumps(value)


def mcp(folder: Path) -> Case:
    """Try messages of assistants: JSON-RPC around tools and their arguments."""
    web = _Web(folder)
    arguments = {"query": "red", "limit": 3, "where": "width > 2", "images": 0, "like": [1]}
    calls = [
        {"name": name, "arguments": arguments}
        for name in ("search_images", "similar_images", "describe_image", "library_status")
    ]
    messages: list[Any] = [
        *({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": each} for each in calls),
        {"jsonrpc": "2.0", "id": 1, "method": "tools/call",
         "params": {"name": "similar_images", "arguments": {"like": [1, 2], "limit": 2}}},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
        {"jsonrpc": "2.0", "id": 3, "method": "resources/read",
         "params": {"uri": "pixtrieve://picture/1"}},
    ]  # fmt: skip

    def case(random: Random) -> None:
        body = written_json(random, random.choice(messages))
        status, answer = web.ask("POST", "/mcp", b"", body, "application/json")
        if status == 200 and answer:
            assert b"Traceback" not in answer
            assert b" failed: " not in answer, answer[:500]

    return case


def thumbnails(folder: Path) -> Case:
    """Try cached thumbnails: what is sent is what was made."""
    from retrieval.server.picture_files import thumbnail

    library = Library.open(_library(folder))
    image = next(iter(library.images()))[0]
    kept = str(folder / "thumbnails")
    whole = thumbnail(image, 64, kept)
    (path,) = (p for p in Path(kept).rglob("*") if p.is_file())
    written = path.read_bytes()

    def case(random: Random) -> None:
        path.write_bytes(mutated(random, written))
        assert thumbnail(image, 64, kept) == whole

    return case


def corpora(folder: Path) -> Case:
    """Try cached vectors of corpora: what is used is what the model gives."""
    os.environ["XDG_CACHE_HOME"] = str(folder / "user-cache")
    encoder = FakeEncoder()
    (folder / "corpus.txt").write_text("red\nblue\ngreen red\n", "utf-8")
    corpus = read_corpus(str(folder / "corpus.txt"))
    right = encode_corpus(corpus, encoder)
    (path,) = (folder / "user-cache/pixtrieve/corpora").iterdir()
    whole = path.read_bytes()

    def case(random: Random) -> None:
        path.write_bytes(mutated(random, whole))
        np.testing.assert_array_equal(encode_corpus(corpus, encoder), right)

    return case


def edits(folder: Path) -> Case:
    """Try files of edits: all of one is taken in, or nothing and the file is named."""
    library = Library.open(_library(folder), FakeEncoder())
    names = [path for row, _ in library.images() for path in row.paths]
    library.albums.add("all", names)
    library.favourites.add(names[:1])
    library.saved.add("own", Query.parse("red + #1"), SearchOptions(where="has album", like=[1]))
    library.export_edits(folder / "edits.json")
    whole = json.loads((folder / "edits.json").read_text("utf-8"))

    def case(random: Random) -> None:
        path = folder / "edits.json"
        path.write_bytes(written_json(random, whole))
        before = library.albums.all(), len(library.favourites.pictures()), library.saved.all()
        refusal = ""
        try:
            library.import_edits(path)
        except LibraryError as error:
            refusal = error.message
        if refusal:
            assert "edits.json" in refusal
            after = library.albums.all(), len(library.favourites.pictures()), library.saved.all()
            assert after == before
        for each in library.saved.all():
            with suppress(PixtrieveError):
                library.saved.answer(each.name)
        for album in library.albums.all():
            library.albums.pictures(album.name)
            if album.name != "all":
                library.albums.delete(album.name)
        for each in library.saved.all():
            library.saved.remove(each.name)

    return case


TARGETS: dict[str, Callable[[Path], Case]] = {
    "query": query,
    "where": where,
    "captions": captions,
    "archives": archives,
    "sidecars": sidecars,
    "xmp": xmp,
    "metadata": metadata,
    "pictures": pictures,
    "raw": raw,
    "vectors": vectors,
    "store": store,
    "map": drawn_map,
    "thumbnails": thumbnails,
    "corpora": corpora,
    "edits": edits,
    "model-files": model_files,
    "safetensors": safetensors,
    "tokenizer": tokenizer,
    "search": search,
    "http": http,
    "mcp": mcp,
}
