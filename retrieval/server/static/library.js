// The Library view: folders and runs, files that could not be indexed, labels, concepts, contents.

import { ask } from "./api.js";
import { bytes, el, grouped, notice } from "./dom.js";
import { foldersCard } from "./library_folders.js";
import { problemsCard } from "./library_problems.js";
import { createRun } from "./library_run.js";
import { conceptsCard, labelsCard } from "./library_tags.js";

const keyOf = (element) => element && (element.id || element.getAttribute("aria-label") || element.textContent);

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
      run.draw(); // a disabled button takes no focus
      restore(kept);
      run.look();
    } catch (error) {
      if (!error.unanswered) root.replaceChildren(notice(error.message, error.hint ?? ""));
    }
  }

  /** What a person has typed, and where the focus is: drawing again must not take it away. */
  function typing() {
    const fields = [...root.querySelectorAll("input, textarea")].filter(({ value, defaultValue }) => value !== defaultValue);
    return { typed: fields.map(({ id, value }) => [id, value]), focus: keyOf(root.contains(document.activeElement) ? document.activeElement : null) };
  }

  function restore({ typed, focus }) {
    for (const [id, value] of typed) {
      const field = root.querySelector(`#${id}`);
      if (!field) continue;
      field.value = value;
      if (field.closest("details")) field.closest("details").open = true;
    }
    if (focus) [...root.querySelectorAll("a, button, input, textarea, summary")].find((each) => keyOf(each) === focus)?.focus({ preventScroll: true });
  }

  function contents({ counts, model, disk_bytes: size, path, index }) {
    const facts = [["Pictures", `${grouped(counts.images)} in ${grouped(counts.files)} files`],
      ["Problems", grouped(counts.problems)], ["Model", model.name],
      ["Search", index === "exact" ? "exact" : "approximate, in clusters"], ["Kept in", `${path} (${bytes(size)})`]];
    return el("section", { class: "card wide", "aria-labelledby": "contentshead" }, el("h2", { id: "contentshead", textContent: "Contents" }),
      el("dl", {}, ...facts.flatMap(([name, value]) => [el("dt", { textContent: name }), el("dd", { textContent: value })])),
      el("div", { class: "actions row" }, el("a", { class: "button", href: "/api/export/npz", download: "pixtrieve.npz" }, "Export vectors (.npz)")));
  }

  return { show, hide() {}, follow: run.look, get running() { return run.state.running; } };
}
