"""Take the README's screenshot of the page, with the demo's scenes.

    python benchmarks/screenshot.py [FILE]

This draws and indexes the demo's scenes, searches on the page in Debian's chromium in light and in
dark mode, and writes both halves side by side as WebP. Needs Playwright and chromium.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import tempfile

from bench import BenchmarkError, note
from PIL import Image
from playwright.sync_api import Browser, sync_playwright
from serving import server

from retrieval import Library
from retrieval.scenes.dataset import draw_scenes

_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_FILE = os.path.join(_ROOT, ".github", "page.webp")
_QUESTION = "butterflies"
_SIZE = (1280, 800)


def shot(browser: Browser, port: int, scheme: str) -> Image.Image:
    """Return a screenshot of the page with an answer and two selected pictures."""
    width, height = _SIZE
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{port}/")
    page.locator("#question").fill(_QUESTION)
    page.locator("#question").focus()
    page.get_by_text("200 pictures searched").wait_for()
    page.keyboard.press("Enter")  # again, because the first search waits for the model to load
    page.wait_for_timeout(500)
    for place in (0, 2):
        page.locator("#gallery .choose").nth(place).click(force=True)
    page.locator("#question").focus()
    page.mouse.move(0, 0)
    page.wait_for_timeout(1500)
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB")


def main() -> None:
    """Take the screenshot and write it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", nargs="?", default=_FILE)
    file = parser.parse_args().file
    chromium = shutil.which("chromium")
    if chromium is None:
        raise BenchmarkError("chromium is not installed: install Debian's package chromium")
    with tempfile.TemporaryDirectory() as folder:
        pictures, path = os.path.join(folder, "pictures"), os.path.join(folder, "library")
        list(draw_scenes(pictures, 200, seed=0))
        with Library.create(path, "pocket") as library:
            library.add(pictures)
        with server(path, batching=True) as (port, _), sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            light, dark = (shot(browser, port, scheme) for scheme in ("light", "dark"))
            browser.close()
    half = _SIZE[0] // 2
    light.paste(dark.crop((half, 0, *_SIZE)), (half, 0))
    os.makedirs(os.path.dirname(file), exist_ok=True)
    light.save(file, "WEBP", quality=82, method=6)
    note(f"{file}: {os.path.getsize(file) // 1000} KB")


if __name__ == "__main__":
    main()
