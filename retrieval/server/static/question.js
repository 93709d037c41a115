// The query: its text, other terms, liked and disliked pictures.

import { $ } from "./dom.js";

/** terms: {id, negative, weight} or {concept, negative, weight}; picture: {file, address} or null. */
export const question = { terms: [], picture: null, like: new Set(), unlike: new Set() };

const quoted = (text) => `"${text.replace(/[\\"]/g, "\\$&")}"`;

export function queryText() {
  const parts = [];
  const text = $("question").value.trim();
  if (text) parts.push(text);
  for (const term of question.terms) {
    const what = term.concept === undefined ? `#${term.id}` : `concept:${quoted(term.concept)}`;
    const one = term.weight === 1 ? what : `${term.weight}:${what}`;
    const sign = term.negative ? "- " : parts.length ? "+ " : "";
    parts.push(`${sign}${one}`);
  }
  // With liked pictures only, search for the first of them.
  if (!parts.length && !question.picture && question.like.size) parts.push(`#${[...question.like][0]}`);
  return parts.join(" ");
}

export function dropPicture() {
  if (question.picture) URL.revokeObjectURL(question.picture.address);
  question.picture = null;
}

export function clearQuery() {
  $("question").value = "";
  question.terms = [];
  question.like.clear();
  question.unlike.clear();
  dropPicture();
}

/** Draw the terms next to the text; `changed` is called after each change. */
export function drawChips(changed) {
  const redraw = () => { drawChips(changed); changed(); };
  const chips = question.terms.map((term, place) => termChip(term, redraw, () => question.terms.splice(place, 1)));
  if (question.picture) chips.push(chip(picture(question.picture.address, "your picture"), "", [remove("remove your picture", () => { dropPicture(); redraw(); })]));
  for (const [set, word, kind] of [[question.like, "liked", ""], [question.unlike, "disliked", "negative"]]) {
    if (set.size) chips.push(chip(label(`${set.size} ${word}`), kind, [remove(`clear ${word} pictures`, () => { set.clear(); redraw(); })]));
  }
  $("chips").replaceChildren(...chips);
}

function termChip(term, redraw, takeOut) {
  const face = term.concept === undefined
    ? picture(`/api/pictures/${term.id}/thumbnail?side=256`, `picture #${term.id}`)
    : label(term.concept);
  const turn = button(term.negative ? "−" : "+", term.negative ? "excluded; change to included" : "included; change to excluded",
    () => { term.negative = !term.negative; redraw(); });
  const weigh = button(`×${term.weight}`, `weight ${term.weight}; change`,
    () => { term.weight = term.weight === 1 ? 2 : term.weight === 2 ? 0.5 : 1; redraw(); });
  return chip(face, term.negative ? "negative" : "", [turn, weigh, remove("remove", () => { takeOut(); redraw(); })]);
}

function chip(face, kind, buttons) {
  const li = document.createElement("li");
  li.className = kind;
  li.append(face, ...buttons);
  return li;
}

function picture(address, alt) {
  const image = document.createElement("img");
  image.src = address;
  image.alt = alt;
  return image;
}

function label(text) {
  const span = document.createElement("span");
  span.textContent = text;
  return span;
}

function button(text, name, action) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.setAttribute("aria-label", name);
  made.addEventListener("click", action);
  return made;
}

const remove = (name, action) => button("✕", name, action);
