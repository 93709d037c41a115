"""Data sets of small pictures of one colour, in every kind of source; and what a library holds."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from retrieval.encoders import Encoder
from retrieval.images.sources.naming import sources_of
from retrieval.indexing.shards.encoding import EncodeOptions
from retrieval.indexing.shards.engines import LocalEngine
from retrieval.indexing.shards.running import EncodeProgress, encode_sources
from retrieval.library import Library
from support.fakes import FakeEncoder

KEYED_COLOURS = {"0001": (255, 0, 0), "0002": (0, 255, 0), "0003": (0, 0, 255)}
KEYED_CAPTIONS = {"0001": "a red car", "0002": "", "0003": "blue sea"}
COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "grey": (90, 90, 90)}


def png(colour: str | tuple[int, int, int], size: tuple[int, int] = (24, 16)) -> bytes:
    """Return a picture of one colour."""
    out = io.BytesIO()
    rgb = COLOURS[colour] if isinstance(colour, str) else colour
    Image.new("RGB", size, rgb).save(out, "PNG")
    return out.getvalue()


def tar(path: Path, members: Mapping[str, bytes], mode: str = "w") -> Path:
    """Write a tar with these members, in this order."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(data), 1_600_000_000
            archive.addfile(info, io.BytesIO(data))
    return path


def zipped(path: Path, members: Mapping[str, bytes]) -> Path:
    """Write a zip with these members, in this order."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def parquet(path: Path, rows: Sequence[Mapping[str, Any]], **options: Any) -> Path:
    """Write a Parquet file with these rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(list(rows)), path, **options)
    return path


def json_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """Write a file of JSON lines."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def foreign(place: Path, rows: Sequence[Mapping[str, object]], scale: float = 7.0) -> Path:
    """Write what clip-retrieval would: float32 vectors of any length, two files."""
    encoder = FakeEncoder()
    pixels = [np.full((8, 8, 3), KEYED_COLOURS[key], np.uint8) for key in sorted(KEYED_COLOURS)]
    images = encoder.encode_images(np.stack(pixels)) * scale
    texts = encoder.encode_texts([KEYED_CAPTIONS[key] for key in sorted(KEYED_CAPTIONS)])
    for folder in ("img_emb", "text_emb", "metadata"):
        (place / folder).mkdir(parents=True)
    for number, part in enumerate((slice(0, 2), slice(2, 3))):
        np.save(place / f"img_emb/img_emb_{number}.npy", images[part].astype(np.float32))
        np.save(place / f"text_emb/text_emb_{number}.npy", texts[part])
        parquet(place / f"metadata/metadata_{number}.parquet", rows[part])
    return place


def encode(
    encoder: Encoder, out: Path | str, *sources: Path | str, size: int = 3, **options: Any
) -> EncodeProgress:
    """Encode sources on this machine into a folder of shards."""
    how = EncodeOptions(threads=2, shard_size=size, **options)
    found = sources_of([str(source) for source in sources], how.columns)
    engine = LocalEngine(encoder)
    return encode_sources(found, str(out), encoder.spec, engine, how)


def merge(library: Library, folder: Path, *pictures: Path | str) -> Any:
    """Import a folder of shards; return the last progress."""
    *_, last = library.iter_import(folder, pictures=[str(each) for each in pictures])
    return last


def contents_of(library: Library) -> dict[str, list[tuple[Any, ...]]]:
    """Return all that a library knows of pictures: ids, files, facts, vectors, texts, problems."""
    db = library._session.catalogue._db
    tables = {
        "images": "SELECT i.* FROM images i ORDER BY id",
        "vectors": "SELECT id, image_id, view, embedding FROM vectors ORDER BY id",
        "files": "SELECT r.path, r.whole, f.path, f.size, f.mtime_ns, f.image_id, f.problem,"
        " f.problem_kind FROM files f JOIN roots r ON r.id = f.root_id ORDER BY r.path, f.path",
        "texts": "SELECT * FROM texts ORDER BY image_id, source",
        "words": "SELECT rowid, text FROM words ORDER BY rowid",
        "sidecars": "SELECT r.path, s.path, s.source, s.text FROM sidecars s"
        " JOIN roots r ON r.id = s.root_id WHERE EXISTS (SELECT 1 FROM files f WHERE f.image_id"
        " AND f.root_id = s.root_id AND (f.path = s.beside OR substr(f.path, 1,"
        " length(s.beside) + 1) = s.beside || '.' AND"
        " instr(substr(f.path, length(s.beside) + 2), '.') = 0)) ORDER BY r.path, s.path",
        "sketches": "SELECT * FROM sketches ORDER BY image_id",
    }
    return {name: db.rows(sql).fetchall() for name, sql in tables.items()}
