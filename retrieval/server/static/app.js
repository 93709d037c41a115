// The page: draws its state (state.js), and turns what people do into changes of it.

import { asked, EMPTY, NO_FILTERS, NOTHING_ASKED, toAddress, VIEWS } from "./address.js";
import { createAlbumHead } from "./album_head.js";
import { albumOf, withValues } from "./conditions.js";
import { onReturn } from "./connection.js";
import { $, toast } from "./dom.js";
import { setFavourite } from "./favourites.js";
import { createFilters } from "./filters.js";
import { createGallery } from "./gallery.js";
import { createLater, shown, style } from "./later.js";
import { createOften } from "./often.js";
import { chips, withTerm } from "./question.js";
import { createRecent } from "./recent.js";
import { createSaved } from "./saved.js";
import { canSave } from "./saved_state.js";
import { createScrubber } from "./scrubber.js";
import { createSearch } from "./search.js";
import { createState } from "./state.js";
import { createTileSize } from "./tile_size.js";
import * as uploads from "./uploads.js";

const PAUSE = 40; // milliseconds: letters that come faster are asked for together
const REST = 300; // milliseconds without scrolling or moving the map
const PATIENCE = 400; // milliseconds that pictures wait for the rows above them
const NEAR = 5; // pictures before and after the one in the viewer

const TITLES = { map: "Map", albums: "Albums", duplicates: "Duplicates", library: "Library" };

const state = createState(render);
const now = () => state.now;

const tileSize = createTileSize(() => gallery.redraw());
const gallery = createGallery({
  open, favourite: (id, on) => favourite([id], on), height: tileSize.height,
  chosen: () => { if (choosing.part || gallery.picked.length) choosing.with((part) => part.show()); },
  more: () => search.more(),
  laidOut: (layout, dated, same) => scrubber.draw(layout, dated && now().view === "search", same),
});
const scrubber = createScrubber($("scrubber"), { jump: (top) => gallery.jump(top), top: () => gallery.top });
const viewer = createLater(async () => {
  const { createViewer } = await import("./viewer.js");
  const made = createViewer({
    went: (id) => state.adjust({ open: id }),
    left: () => { if (now().open) state.leave({ open: 0 }); },
    more(place) {
      if (now().view !== "search") return;
      gallery.source.need(Math.max(0, place - NEAR), place + NEAR);
      if (place > gallery.source.count - NEAR) search.more();
    },
    like: (id) => askFor({ id }, { ...NOTHING_ASKED }),
    favourite: (id, on) => favourite([id], on),
    collect,
    plus: (id) => askFor({ id }),
    minus: (id) => askFor({ id, negative: true }),
    label: (name) => state.change({ ...NOTHING_ASKED, ...NO_FILTERS, filters: { tag: [name] }, view: "search" }),
  });
  if (now().view === "search") made.among(gallery.source);
  return made;
});
const choosing = createLater(async () => (await import("./choosing.js")).createChoosing({
  gallery,
  examples: now,
  favourite,
  collect,
  album: () => albumOf(now()),
  left: () => { collected(); refresh(); },
  refine: (examples) => state.change(examples),
  learned: (name) => { recount(); askFor({ concept: name }, NOTHING_ASKED); },
}));
const picker = createLater(async () => (await import("./album_picker.js"))
  .createAlbumPicker({ changed: () => { collected(); if (albumOf(now())) refresh(); } }));
const collect = async (ids) => (await picker.load()).open(ids);
const albumHead = createAlbumHead();
const show = (other) => state.change({ ...other, view: "search" });
const saved = createSaved({ now, open: show });
const recent = createRecent({ open: show });
const often = createOften({ open: show });
const filters = createFilters({
  now,
  change: (patch) => state.change(patch),
  soon: (patch, kind, delay) => state.soon(patch, kind, delay),
  clear: () => state.change(NO_FILTERS),
});
const page = {
  open: (ids, place) => open(ids[place], ids),
  search: (text) => state.change({ ...NOTHING_ASKED, text, view: "search" }),
};
const views = {
  map: createLater(async () => {
    const [map] = await Promise.all([import("./map.js"), style("/map.css")]);
    return map.create($("map"), { ...page, moved: (at) => state.soon({ at }, "map", REST, false) });
  }),
  albums: createLater(async () => (await import("./albums.js")).create($("albums"), { open: show, saved, changed: renamed })),
  duplicates: createLater(async () => {
    const [duplicates] = await Promise.all([import("./duplicates.js"), style("/review.css")]);
    return duplicates.create($("duplicates"), { open: page.open, now,
      go: (patch) => state.change(patch), adjust: (patch) => state.adjust(patch), soon: (...how) => state.soon(...how) });
  }),
  library: createLater(async () => {
    const [library] = await Promise.all([import("./library.js"), style("/library.css")]);
    return library.create($("library"), { now, open: show,
      changed: () => { recount(); saved.stale(); refresh(); },
      choose: (reason) => state.change({ reason }),
    });
  }),
};
const search = createSearch({
  now, gallery,
  indexing: async () => { const library = await views.library.load(); await library.follow(); return library.running; },
  clear: () => state.change(NO_FILTERS),
  before: firstRows, arrived: drawFirst,
  told: () => { recent.answered(now()); saved.answered(now()); },
  drawn: () => { if (now().view === "search") viewer.part?.among(gallery.source); },
  highlight: (ids, said) => views.map.with((map) => map.highlight(ids, said)),
});

/** Mark pictures as favourites, or take the mark off. */
function favourite(ids, on) {
  return setFavourite(ids, on, (some, set) => { gallery.marked(some, set); viewer.part?.marked(some, set); });
}

/** Albums have other pictures now. */
function collected() {
  filters.load().catch(() => {});
  albumHead.draw(now(), true);
}

/** An album has another name, or none any more: a filter for it goes along. */
function renamed(before, after) {
  collected();
  const values = now().filters.album;
  if (!before || !values?.includes(before)) return;
  const kept = values.flatMap((name) => (name !== before ? [name] : after ? [after] : []));
  state.adjust({ filters: withValues(now().filters, "album", kept) });
}

/** Search with one more term, in place of `others` if they are given. */
function askFor(term, others = {}) {
  state.change({ ...others, terms: withTerm((others.terms ?? now().terms), term), open: 0, view: "search" });
}

/** Open a picture; `ids` are those to leaf through, if they are not those of the gallery. */
function open(id, ids) {
  state.change({ open: id }, { opened: true, ...(ids && { ids }) });
}

/** Labels and other values to choose from have other pictures now. */
function recount() {
  filters.load().catch(() => {});
  often.draw();
}

/** Search again with the same question, and stay where one is. */
const refresh = () => search.start({ scroll: scrollY, count: gallery.source.hits?.length ?? 0 });

/** Resolves once the rows above all pictures are there: later, they would push the pictures down. */
async function firstRows() {
  if (now().view !== "search" || canSave(now())) return;
  await Promise.race([Promise.all([saved.listed, often.listed]), new Promise((done) => { setTimeout(done, PATIENCE); })]);
}

/** The rows above all pictures come and go with them: while one types, nothing moves before the answer is there. */
function drawFirst() {
  $("first").hidden = canSave(now());
  if (!$("first").hidden) recent.draw();
}

function render(next, before, restored) {
  const differs = (...names) => names.some((name) => next[name] !== before[name]);
  const typed = !restored && differs("text") && $("question").value === next.text; // not set by a link
  if (typed) recent.typed(before.text, next.text);
  else if (restored || differs("view", "open") || asked(next) !== asked(before)) recent.keep();
  if (restored || differs("text")) $("question").value = next.text;
  if (restored || differs("sure")) drawSlider(next);
  if (restored || differs("filters", "where", "sort", "group", "fuse", "look", "diverse")) filters.draw();
  if (restored || differs("terms", "picture", "like", "unlike")) drawChips();
  document.title = [next.view === "search" ? next.text.trim() || albumOf(next) : TITLES[next.view], "Pixtrieve"].filter(Boolean).join(" · ");
  albumHead.draw(next);
  if (restored || next.view !== before.view || asked(next) !== asked(before)) saved.draw();
  if (next.view === "search" && before.view === "map") often.draw(); // there may be a map now
  if (next.view !== before.view) drawView(next, before.view);
  else if (restored && next.view === "map") views.map.part?.moveTo(next.at);
  else if (next.view === "duplicates" && differs("review", "stay", "lens")) views.duplicates.part?.draw(next, before);
  else if (next.view === "library" && differs("reason")) views.library.part?.show();
  if (asked(next) !== asked(before)) search.start(restored ? state.extras : {});
  else if (next.view === "search" && before.view !== "search") search.start(state.extras); // pictures may have come meanwhile
  else if (next.view === "map" && before.view !== "map") search.light();
  if (next.open !== before.open) drawViewer(next, before);
  for (const link of document.querySelectorAll("[data-view]")) link.href = toAddress({ ...next, view: link.dataset.view, open: 0 });
}

function drawSlider({ sure }) {
  $("confidence").value = sure;
  $("sure").textContent = `${sure}%`;
}

async function drawChips() {
  const pasted = now().picture ? await uploads.find(now().picture) : null;
  $("chips").replaceChildren(...chips(now(), pasted?.address, (patch) => state.change(patch)));
}

function drawView({ view }, before) {
  if (before) { views[before]?.part?.hide(); gallery.clear(); }
  for (const name of VIEWS) $(name).hidden = name !== view;
  for (const link of document.querySelectorAll("[data-view]")) {
    if (link.dataset.view === view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.body.dataset.view = view;
  showView();
}

/** Show what the view is now, once it is loaded: then it may be another one. */
function showView() {
  const { view } = now();
  if (view === "search") { gallery.redraw(); return; }
  views[view].with((part) => {
    if (now().view !== view) return;
    part.show();
    if (view === "map" && now().at) part.moveTo(now().at);
  });
}

function drawViewer(next, before) {
  if (next.open) {
    viewer.with((part) => { if (now().open === next.open) part.open(next.open, state.extras.ids); });
    if (next.view === "search" && !state.extras.ids) gallery.source.find(next.open);
    return;
  }
  viewer.part?.close();
  // Not if the user is typing already.
  if (next.view === "search" && !document.activeElement?.closest("input, textarea, select")) gallery.focus(gallery.source.placeOf(before.open));
}

async function usePicture(file) {
  if (!file) return;
  if (!file.type.startsWith("image/")) { toast(`${file.name} is not a picture.`); return; }
  state.change({ picture: await uploads.keep(file), open: 0, view: answersIn() });
}

/** The view of the answers: the map, if that is what one looks at. */
const answersIn = () => (now().view === "map" ? "map" : "search");

let typed = 0; // when the last letter came

/** How long to wait for the next letter: only while they come faster than one asks. */
function pause() {
  const since = performance.now() - typed;
  typed += since;
  return since < PAUSE ? PAUSE : 0;
}

$("question").addEventListener("input", () => state.soon({ text: $("question").value, view: answersIn() }, "text", pause()));
$("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  state.settle();
  if (now().view === answersIn()) refresh();
  else state.change({ view: "search" });
});
$("confidence").addEventListener("input", () => {
  const sure = Number($("confidence").value);
  $("sure").textContent = `${sure}%`;
  state.soon({ sure }, "sure", pause());
});
$("upload").addEventListener("change", () => { usePicture($("upload").files[0]); $("upload").value = ""; });
document.addEventListener("paste", (event) => usePicture([...event.clipboardData.files][0]));
document.addEventListener("dragover", (event) => { event.preventDefault(); document.body.classList.add("dropping"); });
document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) document.body.classList.remove("dropping"); });
document.addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dropping");
  usePicture(event.dataTransfer.files[0]);
});
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, dialog");
  if (event.key === "/" && !typing) { event.preventDefault(); $("question").focus(); }
  if (event.key === "ArrowDown" && document.activeElement === $("question") && now().view === "search") { event.preventDefault(); gallery.focus(0); }
});
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-view], a.brand");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  state.change(link.dataset.view ? { view: link.dataset.view } : EMPTY);
});
let resting = 0;
addEventListener("scroll", () => {
  clearTimeout(resting);
  resting = setTimeout(() => { if (now().view === "search") state.note({ scroll: scrollY, count: gallery.source.hits?.length ?? 0 }); }, REST);
}, { passive: true });
new ResizeObserver(([{ target }]) => document.documentElement.style.setProperty("--header", `${target.offsetHeight}px`)).observe(document.querySelector("header"));
onReturn(() => {
  filters.loadFields().catch(() => {});
  recount();
  saved.stale();
  refresh();
  if (now().view !== "search") showView();
  views.library.with((library) => library.follow());
  viewer.part?.again();
});

history.scrollRestoration = "manual";
const first = now();
drawView(first, "");
render(first, { ...first, open: 0 }, true);
// What there is to choose from comes after the first pictures, as does what is only needed later.
search.start(state.extras).then(() => shown($("gallery"))).then(() => {
  filters.loadFields().catch(() => {});
  filters.load().catch(() => {});
  saved.begin();
  for (const part of [viewer, choosing, picker]) part.load().catch(() => {});
  views.library.with((library) => library.follow());
});
