"""Downloads models from the hub into its cache; the only place that uses the network.

Left alone, the hub's client retries for most of a minute when there is no network. So the first
thing here is one short question to the hub; only when it answers does a download begin. What
breaks off later is the client's: it resumes a download while it runs, removes a partial file when
it gives up, keeps files that are complete, and links a file into the snapshot only at the end.
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
from retrieval.encoders.silenced import quiet
from retrieval.errors import ModelNotFound, ModelUnavailable

_ANSWER_WITHIN = 3.5  # seconds in all, so that a failure takes less than five
_SECRET = re.compile(r"hf_[A-Za-z0-9]{8,}|(?<=://)[^/@\s]+@|(?<=Bearer )\S+")


@dataclass(frozen=True, slots=True)
class Fetched:
    """How far the download of one file is, in bytes; `total` is None while it is unknown."""

    model: str
    file: str
    done: int
    total: int | None


def fetch(text: str, progress: Callable[[Fetched], None]) -> tuple[str, ...]:
    """Download a model unless it is on disk, and return the paths of its files."""
    reference = parse(text)
    if not tables.is_installed():  # the hub's client comes with it
        raise tables.missing(f"fetching the model {reference}")
    found = files.locate(reference)
    if found is None:
        _ask_the_hub(reference)
        with quiet():
            for repo, names in files.wanted(reference):
                _download_first(reference, repo, names, progress)
        found = files.locate(reference)
    if found is None:
        raise ModelNotFound(
            f"the hub has no tokenizer for {reference} that can be used",
            "use another model: pixtrieve models",
        )
    return (found.weights, *found.tokenizer_files)


def endpoint() -> str:
    """Return the address of the hub."""
    from huggingface_hub import constants

    return (os.environ.get("HF_ENDPOINT") or constants.ENDPOINT).rstrip("/")


def _ask_the_hub(reference: ModelReference) -> None:
    """Raise ModelUnavailable within seconds unless the hub can be reached."""
    from huggingface_hub import constants

    switches = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
    on = [
        name for name in switches if os.environ.get(name, "").upper() in {"1", "ON", "YES", "TRUE"}
    ]
    if on or constants.HF_HUB_OFFLINE:
        raise unavailable(reference, f"{(on or switches)[0]} forbids using the network")
    answers: list[str] = []
    # A thread, because looking up a host's name cannot be given a time limit.
    thread = threading.Thread(target=lambda: answers.append(_no_answer()), daemon=True)
    thread.start()
    thread.join(_ANSWER_WITHIN)
    cause = answers[0] if answers else f"no answer in {_ANSWER_WITHIN} seconds"
    if cause:
        raise unavailable(reference, redacted(f"{endpoint()} cannot be reached ({cause})"))


def _no_answer() -> str:
    """Ask the hub's client's own session, so proxies and certificates are those of a download."""
    from huggingface_hub import get_session

    try:
        response = get_session().head(endpoint(), timeout=_ANSWER_WITHIN, follow_redirects=False)
    except Exception as error:  # noqa: BLE001, RUF100 - whatever it is, it is the cause
        return str(error) or type(error).__name__
    return f"it answers {response.status_code}" if response.status_code >= 500 else ""


def _download_first(
    reference: ModelReference,
    repo: str,
    names: tuple[str, ...],
    progress: Callable[[Fetched], None],
) -> None:
    """Download the first of the files that the repository has; tokenizer files are optional."""
    from huggingface_hub import errors

    for name in names:
        if cache.cached_file(repo, name):
            return
        try:
            _download(reference, repo, name, progress)
        except errors.LocalEntryNotFoundError as error:  # the client's words for: no connection
            raise unavailable(reference, _cause(error)) from error
        except errors.EntryNotFoundError:
            continue
        except errors.GatedRepoError as error:
            raise ModelUnavailable(
                f"the hub gives {repo} only to those who accepted its terms",
                f"accept them at {redacted(endpoint())}/{repo}, then set HF_TOKEN to a token",
            ) from error
        except errors.RepositoryNotFoundError as error:
            raise ModelNotFound(
                f"the hub has no repository {repo}, or it is private",
                "check the name; for a private one set HF_TOKEN to your access token",
            ) from error
        except Exception as error:
            raise unavailable(reference, _cause(error)) from error
        else:
            return
    if names[0] not in files.TOKENIZER_FILES:
        raise ModelNotFound(
            f"{repo} has no file {' or '.join(names)}", "it is not a model that open_clip can load"
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
    """Make a progress bar for the hub's client (which takes a class) that reports, not draws."""
    from tqdm import tqdm  # type: ignore[import-untyped, unused-ignore]

    class Bar(tqdm):  # type: ignore[misc, unused-ignore]
        monitor_interval = 0  # no thread that redraws

        def __init__(self, *args: Any, **looks: Any) -> None:
            self.counts = not str(looks.get("desc")).endswith("downloading bytes")
            super().__init__(*args, **{**looks, "file": io.StringIO(), "disable": False})

        def display(self, *_args: Any, **_looks: Any) -> None:
            """Draw nothing."""

        def update(self, n: float | None = 1) -> None:
            super().update(n)
            if self.counts:  # a second bar counts what came compressed over the wire
                report(self.n, self.total)

    return Bar


def _cause(error: BaseException) -> str:
    """Return the first line of the innermost cause: outer ones only say that it failed."""
    while error.__cause__ is not None:
        error = error.__cause__
    return redacted((str(error) or type(error).__name__).strip().splitlines()[0])


def redacted(text: str) -> str:
    """Take access tokens and passwords out of a message."""
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        if token := os.environ.get(name):
            text = text.replace(token, "***")
    return _SECRET.sub("***", text)
