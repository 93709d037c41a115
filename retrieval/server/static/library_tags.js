// Labels and concepts of the library: what has them, and searching for them.

import { EMPTY } from "./address.js";
import { ask, send } from "./api.js";
import { askName, confirmed, sentence } from "./dialogs.js";
import { el, grouped, many, toast } from "./dom.js";
import { stateLink } from "./links.js";

const tagged = (name) => ({ ...EMPTY, filters: { tag: [name] } });
const conceived = (concept) => ({ ...EMPTY, terms: [{ concept, negative: false, weight: 1 }] });

const link = (state, open, ...children) => stateLink(state, open, {}, ...children);
const count = (images) => el("span", { class: "count", textContent: grouped(images) });

async function remove(address, title, text, action, said, done) {
  if (!await confirmed(title, text, action)) return;
  try {
    await ask(address, { method: "DELETE" });
    toast(said);
  } catch (error) {
    toast([sentence(error.message), error.hint].filter(Boolean).join(" "));
  }
  done();
}

/** The card of labels; `open(state)` shows their pictures, `changed()` is called after changes. */
export function labelsCard({ labels, tags }, { open, changed }) {
  const found = new Map(tags.filter(({ source }) => source === "label").map(({ label, images }) => [label, images]));
  const listed = [...found.keys(), ...labels.filter((label) => !found.has(label))];
  const chips = listed.map((label) => el("li", {}, link(tagged(label), open, label, count(found.get(label) ?? 0)),
    el("button", { type: "button", "aria-label": `Remove the label ${label}`, title: "Remove this label", onclick: () => remove(
      `/api/labels?${new URLSearchParams({ label })}`, `Remove the label “${label}”?`,
      `It is taken off ${many(found.get(label) ?? 0, "picture")}. No file is changed.`, "Remove label", `Removed the label “${label}”.`, changed) }, "×")));
  const text = el("textarea", { id: "labelnames", rows: 3, defaultValue: labels.join("\n"), "aria-label": "Labels, one per line", placeholder: "dog\nbeach\nbirthday cake" });
  const go = el("button", { type: "button", onclick: async () => {
    go.disabled = true;
    go.textContent = "Labelling…";
    try {
      const answer = await send("/api/labels", { labels: text.value.split("\n").map((line) => line.trim()).filter(Boolean) });
      toast(`Assigned ${many(Object.values(answer.images).reduce((sum, each) => sum + each, 0), "label")}.`);
      changed();
    } catch (error) {
      toast([sentence(error.message), error.hint].filter(Boolean).join(" "));
    } finally {
      go.disabled = false;
      go.textContent = "Label all pictures";
    }
  } }, "Label all pictures");
  return el("section", { class: "card", "aria-labelledby": "labelshead" }, el("h2", { id: "labelshead", textContent: "Labels" }),
    el("p", { class: "soft", textContent: listed.length ? "Choose one to see its pictures." : "Each picture gets the labels that match what it shows. You can then filter by label." }),
    ...(chips.length ? [el("ul", { class: "tags", tabIndex: 0, "aria-label": "Labels" }, ...chips)] : []),
    el("details", { open: !listed.length, class: "relabel" }, el("summary", { textContent: listed.length ? "Change the labels" : "Choose labels, one per line" }), text, el("div", { class: "actions row" }, go)));
}

async function rename(name, done) {
  const found = await askName(`Rename “${name}”`, { value: name, action: "Rename", hint: "Its tags get the name, too. Saved searches that ask for the old name have to be saved again.", save: async (wanted) => {
    try {
      return await send("/api/concepts", { name, rename: wanted }, "PATCH");
    } catch (error) {
      throw error.taken ? new Error(`There is a concept “${error.taken}” already. Choose another name.`) : error;
    }
  } });
  if (found) done();
}

/** The card of concepts; `open(state)` searches for one, `changed()` is called after changes. */
export function conceptsCard(concepts, { tags }, { open, changed }) {
  const found = new Map(tags.filter(({ source }) => source === "concept").map(({ label, images }) => [label, images]));
  const rows = concepts.map(({ name, like, auc, learned }) => el("li", {},
    el("div", { class: "what" }, link(conceived(name), open, name),
      el("span", { class: "soft", textContent: [many(like.length, "example"), auc === null ? "" : `quality ${auc.toFixed(2)} of 1`, learned ? "" : "not learned with this model yet"].filter(Boolean).join(" · ") })),
    ...(found.get(name) ? [link(tagged(name), open, many(found.get(name), "tagged picture"))] : []),
    el("button", { type: "button", class: "link", "aria-label": `Rename ${name}`, onclick: () => rename(name, changed) }, "Rename"),
    el("button", { type: "button", class: "link", "aria-label": `Forget ${name}`, onclick: () => remove(
      `/api/concepts?${new URLSearchParams({ name })}`, `Forget the concept “${name}”?`, "What it was taught, and its tags, are deleted. No file is changed.", "Forget", `Forgot the concept “${name}”.`, changed) }, "Forget")));
  return el("section", { class: "card", "aria-labelledby": "conceptshead" }, el("h2", { id: "conceptshead", textContent: "Concepts" }),
    rows.length ? el("ul", { class: "rows" }, ...rows) : el("p", { class: "soft", textContent: "None yet. Select pictures in the gallery, then choose “Teach a concept”." }));
}
