// Favourites: hearts on tiles, in the viewer and for selected pictures.

import { inParts, send } from "./api.js";
import { el, toast } from "./dom.js";

const HEART = "M12 20.3 4.6 13a4.9 4.9 0 0 1 0-7 4.9 4.9 0 0 1 7 0l.4.5.4-.5a4.9 4.9 0 0 1 7 0 4.9 4.9 0 0 1 0 7z";

/** A drawn heart. */
export function heartShape() {
  const shape = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  shape.setAttribute("viewBox", "0 0 24 24");
  shape.setAttribute("aria-hidden", "true");
  shape.classList.add("heartshape");
  path.setAttribute("d", HEART);
  shape.append(path);
  return shape;
}

/** The button of a tile. */
export const heartButton = () => el("button", { class: "heart", type: "button", tabIndex: -1, "aria-pressed": "false", "aria-label": "Favourite", title: "Favourite (F)" }, heartShape());

/**
 * Mark pictures as favourites, or take the mark off. `shown(ids, on)` draws it: at once, and again
 * with the opposite if the server refuses. Returns whether it is done.
 */
export async function setFavourite(ids, on, shown) {
  shown(ids, on);
  let left = ids;
  try {
    await inParts(ids, (part, rest) => { left = rest; return send("/api/favourites", { pictures: part, favourite: on }); });
  } catch (error) {
    shown(left, !on);
    toast(`${error.message} ${error.hint}`);
    return false;
  }
  return true;
}
