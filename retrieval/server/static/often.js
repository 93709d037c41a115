// What the library shows most, to search for with a click: labels; without any, the regions of its map.

import { EMPTY } from "./address.js";
import { ask } from "./api.js";
import { fillRow } from "./links.js";

const MOST = 8;

/** The labels with the most pictures, of [{value, images}]. */
export const topLabels = (tags) => tags.toSorted((one, other) => other.images - one.images).slice(0, MOST).map(({ value }) => value);

/** The names of the regions with the most pictures, each once; a region may have no name. */
export function topNames(regions) {
  const named = regions.filter(({ name }) => name).sort((one, other) => other.count - one.count);
  return [...new Set(named.map(({ name }) => name))].slice(0, MOST);
}

/** `open(state)` searches. */
export function createOften({ open }) {
  let labels = null; // null until the library's labels are known
  let asking = 0; // number of the last request

  async function draw() {
    if (!labels) return;
    asking += 1;
    const mine = asking;
    if (labels.length) {
      fillRow("often", labels.map((name) => ({ name, state: { ...EMPTY, filters: { tag: [name] } } })), open);
      return;
    }
    const { regions = [] } = await ask("/api/map?draw=false");
    if (mine === asking) fillRow("often", topNames(regions).map((text) => ({ name: text, state: { ...EMPTY, text } })), open);
  }

  return {
    draw: () => draw().catch(() => {}),
    /** The labels of the library are those of [{value, images}]. */
    load(tags) {
      labels = topLabels(tags);
      this.draw();
    },
  };
}
