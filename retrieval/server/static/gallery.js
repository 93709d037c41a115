// The gallery: a source of pictures in justified rows; only those near the window are in the document.

import { $, el } from "./dom.js";
import { below, layOut, rowOf, seen } from "./layout.js";
import { createSelection } from "./selection.js";
import { createHits } from "./timeline.js";
import { createTile, fill, load, love, mark, put, tell } from "./tiles.js";

const GAP = 4;
const HEAD = 52; // pixels of a title
const BEYOND = 1; // window heights kept above and below
const FAST = 2.5; // window heights in one frame: no thumbnail is asked for
const SETTLED = 90; // milliseconds

/**
 * Callbacks: open(id), favourite(id, on) after a click on a heart, chosen() after a change of the selection, more() near the end, laidOut(layout,
 * dated, same) after a change of the layout, `same` if the same pictures are in the same window. `height(width)` is the wanted height of a row in pixels.
 *
 * Arrow keys move, Enter opens, Space or x selects, Shift selects a range; so does a long press. F marks as a favourite.
 */
export function createGallery({ open, favourite, chosen, more, laidOut, height }) {
  const list = $("gallery");
  const tiles = new Map(); // place → tile
  const heads = new Map(); // number of the section → li
  let spare = [];
  let source = createHits([]);
  let layout = layOut([], [], { width: 1, height: 1, gap: GAP, head: HEAD });
  let measured = ""; // what the layout was made for
  let room = ""; // the window that it was made for
  let focused = 0;
  let pending = 0;
  let settling = 0;
  let lastTop = null; // where the last tiles were drawn
  let sparse = false; // only tiles in the window are drawn: these pictures have just come

  const selection = createSelection({
    range: (first, after) => source.range(first, after),
    changed() {
      for (const tile of tiles.values()) mark(tile, selection.has(tile.item?.id));
      list.classList.toggle("choosing", selection.size > 0);
      chosen();
    },
  });

  const redraw = () => { pending ||= requestAnimationFrame(() => { pending = 0; draw(); }); };

  /** Lay out again if the width, the size of the tiles or the pictures are others; `again` if only the width is. */
  function measure(fresh = false, again = false) {
    const width = list.clientWidth;
    const wanted = height(width);
    const key = `${width} ${wanted}`;
    if (!fresh && key === measured) return;
    const held = !fresh && measured ? anchor() : null;
    const few = Math.floor((2 * width) / wanted / 1.4); // two rows
    // In another width, the pages of an answer may be broken into other rows.
    const sections = source.parts && key !== measured ? [{ first: 0, title: "", month: "" }] : source.sections(few);
    measured = key;
    layout = layOut(source.ratios, sections, { width, height: wanted, gap: GAP, head: HEAD });
    list.style.height = `${layout.height}px`;
    for (const head of heads.values()) head.remove();
    heads.clear();
    const before = room;
    room = `${innerWidth} ${innerHeight} ${height(innerWidth)}`;
    laidOut(layout, source.dated, again || (!fresh && room === before));
    if (fresh && list.clientWidth !== width) { measure(true, true); return; } // the scrubber has come or gone
    if (held) scrollTo(0, offset() + layout.rows[rowOf(layout, held.place)].top - held.above);
  }

  /** The first picture below the header, and how far below the top of the window it is. */
  function anchor() {
    const top = covered() - list.getBoundingClientRect().top;
    if (!layout.rows.length || top <= 0) return null;
    const { first } = seen(layout, top, top);
    return { place: first, above: layout.rows[rowOf(layout, first)].top + list.getBoundingClientRect().top };
  }

  const covered = () => document.querySelector("header").getBoundingClientRect().bottom;
  const offset = () => list.getBoundingClientRect().top + scrollY;

  function draw() {
    if (!list.clientWidth) return;
    measure();
    const top = -list.getBoundingClientRect().top;
    sparse &&= lastTop === null || top === lastTop;
    // Those around the window come when those in it are shown.
    const far = sparse ? 0 : BEYOND * innerHeight;
    const view = seen(layout, top - far, top + innerHeight + far);
    const inside = seen(layout, top, top + innerHeight);
    const fast = Math.abs(top - lastTop) > FAST * innerHeight && lastTop;
    list.classList.toggle("moving", top !== lastTop); // nothing fades in meanwhile
    lastTop = top;
    if (layout.count) {
      drawHeads(view);
      drawTiles(view);
      source.need(view.first, view.after);
    }
    clearTimeout(settling);
    // First those in the window, and when it rests, those around it.
    if (!fast) loadFrom(inside.first, inside.after);
    settling = setTimeout(() => {
      list.classList.remove("moving");
      if (sparse) { sparse = false; draw(); }
      loadFrom(inside.first, inside.after);
      loadFrom(view.first, view.after);
    }, SETTLED);
    if (view.after >= layout.count - 30) more();
  }

  function loadFrom(first, after) {
    for (let place = first; place < after; place++) if (tiles.has(place)) load(tiles.get(place));
  }

  function drawTiles({ first, after }) {
    const held = document.activeElement?.closest?.("#gallery li.tile");
    for (const [place, tile] of tiles) {
      if ((place >= first && place < after) || tile.root === held) continue;
      tiles.delete(place);
      spare.push(tile);
    }
    let number = rowOf(layout, first);
    let next = list.firstElementChild;
    // In the document in their order, for those who hear them.
    const follow = (root) => { if (root === next) next = next.nextElementSibling; else list.insertBefore(root, next); };
    for (let place = first; place < after; place++) {
      while (layout.rows[number + 1]?.first <= place) number += 1;
      const head = place === first || layout.rows[number].first === place ? heads.get(layout.rows[number].section) : null;
      if (head && (place === first || layout.sections[layout.rows[number].section].first === place)) follow(head);
      let tile = tiles.get(place);
      if (!tile) {
        tile = spare.pop() ?? createTile();
        tiles.set(place, tile);
        tile.look.tabIndex = place === focused ? 0 : -1;
      }
      fill(tile, source.item(place), place, layout.count, selection.has(source.item(place)?.id));
      const { top, height: tall } = layout.rows[number];
      put(tile, { left: layout.lefts[place], top, width: layout.widths[place], height: tall });
      follow(tile.root);
    }
    for (const tile of spare) tile.root.remove();
    spare = spare.slice(0, 200);
  }

  function drawHeads({ firstSection, afterSection }) {
    for (const [number, head] of heads) if (number < firstSection || number >= afterSection) { head.remove(); heads.delete(number); }
    for (let number = firstSection; number < afterSection; number++) {
      const section = layout.sections[number];
      if (heads.has(number) || !section.title) continue;
      const head = el("li", { class: "day" }, el("h2", { textContent: section.title }),
        el("button", { type: "button", class: "all", "aria-label": `Select all of ${section.title}`, onclick: () => selection.add(section.first, section.end) }, "Select"));
      head.style.transform = `translateY(${section.top}px)`;
      heads.set(number, head);
      list.append(head);
    }
  }

  function focus(place) {
    if (place < 0 || place >= layout.count) return;
    const { top: rowTop, height: tall } = layout.rows[rowOf(layout, place)];
    const top = list.getBoundingClientRect().top + rowTop;
    if (top < covered()) scrollBy(0, top - covered() - GAP);
    else if (top + tall > innerHeight) scrollBy(0, top + tall - innerHeight + GAP);
    point(place);
    draw();
    tiles.get(place)?.look.focus({ preventScroll: true });
  }

  /** Make a picture the one that the Tab key reaches. */
  function point(place) {
    if (tiles.has(focused)) tiles.get(focused).look.tabIndex = -1;
    focused = place;
    if (tiles.has(place)) tiles.get(place).look.tabIndex = 0;
  }

  const tileOf = (event) => { const root = event.target.closest?.("li.tile"); return root && [...tiles.values()].find((tile) => tile.root === root); };
  const choose = (place, range) => selection.toggle(place, source.item(place)?.id, range);

  list.addEventListener("click", (event) => {
    const tile = tileOf(event);
    if (!tile?.item?.id || selection.pressed(event)) return;
    if (event.target.closest(".heart") && !selection.size) favourite(tile.item.id, !tile.item.favourite);
    else if (selection.size || event.ctrlKey || event.metaKey || event.shiftKey || event.target.closest(".choose")) choose(tile.place, event.shiftKey);
    else open(tile.item.id);
  });
  selection.press(list, (event) => { const tile = tileOf(event); if (tile?.item?.id) choose(tile.place, false); });
  for (const name of ["pointerover", "focusin"]) list.addEventListener(name, (event) => {
    const tile = tileOf(event);
    if (!tile) return;
    tell(tile);
    if (name === "focusin") point(tile.place);
  });
  list.addEventListener("keydown", (event) => {
    const steps = { ArrowRight: () => focused + 1, ArrowLeft: () => focused - 1, Home: () => 0, End: () => layout.count - 1,
      ArrowDown: () => below(layout, focused, 1), ArrowUp: () => below(layout, focused, -1) };
    if (event.target.closest(".day")) return;
    if (Object.hasOwn(steps, event.key)) { event.preventDefault(); focus(steps[event.key]()); }
    else if (event.key === " " || event.key.toLowerCase() === "x") { event.preventDefault(); choose(focused, event.shiftKey); }
    else if (event.key === "f" && !event.ctrlKey && !event.metaKey) { const item = source.item(focused); if (item?.id) favourite(item.id, !item.favourite); }
    else if (event.key === "a" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); selection.add(0, layout.count); }
    else if (event.key === "Escape" && selection.size) { event.stopPropagation(); selection.clear(); }
  });
  addEventListener("scroll", redraw, { passive: true });
  new ResizeObserver(redraw).observe(list.parentElement);

  return {
    get source() { return source; },
    get picked() { return selection.ids; },
    clear: () => selection.clear(),
    redraw,
    focus,
    /** Show the pictures of a source; with `keep`, it goes on where the last one ended. */
    show(found, { keep = false, scroll = 0 } = {}) {
      const parts = keep && found.parts && layout.rows.length ? [...new Set([...layout.sections, layout.rows.at(-1)].map(({ first }) => first))] : null;
      source = parts ? createHits(found.hits, parts) : found;
      if (!keep) {
        for (const tile of tiles.values()) tile.root.remove();
        tiles.clear();
        focused = 0;
        selection.forget();
      }
      if (list.clientWidth) measure(true);
      else measured = ""; // it is laid out when it is seen
      if (!keep) scrollTo(0, scroll);
      lastTop = null;
      sparse = !keep;
      draw();
    },
    /** More is known of some pictures. */
    arrived(first, after) {
      for (const [place, tile] of tiles) {
        if (place >= first && place < after) fill(tile, source.item(place), place, layout.count, selection.has(source.item(place)?.id));
      }
      redraw();
    },
    /** Show that pictures are, or are not, favourites. */
    marked(ids, on) {
      for (const id of ids) { const item = source.of(id); if (item) item.favourite = on; }
      for (const tile of tiles.values()) love(tile);
    },
    /** Scroll so that a height of the layout is below the header. */
    jump(top) { scrollTo(0, Math.max(0, offset() + top - covered())); },
    /** The height of the layout that is below the header. */
    get top() { return covered() - list.getBoundingClientRect().top; },
  };
}
