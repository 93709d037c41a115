// The one owner of what the page shows. Each change is written into the browser's history.

import { fromAddress, toAddress } from "./address.js";

export const PAUSE = 3000; // milliseconds after which typing is a new question

/** Whether a text is the earlier one typed on, or partly deleted. */
export const typedOn = (before, after) => after.startsWith(before) || before.startsWith(after);

/**
 * `shown(now, before, restored)` draws a state; `restored` if it came from the history. `page` is
 * the window, or a stand-in.
 *
 * What a step of the history knows besides its address is in `extras`: `opened` (the viewer was
 * opened by this step, so that closing it goes back), `ids` (what the viewer leafs through),
 * `scroll` and `count` (of the gallery).
 */
export function createState(shown, page = window) {
  const { history, location } = page;
  let now = fromAddress(location);
  let typing = { kind: "", at: 0 };
  let pending = null; // {patch, kind, step, timer} that is not applied yet
  let leaving = false; // on the way back, until the browser says so
  let late = null; // what to write after that: {step, extras}

  function write(step, extras) {
    if (leaving) { late = { step: step || late?.step, extras: { ...late?.extras, ...extras } }; return; }
    const kept = step ? extras : { ...history.state, ...extras };
    try {
      history[step ? "pushState" : "replaceState"](kept, "", toAddress(now));
    } catch {
      // Browsers limit how often this may be called; the next change catches up.
    }
  }

  function apply(patch, step, extras) {
    const before = now;
    now = { ...now, ...patch };
    if (toAddress(now) !== toAddress(before)) write(step, extras);
    shown(now, before, false);
  }

  const patchFor = (patch) => (typeof patch === "function" ? patch(now) : patch);

  function flush() {
    if (!pending) return;
    clearTimeout(pending.timer);
    const { patch, kind, step } = pending;
    pending = null;
    if (!step) { apply(patch, false, {}); return; }
    const [key] = Object.keys(patch);
    const same = typing.kind === kind && Date.now() - typing.at < PAUSE
      && (kind !== "text" || typedOn(now[key], patch[key]));
    typing = { kind, at: Date.now() };
    apply(patch, !same, {});
  }

  page.addEventListener("popstate", () => {
    if (leaving) {
      leaving = false;
      if (late) write(late.step, late.extras);
      late = null;
      return;
    }
    if (pending) clearTimeout(pending.timer);
    pending = null;
    typing = { kind: "", at: 0 };
    const before = now;
    now = fromAddress(location);
    shown(now, before, true);
  });

  return {
    get now() { return now; },
    get extras() { return history.state ?? {}; },
    /** A new step. A patch may be a function of the state, for what is typed but not applied yet. */
    change(patch, extras = {}) {
      flush();
      typing = { kind: "", at: 0 };
      apply(patchFor(patch), true, extras);
    },
    /** The same step, changed: the next picture in the viewer, a moved map. */
    adjust(patch, extras = {}) {
      flush();
      apply(patch, false, extras);
    },
    /** A change by typing or dragging, after `delay` milliseconds of rest; going on is no new `step`. */
    soon(patch, kind, delay, step = true) {
      if (pending && pending.kind !== kind) flush();
      if (pending) clearTimeout(pending.timer);
      pending = { patch: { ...pending?.patch, ...patchFor(patch) }, kind, step, timer: setTimeout(flush, delay) };
    },
    /** Apply what was typed at once; whatever is typed next is a new question. */
    settle() {
      flush();
      typing = { kind: "", at: 0 };
    },
    /** Undo the step that opened something; without one, change this step. */
    leave(patch) {
      flush();
      if (!this.extras.opened || leaving) { apply(patch, false, { opened: false }); return; }
      leaving = true;
      const before = now;
      now = { ...now, ...patch };
      history.back();
      shown(now, before, false);
    },
    /** Remember something about this step without a change of the address. */
    note(extras) { if (!leaving) write(false, extras); },
  };
}
