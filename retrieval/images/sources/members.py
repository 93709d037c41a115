"""What tars, zips and object storage have in common: names of members, and what belongs to what."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from retrieval.errors import PictureError
from retrieval.images import SIDECARS, beside, is_json
from retrieval.images.exported_names import other_names
from retrieval.images.formats import unsupported_reason
from retrieval.images.junk import skips
from retrieval.images.sources import MOST_BESIDE_BYTES, Beside, Flaw, Item, Load, Loaded
from retrieval.query.spelling import as_read

_LONGEST = 4096


@dataclass(frozen=True, slots=True)
class Member:
    """A file of an archive: its name with slashes, its stat, and where it is."""

    name: str
    size: int
    mtime_ns: int
    at: int = -1


def plain_name(name: str) -> str:
    """Return a member's name without a leading "./"."""
    while name.startswith("./"):
        name = name[2:]
    return name


def why_unsafe(name: str) -> str:
    """Return why a member's name cannot be part of a path, "" if it can.

    A name that leads out of its archive would name another file of this machine.
    """
    parts = name.split("/")
    if not name or len(name) > _LONGEST or "\0" in name:
        return "the name of this member is empty, too long or no name"
    if "" in parts or "." in parts or ".." in parts or "\\" in name or name[1:2] == ":":
        return "the name of this member leads out of the archive"
    return ""


def items_of(root: str, members: Iterable[Member]) -> Iterator[Item | Flaw]:
    """Yield the pictures among members, in order, with what describes them.

    `.txt` and `.xmp` beside a picture are its sidecars, and so is Google's `.jpg.json`. Another
    `.json` with the picture's name, or with its part before the first dot (webdataset's key), is
    about it.
    """
    pictures: list[Member] = []
    described: dict[str, list[Member]] = {}
    texts: dict[str, Member] = {}
    for member in members:
        if reason := why_unsafe(member.name):
            yield Flaw(root, member.name, reason)
        elif any(skips(part, in_library=False) for part in member.name.split("/")):
            continue
        elif unsupported_reason(os.path.basename(member.name)) is not None:
            pictures.append(member)
        elif member.name.lower().endswith(SIDECARS) and member.size <= MOST_BESIDE_BYTES:
            texts[as_read(member.name)] = member
            described.setdefault(as_read(beside(member.name)), []).append(member)
    for member in pictures:
        yield _item(root, member, described, texts)


def _item(
    root: str, member: Member, described: dict[str, list[Member]], texts: dict[str, Member]
) -> Item:
    own = as_read(member.name)
    stem = os.path.splitext(own)[0]
    folder, _, name = own.rpartition("/")
    key = f"{folder}/{name.partition('.')[0]}" if folder else name.partition(".")[0]
    sidecars = [
        each
        for owner in dict.fromkeys((stem, own, *map(as_read, other_names(own))))
        for each in described.get(owner, ())
        if owner == own or is_json(each.name) == (owner != stem)
    ]
    about = next((texts[each] for each in (f"{stem}.json", f"{key}.json") if each in texts), None)
    if about in sidecars:
        about = None
    return Item(
        root,
        member.name,
        member.size,
        member.mtime_ns,
        member.at,
        tuple(_beside(each) for each in sorted(sidecars, key=lambda each: each.name)),
        None if about is None else _beside(about),
        unsupported=unsupported_reason(name) or "",
    )


def payload(item: Item, read: Callable[[Member], bytes]) -> Load:
    """Return what reads an item and the files beside it with a function that reads members."""

    def load() -> Loaded:
        picture = b"" if item.unsupported else read(_member(item))
        about = b"" if item.about is None else _text(item.about)
        return Loaded(picture, tuple(_text(each) for each in item.sidecars), about)

    def _text(each: Beside) -> bytes:
        try:
            return read(Member(each.path, each.size, each.mtime_ns, each.at))
        except PictureError:
            return b""

    return load


def loaded_now(load: Load) -> Load:
    """Read at once, because the source is read in order; raise an error when it is asked for."""
    try:
        found = load()
    except PictureError as error:
        failure = error  # `error` itself is gone after the block

        def fail() -> Loaded:
            raise failure

        return fail
    return lambda: found


def _member(item: Item) -> Member:
    return Member(item.path, item.size, item.mtime_ns, item.at)


def _beside(member: Member) -> Beside:
    return Beside(member.name, member.size, member.mtime_ns, member.at)
