// What the library shows most, to search for with a click: labels; without any, the regions of its map.

import { EMPTY } from "./address.js";
import { ask } from "./api.js";
import { fillRow } from "./links.js";

/** `open(state)` searches. */
export function createOften({ open }) {
  let asking = 0; // number of the last request
  let listed = null;

  async function draw() {
    asking += 1;
    const mine = asking;
    const { labels, regions } = await ask("/api/often");
    if (mine !== asking) return;
    fillRow("often", [...labels.map((name) => ({ name, state: { ...EMPTY, filters: { tag: [name] } } })),
      ...regions.map((text) => ({ name: text, state: { ...EMPTY, text } }))], open);
  }

  return {
    /** Ask again, because the labels or the map may be others. */
    draw() { listed = draw().catch(() => { listed = null; }); },
    /** Resolves once the row is there. */
    get listed() { if (!listed) this.draw(); return listed; },
  };
}
