"""Search with text, with an uploaded picture, or with an indexed one."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from retrieval.errors import QueryError
from retrieval.query import Query as Question
from retrieval.query import Term
from retrieval.server.paths import refuse_paths
from retrieval.server.search_fields import describe_options
from retrieval.server.state import PictureId, SearchRequest, State


def search_routes(state: State) -> APIRouter:
    """Return the router."""
    routes = APIRouter()

    @routes.get("/search")
    async def search(params: Annotated[SearchRequest, Query()]) -> Response:
        """Search with a query of text and indexed pictures, which it names as `#id`.

        Without a query, list the pictures that match `where`.
        """
        query = Question.parse(params.q) if params.q.strip() or not params.filter.strip() else None
        refuse_paths(query)
        return await state.answer(params, query)

    @routes.get("/options")
    async def options() -> list[dict[str, Any]]:
        """List the search options: names, defaults, allowed values and their labels."""
        return describe_options()

    @routes.post(
        "/search",
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {"image/*": {"schema": {"type": "string"}}},
            }
        },
    )
    async def search_by_picture(
        request: Request, params: Annotated[SearchRequest, Query()]
    ) -> Response:
        """Search with the picture in the body, and with the query in `q` if there is one."""
        data = await request.body()
        if not data:
            raise QueryError(
                "the request has no picture", "send the bytes of a picture as the body"
            )
        terms = Question.parse(params.q).terms if params.q.strip() else ()
        query = Question((*terms, Term("picture", data)))
        refuse_paths(query)
        return await state.answer(params, await state.decoded(query))

    @routes.get("/pictures/{image_id}/similar")
    async def similar(image_id: PictureId, params: Annotated[SearchRequest, Query()]) -> Response:
        """Search with an indexed picture, and with the query in `q` if there is one."""
        await state.image(image_id)
        terms = Question.parse(params.q).terms if params.q.strip() else ()
        query = Question((*terms, Term("indexed", image_id)))
        refuse_paths(query)
        return await state.answer(params, query)

    return routes
