// The filters: chips in a row, each with a popover; on a telephone, a sheet with all of them.

import { ask } from "./api.js";
import { countOf, inWords, toggled, whereOf, withValues } from "./conditions.js";
import { sentence } from "./dialogs.js";
import { $, el } from "./dom.js";
import { heartShape } from "./favourites.js";
import { allFields, fieldsKnown } from "./fields.js";
import { createLater } from "./later.js";

const SELECTS = { sort: "sort", group: "group", fuse: "fuse", look_in: "look" };
// In the order of the chips; other fields with values follow.
const ORDER = ["date", "folder", "place", "person", "gps", "camera", "lens", "tag", "keyword", "rating", "format", "orientation"];
const PHONE = matchMedia("(max-width: 760px)");

/** The search options of a state other than its query, as parameters of the API. */
export function searchOptions(state) {
  const values = { min_confidence: state.sure / 100 };
  for (const [name, id] of Object.entries(SELECTS)) if (state[id]) values[name] = state[id];
  if (whereOf(state)) values.where = whereOf(state);
  if (state.diverse) values.diverse = true;
  return values;
}

/**
 * `now()` returns the state, `change(patch)` makes it another one, `soon(patch, kind, delay)` does
 * when typing rests; `clear()` takes all filters off.
 */
export function createFilters({ now, change, soon, clear }) {
  let fields = []; // {name, label, kind, about}
  let facets = null; // {field: [{value, images}]}, null until loaded
  let places = null;
  let choices = {}; // the labels of search options, by the id of their select
  let shown = null; // {name, chip, panel} of the open popover
  let sheet = []; // panels in the sheet

  const panels = createLater(async () => (await import("./filter_panels.js")).createPanels({
    now,
    toggle: (name, value) => change((state) => ({ filters: toggled(state.filters, name, value) })),
    edges: (name, from, until) => change((state) => ({ filters: withValues(withValues(state.filters, `${name}-from`, from ? [from] : []), `${name}-until`, until ? [until] : []) })),
    typed: (name, value) => soon(({ filters }) => ({ filters: withValues(filters, name, value ? [value] : []) }), name, 400),
  }));

  /** The values of a field, null if they are not known yet. */
  const valuesOf = (name) => (name === "gps" ? places : facets?.[name] ?? null);
  /** Whether a filter can leave something out: not if all pictures have the same value. */
  const divides = ({ name, kind, optional }) => kind === "date" || valuesOf(name) === null || valuesOf(name).length > (optional ? 0 : 1);
  const isUsed = ({ filters }, name) => [name, `${name}-from`, `${name}-until`].some((key) => filters[key]);

  function draw() {
    const state = now();
    const on = fields.filter(({ name }) => isUsed(state, name));
    const known = fields.filter((field) => on.includes(field) || divides(field));
    const held = document.activeElement?.closest?.("#chipbar [data-filter]")?.dataset.filter;
    const extras = extraChips(state);
    $("chipbar").replaceChildren(...known.map((field) => chip(field.name, field.label, inWords(state.filters, field.name), () => drop(field.name))),
      ...extras, chip("more", "More", "", null));
    $("chipbar").prepend(flagChip(state));
    $("loved").checked = isLoved(state);
    if (held) $("chipbar").querySelector(`[data-filter="${CSS.escape(held)}"] .open`)?.focus({ preventScroll: true });
    const count = countOf(state) + extras.length - (state.where.trim() ? 1 : 0);
    $("narrowed").hidden = !count;
    $("narrowed").textContent = count;
    $("unnarrow").hidden = !count;
    drawMore(state);
    if (shown) { shown.chip = $("chipbar").querySelector(`[data-filter="${CSS.escape(shown.name)}"] .open`) ?? shown.chip; shown.chip.setAttribute("aria-expanded", "true"); shown.panel?.draw(state); }
    for (const { field, panel, said } of sheet) { panel?.draw(state); said.textContent = inWords(state.filters, field.name) || "Any"; }
  }

  const isLoved = ({ filters }) => Boolean(filters.favourite);
  const love = () => change((state) => ({ filters: withValues(state.filters, "favourite", isLoved(state) ? [] : ["yes"]) }));

  /** The chip of a filter that is only on or off. */
  function flagChip(state) {
    const on = isLoved(state);
    const title = inWords(state.filters, "favourite") || "Favourites";
    return el("span", { class: on ? "chip flag on" : "chip flag", "data-filter": "favourite" },
      el("button", { type: "button", class: "open", "aria-pressed": String(on), onclick: love }, heartShape(), title));
  }

  const drop = (name) => change(({ filters }) => ({ filters: [name, `${name}-from`, `${name}-until`].reduce((left, key) => withValues(left, key, []), filters) }));

  function chip(name, label, value, off) {
    const open = el("button", { type: "button", class: "open", "aria-haspopup": "dialog", "aria-expanded": "false", onclick: (event) => toggle(name, event.currentTarget) },
      ...(value ? [el("span", { class: "unseen", textContent: `${label}: ` }), el("span", { textContent: value })] : [label]));
    return el("span", { class: value ? "chip on" : "chip", "data-filter": name }, open,
      ...(value && off ? [el("button", { type: "button", class: "off", "aria-label": `Remove the filter ${label}: ${value}`, onclick: off }, "×")] : []));
  }

  /** Chips for a written filter and for search options that are not the usual ones. */
  function extraChips(state) {
    const found = Object.entries({ sort: "Sort", group: "Group by", fuse: "Several terms", look: "Search in" }).filter(([id]) => state[id])
      .map(([id, label]) => chip(id, label, choices[id]?.[state[id]] ?? state[id], () => change({ [id]: "" })));
    if (state.diverse) found.push(chip("diverse", "Results", "Varied", () => change({ diverse: false })));
    if (state.where.trim()) found.unshift(chip("where", "Expression", state.where.trim(), () => change({ where: "" })));
    return found;
  }

  function drawMore(state) {
    if (document.activeElement !== $("where")) $("where").value = state.where;
    $("diverse").checked = state.diverse;
    for (const id of Object.values(SELECTS)) {
      if (state[id]) $(id).value = state[id];
      else $(id).selectedIndex = 0;
    }
  }

  /** Show a filter in `root`: the popover, or a part of the sheet; `part` of either gets the panel. */
  function fill(part, root, name) {
    const field = fields.find((each) => each.name === name);
    if (!field) { $("more").hidden = false; root.replaceChildren($("more")); return; }
    if (valuesOf(name) === null || !panels.part) {
      const tell = (text) => root.replaceChildren(el("p", { class: "soft", textContent: text }));
      const isOpen = () => part === shown || sheet.includes(part);
      tell("Loading…");
      Promise.all([valuesOf(name) === null && load(), panels.load()]).then(() => { if (isOpen()) fill(part, root, name); }, (error) => { if (isOpen()) tell(sentence(error.message)); });
      return;
    }
    part.panel = panels.part.make(field, valuesOf(name));
    root.replaceChildren(part.panel.root);
    part.panel.draw(now());
  }

  function toggle(name, button) {
    if (PHONE.matches) { openSheet(name); return; }
    const again = shown?.name === name;
    closed();
    $("panel").hidePopover();
    if (again) return;
    const title = button.closest("[data-filter]").querySelector(".open").textContent;
    $("panel").setAttribute("aria-label", `Filter: ${title}`);
    shown = { name, chip: button, panel: null };
    $("panel").showPopover();
    fill(shown, $("panel"), name);
    const box = button.getBoundingClientRect();
    $("panel").style.left = `${Math.max(8, Math.min(box.left, innerWidth - $("panel").offsetWidth - 16))}px`;
    $("panel").style.top = `${box.bottom + 6}px`;
    button.setAttribute("aria-expanded", "true");
    $("panel").querySelector("input, select, button, [tabindex='0']")?.focus({ preventScroll: true });
  }

  function closed() {
    if (!shown) return;
    shown.chip.setAttribute("aria-expanded", "false");
    $("kept").append($("more"));
    shown = null;
  }

  // The event comes later: by then, another one may be open.
  $("panel").addEventListener("toggle", () => { if (!$("panel").matches(":popover-open")) closed(); });

  function openSheet(name = "") {
    sheet = [];
    const parts = [...fields.filter((field) => divides(field) || isUsed(now(), field.name)), { name: "more", label: "More" }].map((field) => {
      const said = el("span", { class: "soft" });
      const inside = el("div", { class: "inside" });
      const part = { field, said, panel: null };
      if (field.name !== "more") sheet.push(part);
      const box = el("details", { name: "filter", "data-filter": field.name, ontoggle: () => { if (box.open) fill(part, inside, field.name); } },
        el("summary", {}, el("span", { textContent: field.label }), said), inside);
      if (field.name === name) box.open = true;
      return box;
    });
    $("sheetparts").replaceChildren(...parts);
    draw();
    $("sheet").showModal();
  }
  $("sheet").addEventListener("close", () => { $("kept").append($("more")); $("sheetparts").replaceChildren(); sheet = []; });
  $("sheet").addEventListener("click", (event) => { if (event.target === $("sheet")) $("sheet").close(); });
  $("done").addEventListener("click", () => $("sheet").close());
  $("sheetclear").addEventListener("click", () => clear());
  $("loved").addEventListener("change", love);
  $("narrow").addEventListener("click", () => openSheet());
  $("unnarrow").addEventListener("click", () => clear());
  $("more").addEventListener("submit", (event) => event.preventDefault());
  $("more").addEventListener("input", ({ target }) => {
    if (target.id === "where") soon(() => ({ where: target.value }), "where", 400);
    else if (target.id === "diverse") change({ diverse: target.checked });
    else change({ [target.id]: target.selectedIndex > 0 ? target.value : "" });
  });

  /** Load the values to choose from. */
  async function load() {
    const [found, where] = await Promise.all([ask("/api/facets"), ask("/api/places"), panels.load()]);
    facets = found;
    places = where.places.map((place) => ({ ...place, km: where.km }));
    draw();
  }

  return {
    draw,
    load,
    /** Load the fields, and the choices of the search options. */
    async loadFields() {
      const [options] = await Promise.all([ask("/api/options"), fieldsKnown()]);
      for (const { name, choices: some } of options) {
        if (!SELECTS[name]) continue;
        choices[SELECTS[name]] = Object.fromEntries(some.map(({ value, label }) => [value, label]));
        $(SELECTS[name]).replaceChildren(...some.map(({ value, label }) => el("option", { value, textContent: label })));
      }
      const place = (name) => (ORDER.indexOf(name) + 1 || ORDER.length + 1);
      fields = allFields().filter((field) => field.facet || field.name === "gps").sort((a, b) => place(a.name) - place(b.name));
      draw();
    },
  };
}
