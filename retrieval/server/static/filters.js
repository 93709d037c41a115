// The filters: builds a filter expression from the controls, and loads their choices.

import { ask } from "./api.js";
import { $, el, many } from "./dom.js";

const OTHERS = ["sort", "group", "fuse", "look", "diverse"];
const quoted = (text) => `'${text.replaceAll("'", "''")}'`;
const COMPARED = { folder: "in" };

/** The controls: each has its element, and the field and operator of its condition. */
let controls = [];
let making = null;

/** The filter expression, "" for none. */
export function where() {
  const parts = controls.filter(({ control }) => control.value.trim())
    .map(({ control, begins, date }) => `${begins} ${date ? control.value : quoted(control.value)}`);
  const words = $("where").value.trim();
  if (words) parts.push(parts.length ? `(${words})` : words);
  return parts.join(" and ");
}

/** The search options other than the query, as parameters of the API. */
export function searchOptions() {
  const values = { min_confidence: Number($("confidence").value) / 100 };
  if ($("fuse").value) values.fuse = $("fuse").value;
  if ($("look").value) values.look_in = $("look").value;
  if (where()) values.where = where();
  if ($("sort").value) values.sort = $("sort").value;
  if ($("group").value) values.group = $("group").value;
  if ($("diverse").checked) values.diverse = true;
  return values;
}

/** Show the number of active filters on the button. */
export function countFilters() {
  const on = [$("where"), ...controls.map(({ control }) => control)].filter(({ value }) => value.trim()).length;
  $("narrowed").hidden = !on;
  $("narrowed").textContent = on;
}

export function clearFilters() {
  for (const { control } of [{ control: $("where") }, ...controls]) control.value = "";
  for (const id of OTHERS) {
    if ($(id).type === "checkbox") $(id).checked = false;
    else $(id).selectedIndex = 0;
  }
  countFilters();
}

/** Fill the selects with the allowed values of the search options. */
export async function loadOptions() {
  const selects = { sort: "sort", group: "group", fuse: "fuse", look_in: "look" };
  for (const { name, default: usual, choices } of await ask("/api/options")) {
    const select = selects[name] && $(selects[name]);
    if (!select) continue;
    select.replaceChildren(...choices.map(({ value, label }) => el("option", { value, textContent: label, defaultSelected: value === (usual ?? "") })));
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
  return made;
}

/** Fill the lists of values, and keep the selected ones. */
export async function loadChoices() {
  if (!controls.length) controls = await (making ??= makeControls().finally(() => { making = null; }));
  const found = await ask("/api/facets");
  for (const { field, control, date } of controls) {
    const values = found[field.name];
    if (date) {
      if (values.length) control.title = `${many(values.length, "month")} with pictures, ${values.at(-1).value} to ${values[0].value}`;
      continue;
    }
    const common = field.kind === "folder" ? sharedFolder(values.map(({ value }) => value)) : "";
    const listed = field.kind === "folder" ? withParents(values, common) : values;
    fill(control, listed.map(({ value, images }) => [value, `${value.slice(common.length) || value} (${images.toLocaleString("en")})`]));
  }
}

function fill(control, choices) {
  const before = control.value;
  control.replaceChildren(el("option", { value: "", textContent: choices.length ? "Any" : "None" }),
    ...choices.map(([value, textContent]) => el("option", { value, textContent })));
  control.value = choices.some(([value]) => value === before) ? before : "";
  control.disabled = !choices.length;
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
