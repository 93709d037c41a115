"""Measure the time from the last typed letter to the first picture of the answer, in a browser.

    python benchmarks/page.py PICTURES [--rounds N]

This indexes a folder with the built-in model, opens the page in Debian's chromium, and types
queries letter by letter. The page itself measures the time from the input event of the last letter
to the frame that shows the first picture of the new answer. This includes the page's own delay.
Each query is new to the server. The first round creates the thumbnails and the second reuses them,
so the table separates both. Needs Playwright and chromium.
"""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile

from bench import BenchmarkError, Machine, begin, options, print_table
from playwright.sync_api import Page, sync_playwright
from serving import server

from retrieval import Library

_QUESTIONS = (
    *("two dogs on a beach", "a child in the snow", "a man on a bicycle", "people in the street"),
    *("a dog jumping", "a girl in a red dress", "a boat on the water", "climbing a rock"),
)

_MEASURE = """last => new Promise((resolve) => {
  const input = document.getElementById("question");
  const began = performance.now();
  const known = new Set([...document.querySelectorAll("#gallery li")]);
  input.value += last;
  input.dispatchEvent(new InputEvent("input", { bubbles: true }));
  const look = () => {
    const first = document.querySelector("#gallery li[aria-posinset='1'] img");
    if (first && !known.has(first.closest("li")) && first.complete && first.naturalWidth)
      requestAnimationFrame(() => resolve(performance.now() - began));
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})"""


def measured(page: Page, question: str) -> float:
    """Type a query and return the milliseconds from its last letter to the first picture."""
    page.locator("#question").fill("")
    page.locator("#question").press_sequentially(question[:-1], delay=60)
    page.wait_for_timeout(600)
    return float(page.evaluate(_MEASURE, question[-1]))


def main() -> None:
    """Measure and print the table."""
    parser = options(__doc__)
    parser.add_argument("pictures", help="a folder of photographs")
    arguments = begin(parser)
    chromium = shutil.which("chromium")
    if chromium is None:
        raise BenchmarkError("chromium is not installed: install Debian's package chromium")
    machine = Machine()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "library")
        with Library.create(path, arguments.model or "pocket") as library:
            count = library.add(arguments.pictures).tally.encoded
        with server(path, batching=True) as (port, _), sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1200, "height": 800})
            page.goto(f"http://127.0.0.1:{port}/")
            page.locator("#gallery li").first.wait_for()
            rows = []
            for name in ("first time", "again"):
                took = [measured(page, question) for question in _QUESTIONS]
                rows.append((name, f"{statistics.median(took):.0f}", f"{max(took):.0f}"))
            browser.close()
    print_table(
        f"From the last letter to the first picture, {count:,} pictures: {machine.line()}",
        ("query", "median, ms", "maximum, ms"),
        rows,
    )


if __name__ == "__main__":
    main()
