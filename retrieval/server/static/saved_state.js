// A saved search as a state of the page, and the name that a state's search gets. Plain functions.

import { EMPTY, hasQuestion } from "./address.js";
import { countOf, inWords } from "./conditions.js";
import { fieldOf, isFlag } from "./fields.js";

const TEXT = "'((?:[^']|'')*)'";
const ONE = new RegExp(`^([a-z_]+) = ${TEXT}$`);
const SOME = new RegExp(`^([a-z_]+) in \\((${TEXT}(?:, ${TEXT})*)\\)$`);
const EDGE = /^([a-z_]+) (>=|<=) (\d{4}(?:-\d\d){0,2})$/;
const NEAR = /^gps near (-?[\d.]+,-?[\d.]+) within ([\d.]+) km$/;
const LAST = /(?:^|\s+([+-])\s+)(?:(\d{1,4}(?:\.\d{1,4})?):)?(?:#(\d{1,15})|concept:"((?:[^"\\]|\\.)*)")$/;
const LONGEST = 60; // letters of a name that the page proposes

const hasValues = (name) => fieldOf(name)?.facet && fieldOf(name).kind !== "date";
const hasDates = (name) => fieldOf(name)?.facet && fieldOf(name).kind === "date";
const unquoted = (text) => text.replaceAll("''", "'");

/** The state that asks a saved search. */
export function stateOf({ question, where, min_confidence: least, options = {} }) {
  const ids = (examples = []) => examples.map((each) => Number(String(each).replace("#", ""))).filter(Number.isSafeInteger);
  const { sort = "", group = "", fuse = "", look_in: look = "", diverse = false } = options;
  return { ...EMPTY, ...questionOf(question), ...filtersOf(where), sort, group, fuse, look, diverse,
    like: ids(options.like), unlike: ids(options.unlike), sure: Math.round(least * 100) };
}

/** A question in the written form as {text, terms}: the terms at its end are chips, the rest is text. */
export function questionOf(written) {
  const terms = [];
  let text = written.trim();
  for (let found = LAST.exec(text); found; found = LAST.exec(text)) {
    const [all, sign, weight, id, concept] = found;
    const what = concept === undefined ? { id: Number(id) } : { concept: concept.replace(/\\(.)/gs, "$1") };
    terms.unshift({ ...what, negative: sign === "-", weight: Number(weight ?? 1) });
    text = text.slice(0, text.length - all.length);
  }
  return { text, terms };
}

/** A filter expression as {filters, where}: the conditions that the page has chips for, and the others. */
export function filtersOf(expression) {
  const filters = {};
  const others = [];
  for (const part of partsOf(expression.trim())) {
    const [name, values] = valuesOf(part);
    if (name && !filters[name]) filters[name] = values;
    else if (part) others.push(part);
  }
  const [only] = others;
  const bare = others.length === 1 && only.startsWith("(") && partsOf(only.slice(1, -1)).length > 0 && closes(only);
  return { filters, where: bare ? only.slice(1, -1) : others.join(" and ") };
}

function valuesOf(part) {
  if (isFlag(part)) return [part, ["yes"]];
  if (part.startsWith("not ") && isFlag(part.slice(4))) return [part.slice(4), ["no"]];
  const [, field, sign, date] = EDGE.exec(part) ?? [];
  if (hasDates(field)) return [`${field}-${sign === ">=" ? "from" : "until"}`, [date]];
  const places = (closes(part) ? part.slice(1, -1) : part).split(" or ").map(placeOf);
  if (places.every(Boolean)) return ["gps", places];
  const [, one, value] = ONE.exec(part) ?? [];
  if (hasValues(one)) return [one, [unquoted(value)]];
  const [, some, list] = SOME.exec(part) ?? [];
  if (hasValues(some)) return [some, [...list.matchAll(new RegExp(TEXT, "g"))].map(([, each]) => unquoted(each))];
  return ["", []];
}

function placeOf(part) {
  if (part === "has gps") return "yes";
  if (part === "not has gps") return "no";
  const [, middle, km] = NEAR.exec(part) ?? [];
  return middle ? `${middle},${km}` : "";
}

/** Whether an expression is one pair of parentheses with all the rest in it. */
const closes = (text) => text.startsWith("(") && text.endsWith(")") && depths(text).slice(0, -1).every((depth) => depth > 0);

/** The parts that `and` joins, outside of quotes and parentheses; one part if `or` joins them. */
function partsOf(text) {
  const depth = depths(text);
  const parts = [];
  let start = 0;
  for (const { 0: word, 1: kind, index } of text.matchAll(/ (and|or) /gi)) {
    if (depth[index]) continue;
    if (kind.toLowerCase() === "or") return [text];
    parts.push(text.slice(start, index));
    start = index + word.length;
  }
  return [...parts, text.slice(start)].map((part) => part.trim());
}

/** How deep in parentheses or quotes each letter is. */
function depths(text) {
  let [depth, quote] = [0, ""];
  return [...text.split("")].map((letter) => {
    if (quote) { if (letter === quote) quote = ""; return depth + 1; }
    if (letter === "'" || letter === '"') { quote = letter; return depth + 1; }
    if (letter === "(") depth += 1;
    if (letter === ")") depth -= 1;
    return depth;
  });
}

/** Whether there is something to save: a question or a filter. */
export const canSave = (state) => hasQuestion(state) || countOf(state) > 0;

/** A name for a state's search, "" if only its pictures could give one. */
export function nameOf(state) {
  const names = [...new Set(Object.keys(state.filters).map((name) => name.replace(/-(from|until)$/, "")))];
  const said = names.map((name) => inWords(state.filters, name));
  const concepts = state.terms.filter((term) => term.concept && !term.negative).map((term) => term.concept);
  return [state.text.trim(), ...concepts, ...said].filter(Boolean).join(", ").slice(0, LONGEST);
}

/** What a saved search asks, in a few words. */
export function asksFor({ question, where, min_confidence: least }) {
  const sure = question && least ? `at least ${Math.round(least * 100)}% sure` : "";
  return [question.replace(/#\d+/g, "a picture").replace(/concept:"((?:[^"\\]|\\.)*)"/g, "$1"), where, sure].filter(Boolean).join(" · ");
}
