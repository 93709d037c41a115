"""The official SDK's server around the tools; every error becomes text that a model can use."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    BlobResourceContents,
    CallToolRequestParams,
    CallToolResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ListToolsResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
    ResourceTemplate,
    TextContent,
    ToolAnnotations,
)
from mcp.types import Tool as ListedTool
from pydantic import BaseModel, ValidationError
from pydantic.json_schema import GenerateJsonSchema

from retrieval.errors import PixtrieveError
from retrieval.server.mcp.images import JPEG, encoded
from retrieval.server.mcp.tool import Tool
from retrieval.server.mcp.tools import McpTools

LARGE_SIDE = 1568

_INSTRUCTIONS = (
    "Pixtrieve searches the user's own pictures by what they show. Start with search_images; "
    "library_status says what the library holds and which language its model understands. When "
    "you talk to the user, refer to pictures by their paths. No tool changes a file; "
    "collect_pictures and save_search change albums, favourites and saved searches: use them only "
    "when the user asks for it."
)
_PICTURE = re.compile(r"pixtrieve://picture/([1-9]\d{0,17})")

log = logging.getLogger(__name__)


def make_server(mcp_tools: McpTools) -> Server[Any]:
    """Return a server that lists and runs the tools, and offers pictures as resources."""
    tools = {tool.name: tool for tool in mcp_tools.tools()}
    listed = [_listed(tool) for tool in tools.values()]
    template = ResourceTemplate(
        name="picture",
        title="A picture of the library",
        description="A picture by its id, as in the search results.",
        uri_template="pixtrieve://picture/{id}",
        mime_type=JPEG,
    )

    async def list_tools(_: Any, __: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=listed)

    async def call_tool(_: Any, called: CallToolRequestParams) -> CallToolResult:
        tool = tools.get(called.name)
        if tool is None:
            raise MCPError(
                INVALID_PARAMS, f"there is no tool {called.name}; the tools are: {', '.join(tools)}"
            )
        return await _called(tool, called.arguments or {})

    async def list_resources(_: Any, __: PaginatedRequestParams | None) -> ListResourcesResult:
        return ListResourcesResult(resources=[])

    async def list_templates(
        _: Any, __: PaginatedRequestParams | None
    ) -> ListResourceTemplatesResult:
        return ListResourceTemplatesResult(resource_templates=[template])

    async def read(_: Any, params: ReadResourceRequestParams) -> ReadResourceResult:
        found = _PICTURE.fullmatch(params.uri)
        if found is None:
            raise MCPError(
                INVALID_PARAMS, f"there is no {params.uri}; pictures are {template.uri_template}"
            )
        try:
            data = await mcp_tools.picture(int(found[1]), LARGE_SIDE)
        except PixtrieveError as error:
            raise MCPError(INVALID_PARAMS, _words(error)) from error
        blob = BlobResourceContents(uri=params.uri, blob=encoded(data), mime_type=JPEG)
        return ReadResourceResult(contents=[blob])

    return Server(
        "pixtrieve",
        version=version("pixtrieve"),
        title="Pixtrieve",
        instructions=_INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=list_resources,
        on_list_resource_templates=list_templates,
        on_read_resource=read,
    )


async def _called(tool: Tool, arguments: Mapping[str, Any]) -> CallToolResult:
    try:
        answer = await tool.run(tool.arguments.model_validate(arguments))
    except ValidationError as error:
        return _failed(_invalid(error))
    except PixtrieveError as error:
        return _failed(_words(error))
    except Exception as error:
        log.exception("%s failed", tool.name)
        return _failed(
            f"{tool.name} failed: {type(error).__name__}. The server's log has the details."
        )
    facts = answer.facts.model_dump(mode="json", exclude_defaults=True)
    text = TextContent(text=json.dumps(facts, ensure_ascii=False))
    return CallToolResult(content=[text, *answer.pictures], structured_content=facts)


def _failed(text: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(text=text)], is_error=True)


def _words(error: PixtrieveError) -> str:
    return f"{error.message}\n{error.hint}".strip()


def _invalid(error: ValidationError) -> str:
    """Return what is wrong with each argument, one per line."""
    lines = []
    for each in error.errors(include_url=False, include_context=False, include_input=False):
        where = ".".join(str(part) for part in each["loc"])
        what = each["msg"].removeprefix("Value error, ")
        if each["type"] == "extra_forbidden":
            what = "there is no such argument"
        lines.append(f"{where}: {what}" if where else what)
    return "\n".join(lines)


class _Plain(GenerateJsonSchema):
    """Omits titles that only repeat the names: every word costs the model tokens."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def _listed(tool: Tool) -> ListedTool:
    return ListedTool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=_schema(tool.arguments),
        output_schema=_schema(tool.answer),
        annotations=ToolAnnotations(
            read_only_hint=not tool.changes,
            destructive_hint=False,
            idempotent_hint=True,
            open_world_hint=False,
        ),
    )


def _schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON schema of a pydantic model, without class names and docstrings."""
    schema = model.model_json_schema(schema_generator=_Plain)
    for each in (schema, *schema.get("$defs", {}).values()):
        for key in ("title", "description"):  # the name and docstring of the class
            each.pop(key, None)
    return schema
