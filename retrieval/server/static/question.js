// The query: its written form for the API, and the chips beside the text.

import { el } from "./dom.js";

const quoted = (text) => `"${text.replace(/[\\"]/g, "\\$&")}"`;

/** The written form of a state's question, without a pasted picture. */
export function queryText({ text, terms, picture, like }) {
  const parts = text.trim() ? [text.trim()] : [];
  for (const term of terms) {
    const what = term.concept === undefined ? `#${term.id}` : `concept:${quoted(term.concept)}`;
    const one = term.weight === 1 ? what : `${term.weight}:${what}`;
    const sign = term.negative ? "- " : parts.length ? "+ " : "";
    parts.push(`${sign}${one}`);
  }
  // With liked pictures only, search for the first of them.
  if (!parts.length && !picture && like.length) parts.push(`#${like[0]}`);
  return parts.join(" ");
}

/** The terms with one more; a term of the same picture or concept is replaced. */
export function withTerm(terms, term) {
  const same = (other) => other.id === term.id && other.concept === term.concept;
  return terms.filter((other) => !same(other)).concat({ negative: false, weight: 1, ...term });
}

/** The chips of a state; `pasted` is the address of its own picture. `change(patch)` after a click. */
export function chips({ terms, picture, like, unlike }, pasted, change) {
  const made = terms.map((term, place) => termChip(term, (other) => change({ terms: terms.toSpliced(place, 1, ...other) })));
  if (picture) {
    const face = pasted ? image(pasted, "your picture") : label("picture not found");
    made.push(chip(face, "", [remove("remove your picture", () => change({ picture: "" }))]));
  }
  for (const [ids, name, word, kind] of [[like, "like", "liked", ""], [unlike, "unlike", "disliked", "negative"]]) {
    if (ids.length) made.push(chip(label(`${ids.length} ${word}`), kind, [remove(`clear ${word} pictures`, () => change({ [name]: [] }))]));
  }
  return made;
}

function termChip(term, put) {
  const face = term.concept === undefined
    ? image(`/api/pictures/${term.id}/thumbnail?side=256`, `picture #${term.id}`)
    : label(term.concept);
  const weights = { 1: 2, 2: 0.5 };
  return chip(face, term.negative ? "negative" : "", [
    button(term.negative ? "−" : "+", term.negative ? "excluded; change to included" : "included; change to excluded",
      () => put([{ ...term, negative: !term.negative }])),
    button(`×${term.weight}`, `weight ${term.weight}; change`, () => put([{ ...term, weight: weights[term.weight] ?? 1 }])),
    remove("remove", () => put([])),
  ]);
}

const chip = (face, kind, buttons) => el("li", { class: kind }, face, ...buttons);
const image = (src, alt) => el("img", { src, alt });
const label = (textContent) => el("span", { textContent });
const button = (textContent, name, onclick) => el("button", { type: "button", textContent, "aria-label": name, onclick });
const remove = (name, action) => button("✕", name, action);
