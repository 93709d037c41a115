// The Library view: contents, indexing, concepts, labels, and files that could not be indexed.

import { ask, send } from "./api.js";
import { $, bytes, el, fileName, many, notice, toast } from "./dom.js";

/** `changed()` is called after an indexing run; `search(name)` searches for a concept. */
export function create(root, { changed, search }) {
  let events = null;
  let watching = false;
  let found = false; // the current run has new pictures already

  async function show() {
    try {
      const [status, problems, concepts, labels] = await Promise.all([
        ask("/api/status"), ask("/api/problems?limit=200"), ask("/api/concepts"), ask("/api/labels")]);
      root.replaceChildren(about(status), taught(concepts.concepts), labelled(labels), broken(problems));
    } catch (error) {
      if (!error.unanswered) root.replaceChildren(notice(error.message, error.hint ?? ""));
    }
  }

  function about(status) {
    const facts = [["Pictures", status.counts.images.toLocaleString("en")], ["Model", status.model.name],
      ...status.roots.map((folder) => [folder.missing ? "Folder (not available)" : "Folder", folder.path])];
    return el("section", { class: "card" }, el("h2", { textContent: "Contents" }),
      el("dl", {}, ...facts.flatMap(([name, value]) => [el("dt", { textContent: name }), el("dd", { textContent: value })])),
      el("div", { class: "actions row" },
        el("button", { id: "index", type: "button", class: "main", onclick: start }, "Look for new pictures"),
        el("button", { id: "halt", type: "button", hidden: true, onclick: () => ask("/api/indexing", { method: "DELETE" }) }, "Stop after this batch"),
        el("a", { class: "button", href: "/api/export/npz", download: "pixtrieve.npz" }, "Export vectors (.npz)")),
      el("p", { class: "soft", textContent: `${watching ? "The server watches these folders for changes. " : ""}To add a folder, run in a terminal: pixtrieve index FOLDER` }));
  }

  function taught(concepts) {
    const rows = concepts.map((concept) => el("li", {},
      el("button", { type: "button", class: "link", onclick: () => search(concept.name) }, concept.name),
      el("span", { class: "soft", textContent: ` ${many(concept.like.length, "example")}${concept.auc === null ? "" : `, AUC ${concept.auc.toFixed(2)}`}${concept.learned ? "" : ", not learned with this model yet"}` }),
      el("button", { type: "button", "aria-label": `Forget ${concept.name}`, onclick: async () => {
        await ask(`/api/concepts?name=${encodeURIComponent(concept.name)}`, { method: "DELETE" }).catch((error) => toast(error.message));
        show();
      } }, "✕")));
    return el("section", { class: "card" }, el("h2", { textContent: "Concepts" }),
      rows.length ? el("ul", { class: "rows" }, ...rows) : el("p", { class: "soft", textContent: "None yet. Select pictures in the gallery, then choose “Teach a concept”." }));
  }

  function labelled({ labels, tags }) {
    const text = el("textarea", { rows: 4, value: labels.join("\n"), "aria-label": "Labels, one per line", placeholder: "dog\nbeach\nbirthday cake" });
    const go = el("button", { type: "button", onclick: async () => {
      go.disabled = true;
      try {
        const found = await send("/api/labels", { labels: text.value.split("\n").map((line) => line.trim()).filter(Boolean) });
        const count = Object.values(found.images).reduce((sum, each) => sum + each, 0);
        toast(`Assigned ${many(count, "label")}.`);
        changed();
        show();
      } catch (error) {
        toast(`${error.message} ${error.hint ?? ""}`);
      } finally {
        go.disabled = false;
      }
    } }, "Label all pictures");
    const counts = tags.filter((tag) => tag.source === "label").map((tag) => `${tag.label} (${tag.images.toLocaleString("en")})`).join(", ");
    return el("section", { class: "card" }, el("h2", { textContent: "Labels" }),
      el("p", { class: "soft", textContent: "Each picture gets the labels that match what it shows. You can then filter by label." }), text,
      el("div", { class: "actions row" }, go), el("p", { textContent: counts }));
  }

  function broken(found) {
    const rows = found.problems.map((problem) => el("li", {}, el("span", { textContent: `${fileName(problem.path)}: ${problem.reason}`, title: problem.path })));
    return el("section", { class: "card", id: "problems" }, el("h2", { textContent: found.count ? `${many(found.count, "file")} could not be indexed` : "No problems" }),
      found.count ? el("ul", { class: "rows" }, ...rows) : el("p", { class: "soft", textContent: "All picture files could be indexed." }),
      ...(found.count > rows.length ? [el("p", { class: "soft", textContent: `These are the first ${rows.length}. To list all, run in a terminal: pixtrieve status --problems` })] : []));
  }

  async function start() {
    try {
      await ask("/api/indexing", { method: "POST" });
    } catch (error) {
      if (error.status !== 409) { toast(error.message); return; }
    }
    follow(true);
  }

  /** Show the progress of the current run until it ends. A run that is over is news only if it was `begun` here. */
  function follow(begun = false) {
    events?.close();
    events = new EventSource("/api/indexing");
    let seen = begun;
    events.onmessage = ({ data }) => {
      const run = JSON.parse(data);
      seen ||= run.running;
      watching = run.watching;
      draw(run);
      if (run.running) return;
      events.close();
      events = null;
      if (!seen) return;
      if (run.error) toast(`Indexing stopped: ${run.error}`);
      else if (run.progress) toast(run.progress.encoded ? `Indexed ${many(run.progress.encoded, "new picture")}.` : "There are no new pictures.");
      changed();
      if (!root.hidden) show();
    };
    events.onerror = () => { events?.close(); events = null; draw({ running: false }); };
  }

  function draw({ running, progress }) {
    if (running && progress?.encoded && !found) { found = true; changed(); }
    if (!running) found = false;
    $("progress").hidden = !running;
    if ($("index")) $("index").disabled = running;
    if ($("halt")) $("halt").hidden = !running;
    if (running && progress) {
      $("progress").max = Math.max(1, progress.pending);
      $("progress").value = progress.handled;
      $("state").textContent = `${progress.handled.toLocaleString("en")} of ${many(progress.pending, "new file")}`;
    }
  }

  return { show, hide() {}, follow, get running() { return !$("progress").hidden; } };
}
