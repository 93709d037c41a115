"""The user's cache folder and the model hub's cache, read without the hub's client.

The hub documents its layout:

    $HF_HUB_CACHE/models--ORG--REPO/refs/main              the newest fetched revision
    $HF_HUB_CACHE/models--ORG--REPO/snapshots/REVISION/…   its files (links into ../../blobs)

A file appears under `snapshots` only when it is complete, so every file found here is usable.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

_PREFIX = "models--"


def hub_cache() -> str:
    """Return the hub's cache folder, from the same environment variables as the hub's client."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if folder := os.environ.get(name):
            return _expanded(folder)
    home = os.environ.get("HF_HOME") or os.path.join(user_cache(), "huggingface")
    return os.path.join(_expanded(home), "hub")


def user_cache() -> str:
    """Return the user's cache folder by the XDG rules, as the hub's client does on all systems."""
    return os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")


def exports_folder() -> str:
    """Return the parent of all export folders, which are named by the models' fingerprints."""
    return os.path.join(user_cache(), "pixtrieve", "openvino")


def _expanded(folder: str) -> str:
    return os.path.abspath(os.path.expandvars(os.path.expanduser(folder)))


def repo_folder(repo: str) -> str:
    """Return the cache folder of a repository; it may not exist."""
    return os.path.join(hub_cache(), _PREFIX + repo.replace("/", "--"))


def cached_file(repo: str, filename: str) -> str | None:
    """Return the path of a fetched file; None if it is missing or incomplete."""
    snapshot = snapshot_folder(repo)
    path = os.path.join(snapshot, filename) if snapshot else ""
    return path if snapshot and os.path.isfile(path) else None


def snapshot_folder(repo: str) -> str | None:
    """Return the folder with the files of the newest fetched revision; None if there is none."""
    folder = repo_folder(repo)
    try:
        with open(os.path.join(folder, "refs", "main"), encoding="ascii") as file:
            revision = file.read().strip()
    except (OSError, UnicodeDecodeError):
        return None
    snapshot = os.path.join(folder, "snapshots", revision)
    return snapshot if revision and os.path.isdir(snapshot) else None


def cached_repos() -> Iterator[str]:
    """Yield the repositories with a folder in the cache, in alphabetical order."""
    try:
        names = sorted(os.listdir(hub_cache()))
    except OSError:
        return
    for name in names:
        org, separator, repo = name.removeprefix(_PREFIX).partition("--")
        if name.startswith(_PREFIX) and separator:
            yield f"{org}/{repo}"
