// Files that could not be indexed, grouped by reason; which group is open is in the address.

import { ask } from "./api.js";
import { sentence } from "./dialogs.js";
import { el, fileName, folderOf, grouped, many, toast } from "./dom.js";

const PAGE = 100;
const ALL = 10_000;

const address = (reason, limit, offset = 0) => `/api/problems?${new URLSearchParams({ reason, limit, offset })}`;

/** Copy text; says what was copied, or that it did not work. */
async function copy(text, said) {
  try {
    await navigator.clipboard.writeText(text);
    toast(said);
  } catch {
    toast("The browser does not let this page copy.");
  }
}

/** The card; `open` is the reason whose files are listed, `choose(reason)` opens another one ("" for none). */
export function problemsCard({ count, reasons }, { run, open, choose }) {
  const all = el("button", { type: "button", "data-runs": "", onclick: () => run.begin("/api/indexing", { retry: true }) }, "Try all again");
  return el("section", { class: "card wide", id: "problems", "aria-labelledby": "problemshead" },
    el("div", { class: "head" }, el("h2", { id: "problemshead", textContent: count ? `${many(count, "file")} could not be indexed` : "No problems" }), ...(count ? [all] : [])),
    count ? el("div", { class: "reasons" }, ...reasons.map((each) => group(each, { run, open, choose })))
      : el("p", { class: "soft", textContent: "All picture files could be indexed." }));
}

function group({ reason, count }, { run, open, choose }) {
  const box = el("details", { open: reason === open });
  const files = el("div", { class: "files" });
  const title = el("summary", { onclick: (event) => { event.preventDefault(); choose(reason === open ? "" : reason); } },
    el("span", { textContent: sentence(reason) }), el("span", { class: "count", textContent: many(count, "file") }));
  box.append(title, files);
  if (box.open) fill(files, reason, count, run);
  return box;
}

async function fill(box, reason, count, run) {
  const list = el("ul", { class: "rows", tabIndex: 0, "aria-label": `Files: ${reason}` });
  const every = el("button", { type: "button", onclick: async () => {
    try {
      const paths = [];
      for (let offset = 0; offset < count; offset += ALL) paths.push(...(await ask(address(reason, ALL, offset))).problems.map(({ path }) => path));
      await copy(paths.join("\n"), `Copied ${many(paths.length, "path")}.`);
    } catch (error) {
      toast(error.message);
    }
  } }, count === 1 ? "Copy the path" : `Copy all ${grouped(count)} paths`);
  const again = el("button", { type: "button", "data-runs": "", disabled: run.state.running, onclick: () => run.begin("/api/indexing", { retry: true, reason }) }, "Try again");
  box.append(list, el("div", { class: "actions row" }, again, every));
  const more = el("button", { type: "button", hidden: true, onclick: () => next(list.childElementCount) });
  box.lastChild.append(more);

  async function next(offset) {
    try {
      const { problems } = await ask(address(reason, PAGE, offset));
      list.append(...problems.map((problem) => row(problem, reason)));
      const left = count - list.childElementCount;
      more.hidden = left <= 0 || !problems.length;
      more.textContent = `Show more (${grouped(left)} left)`;
    } catch (error) {
      if (!error.unanswered) toast(error.message);
    }
  }
  await next(0);
}

function row({ path, reason }, group) {
  const own = reason === group ? [] : [el("span", { class: "soft", textContent: reason })];
  return el("li", {}, el("div", { class: "what" }, el("strong", { textContent: fileName(path) }), el("span", { class: "soft path", textContent: folderOf(path) }), ...own),
    el("button", { type: "button", class: "link", "aria-label": `Copy the path of ${fileName(path)}`, onclick: () => copy(path, "Copied the path.") }, "Copy path"));
}
