// The Albums view: albums as cards, and saved searches.

import { EMPTY } from "./address.js";
import { about } from "./album_head.js";
import { ask, send } from "./api.js";
import { coverOf } from "./album_picker.js";
import { askName, confirmed } from "./dialogs.js";
import { el, many, notice, toast } from "./dom.js";
import { stateLink } from "./links.js";

const stateOf = (name) => ({ ...EMPTY, filters: { album: [name] } });

/** Do what gives an album a name; if another one has it, say so in the words of the page. */
async function naming(done) {
  try {
    return await done;
  } catch (error) {
    throw error.taken ? new Error(`There is an album “${error.taken}” already. Choose another name.`) : error;
  }
}

/** `open(state)` shows an album, `changed(before, after)` is called after changes, with names; `saved` draws the saved searches. */
export function create(root, { open, changed, saved }) {
  async function show() {
    try {
      const [{ albums }, searches] = await Promise.all([ask("/api/albums"), saved.section(show)]);
      root.replaceChildren(
        el("div", { class: "head" }, el("h2", { textContent: "Albums" }), el("button", { type: "button", class: "main", onclick: add }, "New album")),
        albums.length ? el("ul", { class: "albums" }, ...albums.map(card))
          : notice("No albums yet", "Create one here, or select pictures in the gallery and choose “Add to album”."),
        ...searches);
    } catch (error) {
      if (!error.unanswered) root.replaceChildren(notice(error.message, error.hint ?? ""));
    }
  }

  function card(album) {
    const link = stateLink(stateOf(album.name), open, { class: "face" }, coverOf(album, 512), el("strong", { textContent: album.name }), el("span", { class: "soft", textContent: about(album) }));
    return el("li", {}, link, el("div", { class: "deeds" },
      el("button", { type: "button", class: "link", "aria-label": `Rename ${album.name}`, onclick: () => rename(album.name) }, "Rename"),
      el("button", { type: "button", class: "link", "aria-label": `Delete ${album.name}`, onclick: () => remove(album) }, "Delete")));
  }

  async function add() {
    const made = await askName("New album", { action: "Create", save: (name) => naming(send("/api/albums", { name, new: true })) });
    if (made) done("", made.album.name);
  }

  async function rename(name) {
    const album = await askName(`Rename “${name}”`, { value: name, action: "Rename", save: (wanted) => naming(send("/api/albums", { name, rename: wanted }, "PATCH")) });
    if (album) done(name, album.name);
  }

  async function remove({ name, pictures }) {
    const text = pictures ? `${pictures === 1 ? "Its picture stays" : `Its ${many(pictures, "picture")} stay`} in the library, and no file is changed.` : "It has no pictures.";
    if (!await confirmed(`Delete the album “${name}”?`, text, "Delete album")) return;
    try {
      await ask(`/api/albums?${new URLSearchParams({ name })}`, { method: "DELETE" });
      toast(`Deleted the album “${name}”.`);
    } catch (error) {
      toast(error.message);
    }
    done(name, "");
  }

  async function done(before, after) {
    changed(before, after);
    await show();
  }

  return { show, hide() {} };
}
