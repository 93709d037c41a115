"""What pictures are called: facets to filter by, labels, and concepts that a person teaches."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from retrieval.library import Library
from retrieval.query.fields import FIELDS
from retrieval.server.state import PictureId, State, as_json
from retrieval.tagging.labels import LEAST

MOST_EXAMPLES = 1000
MOST_LABELS = 2000

Name = Annotated[str, Field(min_length=1, max_length=200)]


class Taught(BaseModel):
    """A concept and the pictures that it is learned from."""

    name: Name
    like: Annotated[list[PictureId], Field(max_length=MOST_EXAMPLES)] = []
    unlike: Annotated[list[PictureId], Field(max_length=MOST_EXAMPLES)] = []


class Labels(BaseModel):
    """Labels, and how sure they must be."""

    labels: Annotated[list[Name], Field(max_length=MOST_LABELS)] = []
    least: Annotated[float, Field(ge=0, le=1)] = LEAST


class Tagging(BaseModel):
    """A concept, and how likely pictures must show it to be tagged."""

    name: Name
    least: Annotated[float, Field(ge=0, le=1)] = 0.5


def tag_routes(state: State) -> APIRouter:
    """Make the routes."""
    routes = APIRouter()

    @routes.get("/facets")
    async def facets() -> Response:
        """Count the values that a filter finds something with, by field; dates by month."""
        found = await state.aside(lambda library: library.facets())
        return as_json({name: [asdict(each) for each in values] for name, values in found.items()})

    @routes.get("/fields")
    async def fields() -> Response:
        """List what is known of pictures: the fields of filters, answers and lists."""
        return as_json({"fields": [field.as_object() for field in FIELDS.values()]})

    @routes.get("/labels")
    async def labels() -> Response:
        """List the labels that pictures are given, and every tag with its pictures counted."""

        def read(library: Library) -> dict[str, object]:
            return {
                "labels": library.tags.labels(),
                "tags": [asdict(tag) for tag in library.tags.all()],
            }

        return as_json(await state.aside(read))

    @routes.post("/labels")
    async def label(asked: Labels) -> Response:
        """Give all pictures those labels that they show; without any, the ones of last time."""
        found = await state.aside(lambda library: library.tags.label(asked.labels, asked.least))
        return as_json({"images": found})

    @routes.get("/concepts")
    async def concepts() -> Response:
        """List the concepts, their examples, and how well they were learned."""
        found = await state.call(lambda library: library.concepts.all())
        return as_json({"concepts": [asdict(concept) for concept in found]})

    @routes.post("/concepts")
    async def learn(taught: Taught) -> Response:
        """Learn a concept from indexed pictures; a known name is learned anew."""
        concept = await state.aside(
            lambda library: library.concepts.learn(taught.name, taught.like, taught.unlike)
        )
        return as_json(asdict(concept))

    @routes.post("/concepts/tags")
    async def tag(asked: Tagging) -> Response:
        """Tag the pictures that show a concept."""
        count = await state.aside(lambda library: library.concepts.tag(asked.name, asked.least))
        return as_json({"images": count})

    @routes.delete("/concepts")
    async def forget(name: Annotated[str, Query(min_length=1, max_length=200)]) -> Response:
        """Forget a concept and take its tags off."""
        await state.aside(lambda library: library.concepts.forget(name))
        return as_json({})

    return routes
