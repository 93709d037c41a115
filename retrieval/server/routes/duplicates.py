"""Duplicates: list groups, keep them, move redundant files away and back."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Response
from pydantic import BaseModel, Field

from retrieval.duplicates.keeping import DuplicateFile, DuplicateGroup
from retrieval.duplicates.moving import LeftAlone, Moved
from retrieval.errors import LibraryBusy, LibraryError
from retrieval.library import Library
from retrieval.server.state import PictureId, State, as_json


class Chosen(BaseModel):
    """Groups, by their ids."""

    groups: Annotated[list[PictureId], Field(min_length=1, max_length=10_000)]


class Stays(BaseModel):
    """The file of a group that stays, by its `key`."""

    group: PictureId
    key: Annotated[str, Field(pattern="^[0-9a-f]{16}$")]


class Moving(Chosen):
    """Groups, and the files that stay in place of those listed as kept."""

    stays: Annotated[list[Stays], Field(max_length=10_000)] = []


def duplicate_routes(state: State) -> APIRouter:
    """Return the router of what was found."""
    routes = APIRouter()

    @routes.get("/duplicates")
    async def duplicates(
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
    ) -> Response:
        """List the groups of the latest search, those that use the most space first.

        The first request starts a search; `running` is true until it ends.
        """
        if state.duplicates_job.state.progress is None and not state.duplicates_job.state.error:
            state.duplicates_job.start()
        return as_json(_facts(state, limit, offset))

    @routes.get("/duplicates/{group_id}")
    async def one(group_id: PictureId) -> Response:
        """Return one group of the latest search, its place among the others, and its neighbours.

        Starts a search like `/api/duplicates`; `group` is null until it ends, and if there is no
        such group.
        """
        if state.duplicates_job.state.progress is None and not state.duplicates_job.state.error:
            state.duplicates_job.start()
        return as_json({**_facts(state, 0, 0), **_place(state, group_id)})

    @routes.post("/duplicates/search", status_code=202)
    async def search() -> Response:
        """Search for duplicates again."""
        state.duplicates_job.start()
        return as_json(_facts(state, 1, 0), 202)

    return routes


def keeping_routes(state: State) -> APIRouter:
    """Return the router of groups that are kept whole."""
    routes = APIRouter()

    @routes.post("/duplicates/keep")
    async def keep(chosen: Chosen) -> Response:
        """Keep all files of these groups and stop listing the groups."""
        groups = _groups(state, chosen.groups)
        await state.aside(lambda library: library.duplicates.keep_all(groups))
        state.duplicates_job.drop(set(chosen.groups), _kept(chosen))
        return as_json({"kept": len(groups)})

    @routes.post("/duplicates/unkeep")
    async def unkeep(chosen: Chosen) -> Response:
        """List groups again that one request kept, since the last search."""
        groups = state.duplicates_job.gone(_kept(chosen))
        if not groups:
            raise LibraryError(
                "these groups were not kept since the last search",
                "list the kept groups: pixtrieve duplicates --show-kept",
            )
        await state.aside(lambda library: library.duplicates.unkeep(groups))
        return as_json({"groups": state.duplicates_job.restore(_kept(chosen))})

    return routes


def moving_routes(state: State) -> APIRouter:
    """Return the router of files that are moved aside, and back."""
    routes = APIRouter()

    @routes.post("/duplicates/move")
    async def move(chosen: Moving) -> Response:
        """Move all files of these groups but one to the server's `--move-to` folder.

        The one that stays is the group's kept file, or that which `stays` names.
        """
        groups, folder = _groups(state, chosen.groups), _folder(state)
        keys = {each.group: each.key for each in chosen.stays}
        groups = tuple(g.keeping(keys[g.id]) if g.id in keys else g for g in groups)

        def run(library: Library) -> tuple[dict[str, Any], str]:
            log = library.duplicates.new_log()
            return _moves(library.duplicates.move(groups, folder, log)), log

        done, log = await state.aside(run)
        state.duplicates_job.drop(set(chosen.groups), log)
        return as_json({**done, "folder": folder})

    @routes.post("/duplicates/undo")
    async def undo() -> Response:
        """Move the files of the last move back, and index them again.

        `groups` are those that are listed again.
        """
        _folder(state)

        def run(library: Library) -> tuple[dict[str, Any], str]:
            log = library.duplicates.last_log()
            done = _moves(library.duplicates.undo(log))
            back = [step["target"] for step in done["moved"]]
            # While another run is going on, the next one adds them.
            with suppress(LibraryBusy):
                if back:
                    library.add(back)
            return done, log

        done, log = await state.aside(run)
        return as_json({**done, "groups": state.duplicates_job.restore(log)})

    return routes


def _kept(chosen: Chosen) -> str:
    return f"kept {sorted(chosen.groups)}"


def _folder(state: State) -> str:
    if state.moves_to is None:
        raise HTTPException(
            403,
            "this server moves no files; to allow it, start pixtrieve serve with --move-to FOLDER",
        )
    return state.moves_to


def _groups(state: State, ids: Iterable[int]) -> tuple[DuplicateGroup, ...]:
    report = state.duplicates_job.state.progress
    if report is None:
        raise LibraryError("there is no search for duplicates yet", "request /api/duplicates first")
    return report.of(tuple(ids))


def _facts(state: State, limit: int, offset: int) -> dict[str, Any]:
    review = state.duplicates_job.state
    groups = () if review.progress is None else review.progress.groups
    redundant = [file for group in groups for file in group.redundant]
    return {
        "running": review.running,
        "error": review.problem,
        "moves_to": state.moves_to,
        "count": len(groups),
        "files": len(redundant),
        "bytes": sum(file.size for file in redundant),
        "pictures": 0 if review.progress is None else review.progress.pictures,
        "groups": [_group(group) for group in groups[offset : offset + limit]],
    }


def _place(state: State, group_id: int) -> dict[str, Any]:
    report = state.duplicates_job.state.progress
    groups = () if report is None else report.groups
    at = next((at for at, group in enumerate(groups) if group.id == group_id), None)
    if at is None:
        return {"group": None, "position": 0, "previous": None, "next": None}
    return {
        "group": _group(groups[at]),
        "position": at + 1,
        "previous": groups[at - 1].id if at else None,
        "next": groups[at + 1].id if at + 1 < len(groups) else None,
    }


def _group(group: DuplicateGroup) -> dict[str, Any]:
    files = [_file(file) for file in group.redundant]
    return {"id": group.id, "kept": _file(group.kept), "redundant": files}


def _file(file: DuplicateFile) -> dict[str, Any]:
    return {**asdict(file), "path": file.full_path, "key": file.key}


def _moves(steps: Iterable[Moved | LeftAlone]) -> dict[str, Any]:
    done = list(steps)
    return {
        "moved": [asdict(step) for step in done if isinstance(step, Moved)],
        "left": [asdict(step) for step in done if isinstance(step, LeftAlone)],
    }
