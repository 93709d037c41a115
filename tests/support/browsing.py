"""Using the page as people do, in tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def wait_for_first(page: Any, name: str) -> None:
    page.wait_for_function(
        "name => document.querySelector('#gallery li[aria-posinset=\"1\"] img')?.alt === name",
        arg=name,
        timeout=5000,
    )


def ask(page: Any, text: str, expected: str) -> None:
    page.locator("#question").fill(text)
    wait_for_first(page, expected)


def choose(page: Any, *names: str) -> None:
    for name in names:
        tile = page.locator("#gallery li", has=page.locator(f"img[alt='{name}']"))
        tile.locator(".choose").click()


def drop(page: Any, path: Path) -> None:
    """Drop a picture on the page."""
    script = """data => {
        const carried = new DataTransfer();
        carried.items.add(new File([new Uint8Array(data)], "mine", { type: "image/any" }));
        document.dispatchEvent(new DragEvent("drop", { dataTransfer: carried, cancelable: true }));
    }"""
    page.evaluate(script, list(path.read_bytes()))
