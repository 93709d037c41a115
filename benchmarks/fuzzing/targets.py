"""What is fuzzed: for each target, how an input is made and what must hold for every one.

A target is made once in a process of its own, with a folder for its files; then it is called with a
random generator for each input. It may raise PixtrieveError; anything else is a finding. To add a
target, write a function that returns a `Case` and give it a line in `TARGETS`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fuzzing.archives import archives
from fuzzing.cases import Case
from fuzzing.edits import edits
from fuzzing.kept_files import corpora, drawn_map, store, thumbnails, vectors
from fuzzing.models import model_files, safetensors
from fuzzing.pictures import bombs, metadata, pictures, raw, xmp
from fuzzing.questions import options, query, search, where
from fuzzing.texts import captions, sidecars, tokenizer
from fuzzing.videos import videos
from fuzzing.web import http, mcp

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
    "bombs": bombs,
    "videos": videos,
    "vectors": vectors,
    "store": store,
    "map": drawn_map,
    "thumbnails": thumbnails,
    "corpora": corpora,
    "edits": edits,
    "model-files": model_files,
    "safetensors": safetensors,
    "tokenizer": tokenizer,
    "options": options,
    "search": search,
    "http": http,
    "mcp": mcp,
}
