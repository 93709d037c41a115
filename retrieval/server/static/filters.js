// The filters: fields of the page to a filter in words, and what there is to choose from.

import { ask } from "./api.js";
import { $, el, many } from "./dom.js";

const FIELDS = ["from", "until", "folder", "camera", "tag", "format", "shape", "where"];
const OTHERS = ["sort", "group", "fuse", "look", "diverse"];
const quoted = (text) => `'${text.replaceAll("'", "''")}'`;

/** The filter, "" for none. */
export function where() {
  const value = (id) => $(id).value.trim();
  const parts = [];
  if (value("from")) parts.push(`taken >= ${value("from")}`);
  if (value("until")) parts.push(`taken <= ${value("until")}`);
  if (value("folder")) parts.push(`folder in ${quoted(value("folder"))}`);
  if (value("camera")) parts.push(`camera = ${quoted(value("camera"))}`);
  if (value("tag")) parts.push(`tag = ${quoted(value("tag"))}`);
  if (value("format")) parts.push(`format = ${quoted(value("format"))}`);
  if (value("shape")) parts.push(`orientation = ${value("shape")}`);
  if (value("where")) parts.push(parts.length ? `(${value("where")})` : value("where"));
  return parts.join(" and ");
}

/** What else is asked for beside the question: parameters of the API. */
export function manner() {
  const values = { min_confidence: Number($("confidence").value) / 100 };
  if ($("fuse").value) values.fuse = $("fuse").value;
  if ($("look").value) values.look_in = $("look").value;
  if (where()) values.where = where();
  if ($("sort").value) values.sort = $("sort").value;
  if ($("group").value) values.group = $("group").value;
  if ($("diverse").checked) values.diverse = true;
  return values;
}

/** Say on the button how many filters are on. */
export function countFilters() {
  const on = FIELDS.filter((id) => $(id).value.trim()).length;
  $("narrowed").hidden = !on;
  $("narrowed").textContent = on;
}

export function takeOff() {
  for (const id of FIELDS) $(id).value = "";
  for (const id of OTHERS) {
    if ($(id).type === "checkbox") $(id).checked = false;
    else $(id).selectedIndex = 0;
  }
  countFilters();
}

/** Give the selects the values that the options of a search may have. */
export async function loadOptions() {
  const selects = { sort: "sort", group: "group", fuse: "fuse", look_in: "look" };
  for (const { name, default: usual, choices } of await ask("/api/options")) {
    const select = selects[name] && $(selects[name]);
    if (!select) continue;
    select.replaceChildren(...choices.map(({ value, label }) => el("option", { value, textContent: label, defaultSelected: value === (usual ?? "") })));
  }
}

/** Fill the lists of folders, cameras, labels and formats; what is chosen stays chosen. */
export async function loadChoices() {
  const found = await ask("/api/facets");
  const common = sharedFolder(found.folders.map((facet) => facet.value));
  const tags = new Map();
  for (const { label, images } of found.tags) tags.set(label, (tags.get(label) ?? 0) + images);
  fill("folder", withParents(found.folders, common).map(({ value, images }) => [value, `${value.slice(common.length) || value} (${images.toLocaleString("en")})`]));
  fill("camera", found.cameras.map(({ value, images }) => [value, `${value} (${images.toLocaleString("en")})`]));
  fill("tag", [...tags].map(([value, images]) => [value, `${value} (${images.toLocaleString("en")})`]));
  fill("format", found.formats.map(({ value, images }) => [value, `${value} (${images.toLocaleString("en")})`]));
  const months = found.months.map((facet) => facet.value);
  if (months.length) {
    $("from").title = $("until").title = `${many(months.length, "month")} with dates, ${months.at(-1)} to ${months[0]}`;
  }
}

function fill(id, choices) {
  const before = $(id).value;
  $(id).replaceChildren(el("option", { value: "", textContent: choices.length ? "any" : "none known" }),
    ...choices.map(([value, textContent]) => el("option", { value, textContent })));
  $(id).value = choices.some(([value]) => value === before) ? before : "";
  $(id).disabled = !choices.length;
}

/** Folders that only hold others count what is in those. */
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
