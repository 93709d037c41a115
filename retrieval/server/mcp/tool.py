"""What a tool for assistants is, and what it answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from mcp.types import ContentBlock
from pydantic import BaseModel


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of a tool: facts, and pictures to look at."""

    facts: BaseModel
    pictures: list[ContentBlock]


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool: its texts, the models of its arguments and its answer, and its function.

    `changes` is whether it changes the library.
    """

    name: str
    title: str
    description: str
    arguments: type[BaseModel]
    answer: type[BaseModel]
    run: Callable[[Any], Awaitable[Answer]]
    changes: bool = False
