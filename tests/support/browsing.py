"""Using the page as people do, in tests."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from support.waiting import BROWSER_MS


@contextmanager
def browser() -> Iterator[Any]:
    """Run Debian's chromium; a test that needs it is skipped where there is none."""
    playwright = pytest.importorskip("playwright.sync_api")
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("there is no chromium on this machine")
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(
            executable_path=path, args=["--no-sandbox"], timeout=BROWSER_MS
        )
        try:
            yield started
        finally:
            started.close()


def wait_for_first(page: Any, name: str) -> None:
    page.wait_for_function(
        "name => document.querySelector('#gallery li[aria-posinset=\"1\"] img')?.alt === name",
        arg=name,
    )


def ask(page: Any, text: str, expected: str) -> None:
    page.locator("#question").fill(text)
    wait_for_first(page, expected)


def choose(page: Any, *names: str) -> None:
    for name in names:
        tile = page.locator("#gallery li", has=page.locator(f"img[alt='{name}']"))
        tile.locator(".choose").click()


def open_filter(page: Any, name: str) -> Any:
    """Open the popover of a filter, by its field's name ("more" for the others); return it."""
    page.locator(f"#chipbar [data-filter='{name}'] .open").click()
    panel = page.locator("#panel")
    panel.locator("input, select").first.wait_for()
    return panel


def check(panel: Any, *values: str) -> None:
    """Check, or uncheck, values of an open filter by their titles."""
    for value in values:
        panel.locator(".row", has=panel.page.get_by_text(value, exact=True)).click()


def drop(page: Any, path: Path) -> None:
    """Drop a picture on the page."""
    script = """data => {
        const carried = new DataTransfer();
        carried.items.add(new File([new Uint8Array(data)], "mine", { type: "image/any" }));
        document.dispatchEvent(new DragEvent("drop", { dataTransfer: carried, cancelable: true }));
    }"""
    page.evaluate(script, list(path.read_bytes()))
