"""Talking to the tools for assistants with the SDK's own client."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import os
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.types import INVALID_PARAMS, CallToolResult, ImageContent, TextContent
from PIL import Image

from support.waiting import WAIT_S

T = TypeVar("T")
CHANGING = {"collect_pictures", "save_search"}
TOOLS = {"search_images", "similar_images", "describe_image", "library_status"}
TOOLS |= {"list_collections", "open_saved_search", *CHANGING}


def talk(server: Any, said: Callable[[Client], Awaitable[T]], mode: str = "auto") -> T:
    transport = stdio_client(server) if isinstance(server, StdioServerParameters) else server

    async def run() -> T:
        async with Client(transport, mode=mode, read_timeout_seconds=WAIT_S) as client:
            return await said(client)

    return asyncio.run(run())


def refusal(server: Any, said: Callable[[Client], Awaitable[object]]) -> str:
    """Return the error with which the protocol itself refuses."""

    async def refused(client: Client) -> str:
        with pytest.raises(MCPError) as error:
            await said(client)
        assert error.value.error.code == INVALID_PARAMS
        return error.value.error.message

    return talk(server, refused)


def call(server: Any, tool: str, **arguments: object) -> CallToolResult:
    return talk(server, lambda client: client.call_tool(tool, arguments))


def facts(answer: CallToolResult) -> Any:
    """Return what was answered, the same as structure and as text."""
    assert not answer.is_error, answer.content
    first = answer.content[0]
    assert isinstance(first, TextContent)
    assert json.loads(first.text) == answer.structured_content
    return answer.structured_content


def names(answer: CallToolResult) -> list[str]:
    return [os.path.basename(hit["path"]) for hit in facts(answer)["hits"]]


def complaint(answer: CallToolResult) -> str:
    assert answer.is_error
    (only,) = answer.content
    assert isinstance(only, TextContent)
    assert "Traceback" not in only.text
    return only.text


def seen(answer: CallToolResult) -> list[Image.Image]:
    """Return the pictures of an answer, decoded."""
    found: list[Image.Image] = []
    for block in answer.content:
        if isinstance(block, ImageContent):
            picture = Image.open(io.BytesIO(base64.b64decode(block.data, validate=True)))
            assert block.mime_type == f"image/{str(picture.format).lower()}" == "image/jpeg"
            picture.load()
            found.append(picture)
    return found
