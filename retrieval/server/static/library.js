// The Library view: folders and runs, files that could not be indexed, labels, concepts, contents.

import { ask } from "./api.js";
import { bytes, el, notice } from "./dom.js";
import { foldersCard } from "./library_folders.js";
import { problemsCard } from "./library_problems.js";
import { createRun } from "./library_run.js";
import { conceptsCard, labelsCard } from "./library_tags.js";

/**
 * `changed()` is called when the library has other pictures; `now()` is what the page shows,
 * `choose(reason)` opens a group of problems, `open(state)` a search.
 */
export function create(root, { now, changed, choose, open }) {
  let asked = 0;
  const run = createRun({ changed, ended: () => { if (!root.hidden) show(); }, shown: () => !root.hidden });
  const redraw = () => { changed(); show(); };

  async function show() {
    asked += 1;
    const mine = asked;
    try {
      const [status, folders, problems, concepts, labels] = await Promise.all(
        ["status", "folders", "problems?limit=1", "concepts", "labels"].map((name) => ask(`/api/${name}`)));
      if (mine !== asked) return;
      const kept = typing();
      root.replaceChildren(
        foldersCard(folders, { run, changed: redraw }),
        problemsCard(problems, { run, open: now().reason, choose }),
        labelsCard(labels, { open, changed: redraw }),
        conceptsCard(concepts.concepts, labels, { open, changed: redraw }),
        contents(status));
      if (kept) restore(kept);
      run.draw();
      run.look();
    } catch (error) {
      if (!error.unanswered) root.replaceChildren(notice(error.message, error.hint ?? ""));
    }
  }

  /** What a person is typing, and where the focus is: drawing again must not take it away. */
  function typing() {
    const field = root.querySelector("#folderpath");
    return field && { value: field.value, focused: field === document.activeElement };
  }

  function restore({ value, focused }) {
    const field = root.querySelector("#folderpath");
    if (!field) return;
    field.value = value;
    if (focused) field.focus();
  }

  function contents({ counts, model, disk_bytes: size, path, index }) {
    const facts = [["Pictures", `${counts.images.toLocaleString("en")} in ${counts.files.toLocaleString("en")} files`],
      ["Problems", counts.problems.toLocaleString("en")], ["Model", model.name],
      ["Search", index === "exact" ? "exact" : "approximate, in clusters"], ["Kept in", `${path} (${bytes(size)})`]];
    return el("section", { class: "card wide", "aria-labelledby": "contentshead" }, el("h2", { id: "contentshead", textContent: "Contents" }),
      el("dl", {}, ...facts.flatMap(([name, value]) => [el("dt", { textContent: name }), el("dd", { textContent: value })])),
      el("div", { class: "actions row" }, el("a", { class: "button", href: "/api/export/npz", download: "pixtrieve.npz" }, "Export vectors (.npz)")));
  }

  return { show, hide() {}, follow: run.look, get running() { return run.state.running; } };
}
