"""Rows of tables and JSON objects: which column is the picture, which its caption, and the rest."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from retrieval.images.places import WEB, joined
from retrieval.images.sources import Columns, Item
from retrieval.query.spelling import absolute, is_address

CAPTIONS = ("caption", "captions", "text", "alt_text", "alt", "description", "title", "prompt")
ADDRESSES = ("url", "image_url", "img_url", "uri", "link")
PATHS = ("file_name", "filename", "file", "image_path", "path", "image")
PICTURES = ("image", "jpg", "jpeg", "png", "webp", "img", "picture", "image_bytes", "bytes", "data")

_TECHNICAL = frozenset(
    {
        "key", "status", "error_message", "exif", "md5", "sha256", "width", "height",
        "original_width", "original_height", "__key__", "__url__", "split",
    }
)  # fmt: skip
TRUSTED = "if you trust the table, --any-address allows it"

_LOCAL = ("file", "local")
_PRIVATE_NAMES = (".local", ".localhost", ".internal", ".lan", ".home.arpa")
_MOST_COLUMNS = 40
_MOST_CHARACTERS = 1000
_MOST_CAPTIONS = 100


def find_column(names: Iterable[str], wanted: str, usual: tuple[str, ...]) -> str:
    """Return the column that the user wants, else the first of the usual ones; "" for none."""
    by_name = {name.lower(): name for name in names}
    return (
        by_name.get(wanted.lower(), "")
        if wanted
        else next((by_name[name] for name in usual if name in by_name), "")
    )


def described(
    row: Mapping[str, Any], choice: Columns, without: Iterable[str] = ()
) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Return the captions of a row, and its other columns as pairs of name and value.

    Columns `without` are left out, and so are empty, technical and very long ones.
    """
    wanted = [name.lower() for name in choice.captions]
    captions: list[str] = []
    columns: list[tuple[str, str]] = []
    left_out = set(without)
    for name, value in row.items():
        if name in left_out:
            continue
        lower = str(name).lower()
        if lower in (wanted or CAPTIONS):
            captions += _lines(value)
        elif lower not in _TECHNICAL and (text := _text(value)) and len(columns) < _MOST_COLUMNS:
            columns.append((_clean(str(name))[:100], text))
    return tuple(dict.fromkeys(captions))[:_MOST_CAPTIONS], tuple(columns)


def about_of(data: bytes, choice: Columns) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Return captions and columns of a JSON object beside a picture; nothing for other data."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return (), ()
    return described(found, choice) if isinstance(found, dict) else ((), ())


def item_at(target: str, folder: str, mtime_ns: int) -> Item | None:
    """Return the item for a path or an address in a list; None if it is neither.

    A path is relative to the list's folder. The web is one root for each scheme.
    """
    target = target.strip()
    if not target or "\0" in target:
        return None
    scheme = next((each for each in WEB if target.lower().startswith(each)), "")
    if scheme:
        rest = target[len(scheme) :]
        return Item(scheme, rest, -1, mtime_ns) if rest.strip("/") else None
    if is_address(target):
        root, _, path = target.rpartition("/")
        return Item(root, path, -1, mtime_ns) if path and not root.endswith("/") else None
    if is_address(folder):
        target = f"{folder}/{target}"
        root, _, path = target.rpartition("/")
        return None if ".." in target.split("/") or not path else Item(root, path, -1, mtime_ns)
    place = absolute(os.path.join(folder, target))
    return Item(os.path.dirname(place), os.path.basename(place), -1, mtime_ns)


def why_refused(target: str, folder: str, choice: Columns) -> str:
    """Return why a row may not name an address, "" if it may; `folder` is that of its table.

    Whoever wrote the table would otherwise choose what is read with the user's rights.
    """
    target = target.strip()
    if not is_address(target) or target.lower().startswith(WEB):
        return ""
    scheme, own = (each.partition("://")[0].lower() for each in (target, folder))
    if scheme in _LOCAL and is_address(folder):
        return "a table that lies elsewhere cannot name files of this machine"
    if choice.any_address or (is_address(folder) and scheme == own):
        return ""
    return f"the row names {scheme}://, where the table does not lie; {TRUSTED}"


def is_public_only(item: Item, folder: str, choice: Columns) -> bool:
    """Tell whether an item may lie on the public web only, not also where its table lies.

    Whoever owns a public name can let it lead to a table now, and into a private network later. So
    the table's server counts only if the name that the user wrote is one of a private network.
    """
    if choice.any_address:
        return False
    try:
        there, own = urlsplit(joined(item.root, item.path)), urlsplit(folder)
    except ValueError:  # like https://[a
        return True
    return there.netloc != own.netloc or not _is_private_name(own.hostname or "")


def _is_private_name(host: str) -> bool:
    """Tell whether no server of names on the internet decides where a host is."""
    if host.endswith(_PRIVATE_NAMES) or ("." not in host and host):
        return True
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _lines(value: Any) -> list[str]:
    texts = value if isinstance(value, list | tuple) else [value]
    lines = (line for text in texts if isinstance(text, str) for line in text.split("\n"))
    clean = (_clean(line) for line in lines)
    return [text for text in clean if text]


def _text(value: Any) -> str:
    """Return a scalar, or a list of texts, as a text; "" for other values."""
    if isinstance(value, list | tuple) and all(isinstance(each, str) for each in value):
        value = ", ".join(value)
    if isinstance(value, bool | int | str):
        return _clean(str(value))[:_MOST_CHARACTERS]
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:g}"
    return ""


def _clean(text: str) -> str:
    text = text.encode("utf-8", "replace").decode("utf-8")
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
