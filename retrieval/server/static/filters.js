// The filters: the filter expression of a state, its controls, and their choices.

import { ask } from "./api.js";
import { $, el, many } from "./dom.js";

const SELECTS = { sort: "sort", group: "group", fuse: "fuse", look_in: "look" };
const quoted = (text) => `'${text.replaceAll("'", "''")}'`;
const COMPARED = { folder: "in" };

/** The controls: each has its element, and the field and operator of its condition. */
let controls = [];
let making = null;

/** Wait until the filters of an address can be read. */
export const ready = () => (making ??= makeControls().catch((error) => { making = null; throw error; }));

/** The filter expression of a state, "" for none; its filters need `ready`. */
export function where({ filters, where: words }) {
  const parts = controls.filter(({ control }) => filters[control.id])
    .map(({ control, begins, date }) => `${begins} ${date ? filters[control.id] : quoted(filters[control.id])}`);
  if (words.trim()) parts.push(parts.length ? `(${words.trim()})` : words.trim());
  return parts.join(" and ");
}

/** The search options of a state other than its query, as parameters of the API. */
export function searchOptions(state) {
  const values = { min_confidence: state.sure / 100 };
  for (const [name, id] of Object.entries(SELECTS)) if (state[id]) values[name] = state[id];
  if (where(state)) values.where = where(state);
  if (state.diverse) values.diverse = true;
  return values;
}

/** The number of conditions that a state has. */
export const countFilters = ({ filters, where: words }) =>
  controls.filter(({ control }) => filters[control.id]).length + (words.trim() ? 1 : 0);

/**
 * What a changed control means for a state, as a function of it; the control is read now. The first
 * choice of a select is the usual one.
 */
export function patchOf({ id, value, checked, selectedIndex }) {
  if (id === "where") return () => ({ where: value });
  if (id === "diverse") return () => ({ diverse: checked });
  if (Object.values(SELECTS).includes(id)) return () => ({ [id]: selectedIndex > 0 ? value : "" });
  return ({ filters }) => {
    const others = Object.fromEntries(Object.entries(filters).filter(([name]) => name !== id));
    return { filters: value ? { ...others, [id]: value } : others };
  };
}

/** Make the controls, and the number on their button, show a state. */
export function drawFilters(state) {
  const on = countFilters(state);
  $("narrowed").hidden = !on;
  $("narrowed").textContent = on;
  $("where").value = state.where;
  $("diverse").checked = state.diverse;
  for (const id of Object.values(SELECTS)) {
    if (state[id]) $(id).value = state[id];
    else $(id).selectedIndex = 0;
  }
  for (const { control } of controls) {
    const value = state.filters[control.id] ?? "";
    // A value that no picture has any more is still part of the question.
    if (control.options && ![...control.options].some((option) => option.value === value)) control.append(el("option", { value, textContent: value }));
    control.value = value;
    if (value) control.disabled = false;
  }
}

/** Fill the selects with the allowed values of the search options. */
export async function loadOptions() {
  for (const { name, choices } of await ask("/api/options")) {
    const select = SELECTS[name] && $(SELECTS[name]);
    if (select) select.replaceChildren(...choices.map(({ value, label }) => el("option", { value, textContent: label })));
  }
}

/** Make controls for the fields: two dates, or a list of values. */
async function makeControls() {
  const { fields } = await ask("/api/fields");
  const made = fields.filter((field) => field.facet).flatMap((field) => (field.kind === "date"
    ? [["from", "From", ">="], ["until", "To", "<="]].map(([id, label, sign]) => ({
      field, label, begins: `${field.name} ${sign}`, date: true, control: el("input", { id: `${field.name}-${id}`, type: "date" }) }))
    : [{ field, label: field.label, begins: `${field.name} ${COMPARED[field.kind] ?? "="}`, control: el("select", { id: field.name }) }]));
  $("fields").replaceChildren(...made.map(({ label, control, field }) => el("label", { title: field.about }, `${label} `, control)));
  controls = made;
}

/** Fill the lists of values. */
export async function loadChoices() {
  await ready();
  const found = await ask("/api/facets");
  for (const { field, control, date } of controls) {
    const values = found[field.name];
    if (date) {
      if (values.length) control.title = `${many(values.length, "month")} with pictures, ${values.at(-1).value} to ${values[0].value}`;
      continue;
    }
    const common = field.kind === "folder" ? sharedFolder(values.map(({ value }) => value)) : "";
    const listed = field.kind === "folder" ? withParents(values, common) : values;
    control.replaceChildren(el("option", { value: "", textContent: listed.length ? "Any" : "None" }),
      ...listed.map(({ value, images }) => el("option", { value, textContent: `${value.slice(common.length) || value} (${images.toLocaleString("en")})` })));
    control.disabled = !listed.length;
  }
}

/** Add parent folders; each counts the pictures of its subfolders. */
function withParents(folders, common) {
  const counts = new Map();
  for (const { value, images } of folders) {
    let path = value;
    while (path.length >= common.length && path) {
      counts.set(path, (counts.get(path) ?? 0) + images);
      path = path.slice(0, path.lastIndexOf("/"));
    }
  }
  return [...counts].map(([value, images]) => ({ value, images })).sort((a, b) => (a.value < b.value ? -1 : 1));
}

function sharedFolder(paths) {
  if (!paths.length) return "";
  let shared = paths[0];
  for (const path of paths) {
    while (path !== shared && !path.startsWith(`${shared}/`)) shared = shared.slice(0, shared.lastIndexOf("/"));
  }
  return shared;
}
