// The folders of the library: what is in them; added, looked through again, and removed.

import { ask } from "./api.js";
import { confirmed, sentence } from "./dialogs.js";
import { el, fileName, many, toast } from "./dom.js";
import { ago } from "./run_words.js";

const PAUSE = 200; // milliseconds without typing

/** What is said below a folder's name. */
export function contents(folder, now) {
  return [many(folder.images, "picture"),
    folder.problems ? `${many(folder.problems, "file")} could not be indexed` : "",
    folder.whole ? "" : "single files only",
    folder.elsewhere ? "imported" : folder.looked === null ? "not looked through yet" : `looked through ${ago(folder.looked, now)}`,
  ].filter(Boolean).join(" · ");
}

/** The card with all folders; `run` starts runs, `changed()` is called after a folder was removed. */
export function foldersCard({ folders, may_change: mayChange }, { run, changed }) {
  const rows = folders.map((folder) => row(folder, mayChange, run, changed));
  return el("section", { class: "card wide", "aria-labelledby": "foldershead" },
    el("div", { class: "head" }, el("h2", { id: "foldershead", textContent: "Folders" }),
      ...(folders.length ? [el("button", { id: "index", type: "button", class: "main", "data-runs": "", onclick: () => run.begin() }, "Look for new pictures")] : [])),
    run.box,
    rows.length ? el("ul", { class: "folders" }, ...rows) : el("p", { class: "soft", textContent: "The library has no folders yet." }),
    run.last,
    mayChange ? adding(run) : el("p", { class: "soft", textContent: "To add a folder, run in a terminal: pixtrieve index FOLDER. To do it here, open this page on the machine that runs the server, or start it with --allow-changes." }));
}

function row(folder, mayChange, run, changed) {
  const name = fileName(folder.path) || folder.path;
  const again = !folder.elsewhere && folder.there && folder.whole
    ? [el("button", { type: "button", "data-runs": "", "aria-label": `Rescan ${name}`, onclick: () => run.begin("/api/indexing", { folder: folder.id }) }, "Rescan")] : [];
  const gone = folder.there ? [] : [el("span", { class: "trouble", textContent: "Not there now. Connect its drive, or remove it; until then its pictures stay searchable." })];
  const off = mayChange ? [el("button", { type: "button", "data-runs": "", "aria-label": `Remove ${name}`, onclick: () => remove(folder, name, changed) }, "Remove")] : [];
  return el("li", {}, el("div", { class: "what" }, el("strong", { textContent: name }),
    el("span", { class: "soft path", textContent: folder.path }), el("span", { textContent: contents(folder, Date.now() / 1000) }), ...gone),
    el("div", { class: "actions row" }, ...again, ...off));
}

async function remove(folder, name, changed) {
  const text = `${folder.images === 1 ? "Its picture leaves" : `Its ${many(folder.images, "picture")} leave`} the library. No file on disk is changed.`;
  if (!await confirmed(`Remove the folder “${name}”?`, text, "Remove folder")) return;
  try {
    const { removed } = await ask(`/api/folders/${folder.id}`, { method: "DELETE" });
    toast(`Removed ${many(removed, "file")} from the library. Files on disk are unchanged.`);
  } catch (error) {
    toast([sentence(error.message), error.hint].filter(Boolean).join(" "));
  }
  changed();
}

/** The field for a path: completes it, and says what is wrong with it before anything starts. */
function adding(run) {
  const names = el("datalist", { id: "foldernames" });
  const about = el("p", { id: "folderabout", role: "status", class: "soft" });
  const input = el("input", { type: "text", id: "folderpath", spellcheck: false, autocomplete: "off", placeholder: "~/Pictures", maxLength: 4096, "aria-describedby": "folderabout" });
  input.setAttribute("list", "foldernames");
  let timer = 0;
  let asked = 0;

  async function judge() {
    clearTimeout(timer);
    asked += 1;
    const mine = asked;
    try {
      const choice = await ask(`/api/folders/choice?${new URLSearchParams({ path: input.value })}`);
      if (mine !== asked) return null;
      names.replaceChildren(...choice.names.map((value) => el("option", { value })));
      const fine = choice.inside ? `${choice.path} lies in ${choice.inside}, which is in the library already.` : `Adds ${choice.path} with everything in it.`;
      about.textContent = !input.value.trim() ? "" : choice.problem ? [sentence(choice.problem), choice.hint && sentence(choice.hint)].filter(Boolean).join(" ") : fine;
      about.classList.toggle("trouble", Boolean(choice.problem && input.value.trim()));
      return choice;
    } catch (error) {
      about.textContent = error.message;
      return null;
    }
  }

  const form = el("form", { class: "adding", onsubmit: async (event) => {
    event.preventDefault();
    const choice = await judge();
    if (!choice) return;
    if (choice.problem) { about.textContent ||= sentence(choice.problem); input.focus(); return; }
    if (await run.begin("/api/folders", { path: input.value })) { input.value = ""; about.textContent = ""; }
  } }, el("label", { for: "folderpath" }, "Add a folder of the machine that runs the server"),
  el("div", { class: "row" }, input, names, el("button", { type: "submit", "data-runs": "" }, "Add folder")), about);
  form.querySelector("label").htmlFor = "folderpath";
  input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(judge, PAUSE); });
  input.addEventListener("focus", judge, { once: true });
  return form;
}
