// Saved searches: saving what is asked, the list with what is new, and opening one.

import { asked } from "./address.js";
import { ask, send } from "./api.js";
import { askName, sentence } from "./dialogs.js";
import { $, el, grouped, notice, toast } from "./dom.js";
import { searchOptions } from "./filters.js";
import { shown } from "./later.js";
import { stateLink } from "./links.js";
import { queryText } from "./question.js";
import { asksFor, canSave, nameOf, stateOf } from "./saved_state.js";

const SHOWN = 12; // on the first screen
const REPLACE = "Replace"; // the button, where the name is taken

/** `now()` returns the state, `open(state)` makes it another one. */
export function createSaved({ now, open }) {
  let known = []; // the list as it was last
  const counts = new Map(); // name → {fresh, trouble}: how much is new, or why that is not known
  let counted = new Set(); // names that were counted since the library changed
  let asking = 0; // number of the last request
  let listing = 0; // number of the request that the list is from
  let asker = ""; // the view that asked
  let tellOf = () => {}; // what it does when more is known
  let begun = false;
  let listed = Promise.resolve();
  let looking = null; // the search that was opened, until its answer is shown: {name, asks}
  let shows = ""; // what the gallery answers

  const link = (search, ...inside) => stateLink(stateOf(search), () => look(search), {}, ...inside);

  const newOf = ({ name }) => counts.get(name)?.fresh ?? 0;
  const troubleOf = ({ name, trouble }) => trouble || (counts.get(name)?.trouble ?? "");
  const news = (search) => { const count = newOf(search); return count ? [el("span", { class: "news", textContent: `${grouped(count)} new` })] : []; };

  /** Ask a saved search; once its answer is shown, a person has looked. */
  function look(search) {
    const before = asked(now());
    open(stateOf(search));
    looking = { name: search.name, asks: asked(now()) };
    if (shows === before && looking.asks === before) looked(); // it is there already, and is not asked again
  }

  async function looked() {
    const { name, asks } = looking;
    looking = null;
    try {
      await shown($("gallery"));
      if (now().view !== "search" || asked(now()) !== asks) return; // nobody saw it
      await send("/api/saved/looked", { name });
      counts.set(name, { fresh: 0, trouble: "" });
    } catch (error) {
      toast(sentence(error.message));
    }
  }

  async function save() {
    const state = now();
    if (state.picture) { toast("A dropped picture cannot be saved with a search. Put it into a folder of the library, and search with it there."); return; }
    const found = await askName("Save this search", { value: nameOf(state), hint: "It fills itself: Pixtrieve shows what is new since you last looked.", save: async (name, button) => {
      const values = new URLSearchParams({ name, q: queryText(state), ...searchOptions(state) });
      for (const id of state.like) values.append("like", id);
      for (const id of state.unlike) values.append("unlike", id);
      if (button.textContent === REPLACE) values.set("replace", "true");
      try {
        return await ask(`/api/saved?${values}`, { method: "POST" });
      } catch (error) {
        if (!error.taken) throw error;
        button.textContent = REPLACE;
        throw new Error(`There is a saved search “${error.taken}” already. Replace it, or enter another name.`);
      }
    } });
    if (!found) return;
    counts.set(found.name, { fresh: 0, trouble: "" });
    toast(`Saved the search “${found.name}”. It is in the Albums view.`);
    draw();
  }

  /** The list; then what is new. */
  async function load(arrived) {
    asking += 1;
    asker = now().view;
    tellOf = arrived;
    const mine = asking;
    const { saved } = await ask("/api/saved?count=false");
    if (mine !== asking) return;
    [known, listing] = [saved, mine];
    arrived();
    if (begun) await count(mine);
  }

  /** Count what is new, one search after the other, each once until the library changes. */
  async function count(mine) {
    for (const { name } of known.filter((search) => !search.trouble)) {
      if (counted.has(name)) continue;
      const among = counted;
      const found = await countOf(name);
      counts.set(name, found);
      among.add(name);
      if (mine !== asking) return;
      tellOf();
    }
  }

  async function countOf(name) {
    try {
      const found = await ask(`/api/saved/answer?${new URLSearchParams({ name, new: true, limit: 1 })}`);
      return { fresh: found.count, trouble: "" };
    } catch (error) {
      if (error.unanswered) throw error;
      return { fresh: 0, trouble: [sentence(error.message), error.hint].filter(Boolean).join(" ") };
    }
  }

  /** The first screen: the names of saved searches, above all pictures. */
  function draw() {
    const state = now();
    $("keep").hidden = !canSave(state);
    const first = state.view === "search" && !canSave(state);
    if (first) $("saved").hidden = !known.length;
    if (first) listed = load(fill).catch(() => {});
    else if (asker !== state.view || asker === "search") asking += 1; // nobody sees what is counted
  }

  function fill() {
    const fine = known.filter((each) => !troubleOf(each)).sort((one, other) => Math.sign(newOf(other)) - Math.sign(newOf(one)));
    $("savedlist").replaceChildren(...fine.slice(0, SHOWN).map((each) => el("li", {}, link(each, el("span", { class: "title", textContent: each.name }), ...news(each)))));
    $("saved").hidden = !fine.length;
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
    const { name } = search;
    const trouble = troubleOf(search);
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
    /** The answer to a state's question is shown. */
    answered(state) {
      shows = asked(state);
      if (looking?.asks === shows && state.view === "search") looked();
    },
    /** Resolves once the row of the first screen is there. */
    get listed() { return listed; },
    /** Count what is new, once the first pictures are there: that takes longer. */
    begin() { begun = true; if (listing === asking) count(asking).catch(() => {}); },
    /** The library has changed: count again what is new. */
    stale() {
      counted = new Set();
      if (now().view === "search") draw();
    },
  };
}
