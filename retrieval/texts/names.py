"""Extracts words from names of files and folders; skips names that cameras and programs give."""

from __future__ import annotations

import os
import re

from retrieval.images.places import archive_ending

_CAMERA_NAMES = re.compile(
    r"(?:img|image|dsc|dscn|dscf|dscd|pict|pic|photo|imgp|cimg|sam|gopr|g|gp|gh|gx|dji|vid|mov|mvi"
    r"|pxl|mvimg|wp|wa|fb_img|received|signal|telegram|whatsapp image|p|r|s|h|l|kic|sdc|stp|hpim"
    r"|pano|burst|bild|foto|scan|untitled|unnamed|download|file|frame|_mg|_dsc|_dsf|_igp)?"
    r"[\s_.()~-]*(?:\d[\d\s_.()~:-]*|at|edited|copy|burst|cover|hdr|pano|portrait|night|mp|wa|bw)*",
    re.IGNORECASE,
)
# Names that cameras and systems give to folders: 100CANON, DCIM, Camera Roll.
_PLAIN_FOLDERS = re.compile(
    r"\d{3}[a-z_]{5}|dcim|camera(?: roll)?|pictures?|photos?|images?|img|media|home|users?|mnt|tmp"
    r"|downloads?|desktop|originals?|masters?|my (?:pictures|photos)|bilder|fotos?|d?\d*",
    re.IGNORECASE,
)
_CODE = re.compile(r"(?=.*\d)(?=.*[a-f])[0-9a-f]{8,}|\d{7,}|[0-9a-f]{16,}", re.IGNORECASE)
_WORD_BOUNDARY = re.compile(
    r"(?<=[a-zß-öø-ÿ])(?=[A-ZÀ-ÖØ-Þ])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[^\W\d_]{2})(?=\d)|(?<=\d)(?=[^\W\d_]{2})"
)
_SEPARATORS = re.compile(r"[\W_]+")


def words_of_path(root: str, path: str) -> str:
    """Return the words in a file's path: from its root's own name, its folders and its name.

    `path` is relative to `root`, with slashes. "" when a camera or program gave all the names.
    """
    *folders, name = path.split("/")
    stem = os.path.splitext(name)[0]
    parts = [words_of_folder(each) for each in (_name_of(root), *folders)]
    parts.append("" if _CAMERA_NAMES.fullmatch(stem) else _words(stem))
    return " ".join(dict.fromkeys(filter(None, parts)))


def _name_of(root: str) -> str:
    """Return the name of a root, without the ending of an archive."""
    name = os.path.basename(root)
    return name[: -len(ending)] if (ending := archive_ending(name)) else name


def words_of_folder(name: str) -> str:
    """Return the words in one folder's name."""
    return "" if _PLAIN_FOLDERS.fullmatch(name) else _words(name)


def _words(name: str) -> str:
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace").replace("\ufffd", " ")
    kept = [word for word in _SEPARATORS.split(text) if word and not _CODE.fullmatch(word)]
    return " ".join(part for word in kept for part in _WORD_BOUNDARY.split(word) if part)
