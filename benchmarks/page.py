"""Measure the page in a browser: the first view, an answer, and scrolling through all pictures.

    python benchmarks/page.py [--counts N,N] [--rounds N]

The libraries hold random vectors of the built-in model, with dates over fifteen years, shapes of
photographs, and thumbnails of drawn scenes, which are there already. The page itself measures:

- first view: from the start of the navigation to the frame that shows the first picture, in a new
  window that has rested: a new one first loads two hundred scripts of the browser's own;
- answer: from the input event of the last letter of a question that is new to the server to the
  frame that shows the first picture of the answer, which includes the page's own pause;
- scrolling: the longest frame and the frames above 100 ms in 10 s at 4,000 pixels a second, beside
  those of an empty page in the same browser; the share of the time that the page's main thread
  works, in processor time, which other load does not add to; and of how many pictures in the window
  nothing was shown yet, neither thumbnail nor placeholder;
- a jump to another month: until each picture in the window has its placeholder, and its thumbnail.

Each figure is the least and the median of the rounds: other load only adds to it. The browser is
Debian's chromium without a graphics processor. Needs Playwright and chromium.
"""

from __future__ import annotations

import io
import os
import shutil
import statistics
from collections.abc import Iterable
from typing import Any

import numpy as np
from bench import BenchmarkError, Machine, begin, note, options, print_table
from libraries import digest_of, library_of
from PIL import Image
from playwright.sync_api import Page, sync_playwright
from serving import server

from retrieval.encoders import open_encoder
from retrieval.images import PictureInfo
from retrieval.scenes.dataset import draw_scenes
from retrieval.whole_file import sealed

_QUESTIONS = (
    *("two dogs on a beach", "a child in the snow", "a man on a bicycle", "people in the street"),
    *("a dog jumping", "a girl in a red dress", "a boat on the water", "climbing a rock"),
)
_SHAPES = ((4000, 3000), (3000, 4000), (6000, 4000), (4000, 6000), (4032, 3024), (3000, 3000))
_SCENES = 60
_YEARS = 15
_A_DAY = 17  # pictures
_REST_MS = 4000

_FIRST = """() => {
  const look = () => {
    const first = document.querySelector("#gallery .ready img");
    if (first?.complete && first.naturalWidth) window.firstView = performance.now();
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}"""

_ANSWER = """last => new Promise((resolve) => {
  const input = document.getElementById("question");
  const began = performance.now();
  const before = document.querySelector("#gallery li[aria-posinset='1']");
  input.value += last;
  input.dispatchEvent(new InputEvent("input", { bubbles: true }));
  const look = () => {
    const first = document.querySelector("#gallery li[aria-posinset='1']");
    const image = first?.querySelector("img");
    if (first && first !== before && image.complete && image.naturalWidth)
      requestAnimationFrame(() => resolve(performance.now() - began));
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})"""

_SCROLL = """([seconds, speed]) => new Promise((resolve) => {
  const began = performance.now();
  let last = began;
  let at = scrollY;
  const frames = [];
  let [bare, all] = [0, 0];
  const frame = (now) => {
    frames.push(now - last);
    at += (speed * (now - last)) / 1000;
    last = now;
    for (const tile of document.querySelectorAll(".tile")) {
      const { top, bottom } = tile.getBoundingClientRect();
      if (bottom < 0 || top > innerHeight) continue;
      all += 1;
      if (!tile.querySelector("img").alt) bare += 1;
    }
    scrollTo(0, at);
    if (now - began < seconds * 1000) requestAnimationFrame(frame);
    else resolve({ longest: Math.max(...frames), slow: frames.filter((each) => each > 100).length,
      count: frames.length, bare: all ? bare / all : 0 });
  };
  requestAnimationFrame(frame);
})"""

_JUMP = """(part) => new Promise((resolve) => {
  const began = performance.now();
  let placeholders = 0;
  scrollTo(0, part * document.body.scrollHeight);
  const look = () => {
    const seen = [...document.querySelectorAll(".tile")].filter((tile) => {
      const { top, bottom } = tile.getBoundingClientRect();
      return bottom > 0 && top < innerHeight;
    });
    const now = performance.now() - began;
    const known = seen.length && seen.every((tile) => tile.querySelector("img").alt);
    if (!placeholders && known) placeholders = now;
    const ready = placeholders && seen.every((tile) => tile.classList.contains("ready"));
    if (ready) resolve([placeholders, now]);
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})"""


def drawn(cache: str) -> list[Image.Image]:
    """Return scenes in the shapes of photographs."""
    folder = os.path.join(cache, "pictures", f"scenes-{_SCENES}")
    if not os.path.isdir(folder):
        list(draw_scenes(folder, _SCENES, seed=0))
    paths = sorted(os.path.join(folder, name) for name in os.listdir(folder))
    pictures = [Image.open(path).convert("RGB") for path in paths if not path.endswith("jsonl")]
    sizes = [_SHAPES[number % len(_SHAPES)] for number in range(len(pictures))]
    return [
        picture.resize((width // 8, height // 8))
        for picture, (width, height) in zip(pictures, sizes, strict=True)
    ]


def library(cache: str, count: int) -> str:
    """Return a library as the module's text says, with thumbnails of both sizes."""
    scenes = drawn(cache)
    lumas = [scene.resize((24, 24)).convert("L").tobytes() for scene in scenes]
    spread = max(1, count // _A_DAY)
    days = np.datetime64("2026-06-01") - np.arange(spread) * (_YEARS * 365) // spread

    def facts(number: int) -> PictureInfo:
        width, height = _SHAPES[number % len(scenes) % len(_SHAPES)]
        taken = f"{days[number % spread]}T12:{number % 60:02}:00"
        luma = lumas[number % len(scenes)]
        return PictureInfo(
            format="JPEG", width=width, height=height, taken=taken, luma_thumbnail=luma
        )

    spec = open_encoder("pocket").spec
    made = library_of(cache, spec, count, facts, "-page")
    _add_thumbnails(os.path.join(made, "thumbnails"), scenes, count)
    return made


def _add_thumbnails(folder: str, scenes: list[Image.Image], count: int) -> None:
    """Put a link to a scene's thumbnail where the server looks for each picture's."""
    done = os.path.join(folder, "complete")
    if os.path.exists(done):
        return
    note(f"thumbnails of {count:,} pictures")
    for side in (256, 512):
        sources = []
        for number, scene in enumerate(scenes):
            small = scene.copy()
            small.thumbnail((side, side))
            data = io.BytesIO()
            small.save(data, "WEBP", quality=80)
            sources.append(os.path.join(folder, f"scene-{number}-{side}"))
            os.makedirs(folder, exist_ok=True)
            with open(sources[-1], "wb") as file:
                file.write(sealed(data.getvalue()))
        for number in range(count):
            name = digest_of(number).hex()
            path = os.path.join(folder, name[:2], f"{name}-{side}.webp")
            os.makedirs(os.path.dirname(path), exist_ok=True)
            if not os.path.exists(path):
                os.link(sources[number % len(scenes)], path)
    with open(done, "wb"):
        pass


def answer(page: Page, question: str) -> float:
    """Type a query and return the milliseconds from its last letter to the first picture."""
    page.locator("#question").fill("")
    page.locator("#question").press_sequentially(question[:-1], delay=60)
    page.wait_for_timeout(800)
    return float(page.evaluate(_ANSWER, question[-1]))


def measured(browser: Any, address: str, number: int, found: dict[str, list[float]]) -> None:
    """Measure one round, in a browser context of its own, and add what was found."""
    context = browser.new_context(viewport={"width": 1200, "height": 800})
    page = context.new_page()
    page.set_default_timeout(300_000)
    page.add_init_script(f"({_FIRST})()")
    page.goto("about:blank")
    page.wait_for_timeout(_REST_MS)
    page.goto(address)
    page.wait_for_function("() => window.firstView")
    add(found, "first view, ms", page.evaluate("window.firstView"))
    page.wait_for_timeout(1500)
    for part in (0.5, 0.9, 0.2):
        placeholders, thumbnails = page.evaluate(_JUMP, part)
        add(found, "jump: placeholders, ms", placeholders)
        add(found, "jump: thumbnails, ms", thumbnails)
    devtools = context.new_cdp_session(page)
    devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
    before = busy(devtools)
    scrolled = page.evaluate(_SCROLL, [10, 4000])
    spent = busy(devtools) - before
    add(found, "main thread works, %", 100 * spent / 10)
    add(found, "longest frame, ms", scrolled["longest"])
    add(found, "frames above 100 ms in 10 s", scrolled["slow"])
    add(found, "frames a second", scrolled["count"] / 10)
    add(found, "pictures without anything, %", 100 * scrolled["bare"])
    page.evaluate("scrollTo(0, 0)")
    for question in _QUESTIONS:
        add(found, "answer, ms", answer(page, f"{question} {number}"))
    empty = context.new_page()
    empty.goto(f"{address}/icon.svg")
    blank = empty.evaluate(_SCROLL.replace("document.body", "document.documentElement"), [10, 0])
    add(found, "empty page: longest frame, ms", blank["longest"])
    add(found, "empty page: frames a second", blank["count"] / 10)
    context.close()


def busy(devtools: Any) -> float:
    """Return the processor seconds that the page's main thread has worked."""
    metrics = devtools.send("Performance.getMetrics")["metrics"]
    return float(next(each["value"] for each in metrics if each["name"] == "TaskDuration"))


def add(found: dict[str, list[float]], name: str, value: float) -> None:
    """Note a figure, and keep it."""
    note(f"{name}: {value:.1f}")
    found.setdefault(name, []).append(value)


def table(found: dict[str, list[float]]) -> Iterable[tuple[str, str, str]]:
    """Yield the rows of the table: the best and the median of each figure."""
    for name, values in found.items():
        best = max(values) if name.endswith("a second") else min(values)
        yield name, f"{best:.1f}", f"{statistics.median(values):.1f}"


def main() -> None:
    """Measure and print a table for each library."""
    parser = options(__doc__)
    parser.add_argument("--counts", default="1000,100000", help="pictures (%(default)s)")
    arguments = begin(parser)
    chromium = shutil.which("chromium")
    if chromium is None:
        raise BenchmarkError("chromium is not installed: install Debian's package chromium")
    for count in map(int, arguments.counts.split(",")):
        machine, found = Machine(), dict[str, list[float]]()
        path = library(arguments.cache, count)
        with server(path, batching=True) as (port, _), sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            for number in range(arguments.rounds):
                measured(browser, f"http://127.0.0.1:{port}", number, found)
            browser.close()
        print_table(
            f"The page, {count:,} pictures: {machine.line()}",
            ("figure", "best", "median"),
            table(found),
        )


if __name__ == "__main__":
    main()
