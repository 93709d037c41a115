"""Download models from the hub into its cache.

Without a network, the hub's client retries for most of a minute. So one short request checks that
the hub answers before a download begins. The client handles later interruptions: it resumes a
download while it runs, deletes a partial file when it gives up, keeps complete files, and links a
file into the snapshot only when it is complete.
"""

from __future__ import annotations

import io
import os
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from retrieval.encoders.models import cache, files, tables
from retrieval.encoders.models.references import ModelReference, parse
from retrieval.encoders.models.registry import unavailable
from retrieval.encoders.silenced import silenced
from retrieval.errors import ModelNotFound, ModelUnavailable

_ANSWER_WITHIN = 3.5  # seconds, so that a failure takes less than five in total
_SECRET = re.compile(r"hf_[A-Za-z0-9]{8,}|(?<=://)[^/@\s]+@|(?<=Bearer )\S+")


@dataclass(frozen=True, slots=True)
class Fetched:
    """The progress of one file's download in bytes; `total` is None while it is unknown."""

    model: str
    file: str
    done: int
    total: int | None


def fetch(text: str, progress: Callable[[Fetched], None]) -> tuple[str, ...]:
    """Download a model unless it is on disk, and return the paths of its files.

    Raises ModelNotFound for a model that does not exist, ModelUnavailable when it cannot be
    downloaded, MissingExtra when open_clip is not installed.
    """
    reference = parse(text)
    if not tables.is_installed():  # open_clip installs the hub's client
        raise tables.missing(f"fetching the model {reference}")
    found = files.locate(reference)
    if found is None:
        _require_hub(reference)
        with silenced():
            for repo, names in files.wanted(reference):
                _download_first(reference, repo, names, progress)
        found = files.locate(reference)
    if found is None:
        raise ModelNotFound(
            f"the hub has no usable tokenizer for {reference}",
            "choose another model: pixtrieve models",
        )
    return (found.weights, *found.tokenizer_files)


def endpoint() -> str:
    """Return the URL of the hub."""
    from huggingface_hub import constants

    return (os.environ.get("HF_ENDPOINT") or constants.ENDPOINT).rstrip("/")


def _require_hub(reference: ModelReference) -> None:
    """Raise ModelUnavailable within seconds unless the hub answers."""
    from huggingface_hub import constants

    switches = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
    on = [
        name for name in switches if os.environ.get(name, "").upper() in {"1", "ON", "YES", "TRUE"}
    ]
    if on or constants.HF_HUB_OFFLINE:
        raise unavailable(reference, f"{(on or switches)[0]} forbids using the network")
    answers: list[str] = []
    # In a thread, because a DNS lookup has no time limit.
    thread = threading.Thread(target=lambda: answers.append(_hub_problem()), daemon=True)
    thread.start()
    thread.join(_ANSWER_WITHIN)
    cause = answers[0] if answers else f"no answer in {_ANSWER_WITHIN} seconds"
    if cause:
        raise unavailable(reference, redacted(f"{endpoint()} cannot be reached ({cause})"))


def _hub_problem() -> str:
    """Return why the hub does not answer, "" if it does.

    The request uses the session of the hub's client, so proxies and certificates are the same as
    for a download.
    """
    from huggingface_hub import get_session

    try:
        response = get_session().head(endpoint(), timeout=_ANSWER_WITHIN, follow_redirects=False)
    except Exception as error:  # noqa: BLE001, RUF100 - any error is the cause to report
        return str(error) or type(error).__name__
    return f"it answers {response.status_code}" if response.status_code >= 500 else ""


def _download_first(
    reference: ModelReference,
    repo: str,
    names: tuple[str, ...],
    progress: Callable[[Fetched], None],
) -> None:
    """Download the first of `names` that the repository has; tokenizer files are optional."""
    from huggingface_hub import errors

    for name in names:
        if cache.cached_file(repo, name):
            return
        try:
            _download(reference, repo, name, progress)
        except errors.LocalEntryNotFoundError as error:  # how the client reports no connection
            raise unavailable(reference, _cause(error)) from error
        except errors.EntryNotFoundError:
            continue
        except errors.GatedRepoError as error:
            raise ModelUnavailable(
                f"the hub requires you to accept the terms of {repo}",
                f"accept them at {redacted(endpoint())}/{repo}, then set HF_TOKEN to your access "
                "token",
            ) from error
        except errors.RepositoryNotFoundError as error:
            raise ModelNotFound(
                f"the hub has no repository {repo}, or it is private",
                "check the name; for a private repository, set HF_TOKEN to your access token",
            ) from error
        except Exception as error:
            raise unavailable(reference, _cause(error)) from error
        else:
            return
    if names[0] not in files.TOKENIZER_FILES:
        raise ModelNotFound(
            f"{repo} has no file {' or '.join(names)}, so open_clip cannot load it",
            "choose another model: pixtrieve models",
        )


def _download(
    reference: ModelReference, repo: str, name: str, progress: Callable[[Fetched], None]
) -> None:
    from huggingface_hub import hf_hub_download

    def report(done: float, total: float | None) -> None:
        size = None if total is None else int(total)
        progress(Fetched(str(reference), name, int(done), size))

    hf_hub_download(
        repo, name, cache_dir=cache.hub_cache(), endpoint=endpoint(), tqdm_class=_bar(report)
    )


def _bar(report: Callable[[float, float | None], None]) -> type[Any]:
    """Return a progress bar class for the hub's client that reports instead of drawing."""
    from tqdm import tqdm  # type: ignore[import-untyped, unused-ignore]

    class Bar(tqdm):  # type: ignore[misc, unused-ignore]
        monitor_interval = 0  # prevents tqdm's monitor thread

        def __init__(self, *args: Any, **options: Any) -> None:
            self.counts = not str(options.get("desc")).endswith("downloading bytes")
            super().__init__(*args, **{**options, "file": io.StringIO(), "disable": False})

        def display(self, *_args: Any, **_options: Any) -> None:
            """Draw nothing."""

        def update(self, n: float | None = 1) -> None:
            super().update(n)
            if self.counts:  # a second bar counts compressed bytes on the network
                report(self.n, self.total)

    return Bar


def _cause(error: BaseException) -> str:
    """Return the first line of the innermost cause; outer errors only say that it failed."""
    while error.__cause__ is not None:
        error = error.__cause__
    return redacted((str(error) or type(error).__name__).strip().splitlines()[0])


def redacted(text: str) -> str:
    """Replace access tokens and passwords in a message by ***."""
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        if token := os.environ.get(name):
            text = text.replace(token, "***")
    return _SECRET.sub("***", text)
