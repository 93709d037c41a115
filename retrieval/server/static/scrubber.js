// The scrubber: years beside the timeline; a click or drag jumps to a month.

import { monthTitle } from "./days.js";
import { el } from "./dom.js";
import { lastAt } from "./layout.js";

const APART = 22; // pixels between the years
const SHOWN = 1200; // milliseconds after scrolling, where nothing hovers

/** Ticks {top, at, year} of the layout's months, `at` a part of its height; for `sections` in order. */
export function ticksOf(sections, height) {
  const found = [];
  for (const { month, top } of sections) {
    if (month !== found.at(-1)?.month) found.push({ month, top, at: height ? top / height : 0, year: month.slice(0, 4) });
  }
  return found;
}

/** The ticks that get the name of their year: the first of each, if there is room. */
export function labelled(ticks, pixels) {
  const found = [];
  let last = -Infinity;
  ticks.forEach((tick, place) => {
    if (tick.year === ticks[place - 1]?.year || tick.at * pixels - last < APART) return;
    last = tick.at * pixels;
    found.push(tick);
  });
  return found;
}

/** `jump(top)` scrolls to a height of the layout; `top()` is the one shown now. */
export function createScrubber(root, { jump, top }) {
  const years = el("div", { class: "years", "aria-hidden": "true" });
  const here = el("div", { class: "here", "aria-hidden": "true" });
  const bubble = el("output", { class: "bubble", "aria-hidden": "true" });
  root.append(years, here, bubble);
  let ticks = [];
  let height = 0;
  let hiding = 0;
  let dragging = false;

  const now = () => lastAt(ticks, (tick) => tick.top, top() + 1);

  function place() {
    if (root.hidden || !ticks.length) return;
    const part = Math.min(1, Math.max(0, top() / height));
    here.style.top = `${part * 100}%`;
    if (!root.matches(":hover") || dragging) say(part, ticks[now()].month);
    root.setAttribute("aria-valuenow", now());
    root.setAttribute("aria-valuetext", monthTitle(ticks[now()].month));
  }

  function say(part, month) {
    bubble.textContent = monthTitle(month);
    bubble.style.top = `${part * 100}%`;
  }

  const partOf = (event) => { const box = root.getBoundingClientRect(); return Math.min(1, Math.max(0, (event.clientY - box.top) / box.height)); };
  const monthAt = (part) => ticks[lastAt(ticks, (tick) => tick.at, part)]?.month ?? "";

  function wake() {
    root.classList.add("awake");
    clearTimeout(hiding);
    hiding = setTimeout(() => { if (!dragging) root.classList.remove("awake"); }, SHOWN);
  }

  root.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    event.preventDefault();
    dragging = true;
    root.setPointerCapture(event.pointerId);
    root.classList.add("dragging");
    jump(partOf(event) * height);
  });
  root.addEventListener("pointermove", (event) => {
    const part = partOf(event);
    if (dragging) jump(part * height);
    say(part, monthAt(part));
  });
  for (const name of ["pointerup", "pointercancel"]) root.addEventListener(name, () => { dragging = false; root.classList.remove("dragging"); wake(); });
  root.addEventListener("pointerleave", place);
  root.addEventListener("keydown", (event) => {
    const year = (way) => { const found = ticks.findIndex((tick, at) => (way > 0 ? at > now() : at < now()) && tick.year !== ticks[now()].year); return found < 0 ? (way > 0 ? ticks.length - 1 : 0) : found; };
    const steps = { ArrowDown: () => now() + 1, ArrowUp: () => now() - 1, ArrowRight: () => now() + 1, ArrowLeft: () => now() - 1,
      PageDown: () => year(1), PageUp: () => year(-1), Home: () => 0, End: () => ticks.length - 1 };
    if (!Object.hasOwn(steps, event.key)) return;
    event.preventDefault();
    const tick = ticks[Math.min(ticks.length - 1, Math.max(0, steps[event.key]()))];
    if (tick) jump(tick.top);
    wake();
  });
  addEventListener("scroll", () => { if (!root.hidden) { wake(); place(); } }, { passive: true });

  return {
    /**
     * Show the months of a layout; hide if it has no dates, or all of it is seen. With a scrubber the
     * rows are narrower, so the layout may be lower: for the `same` pictures in the same window it stays.
     */
    draw(layout, dated, same) {
      root.hidden = !dated || (layout.height < innerHeight * 1.5 && !(same && !root.hidden));
      document.body.classList.toggle("scrubbed", !root.hidden);
      if (root.hidden) return;
      height = layout.height;
      ticks = ticksOf(layout.sections, height);
      root.setAttribute("aria-valuemax", Math.max(0, ticks.length - 1));
      const pixels = root.clientHeight;
      const names = new Set(labelled(ticks, pixels));
      years.replaceChildren(...ticks.flatMap((tick) => {
        const mark = el("i", names.has(tick) ? { class: "year", textContent: tick.year } : {});
        mark.style.top = `${tick.at * 100}%`;
        return names.has(tick) || ticks.length < pixels / 6 ? [mark] : [];
      }));
      place();
    },
  };
}
