"""The file of a backup: a zip archive that proves to be whole, and is read without trusting it.

Beside the members is `manifest.json`, which names each one with its size and SHA-256. The archive's
comment, the last bytes of the file, is the SHA-256 of everything before it. So a file that is cut
short, or differs in a single bit, is refused before anything is taken from it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import time
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

from retrieval.errors import LibraryError

MANIFEST = "manifest.json"
CATALOGUE = "catalogue.sqlite"
MOVES = "moves"

_KIND, _VERSION = "pixtrieve-backup", 1
_COMMENT = b"sha256 "
_DIGEST_CHARACTERS = 64
_NAMES = re.compile(rf"{re.escape(CATALOGUE)}|{MOVES}/[A-Za-z0-9][A-Za-z0-9._-]{{0,99}}")
_MOST_MANIFEST_BYTES = 2**20
_BLOCK = 2**20
_SAMPLE_BLOCKS = 16
_WORTH = 0.9
"""Compression is used for a member whose sample shrinks to this share or less."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive: its size in bytes and its SHA-256 as hexadecimal digits."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Archive:
    """An open archive whose digest is right; `facts` are those that were given to `write`."""

    path: str
    facts: dict[str, Any]
    members: dict[str, Member]
    _zip: zipfile.ZipFile

    def extract(self, name: str, target: str) -> None:
        """Write a member to a new file; raise LibraryError if it is not what the manifest says."""
        wanted = self.members[name]
        free = shutil.disk_usage(os.path.dirname(target)).free
        if wanted.size > free:
            raise LibraryError(
                f"the backup {self.path} needs {wanted.size:,} bytes in "
                f"{os.path.dirname(target)}, where {free:,} are free",
                "free disk space and run the command again",
            )
        digest, size = hashlib.sha256(), 0
        with self._zip.open(name) as source, open(target, "wb") as file:
            while (block := source.read(_BLOCK)) and size <= wanted.size:
                size += len(block)
                digest.update(block)
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        if (size, digest.hexdigest()) != (wanted.size, wanted.sha256):
            raise _refused(self.path, f"{name} in it is damaged")


def is_member(name: str) -> bool:
    """Tell whether a file of this name may be in an archive."""
    return _NAMES.fullmatch(name) is not None


def write_archive(path: str, files: Mapping[str, str], facts: Mapping[str, Any]) -> None:
    """Write an archive of files by member name, with facts for its manifest. Raises OSError."""
    members: dict[str, dict[str, Any]] = {}
    with zipfile.ZipFile(path, "w", allowZip64=True) as archive:
        for name, source in files.items():
            members[name] = _add(archive, name, source)
        head = {"format": _KIND, "version": _VERSION}
        manifest = json.dumps({**head, **facts, "members": members}, indent=2)
        archive.writestr(_info(MANIFEST), manifest, zipfile.ZIP_DEFLATED)
        archive.comment = _COMMENT + b"0" * _DIGEST_CHARACTERS
    with open(path, "r+b") as file:
        digest = _digest(file)
        file.seek(-_DIGEST_CHARACTERS, os.SEEK_END)
        file.write(digest.encode())
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def open_archive(path: str) -> Iterator[Archive]:
    """Open an archive and check its digest, its manifest and its names; LibraryError otherwise."""
    try:
        with open(path, "rb") as file:
            _check_digest(path, file)
            with zipfile.ZipFile(file) as archive:
                facts, members = _manifest(path, archive)
                yield Archive(path, facts, members, archive)
    except OSError as error:
        raise LibraryError(
            f"the backup {path} cannot be read: {error.strerror or error}", "check the path"
        ) from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise _refused(path, str(error)) from error


def _add(archive: zipfile.ZipFile, name: str, source: str) -> dict[str, Any]:
    digest, size = hashlib.sha256(), 0
    info = _info(name)
    info.compress_type = zipfile.ZIP_DEFLATED if _pays(source) else zipfile.ZIP_STORED
    with open(source, "rb") as file, archive.open(info, "w", force_zip64=True) as member:
        while block := file.read(_BLOCK):
            size += len(block)
            digest.update(block)
            member.write(block)
    return {"size": size, "sha256": digest.hexdigest()}


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, max(time.localtime()[:6], (1980, 1, 1, 0, 0, 0)))
    info.external_attr = 0o600 << 16
    return info


def _pays(path: str) -> bool:
    """Tell from blocks throughout a file whether compression saves a tenth of it."""
    size = os.path.getsize(path)
    before = after = 0
    with open(path, "rb") as file:
        for number in range(_SAMPLE_BLOCKS):
            file.seek(size * number // _SAMPLE_BLOCKS)
            block = file.read(_BLOCK // _SAMPLE_BLOCKS)
            before += len(block)
            after += len(zlib.compress(block, 1))
    return after <= _WORTH * before


def _digest(file: IO[bytes]) -> str:
    """Return the SHA-256 of a file without its last characters, which hold it."""
    left = file.seek(0, os.SEEK_END) - _DIGEST_CHARACTERS
    file.seek(0)
    digest = hashlib.sha256()
    while left > 0 and (block := file.read(min(_BLOCK, left))):
        left -= len(block)
        digest.update(block)
    return digest.hexdigest()


def _check_digest(path: str, file: IO[bytes]) -> None:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - len(_COMMENT) - _DIGEST_CHARACTERS))
    comment = file.read()
    if not comment.startswith(_COMMENT) or size <= len(comment):
        file.seek(0)
        is_zip = file.read(4) == b"PK\x03\x04"
        raise _refused(path, "it is cut short, or was changed" if is_zip else "it is none")
    if _digest(file).encode() != comment[len(_COMMENT) :]:
        raise _refused(path, "its content does not match its checksum")
    file.seek(0)


def _manifest(path: str, archive: zipfile.ZipFile) -> tuple[dict[str, Any], dict[str, Member]]:
    infos = {info.filename: info for info in archive.infolist()}
    manifest = infos.pop(MANIFEST, None)
    if manifest is None or manifest.file_size > _MOST_MANIFEST_BYTES:
        raise _refused(path, f"it has no {MANIFEST}")
    try:
        facts = json.loads(archive.read(manifest))
        kind, version = facts.pop("format"), facts.pop("version")
        members = {name: Member(**each) for name, each in facts.pop("members").items()}
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        raise _refused(path, f"its {MANIFEST} cannot be read") from error
    if kind != _KIND or version != _VERSION:
        raise _refused(path, f"it has the format {kind!r}, version {version!r}")
    if members.keys() != infos.keys() or len(archive.infolist()) != len(infos) + 1:
        raise _refused(path, "it does not hold the files that its manifest names")
    for name, member in members.items():
        if not is_member(name) or infos[name].file_size != member.size:
            raise _refused(path, f"it holds a file that is not part of a backup: {name!r}")
    if CATALOGUE not in members:
        raise _refused(path, "it has no catalogue")
    return facts, members


def _refused(path: str, reason: str) -> LibraryError:
    return LibraryError(
        f"{path} is not a whole backup of a library: {reason}",
        "take another copy of it, or an older backup; nothing was changed",
    )
