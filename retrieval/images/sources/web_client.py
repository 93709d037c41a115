"""What fsspec's client of web servers may follow: archives and tables on the web."""

from __future__ import annotations

import asyncio
from functools import cache
from typing import Any
from urllib.parse import urljoin, urlsplit

from retrieval.errors import SourceError
from retrieval.images.connections import is_public


@cache
def client_options() -> dict[str, Any]:
    """Return what its session is made with, always the same; raises ImportError without aiohttp.

    A server on the public internet does not redirect it to this machine or into a private network.
    """
    import aiohttp

    trace = aiohttp.TraceConfig()
    trace.on_request_redirect.append(_judge)
    return {"trace_configs": [trace]}


async def _judge(_session: Any, _context: Any, redirect: Any) -> None:
    here = str(redirect.url)
    target = urljoin(here, redirect.response.headers.get("Location", ""))
    if await _is_public_host(here) and not await _is_public_host(target):
        raise SourceError(
            f"{here} redirects to this machine or into a private network", "check the address"
        )


async def _is_public_host(address: str) -> bool:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(urlsplit(address).hostname or "", None)
    return all(is_public(str(each[4][0])) for each in found)
