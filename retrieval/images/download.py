"""Download a query picture from the web."""

from __future__ import annotations

from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import Request, urlopen

from retrieval.errors import PictureError

_TIMEOUT_S = 20.0
_MAX_BYTES = 256_000_000


def download(url: str) -> bytes:
    """Return the content at an http(s) address, at most 256 MB; raises PictureError."""
    if not url.startswith(("http://", "https://")):
        raise PictureError(f"{url} is not an http or https address", "begin it with https://")
    # The scheme is checked above. Some servers refuse Python's default agent.
    agent = {"User-Agent": "Mozilla/5.0 (compatible; pixtrieve)"}
    # Like a browser, percent-encode spaces and characters outside ASCII.
    request = Request(quote(url, safe=":/?#[]@!$&'()*+,;=%"), headers=agent)  # noqa: S310
    try:
        with urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
            data: bytes = answer.read(_MAX_BYTES + 1)
    except HTTPError as error:
        raise PictureError(
            f"the server answered {error.code} {error.reason} for {url}", "check the address"
        ) from error
    except (URLError, HTTPException, OSError, ValueError) as error:
        reason = error.reason if isinstance(error, URLError) else error or type(error).__name__
        raise PictureError(
            f"{url} cannot be downloaded: {reason}", "check the address and the network"
        ) from error
    if len(data) > _MAX_BYTES:
        raise PictureError(
            f"{url} is larger than {_MAX_BYTES // 1_000_000} MB",
            "download it with a browser and search with the file",
        )
    return data
