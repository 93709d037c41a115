"""The library as a whole: its status, and the files that cannot be used."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from retrieval.images.reasons import without_numbers
from retrieval.library import Library
from retrieval.server.state import State, as_json


def library_routes(state: State) -> APIRouter:
    """Return the router."""
    routes = APIRouter()

    @routes.get("/status")
    async def status() -> Response:
        """Return the library's counts, folders and model."""
        return as_json(asdict(await state.call(lambda library: library.status())))

    @routes.get("/problems")
    async def problems(
        limit: Annotated[int, Query(ge=1, le=10_000)] = 200,
        offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
        reason: Annotated[
            str | None, Query(max_length=2000, description="only files with this reason")
        ] = None,
    ) -> Response:
        """List the files that could not be used, and why; and count them by reason.

        Reasons that differ only in numbers count as one, with "…" in the place of each number.
        """

        def read(library: Library) -> dict[str, Any]:
            listed = list(library.problems())
            reasons = Counter((without_numbers(row.reason), row.kind) for row in listed)
            chosen = [row for row in listed if reason in (None, without_numbers(row.reason))]
            return {
                "count": len(listed),
                "reasons": [
                    {"reason": why, "kind": kind, "count": count}
                    for (why, kind), count in reasons.most_common()
                ],
                "problems": [asdict(row) for row in chosen[offset : offset + limit]],
            }

        return as_json(await state.aside(read))

    return routes
