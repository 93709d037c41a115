"""Tags: values to filter by, labels, and concepts that the user teaches."""

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
    """A concept and its example pictures."""

    name: Name
    like: Annotated[list[PictureId], Field(max_length=MOST_EXAMPLES)] = []
    unlike: Annotated[list[PictureId], Field(max_length=MOST_EXAMPLES)] = []


class Renamed(BaseModel):
    """A concept, and its new name."""

    name: Name
    rename: Name


class Labels(BaseModel):
    """Labels, and the least confidence of a match."""

    labels: Annotated[list[Name], Field(max_length=MOST_LABELS)] = []
    least: Annotated[float, Field(ge=0, le=1)] = LEAST


class Tagging(BaseModel):
    """A concept, and the least probability at which pictures get its tag."""

    name: Name
    least: Annotated[float, Field(ge=0, le=1)] = 0.5


def tag_routes(state: State) -> APIRouter:
    """Return the router of fields, their values, and labels."""
    routes = APIRouter()

    @routes.get("/facets")
    async def facets() -> Response:
        """Count the pictures for each value of each field, dates by month."""
        found = await state.aside(lambda library: library.facets())
        return as_json({name: [asdict(each) for each in values] for name, values in found.items()})

    @routes.get("/fields")
    async def fields() -> Response:
        """List the fields of pictures, for filters, results and exports."""
        return as_json({"fields": [field.as_object() for field in FIELDS.values()]})

    @routes.get("/labels")
    async def labels() -> Response:
        """List the labels in use, and every tag with its number of pictures."""

        def read(library: Library) -> dict[str, object]:
            return {
                "labels": library.tags.labels(),
                "tags": [asdict(tag) for tag in library.tags.all()],
            }

        return as_json(await state.aside(read))

    @routes.get("/often")
    async def often() -> Response:
        """Name what the library shows most: `labels`, or without any, `regions` of its map."""
        return as_json(await state.beside(state.often.names))

    @routes.post("/labels")
    async def label(body: Labels) -> Response:
        """Label all pictures with the labels they show; without labels, use those of last time."""
        found = await state.aside(lambda library: library.tags.label(body.labels, body.least))
        return as_json({"images": found})

    @routes.delete("/labels")
    async def unlabel(label: Annotated[str, Query(min_length=1, max_length=200)]) -> Response:
        """Take a label off all pictures, and off the labels in use."""
        return as_json({"images": await state.aside(lambda library: library.tags.remove(label))})

    return routes


def concept_routes(state: State) -> APIRouter:
    """Return the router of concepts."""
    routes = APIRouter()

    @routes.get("/concepts")
    async def concepts() -> Response:
        """List the concepts, their examples, and how well the model learned them."""
        found = await state.call(lambda library: library.concepts.all())
        return as_json({"concepts": [asdict(concept) for concept in found]})

    @routes.post("/concepts")
    async def learn(body: Taught) -> Response:
        """Learn a concept from indexed pictures.

        New examples replace those of a known concept; without examples, it learns again from its
        stored ones.
        """
        concept = await state.aside(
            lambda library: library.concepts.learn(body.name, body.like, body.unlike)
        )
        return as_json(asdict(concept))

    @routes.post("/concepts/tags")
    async def tag(body: Tagging) -> Response:
        """Tag the pictures that show a concept."""
        count = await state.aside(lambda library: library.concepts.tag(body.name, body.least))
        return as_json({"images": count})

    @routes.patch("/concepts")
    async def rename(body: Renamed) -> Response:
        """Give a concept and its tags another name."""
        found = await state.aside(lambda library: library.concepts.rename(body.name, body.rename))
        return as_json(asdict(found))

    @routes.delete("/concepts")
    async def forget(name: Annotated[str, Query(min_length=1, max_length=200)]) -> Response:
        """Forget a concept and remove its tags."""
        await state.aside(lambda library: library.concepts.forget(name))
        return as_json({})

    return routes
