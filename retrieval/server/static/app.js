// The page: a search that runs again after every change, and four views of the library.

import { ask } from "./api.js";
import { createChoosing } from "./choosing.js";
import { $, many, notice, toast } from "./dom.js";
import * as duplicates from "./duplicates.js";
import { countFilters, loadChoices, loadOptions, searchOptions, clearFilters, where } from "./filters.js";
import { createGallery } from "./gallery.js";
import * as library from "./library.js";
import * as map from "./map.js";
import { drawChips, dropPicture, clearQuery, question, queryText } from "./question.js";
import { createViewer } from "./viewer.js";

const PAGE = 120;
const PAUSE = 40; // milliseconds without typing
const FEW = 12; // best hits to highlight on the map if none is a strong match

let request = null; // AbortController of the current request
let exhausted = true;
let loading = false;
let timer = 0;

const gallery = createGallery({
  open: (place) => viewer.open(gallery.hits.map((hit) => hit.id), place, gallery.hits),
  chosen: () => choosing.show(),
  more: () => { if (!exhausted && !loading) search(true); },
});
const viewer = createViewer({
  like: (id) => { clearQuery(); add({ id }); },
  plus: (id) => add({ id }),
  minus: (id) => add({ id, negative: true }),
  closed: (place) => {
    // The event comes late: the user may be typing already.
    if (current === "search" && !document.activeElement?.closest("input, textarea, select")) gallery.focus(place);
  },
});
const choosing = createChoosing({
  gallery,
  refine: () => { drawChips(search); search(); },
  learned: (name) => { clearQuery(); add({ concept: name }); loadChoices(); },
});

function add(term) {
  const same = (other) => other.id === term.id && other.concept === term.concept;
  question.terms = question.terms.filter((other) => !same(other)).concat({ negative: false, weight: 1, ...term });
  drawChips(search);
  go("search");
  search();
}

function parameters(offset) {
  const values = new URLSearchParams({ q: queryText(), offset, limit: PAGE, ...searchOptions() });
  for (const id of question.like) values.append("like", id);
  for (const id of question.unlike) values.append("unlike", id);
  return values;
}

async function search(more = false) {
  more = more === true;
  clearTimeout(timer);
  request?.abort();
  countFilters();
  if (!queryText() && !question.picture && !where()) return welcome();
  request = new AbortController();
  const { signal } = request;
  const options = question.picture ? { method: "POST", body: question.picture.file, signal } : { signal };
  loading = true;
  try {
    const found = await ask(`/api/search?${parameters(more ? gallery.hits.length : 0)}`, options);
    if (signal.aborted) return;
    loading = false;
    exhausted = found.hits.length < PAGE;
    if (!more) showStatus(found);
    gallery.show(more ? gallery.hits.concat(found.hits) : found.hits, more);
    views.map.highlight(highlighted());
    if (!more) remember();
  } catch (error) {
    if (error.name === "AbortError") return;
    loading = false;
    showError(error);
  }
}

function showStatus(found) {
  const time = found.seconds < 1 ? `${Math.round(found.seconds * 1000)} ms` : `${found.seconds.toFixed(1)} s`;
  $("state").textContent = `${many(found.searched, "picture")} searched in ${time}`;
  $("quiet").textContent = found.notes.join(" ");
  const least = Number($("confidence").value);
  const sure = found.hits.some((hit) => hit.confidence !== null);
  $("confidence").disabled = !sure && found.hits.length > 0;
  $("slider").title = $("confidence").disabled ? "The confidence of these results is unknown." : "";
  if (!found.hits.length) showNotice("No pictures found", least ? "Lower the confidence slider, or try other words." : "Clear the filters, or try other words.");
  else $("note").hidden = true;
}

function showNotice(title, text) {
  $("note").replaceChildren(...notice(title, text).children);
  $("note").classList.toggle("filter", text.includes("^"));
  $("note").hidden = false;
}

function showError(error) {
  exhausted = true;
  $("quiet").textContent = "";
  gallery.show([]);
  views.map.highlight([]);
  showNotice(error.message, error.hint ?? "");
  $("state").textContent = "";
}

/** Ids to highlight on the map: strong matches, or with filters only, all hits. */
function highlighted() {
  if (!queryText() && !question.picture) return gallery.hits.map((hit) => hit.id);
  const sure = gallery.hits.filter((hit) => hit.match === "strong");
  return (sure.length ? sure : gallery.hits.slice(0, FEW)).map((hit) => hit.id);
}

async function welcome() {
  exhausted = true;
  $("quiet").textContent = "";
  gallery.show([]);
  views.map.highlight([]);
  remember();
  try {
    const status = await ask("/api/status");
    const { images, problems } = status.counts;
    $("state").textContent = `${many(images, "picture")} · model ${status.model.name}${problems ? ` · ${many(problems, "file")} could not be indexed` : ""}`;
    if (!images) { showNotice("The library has no pictures yet", "Add a folder in a terminal: pixtrieve index FOLDER"); return; }
    showNotice("Search with words, or drop a picture here", "Combine terms, as in “2:dog + #17 - people”: a number in front sets a weight, and a minus excludes.");
    newest();
  } catch (error) {
    showError(error);
  }
}

/** Show the newest pictures below the welcome. */
async function newest() {
  const found = await ask(`/api/search?where=${encodeURIComponent("width > 0")}&sort=date-desc&limit=${PAGE}`);
  if (!queryText() && !question.picture && !where()) gallery.show(found.hits);
}

function remember() {
  const q = queryText();
  history.replaceState(null, "", (q ? `?q=${encodeURIComponent(q)}` : location.pathname) + location.hash);
}

const soon = (delay = PAUSE) => { clearTimeout(timer); timer = setTimeout(search, delay); };

function usePicture(file) {
  if (!file) return;
  if (!file.type.startsWith("image/")) { toast(`${file.name} is not a picture.`); return; }
  dropPicture();
  question.picture = { file, address: URL.createObjectURL(file) };
  drawChips(search);
  go("search");
  search();
}

// Views: the part after the # of the address selects one.

const page = {
  open: (ids, place) => viewer.open(ids, place),
  search: (text) => { clearQuery(); $("question").value = text; drawChips(search); go("search"); search(); },
};
const shown = library.create($("library"), {
  changed: () => { loadChoices(); if (current === "search") search(); },
  search: (concept) => { clearQuery(); add({ concept }); },
});
const views = {
  search: { show: () => gallery.redraw(), hide() {} },
  map: map.create($("map"), page),
  duplicates: duplicates.create($("duplicates"), page),
  library: shown,
};
let current = "search";

function go(view) {
  if (view !== current) location.hash = view === "search" ? "" : view;
}

function showView() {
  const wanted = location.hash.slice(1);
  const next = wanted in views ? wanted : "search";
  if (next !== current) { views[current].hide(); gallery.clear(); }
  current = next;
  for (const name of Object.keys(views)) $(name).hidden = name !== current;
  for (const link of document.querySelectorAll("[data-view]")) {
    if (link.dataset.view === current) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.body.dataset.view = current;
  views[current].show();
}

$("question").addEventListener("input", () => { go("search"); soon(); });
$("ask").addEventListener("submit", (event) => { event.preventDefault(); go("search"); search(); });
$("confidence").addEventListener("input", () => { $("sure").textContent = `${$("confidence").value}%`; soon(); });
$("filters").addEventListener("input", (event) => soon(event.target.id === "where" ? 400 : PAUSE));
$("filters").addEventListener("submit", (event) => event.preventDefault());
$("unnarrow").addEventListener("click", () => { clearFilters(); search(); });
$("narrow").addEventListener("click", () => {
  $("filters").hidden = !$("filters").hidden;
  $("narrow").setAttribute("aria-expanded", String(!$("filters").hidden));
  go("search");
  gallery.redraw();
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
  if (event.key === "ArrowDown" && document.activeElement === $("question")) { event.preventDefault(); gallery.focus(0); }
});
document.querySelector(".brand").addEventListener("click", (event) => { event.preventDefault(); clearQuery(); clearFilters(); drawChips(search); go("search"); search(); });
addEventListener("hashchange", showView);

$("question").value = new URLSearchParams(location.search).get("q") ?? "";
showView();
search();
loadOptions().catch(() => {});
loadChoices().catch(() => {});
shown.follow();
