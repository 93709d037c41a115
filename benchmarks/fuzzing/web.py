"""Requests of the API and messages of assistants."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlencode

from campaign.web import Web
from fuzzing.cases import Case, small_library
from fuzzing.mutations import TEXTS, random_filter, strange, written_json

_NOT_ASKED = ("/api/index", "/api/duplicates/move", "/api/watch")  # they work for seconds


def http(folder: Path) -> Case:
    """Try requests of the API: parameters and bodies of every address."""
    web = Web(small_library(folder))
    operations = list(_operations(json.loads(web.ask("GET", "/api/openapi.json")[1])))

    def case(random: Random) -> None:
        method, path, names = random.choice(operations)
        path = path.replace("{", "").replace("}", "") if random.random() < 0.02 else path
        for name in ("image_id", "kind", "side", "name", "label", "z", "x", "y"):
            value = random.choice(("1", "2", "zip", "csv", "red", "64", *TEXTS))
            path = path.replace(f"{{{name}}}", value)
        given = {name: _value(random) for name in random.sample(names, min(len(names), 3))}
        for name in ("q", "where"):
            if name in names and random.random() < 0.6:
                given[name] = random_filter(random) if name == "where" else "red - 2:blue"
        body = written_json(random, {"name": "x", "ids": [1, 2], "like": [1], "labels": ["red"]})
        kind = random.choice(
            ("application/json", "application/json", "text/plain", "image/png", "")
        )
        query = urlencode(given, errors="replace").encode()
        web.ask(method, path, query, body if method != "GET" else b"", kind)

    return case


def _operations(described: Any) -> Iterator[tuple[str, str, list[str]]]:
    for path, methods in described["paths"].items():
        if not path.startswith(_NOT_ASKED):
            for method, facts in methods.items():
                names = [each["name"] for each in facts.get("parameters", ())]
                yield method.upper(), path, names


def _value(random: Random) -> str:
    value = strange(random)
    return value if isinstance(value, str) else json.dumps(value)


def mcp(folder: Path) -> Case:
    """Try messages of assistants: JSON-RPC around tools and their arguments."""
    web = Web(small_library(folder))
    arguments = {"query": "red", "limit": 3, "where": "width > 2", "images": 0, "like": [1]}
    calls = [
        {"name": name, "arguments": arguments}
        for name in ("search_images", "similar_images", "describe_image", "library_status")
    ]
    messages: list[Any] = [
        *({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": each} for each in calls),
        {"jsonrpc": "2.0", "id": 1, "method": "tools/call",
         "params": {"name": "similar_images", "arguments": {"like": [1, 2], "limit": 2}}},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
        {"jsonrpc": "2.0", "id": 3, "method": "resources/read",
         "params": {"uri": "pixtrieve://picture/1"}},
    ]  # fmt: skip

    def case(random: Random) -> None:
        body = written_json(random, random.choice(messages))
        status, answer = web.ask("POST", "/mcp", b"", body, "application/json")
        if status == 200 and answer:
            assert b"Traceback" not in answer
            assert b" failed: " not in answer, answer[:500]

    return case
