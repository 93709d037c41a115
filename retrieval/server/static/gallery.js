// The gallery: thousands of hits; only those near the window are in the document.

import { $, el, sureness, thumbnail } from "./dom.js";

const GAP = 6;
const BEYOND = 1.5; // window heights kept above and below

/**
 * `gallery.hits` has the hits shown; callbacks: open(id), chosen() after a change of the selection,
 * more() near the end. Arrow keys move, Enter opens, Space or x selects, Shift selects a range.
 */
export function createGallery({ open, chosen, more }) {
  const list = $("gallery");
  const tiles = new Map(); // place → li
  const picked = new Set(); // ids
  let hits = [];
  let columns = 1;
  let side = 200;
  let focused = 0;
  let anchor = 0;
  let pending = 0;

  const redraw = () => { pending ||= requestAnimationFrame(() => { pending = 0; draw(); }); };

  function measure() {
    const width = list.clientWidth;
    const wanted = Math.min(230, width < 600 ? width / 3.2 : 230);
    columns = Math.max(width < 600 ? 3 : 2, Math.floor((width + GAP) / (wanted + GAP)));
    side = (width - GAP * (columns - 1)) / columns;
    list.style.height = `${Math.max(0, Math.ceil(hits.length / columns) * (side + GAP) - GAP)}px`;
  }

  function draw() {
    if (!list.clientWidth) return;
    measure();
    const top = list.getBoundingClientRect().top;
    const row = side + GAP;
    const first = Math.max(0, Math.floor((-top - BEYOND * innerHeight) / row)) * columns;
    const last = Math.min(hits.length, Math.ceil((-top + (1 + BEYOND) * innerHeight) / row) * columns);
    const held = document.activeElement?.closest?.("#gallery li");
    for (const [place, li] of tiles) {
      if ((place < first || place >= last) && li !== held) { li.remove(); tiles.delete(place); }
    }
    for (let place = first; place < last; place++) {
      let li = tiles.get(place);
      if (!li) { li = tile(place); tiles.set(place, li); list.append(li); }
      li.style.transform = `translate(${(place % columns) * row}px, ${Math.floor(place / columns) * row}px)`;
      li.style.width = li.style.height = `${side}px`;
    }
    if (last >= hits.length - 2 * columns) more();
  }

  function tile(place) {
    const hit = hits[place];
    const look = el("button", { class: "look", type: "button", tabIndex: place === focused ? 0 : -1,
      onclick: (event) => (picked.size || event.ctrlKey || event.metaKey || event.shiftKey ? choose(place, event.shiftKey) : open(hit.id)),
      onfocus: () => { focused = place; } }, thumbnail(hit.id, hit.path));
    if (sureness(hit) && sureness(hit) !== "weak") look.append(el("span", { class: "sure", textContent: sureness(hit) }));
    if (hit.group?.others?.length) look.append(el("span", { class: "others", textContent: `+${hit.group.others.length}`, title: `${hit.group.others.length} more: ${hit.group.name}` }));
    const choice = el("button", { class: "choose", type: "button", tabIndex: -1, "aria-pressed": String(picked.has(hit.id)),
      "aria-label": "Select", onclick: (event) => choose(place, event.shiftKey) }, "✓");
    const li = el("li", { "aria-setsize": String(hits.length), "aria-posinset": String(place + 1) }, look, choice);
    li.classList.toggle("picked", picked.has(hit.id));
    return li;
  }

  function choose(place, range = false) {
    const add = range || !picked.has(hits[place].id);
    const [from, to] = range ? [Math.min(anchor, place), Math.max(anchor, place)] : [place, place];
    for (let each = from; each <= to; each++) {
      if (add) picked.add(hits[each].id);
      else picked.delete(hits[each].id);
    }
    anchor = place;
    mark();
  }

  function mark() {
    for (const [place, li] of tiles) {
      const on = picked.has(hits[place].id);
      li.classList.toggle("picked", on);
      li.querySelector(".choose").setAttribute("aria-pressed", String(on));
    }
    list.classList.toggle("choosing", picked.size > 0);
    chosen();
  }

  function focus(place) {
    if (place < 0 || place >= hits.length) return;
    tiles.get(focused)?.querySelector(".look").setAttribute("tabindex", "-1");
    focused = place;
    const row = Math.floor(place / columns) * (side + GAP);
    const top = list.getBoundingClientRect().top + row;
    const header = document.querySelector("header").offsetHeight;
    if (top < header) scrollBy(0, top - header - GAP);
    else if (top + side > innerHeight) scrollBy(0, top + side - innerHeight + GAP);
    draw();
    const look = tiles.get(place)?.querySelector(".look");
    look?.setAttribute("tabindex", "0");
    look?.focus({ preventScroll: true });
  }

  list.addEventListener("keydown", (event) => {
    const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns };
    if (event.key in steps) { event.preventDefault(); focus(focused + steps[event.key]); }
    else if (event.key === "Home") { event.preventDefault(); focus(0); }
    else if (event.key === "End") { event.preventDefault(); focus(hits.length - 1); }
    else if (event.key === " " || event.key.toLowerCase() === "x") { event.preventDefault(); choose(focused, event.shiftKey); }
    else if (event.key === "a" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); hits.forEach((hit) => picked.add(hit.id)); mark(); }
    else if (event.key === "Escape" && picked.size) { event.stopPropagation(); clear(); }
  });
  addEventListener("scroll", redraw, { passive: true });
  new ResizeObserver(redraw).observe(list.parentElement);

  function clear() { picked.clear(); mark(); }

  return {
    get hits() { return hits; },
    get picked() { return [...picked]; },
    clear,
    redraw,
    focus,
    /** Show hits from a place on; with `keep`, do not move, and do not redraw the tiles of earlier ones. */
    show(found, { keep = false, scroll = 0 } = {}) {
      hits = found;
      if (!keep) {
        for (const li of tiles.values()) li.remove();
        tiles.clear();
        focused = anchor = 0;
        if (list.clientWidth) measure();
        scrollTo(0, scroll);
      }
      draw();
    },
  };
}
