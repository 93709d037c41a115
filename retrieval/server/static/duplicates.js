// Groups of duplicates: a list of them, or one group in the review (review.js).

import { ask, send } from "./api.js";
import { toAddress } from "./address.js";
import { moved, relation } from "./compare.js";
import { confirmed, sentence } from "./dialogs.js";
import { bytes, el, fileName, folderOf, grouped, many, notice, thumbnail, toast } from "./dom.js";
import { createReview } from "./review.js";

const PAGE = 50;

/** `open(ids, place)` opens the viewer; the other functions are those of the review. */
export function create(root, { open, ...steps }) {
  let timer = 0;
  let shown = 0;
  let movesTo = null;
  const groups = el("div", { class: "groups" });
  const review = createReview(root, steps);
  const reviewing = () => steps.now().review;

  async function load(offset = 0) {
    clearTimeout(timer);
    let found;
    try {
      found = await ask(`/api/duplicates?limit=${PAGE}&offset=${offset}`);
    } catch (error) {
      if (!error.unanswered) root.replaceChildren(notice(error.message, error.hint ?? ""));
      return;
    }
    if (reviewing()) return;
    movesTo = found.moves_to;
    if (!offset) head(found);
    if (found.running && !found.groups.length) { timer = setTimeout(load, 500); return; }
    if (!offset) groups.replaceChildren();
    groups.append(...found.groups.map(group));
    shown = offset + found.groups.length;
    if (shown < found.count) {
      groups.append(el("button", { type: "button", class: "further", onclick: (event) => { event.target.remove(); load(shown); } }, `Show more (${grouped(found.count)} groups)`));
    }
  }

  function head(found) {
    const first = found.groups.length ? [compare(found.groups[0].id, "Compare one by one", "button main")] : [];
    const again = el("button", { type: "button", onclick: searchAgain, disabled: found.running }, found.running ? "Searching…" : "Search again");
    const back = movesTo ? [el("button", { type: "button", onclick: undo }, "Undo last move")] : [];
    const all = movesTo && found.count ? [el("button", { type: "button", onclick: () => moveAll(found) }, `Move all ${many(found.files, "redundant file")}`)] : [];
    const text = found.running ? "Comparing pictures…"
      : found.error ? found.error
        : !found.count ? `Compared ${many(found.pictures, "picture")}.`
          : `${many(found.count, "group")}, ${many(found.files, "redundant file")}, ${bytes(found.bytes)} in total. Compared ${many(found.pictures, "picture")}.`;
    const parts = [el("div", { class: "head" }, el("p", { role: "status", textContent: text }), again, ...back, ...all, ...first)];
    if (!found.running && !found.count && !found.error) parts.push(notice("No duplicates", "No two files show the same picture, not even in another size, crop or quality."));
    if (!movesTo && found.count) parts.push(el("p", { class: "soft", textContent: "To move redundant files from this page, start the server with --move-to FOLDER. Pixtrieve never deletes files." }));
    root.replaceChildren(...parts, groups);
    if (found.running) groups.replaceChildren(notice("Searching for duplicates", "This takes about a second per thousand pictures."));
  }

  function compare(id, text, kind = "button") {
    return el("a", { class: kind, href: toAddress({ ...steps.now(), view: "duplicates", review: id, stay: 0, lens: null, open: 0 }), onclick: (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
      event.preventDefault();
      steps.go({ review: id, stay: 0, lens: null });
    } }, text);
  }

  async function listAgain(id) {
    try {
      await send("/api/duplicates/unkeep", { groups: [id] });
      await load();
      toast("The group is listed again.");
    } catch (error) {
      toast(`${sentence(error.message)} ${error.hint ?? ""}`);
    }
  }

  function group(found) {
    const files = [found.kept, ...found.redundant];
    const ids = [...new Set(files.map((file) => file.image_id))];
    const box = el("section", { class: "group", "aria-label": `Group of ${fileName(found.kept.path)}` });
    const act = async (action, said, back = null) => {
      try {
        const done = await action();
        box.remove();
        toast(said(done), back);
      } catch (error) {
        toast(`${sentence(error.message)} ${error.hint ?? ""}`);
      }
    };
    const keep = el("button", { type: "button", onclick: () => act(() => send("/api/duplicates/keep", { groups: [found.id] }), () => "Kept all files. This group will not be shown again.", () => listAgain(found.id)) }, "Keep all");
    const move = el("button", { type: "button", onclick: () => act(() => send("/api/duplicates/move", { groups: [found.id] }), moved) }, "Move redundant files");
    box.append(
      el("ul", {}, ...files.map((file, place) => el("li", { class: place ? "" : "kept" },
        el("button", { type: "button", class: "look", "aria-label": `View ${fileName(file.path)}`, onclick: () => open(ids, ids.indexOf(file.image_id)) }, thumbnail(file.image_id, file.path)),
        el("strong", { textContent: place ? relation(file, found.kept) : "kept" }),
        el("span", { textContent: `${file.width} × ${file.height}, ${bytes(file.size)}` }),
        el("span", { class: "soft", textContent: fileName(file.path), title: file.path }),
        el("span", { class: "soft path", textContent: folderOf(file.path) })))),
      el("div", { class: "actions row" }, compare(found.id, "Compare", "button main"), keep, ...(movesTo ? [move] : [])));
    return box;
  }

  async function moveAll(found) {
    const text = `${many(found.files, "redundant file")} move to ${movesTo}. The kept files stay where they are, and you can undo this.`;
    if (!await confirmed("Move all redundant files?", text, "Move files")) return;
    try {
      const wanted = [];
      for (let offset = 0; offset < found.count; offset += 500) {
        wanted.push(...(await ask(`/api/duplicates?limit=500&offset=${offset}`)).groups.map((each) => each.id));
      }
      toast(moved(await send("/api/duplicates/move", { groups: wanted })));
    } catch (error) {
      toast(`${sentence(error.message)} ${error.hint ?? ""}`);
    }
    load();
  }

  async function undo() {
    try {
      const done = await ask("/api/duplicates/undo", { method: "POST" });
      toast(`Moved ${many(done.moved.length, "file")} back.`);
    } catch (error) {
      toast(`${sentence(error.message)} ${error.hint ?? ""}`);
    }
    load();
  }

  async function searchAgain() {
    try {
      await ask("/api/duplicates/search", { method: "POST" });
      groups.replaceChildren();
    } catch (error) {
      toast(error.message);
    }
    load();
  }

  const show = () => (reviewing() ? review.show() : load());

  return {
    show,
    /** Show what has changed of a state: the list, a group, or what stays of it. */
    draw(next, before) {
      if (next.review) { clearTimeout(timer); review.draw(next, before); }
      else if (before.review) { review.hide(); load(); }
    },
    hide() { clearTimeout(timer); review.hide(); },
  };
}
