"""Whatever fits the API's own description, and much that does not, is answered without a 5xx."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from support.waiting import WAIT_S

pytest.importorskip("schemathesis")
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core.result import Ok

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_nothing_is_answered_with_a_failure_of_ours(address: str, mode: GenerationMode) -> None:
    schema = schemathesis.openapi.from_url(f"{address}/api/openapi.json")
    asked: set[str] = set()

    for found in schema.get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()

        @settings(
            max_examples=30,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case: Any) -> None:
            response = case.call(timeout=WAIT_S)
            said = (case.method, case.formatted_path, response.status_code, response.content[:300])
            assert response.status_code < 500, said
            if response.status_code in (403, 404, 409, 422):
                told = response.json()
                assert told.get("error") or told.get("detail"), said

        with suppress(Unsatisfiable):  # where there is nothing that one could get wrong
            ask()
        asked.add(operation.label)
    assert {"GET /api/search", "POST /api/concepts", "POST /api/download/{kind}"} <= asked
    assert len(asked) > 20
