"""Downloads one picture from the web."""

from __future__ import annotations

from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import Request

from retrieval.errors import PictureError
from retrieval.images.connections import Watch, opener

_TIMEOUT_S = 20.0
_MOST_S = 120.0
"""A server that sends a byte now and then would otherwise keep the connection for hours."""
_MAX_BYTES = 256_000_000
_BLOCK = 2**18


def download(url: str, *, public_only: bool = False) -> bytes:
    """Return the content at an http(s) address, at most 256 MB, within two minutes.

    With `public_only`, neither it nor a redirect may lead to this machine or into a private
    network; without, only redirects from the public internet may not. Raises PictureError,
    AddressRefusedError for such an address.
    """
    if not url.startswith(("http://", "https://")):
        raise PictureError(f"{url} is not an http or https address", "begin it with https://")
    # The scheme is checked above. Some servers refuse Python's default agent.
    agent = {"User-Agent": "Mozilla/5.0 (compatible; pixtrieve)"}
    watch = Watch(public_only=public_only)
    try:
        # Like a browser, percent-encode spaces and characters outside ASCII.
        request = Request(quote(url, safe=":/?#[]@!$&'()*+,;=%"), headers=agent)  # noqa: S310
        with watch.within(_MOST_S), opener(watch).open(request, timeout=_TIMEOUT_S) as answer:
            data = _content(answer)
        if watch.expired:  # without a length, the end that it made looks like the server's
            raise TimeoutError
    except HTTPError as error:
        raise PictureError(
            f"the server answered {error.code} {error.reason} for {url}", "check the address"
        ) from error
    except (URLError, HTTPException, OSError, ValueError) as error:
        reason = error.reason if isinstance(error, URLError) else error or type(error).__name__
        if watch.expired:
            reason = f"it takes longer than {_MOST_S:.0f} s"
        raise PictureError(
            f"{url} cannot be downloaded: {reason}", "check the address and the network"
        ) from error
    if len(data) > _MAX_BYTES:
        raise PictureError(
            f"{url} is larger than {_MAX_BYTES // 1_000_000} MB",
            "download it with a browser and search with the file",
        )
    return data


def _content(answer: Any) -> bytes:
    """Return an answer's body, one byte more than is allowed at most.

    Raises OSError if it ends early.
    """
    data = bytearray()
    while len(data) <= _MAX_BYTES and (block := answer.read1(_BLOCK)):
        data += block
    if len(data) <= _MAX_BYTES and answer.length:
        raise ConnectionError("the server ended the connection early")
    return bytes(data)
