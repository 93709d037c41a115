// The run that is going on, whoever started it: asks for it now and then, and shows it.

import { ask, send } from "./api.js";
import { $, el, grouped, toast } from "./dom.js";
import { changedSomething, doing, lastRun, outcome, share } from "./run_words.js";

const BUSY = 500; // milliseconds between looks while a run is going on
const SEEN = 2500; // while the view is shown
const IDLE = 15_000;

/** `changed()` is called when the library has other pictures, `ended()` after each run; `shown()` tells whether the view is. */
export function createRun({ changed, ended, shown }) {
  let run = { running: false, progress: null, watching: false };
  let mine = null; // of a run that this page began: {retried}
  let known = null; // when the last run began
  let found = false; // the current run has new pictures already
  let timer = 0;
  let turn = 0;
  const text = el("p", { class: "doing" });
  const by = el("p", { class: "soft by" });
  const bar = el("progress", { "aria-label": "Indexing", max: 1 });
  const stop = el("button", { type: "button", id: "halt", onclick: halt }, "Stop");
  const box = el("div", { class: "run", hidden: true }, el("div", {}, text, bar, by), stop);
  const last = el("p", { class: "soft last" });

  async function look() {
    clearTimeout(timer);
    turn += 1;
    const mine = turn;
    if (document.hidden) return;
    const next = await ask("/api/indexing/now").catch(() => null);
    if (mine !== turn) return; // asked again meanwhile
    if (next) take(next);
    else { run = { ...run, running: false }; draw(); }
    timer = setTimeout(look, run.running ? BUSY : shown() ? SEEN : IDLE);
  }

  function take(next) {
    const began = next.began ?? 0;
    const over = !next.running && (run.running || mine || (known !== null && began !== known));
    run = next;
    if (!run.running || known === null) known = began;
    draw();
    if (run.running && run.progress?.encoded && !found) { found = true; changed(); }
    if (!over) return;
    found = false;
    if (mine || run.error || run.progress?.encoded) toast(outcome(run, mine?.retried));
    if (mine || changedSomething(run)) changed();
    mine = null;
    ended();
  }

  function draw() {
    const done = share(run);
    $("progress").hidden = !run.running;
    for (const each of [$("progress"), bar]) {
      if (done === null) each.removeAttribute("value");
      else each.value = done;
    }
    const { handled, pending } = run.progress ?? {};
    if (run.running && pending) $("state").textContent = `${grouped(handled)} of ${grouped(pending)} ${run.kind === "ocr" ? "pictures" : "new files"}`;
    box.hidden = !run.running;
    text.textContent = doing(run);
    by.textContent = run.own ? "" : `Started elsewhere${run.command ? `: ${run.command}` : ""}`;
    stop.hidden = !run.own;
    last.textContent = run.error && !run.running ? `The last run ended early: ${run.error}` : lastRun(run, Date.now() / 1000);
    last.classList.toggle("trouble", Boolean(run.error) && !run.running);
    for (const button of document.querySelectorAll("#library [data-runs]")) button.disabled = run.running;
  }

  async function halt() {
    stop.disabled = true;
    try {
      take(await ask("/api/indexing", { method: "DELETE" }));
      toast("Stopping after the current batch.");
    } catch (error) {
      toast(error.message);
    }
    stop.disabled = false;
  }

  /** Start a run by a request, and follow it; says why if it cannot be started. */
  async function begin(address = "/api/indexing", body = {}) {
    try {
      const next = await send(address, body);
      mine = { retried: Boolean(body.retry) };
      run = { ...next, running: true };
      draw();
      look();
      return true;
    } catch (error) {
      toast([error.message, error.hint].filter(Boolean).join(". "));
      look();
      return false;
    }
  }

  document.addEventListener("visibilitychange", look);
  return { box, last, begin, look, draw, get state() { return run; } };
}
