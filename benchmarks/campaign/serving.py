"""Pictures that change while the page's server sends them."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from campaign.changes import MUTATIONS
from campaign.children import Moments, forked
from campaign.judging import Bench
from campaign.outcomes import OK, Outcome
from campaign.web import Web

_REQUESTS = 12


def changed_while_served(bench: Bench, random: Random) -> Outcome:
    """Change, cut or remove pictures between the look-up, the open, the read and the answer.

    Whatever is sent as the original has the bytes that were indexed; a thumbnail is one; everything
    else is refused with a status below 500.
    """
    import retrieval.server.app  # noqa: F401 - forked processes have it then

    place = bench.place
    bench.begin("indexed")
    seed = random.random()

    def serve() -> str:
        return "; ".join(_served(place.library, place.pictures, Random(seed)))

    ended = forked(serve)
    if ended.how != "done":
        how = "crashed" if ended.how in ("killed", "refused") else ended.how
        return Outcome(how, ended.said)
    if ended.value:
        return Outcome("wrong", ended.value)
    again = forked(place.index)
    return OK if again.how == "done" else Outcome("crashed", again.said)


def _served(library: str, pictures: Path, random: Random) -> Iterator[str]:
    """Ask for pictures while they change; yield what is wrong with the answers."""
    web = Web(library)
    hits = web.json("/api/search", q="red", limit="50")["hits"]
    hits = [hit for hit in hits if "/kept/" not in hit["path"]]
    indexed = {hit["id"]: hashlib.sha256(Path(hit["path"]).read_bytes()).digest() for hit in hits}
    acts: list[Any] = []

    def act(_: str) -> None:
        if acts:
            acts.pop()()

    moments = Moments(str(pictures), 0, act)
    changed: Any = moments
    changed.moment = partial(_sometimes, random, act)
    with moments.counted():
        for _ in range(_REQUESTS):
            hit = random.choice(hits)
            if os.path.isfile(hit["path"]) and not os.path.islink(hit["path"]):
                acts[:] = [partial(random.choice(MUTATIONS), Path(hit["path"]), random)]
            kind = random.choice(("image", "image", "thumbnail", "zip"))
            if said := _wrong(web, kind, hit["id"], indexed):
                yield f"{hit['path']}: {said}"
            acts.clear()


def _sometimes(random: Random, act: Any, what: str = "") -> int:
    """Act at some of the moments; return 0, which lets SQLite go on."""
    if random.random() < 0.5:
        act(what)
    return 0


def _wrong(web: Web, kind: str, number: int, indexed: dict[int, bytes]) -> str:
    """Ask for a picture; return what is wrong with the answer, "" if nothing is."""
    if kind == "zip":
        body, form = f"ids={number}".encode(), "application/x-www-form-urlencoded"
        status, data = web.ask("POST", "/api/download/zip", body=body, kind=form)
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = [name for name in archive.namelist() if name.endswith(".png")]
            sent = [hashlib.sha256(archive.read(name)).digest() for name in names]
        return "" if set(sent) <= {indexed[number]} else "a zip has other bytes than were indexed"
    status, data = web.ask("GET", f"/api/pictures/{number}/{kind}")
    if status >= 400:
        return ""
    if kind == "image":
        same = hashlib.sha256(data).digest() == indexed[number]
        return "" if same else "other bytes were sent than were indexed"
    return "" if data[8:12] == b"WEBP" else "the thumbnail is none"
