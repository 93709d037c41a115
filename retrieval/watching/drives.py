"""Mounted file systems: which drives are present, and which of them are on other machines.

Linux lists them in /proc/self/mountinfo; on other systems the list is empty.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

_LIST = "/proc/self/mountinfo"

# Other machines, or the host of a virtual one, change files there without notice to this system.
_REMOTE = frozenset(
    {
        "nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "ceph", "lustre", "gpfs",
        "glusterfs", "9p", "drvfs", "virtiofs", "vboxsf", "prl_fs", "fuse.vmhgfs-fuse", "vmhgfs",
    }
)  # fmt: skip
_LOCAL_FUSE = frozenset({"fuse.mergerfs", "fuse.encfs", "fuse.gocryptfs", "fuse.cryfs"})


def mounts() -> dict[str, str]:
    """Return the type of the file system at each mount point; {} when unknown."""
    try:
        with open(_LIST, encoding="utf-8", errors="surrogateescape") as file:
            return parse(file.read())
    except OSError:
        return {}


def parse(listed: str) -> dict[str, str]:
    """Parse the format of /proc/self/mountinfo; a later mount at the same path wins."""
    found = {}
    for line in listed.splitlines():
        place, dash, kind = line.partition(" - ")
        fields = place.split(" ")
        if dash and len(fields) > 4:
            found[_unescaped(fields[4])] = kind.split(" ")[0]
    return found


def is_remote(kind: str) -> bool:
    """Tell whether files in a type of file system may change without a notification."""
    return kind in _REMOTE or (kind.startswith("fuse.") and kind not in _LOCAL_FUSE)


def at_or_below(folder: str, mounted: Mapping[str, str]) -> dict[str, str]:
    """Return the file system that contains a folder, and those mounted below it."""
    real = os.path.realpath(folder)
    above = [place for place in mounted if real == place or _is_below(real, place)]
    own = max(above, key=len, default=None)
    below = {place: kind for place, kind in mounted.items() if _is_below(place, real)}
    return below if own is None else {own: mounted[own], **below}


def _is_below(path: str, folder: str) -> bool:
    return path != folder and path.startswith(folder.rstrip("/") + "/")


def _unescaped(field: str) -> str:
    """Decode the octal escapes of spaces and backslashes."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), field)
