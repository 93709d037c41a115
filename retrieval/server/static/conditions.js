// The filters of a state as a filter expression, and as words. Plain functions.
//
// `filters` has a list of values for each name: "camera", "folder", "date-from", "date-until", …
// Of the place (`gps`), a value is "latitude,longitude,km", "yes" or "no"; of a flag, "yes" or "no".

import { monthTitle } from "./days.js";
import { fileName, many } from "./dom.js";
import { fieldOf, isFlag } from "./fields.js";

const BOUNDS = { from: ">=", until: "<=" };
const EDGE = /^(.+)-(from|until)$/;

const quoted = (text) => `'${text.replaceAll("'", "''")}'`;

/** The filter expression of a state, "" for none; its written part is `where`. */
export function whereOf({ filters, where: words }) {
  const parts = Object.keys(filters).sort().map((name) => condition(name, filters[name]));
  if (words.trim()) parts.push(parts.length ? `(${words.trim()})` : words.trim());
  return parts.join(" and ");
}

function condition(name, values) {
  const [, field, edge] = EDGE.exec(name) ?? [];
  if (edge) return `${field} ${BOUNDS[edge]} ${values[0]}`;
  if (isFlag(name)) return values[0] === "no" ? `not ${name}` : name;
  if (name === "gps") return anyOf(values.map(near));
  if (values.length > 1 || name === "folder") return `${name} in (${values.map(quoted).join(", ")})`;
  return `${name} = ${quoted(values[0])}`;
}

function near(value) {
  if (value === "yes") return "has gps";
  if (value === "no") return "not has gps";
  const [north, east, km] = value.split(",");
  return `gps near ${north},${east} within ${km} km`;
}

const anyOf = (parts) => (parts.length === 1 ? parts[0] : `(${parts.join(" or ")})`);

/** How many conditions a state has; from and until count as one. */
export function countOf({ filters, where: words }) {
  return new Set(Object.keys(filters).map((name) => EDGE.exec(name)?.[1] ?? name)).size + (words.trim() ? 1 : 0);
}

/** A state's filters with other values of a name; without any, the name is left out. */
export function withValues(filters, name, values) {
  const others = Object.fromEntries(Object.entries(filters).filter(([other]) => other !== name));
  return values.length ? { ...others, [name]: values } : others;
}

/** The values of a name with one more, or without it if it was there. */
export function toggled(filters, name, value) {
  const values = filters[name] ?? [];
  return withValues(filters, name, values.includes(value) ? values.filter((other) => other !== value) : [...values, value]);
}

/** The values of a filter in a few words, "" if it is not set: "Canon, Nikon", "From May 2023". */
export function inWords(filters, name, titles = {}) {
  const [from, until] = [filters[`${name}-from`]?.[0], filters[`${name}-until`]?.[0]];
  if (from || until) return span(from, until);
  const values = (filters[name] ?? []).map((value) => titles[value] ?? valueTitle(name, value));
  return values.length > 2 ? many(values.length, "value") : values.join(", ");
}

/** One value of a filter as people read it. */
export function valueTitle(name, value) {
  if (name === "folder") return fileName(value) || value;
  if (name === "gps") return value === "yes" ? "With a place" : value === "no" ? "Without a place" : placeTitle(...value.split(",").map(Number));
  if (isFlag(name)) return value === "no" ? `No ${fieldOf(name).label.toLowerCase()}s` : `${fieldOf(name).label}s`;
  if (name === "rating") return value === "-1" ? "Rejected" : "★".repeat(Number(value)) || value;
  if (name === "keyword") return value.replaceAll("|", " › ");
  return name === "orientation" ? value.slice(0, 1).toUpperCase() + value.slice(1) : value;
}

const edgeTitle = (date) => (date.length === 4 ? date : date.length === 7 ? monthTitle(date) : `${Number(date.slice(8))} ${monthTitle(date)}`);

function span(from, until) {
  if (from === until) return edgeTitle(from);
  if (!until) return `From ${edgeTitle(from)}`;
  return from ? `${edgeTitle(from)} – ${edgeTitle(until)}` : `Until ${edgeTitle(until)}`;
}

/** Degrees as people write them: "48.86° N, 2.35° E". */
export const placeTitle = (north, east) => `${Math.abs(north).toFixed(2)}° ${north < 0 ? "S" : "N"}, ${Math.abs(east).toFixed(2)}° ${east < 0 ? "W" : "E"}`;

/** The album that a state shows, "" for none: one album, whatever else is asked of its pictures. */
export const albumOf = ({ filters }) => (filters.album?.length === 1 ? filters.album[0] : "");
