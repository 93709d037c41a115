// How far the map is.

import { el, many } from "/dom.js";

const STAGES = {
  reading: "Reading the library",
  comparing: "Finding similar pictures",
  arranging: "Arranging the pictures",
  naming: "Naming the regions",
};

/** What stands in place of a map that is being drawn. */
export const progressParts = (drawing) => [
  el("h2", { textContent: "Drawing the map" }),
  el("p", { textContent: `${STAGES[drawing?.stage] ?? STAGES.reading} …` }),
  el("progress", { max: 1, value: drawing?.share ?? 0, "aria-label": "Drawing the map" }),
];

/** What stands beside a map that is brought up to date. */
export function progressText(header) {
  const share = Math.round(100 * header.drawing.share);
  return header.lacking ? `Placing ${many(header.lacking, "new picture")} … ${share}%` : `Updating the map … ${share}%`;
}
