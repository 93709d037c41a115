"""Searching: in words, with a picture, like an indexed one."""

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
    """Make the routes."""
    routes = APIRouter()

    @routes.get("/search")
    async def search(asked: Annotated[SearchRequest, Query()]) -> Response:
        """Search with a question in its written form; pictures only as `#id`.

        Without one, `where` alone lists the pictures that fit.
        """
        query = Question.parse(asked.q) if asked.q.strip() or not asked.filter.strip() else None
        refuse_paths(query)
        return await state.answer(asked, query)

    @routes.get("/options")
    async def options() -> list[dict[str, Any]]:
        """Describe the options of a search: names, defaults, allowed values and their labels."""
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
        request: Request, asked: Annotated[SearchRequest, Query()]
    ) -> Response:
        """Search with the picture in the body, and the question beside it if there is one."""
        data = await request.body()
        if not data:
            raise QueryError("the request has no picture", "send its bytes as the body")
        terms = Question.parse(asked.q).terms if asked.q.strip() else ()
        query = Question((*terms, Term("picture", data)))
        refuse_paths(query)
        return await state.answer(asked, query)

    @routes.get("/pictures/{image_id}/similar")
    async def similar(image_id: PictureId, asked: Annotated[SearchRequest, Query()]) -> Response:
        """Search with an indexed picture, and the question beside it if there is one."""
        await state.image(image_id)
        terms = Question.parse(asked.q).terms if asked.q.strip() else ()
        query = Question((*terms, Term("indexed", image_id)))
        refuse_paths(query)
        return await state.answer(asked, query)

    return routes
