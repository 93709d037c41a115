// Groups of duplicates, side by side: keep all files, or move the redundant ones.

import { ask, send } from "./api.js";
import { bytes, el, fileName, folderOf, many, notice, thumbnail, toast } from "./dom.js";

const PAGE = 50;
const WHY = { raw: "the kept file is raw", pixels: "fewer pixels", bytes: "fewer bytes", age: "newer", path: "longer path" };

export function create(root, page) {
  let timer = 0;
  let shown = 0;
  let movesTo = null;
  const groups = el("div", { class: "groups" });

  async function load(offset = 0) {
    clearTimeout(timer);
    let found;
    try {
      found = await ask(`/api/duplicates?limit=${PAGE}&offset=${offset}`);
    } catch (error) {
      if (!error.unanswered) root.replaceChildren(notice(error.message, error.hint ?? ""));
      return;
    }
    movesTo = found.moves_to;
    if (!offset) head(found);
    if (found.running && !found.groups.length) { timer = setTimeout(load, 500); return; }
    if (!offset) groups.replaceChildren();
    groups.append(...found.groups.map(group));
    shown = offset + found.groups.length;
    if (shown < found.count) {
      groups.append(el("button", { type: "button", class: "further", onclick: (event) => { event.target.remove(); load(shown); } }, `Show more (${found.count.toLocaleString("en")} groups)`));
    }
  }

  function head(found) {
    const again = el("button", { type: "button", onclick: searchAgain, disabled: found.running }, found.running ? "Searching…" : "Search again");
    const back = movesTo ? [el("button", { type: "button", onclick: undo }, "Undo last move")] : [];
    const all = movesTo && found.count ? [el("button", { type: "button", class: "main", onclick: () => moveAll(found) }, `Move all ${many(found.files, "redundant file")}`)] : [];
    const text = found.running ? "Comparing pictures…"
      : found.error ? found.error
        : `${many(found.count, "group")}, ${many(found.files, "redundant file")}, ${bytes(found.bytes)} in total. Compared ${many(found.pictures, "picture")}.`;
    const parts = [el("div", { class: "head" }, el("p", { role: "status", textContent: text }), again, ...back, ...all)];
    if (!found.running && !found.count && !found.error) parts.push(notice("No duplicates", "No two files show the same picture, not even in another size, crop or quality."));
    if (!movesTo && found.count) parts.push(el("p", { class: "soft", textContent: "To move redundant files from this page, start the server with --move-to FOLDER. Pixtrieve never deletes files." }));
    root.replaceChildren(...parts, groups);
    if (found.running) groups.replaceChildren(notice("Searching for duplicates", "This takes about a second per thousand pictures."));
  }

  function group(found) {
    const files = [found.kept, ...found.redundant];
    const ids = [...new Set(files.map((file) => file.image_id))];
    const box = el("section", { class: "group", "aria-label": `Group of ${fileName(found.kept.path)}` });
    const act = async (action, said) => {
      try {
        const done = await action();
        box.remove();
        toast(said(done));
      } catch (error) {
        toast(`${error.message} ${error.hint ?? ""}`);
      }
    };
    const keep = el("button", { type: "button", onclick: () => act(() => send("/api/duplicates/keep", { groups: [found.id] }), () => "Kept all files. This group will not be shown again.") }, "Keep all");
    const move = el("button", { type: "button", class: "main", onclick: () => act(() => send("/api/duplicates/move", { groups: [found.id] }), moved) }, "Move redundant files");
    box.append(
      el("ul", {}, ...files.map((file, place) => el("li", { class: place ? "" : "kept" },
        el("button", { type: "button", class: "look", "aria-label": `View ${fileName(file.path)}`, onclick: () => page.open(ids, ids.indexOf(file.image_id)) }, thumbnail(file.image_id, file.path)),
        el("strong", { textContent: place ? (file.exact ? "same bytes" : `${Math.floor(Math.min(file.likeness, 0.999) * 100)}% similar`) : "kept" }),
        el("span", { textContent: `${file.width} × ${file.height}, ${bytes(file.size)}${place && WHY[file.reason] ? `, ${WHY[file.reason]}` : ""}` }),
        el("span", { class: "soft", textContent: fileName(file.path), title: file.path }),
        el("span", { class: "soft path", textContent: folderOf(file.path) })))),
      el("div", { class: "actions row" }, keep, ...(movesTo ? [move] : [])));
    return box;
  }

  const moved = (done) => `Moved ${many(done.moved.length, "file")} to ${done.folder}.`
    + (done.left.length ? ` Left ${many(done.left.length, "file")} in place, such as ${done.left[0].path}: ${done.left[0].reason}` : "");

  async function moveAll(found) {
    if (!confirm(`Move ${many(found.files, "redundant file")} to ${movesTo}? The kept files stay where they are. You can undo this.`)) return;
    const wanted = [];
    for (let offset = 0; offset < found.count; offset += 500) {
      wanted.push(...(await ask(`/api/duplicates?limit=500&offset=${offset}`)).groups.map((each) => each.id));
    }
    try {
      toast(moved(await send("/api/duplicates/move", { groups: wanted })));
    } catch (error) {
      toast(`${error.message} ${error.hint ?? ""}`);
    }
    load();
  }

  async function undo() {
    try {
      const done = await ask("/api/duplicates/undo", { method: "POST" });
      toast(`Moved ${many(done.moved.length, "file")} back. To add them to the library again, choose “Look for new pictures” in the Library view.`);
    } catch (error) {
      toast(`${error.message} ${error.hint ?? ""}`);
    }
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

  return { show: () => load(), hide: () => clearTimeout(timer) };
}
