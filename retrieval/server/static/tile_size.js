// How large the tiles are: a preference of this browser, not part of the address.

import { $ } from "./dom.js";

const KEY = "pixtrieve.tiles";
const USUAL = 4;
const HEIGHTS = [96, 130, 168, 215, 290, 400]; // pixels, by the steps 1 to 6
const NARROW = [58, 76, 98, 128, 180, 260]; // on a telephone
const NARROW_WIDTH = 640;

/** The wanted height of a row in a gallery of a width, both in pixels. */
export const heightOf = (step, width) => (width < NARROW_WIDTH ? NARROW : HEIGHTS)[step - 1] ?? HEIGHTS[USUAL - 1];

/** The control; `changed()` is called when it is moved. */
export function createTileSize(changed) {
  const input = $("size");
  let step = USUAL;
  try {
    step = Math.min(HEIGHTS.length, Math.max(1, Math.round(Number(localStorage.getItem(KEY)) || USUAL)));
  } catch {
    // Without storage (some private windows), the size is the usual one.
  }
  input.max = HEIGHTS.length;
  input.value = step;
  function set(next) {
    step = Math.min(HEIGHTS.length, Math.max(1, next));
    input.value = step;
    try { localStorage.setItem(KEY, String(step)); } catch { /* it is kept until the page is closed */ }
    changed();
  }
  input.addEventListener("input", () => set(Number(input.value)));
  return { height: (width) => heightOf(step, width) };
}
