// The tiles of the gallery: one picture each, used again for another one when it leaves the view.

import { whenTitle } from "./days.js";
import { clock, el, fileName, sureness } from "./dom.js";
import { heartButton } from "./favourites.js";
import { paint, SIDE } from "./placeholder.js";

const SMALL = 256; // pixels; thumbnails come in two sizes
const LARGE = 512;
const ENOUGH = 1.15; // a thumbnail is stretched so much at most

const checked = () => el("button", { class: "choose", type: "button", tabIndex: -1, "aria-pressed": "false", "aria-label": "Select" }, "✓");

/** A new tile; `fill` makes it show a picture. */
export function createTile() {
  const canvas = el("canvas", { width: SIDE, height: SIDE, "aria-hidden": "true" });
  const image = el("img", { alt: "", decoding: "async", draggable: false });
  const look = el("button", { class: "look", type: "button", tabIndex: -1 }, canvas, image);
  const choose = checked();
  const heart = heartButton();
  const root = el("li", { class: "tile" }, look, choose, heart);
  const tile = { root, look, canvas, image, choose, heart, place: -1, count: 0, picked: false, item: null, side: 0, painted: "", extras: [], about: null };
  image.addEventListener("load", () => root.classList.add("ready"));
  image.addEventListener("error", () => { if (image.getAttribute("src")) broken(tile); });
  return tile;
}

/** Put a tile where a picture is: {left, top, width, height} in pixels of the gallery. */
export function put(tile, { left, top, width, height }) {
  const { style } = tile.root;
  style.transform = `translate(${left}px, ${top}px)`;
  style.width = `${width}px`;
  style.height = `${height}px`;
  tile.side = Math.max(width, height);
}

/** Make a tile show the picture at a place; `item` may not be known yet. */
export function fill(tile, item, place, count, picked) {
  if (tile.place !== place || tile.item !== item) {
    empty(tile);
    tile.place = place;
    tile.item = item;
    tile.root.setAttribute("aria-posinset", place + 1);
    tile.look.setAttribute("aria-label", item ? "" : "Loading");
    if (item) show(tile, item);
    love(tile);
  }
  if (tile.count !== count) tile.root.setAttribute("aria-setsize", count);
  tile.count = count;
  if (tile.picked !== picked) mark(tile, picked);
}

/** Load the thumbnail, in the size that the tile needs. */
export function load(tile) {
  if (!tile.item?.id || tile.root.classList.contains("broken")) return;
  const side = tile.side * devicePixelRatio > SMALL * ENOUGH ? LARGE : SMALL;
  if (Number(tile.image.dataset.side) >= side) return;
  tile.image.dataset.side = side;
  const at = tile.item.moments?.[0]?.seconds;
  tile.image.src = `/api/pictures/${tile.item.id}/thumbnail?side=${side}${at === undefined ? "" : `&at=${at}`}`;
  if (tile.image.complete) tile.root.classList.add("ready");
}

/** Show whether the picture is selected. */
export function mark(tile, picked) {
  tile.picked = picked;
  tile.root.classList.toggle("picked", picked);
  tile.choose.setAttribute("aria-pressed", String(picked));
}

/** Show whether the picture is a favourite. */
export function love(tile) {
  const on = String(Boolean(tile.item?.favourite));
  if (tile.heart.getAttribute("aria-pressed") !== on) tile.heart.setAttribute("aria-pressed", on);
}

/** Say what the picture is: name, date, and the texts that match. Made when first looked at. */
export function tell(tile) {
  if (tile.about || !tile.item) return;
  const { path, date, texts = [] } = tile.item;
  tile.about = el("p", { class: "about", "aria-hidden": "true" }, el("strong", { textContent: fileName(path) }),
    ...texts.slice(0, 2).map(({ text }) => el("q", { textContent: text })), el("span", { textContent: date ? whenTitle(date) : "" }));
  tile.look.append(tile.about);
}

function show(tile, item) {
  tile.look.removeAttribute("aria-label");
  if (tile.painted !== item.placeholder) paint(tile.canvas, item.placeholder ?? "");
  tile.painted = item.placeholder;
  tile.image.alt = fileName(item.path) || "This picture has left the library";
  const sure = sureness(item);
  if (sure && sure !== "weak") add(tile, el("span", { class: "sure", textContent: sure }));
  if (item.duration) add(tile, el("span", { class: "length", textContent: `▸ ${lengthOf(item)}` }));
  const others = item.group?.others?.length;
  if (others) add(tile, el("span", { class: "others", textContent: `+${others}`, title: `${others} more: ${item.group.name}` }));
}

/** Where a video's best moment begins, and how long the video is. */
function lengthOf({ moments, duration }) {
  const at = moments?.[0]?.seconds;
  return at === undefined ? clock(duration) : `${clock(at)} of ${clock(duration)}`;
}

function add(tile, extra) {
  tile.extras.push(extra);
  tile.look.append(extra);
}

function empty(tile) {
  tile.root.classList.remove("ready", "broken");
  if (tile.image.getAttribute("src")) tile.image.removeAttribute("src");
  delete tile.image.dataset.side;
  tile.image.alt = "";
  if (tile.painted) { paint(tile.canvas, ""); tile.painted = ""; }
  for (const extra of tile.extras) extra.remove();
  tile.about?.remove();
  tile.about = null;
  tile.extras = [];
}

function broken(tile) {
  tile.root.classList.add("broken");
  const name = fileName(tile.item?.path ?? "");
  add(tile, el("span", { class: "gone", textContent: `${name} cannot be shown. It may have changed, or its drive may be disconnected.` }));
}
