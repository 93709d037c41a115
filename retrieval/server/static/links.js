// Links to states of the page.

import { toAddress } from "./address.js";
import { $, el } from "./dom.js";

/** A link to a state: a click calls `open(state)`; with a modifier key, the browser opens its address. */
export function stateLink(state, open, properties, ...inside) {
  return el("a", { ...properties, href: toAddress(state), onclick: (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    open(state);
  } }, ...inside);
}

/** Show links in the row `id` of the first screen: [{name, state}]. Without any, the row is hidden. */
export function fillRow(id, named, open) {
  const list = $(id).querySelector("ul");
  // A chip that stays is not made again: it may have the focus.
  if (!same([...list.querySelectorAll("a")].map((each) => each.getAttribute("href")), named.map(({ state }) => toAddress(state)))) {
    list.replaceChildren(...named.map(({ name, state }) => el("li", {}, stateLink(state, open, { title: name }, el("span", { class: "title", textContent: name })))));
  }
  $(id).hidden = !named.length;
}

const same = (some, others) => some.length === others.length && some.every((each, place) => each === others[place]);
