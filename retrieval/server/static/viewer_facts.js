// What the viewer says of a picture.

import { valueTitle } from "./conditions.js";
import { $, bytes, el, fileName, folderOf, sureness } from "./dom.js";
import { allFields } from "./fields.js";

const SOURCES = { name: " (from the file name)", file: " (when the file was modified)" };
// Shown in another form, or the same as another field.
const OTHERWISE = ["taken", "format", "width", "height", "size", "iso", "aperture", "exposure", "focal_length", "gps", "place", "city", "region", "country", "favourite", "rating", "keyword"];

const present = (value) => value !== null && value !== undefined && value !== "" && value.length !== 0;

/** The value of a field as text, "" if unknown. */
function written({ kind, columns, unit }, picture) {
  const values = columns.map((column) => picture[column]).filter(present).map((value) => (Array.isArray(value) ? value.join(", ") : value));
  if (kind === "date" && values.length) return values[0].replace("T", " ") + (SOURCES[values[1]] ?? "");
  return values.length && unit ? `${values} ${unit}` : values.join(" ");
}

/** How the picture was taken, as photographers write it: "1/250 s · f/2.8 · ISO 400 · 50 mm". */
export function settings({ exposure, aperture, iso, focal_length: length }) {
  const parts = [];
  if (present(exposure)) parts.push(`${exposure > 0 && exposure < 0.3 ? `1/${Math.round(1 / exposure)}` : Number(exposure.toFixed(1))} s`);
  if (present(aperture)) parts.push(`f/${Number(aperture.toFixed(1))}`);
  if (present(iso)) parts.push(`ISO ${iso}`);
  if (present(length)) parts.push(`${Number(length.toFixed(1))} mm`);
  return parts.join(" · ");
}

/** The names of a place, each once: "Alfama, Lisbon, Portugal". */
export const placeNames = ({ location, city, region, country }) => [...new Set([location, city, region, country].filter(present))].join(", ");

/** The place, its coordinates, and a link that asks another site only when it is followed. */
function place(picture) {
  const { latitude, longitude } = picture;
  if (!present(latitude) || !present(longitude)) return placeNames(picture);
  const [north, east] = [latitude.toFixed(5), longitude.toFixed(5)];
  return [placeNames(picture), el("br"), `${north}, ${east} `, el("a", { target: "_blank", rel: "noopener noreferrer", textContent: "OpenStreetMap",
    href: `https://www.openstreetmap.org/?mlat=${north}&mlon=${east}#map=15/${north}/${east}` })];
}

function score(picture) {
  if (picture.score === undefined) return "";
  const sure = sureness(picture);
  return picture.score.toFixed(3) + (sure && `, ${sure} ${present(picture.confidence) ? "sure" : "match"}`);
}

/** Show the facts of a picture whose first file is `path`. `label(name)` is called for a label. */
export function describe(picture, path, copies, label) {
  const labels = (picture.tags ?? []).map((tag) => el("button", { type: "button", class: "label", title: "Show the pictures with this label", onclick: () => label(tag.label) }, tag.label));
  const texts = (picture.texts ?? []).filter((text) => text.source !== "name").map((text) => text.text).join("\n");
  const fields = allFields().filter(({ name, columns }) => columns.length && !OTHERWISE.includes(name));
  $("name").textContent = fileName(path);
  fill($("facts"), [
    ...fields.filter(({ kind }) => kind === "date").map((field) => [field.label, written(field, picture)]),
    ["Texts", texts], ["Labels", labels],
    ...fields.filter(({ kind }) => kind !== "date").map((field) => [field.label, written(field, picture)]),
    ["Keywords", (picture.keywords ?? []).map((value) => valueTitle("keyword", value)).join(", ")], ["Rating", present(picture.rating) ? valueTitle("rating", String(picture.rating)) : ""],
    ["Exposure", settings(picture)], ["Place", place(picture)],
    ["Size", `${picture.width} × ${picture.height}, ${bytes(picture.size)}, ${picture.format}`], ["Folder", folderOf(path)], ["Copies", copies.join("\n")]]);
  fill($("details"), [["Score", score(picture)], ["ID", `#${picture.id}`], ["SHA-256", picture.sha256]]);
}

function fill(list, facts) {
  list.replaceChildren(...facts.filter(([, value]) => value?.length).flatMap(([name, value]) => [
    el("dt", { textContent: name }), el("dd", {}, ...[value].flat())]));
}
