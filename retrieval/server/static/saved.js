// Saved searches: saving what is asked, the list with what is new, and opening one.

import { hasQuestion, toAddress } from "./address.js";
import { ask, send } from "./api.js";
import { askName, sentence } from "./dialogs.js";
import { $, el, notice, toast } from "./dom.js";
import { searchOptions } from "./filters.js";
import { sameName } from "./names.js";
import { queryText } from "./question.js";
import { asksFor, canSave, nameOf, stateOf } from "./saved_state.js";

const SHOWN = 12; // on the first screen

/** `now()` returns the state, `open(state)` makes it another one. */
export function createSaved({ now, open }) {
  let known = []; // the list as it was last
  let asking = 0; // number of the last request
  let begun = false;

  const link = (search, ...inside) => el("a", { href: search.trouble ? undefined : toAddress(stateOf(search)), onclick: (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    look(search);
  } }, ...inside);

  const news = ({ new: count }) => (count ? [el("span", { class: "news", textContent: `${count.toLocaleString("en")} new` })] : []);

  /** Ask a saved search, and note that a person has looked. */
  async function look(search) {
    open(stateOf(search));
    try {
      await send("/api/saved/looked", { name: search.name });
      known = known.map((each) => (each.name === search.name ? { ...each, new: 0 } : each));
    } catch (error) {
      toast(sentence(error.message));
    }
  }

  async function save() {
    const state = now();
    if (state.picture) { toast("A dropped picture cannot be saved with a search. Put it into a folder of the library, and search with it there."); return; }
    let replaces = "";
    const found = await askName("Save this search", { value: nameOf(state), hint: "It fills itself: Pixtrieve shows what is new since you last looked.", save: async (name, call) => {
      const values = new URLSearchParams({ name, q: queryText(state), ...searchOptions(state) });
      for (const id of state.like) values.append("like", id);
      for (const id of state.unlike) values.append("unlike", id);
      const { saved } = await ask("/api/saved?count=false");
      if (saved.some((each) => sameName(each.name, name))) {
        if (!sameName(replaces, name)) {
          replaces = name;
          call("Replace");
          throw new Error(`There is a saved search “${name.trim()}” already. Replace it, or enter another name.`);
        }
        values.set("replace", "true");
      }
      return ask(`/api/saved?${values}`, { method: "POST" });
    } });
    if (!found) return;
    toast(`Saved the search “${found.name}”. It is in the Albums view.`);
    draw();
  }

  /** The list with counts; where counting takes long, without them first. */
  async function load(arrived) {
    asking += 1;
    const mine = asking;
    for (const count of [false, true]) {
      const { saved } = await ask(`/api/saved?count=${count}`);
      if (mine !== asking) return;
      // What was new stays on the screen until it is counted again.
      known = saved.map((each) => ({ ...each, new: each.new ?? (count ? null : known.find(({ name }) => name === each.name)?.new ?? null) }));
      arrived(known);
      if (!known.length) return;
    }
  }

  /** The first screen: the names of saved searches, above all pictures. */
  function draw() {
    const state = now();
    $("keep").hidden = !canSave(state);
    const first = state.view === "search" && !canSave(state);
    $("saved").hidden = !first || !known.length;
    if (first && begun) load(fill).catch(() => {});
  }

  function fill() {
    const fine = known.filter((each) => !each.trouble).sort((one, other) => (other.new ? 1 : 0) - (one.new ? 1 : 0));
    $("savedlist").replaceChildren(...fine.slice(0, SHOWN).map((each) => el("li", {}, link(each, el("span", { class: "title", textContent: each.name }), ...news(each)))));
    $("saved").hidden = !fine.length || now().view !== "search" || canSave(now()) || hasQuestion(now());
  }

  /** The part of the Albums view; `again()` draws the view once more. */
  async function section(again) {
    const list = el("ul", { class: "rows searches" });
    const none = notice("No saved searches yet", "Search for something, then choose “Save this search” beside the question.");
    const put = () => {
      none.hidden = known.length > 0;
      list.replaceChildren(...known.map((each) => row(each, again)));
    };
    load(put).catch((error) => { if (!error.unanswered) toast(sentence(error.message)); });
    put();
    return [el("h2", { textContent: "Saved searches" }), none, list];
  }

  function row(search, again) {
    const { name, trouble } = search;
    const title = trouble ? el("span", { textContent: name }) : link(search, name);
    return el("li", {}, title, ...news(search), el("span", { class: trouble ? "soft trouble" : "soft", textContent: trouble || asksFor(search) }),
      el("button", { type: "button", "aria-label": `Rename ${name}`, title: "Rename", onclick: () => rename(name, again) }, "✎"),
      el("button", { type: "button", "aria-label": `Remove ${name}`, title: "Remove", onclick: () => remove(search, again) }, "✕"));
  }

  async function rename(name, again) {
    const done = await askName(`Rename “${name}”`, { value: name, action: "Rename", save: (wanted) => send("/api/saved", { name, rename: wanted }, "PATCH") });
    if (done) again();
  }

  async function remove({ name }, again) {
    try {
      await ask(`/api/saved?${new URLSearchParams({ name })}`, { method: "DELETE" });
      toast(`Removed the saved search “${name}”. Its pictures stay.`);
    } catch (error) {
      toast(sentence(error.message));
    }
    again();
  }

  $("keep").addEventListener("click", save);

  return {
    draw,
    section,
    /** Ask for the list, once the first pictures are there: counting what is new takes longer. */
    begin() { begun = true; draw(); },
  };
}
