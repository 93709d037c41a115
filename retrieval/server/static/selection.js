// The selected pictures, and how they are selected: one by one, as a range, with a long press.

import { sentence } from "./dialogs.js";
import { toast } from "./dom.js";

const LONG = 450; // milliseconds
const STILL = 10; // pixels

/** `range(first, after)` gives the ids of pictures, `changed()` is called after each change. */
export function createSelection({ range, changed }) {
  const ids = new Set();
  let anchor = 0; // where a range begins
  let held = 0; // timer of a press
  let long = false; // the press was a long one: the click after it is none

  async function add(first, after) {
    try {
      for (const id of await range(first, after)) if (id) ids.add(id);
    } catch (error) {
      toast(sentence(error.message));
    }
    changed();
  }

  return {
    get ids() { return [...ids]; },
    get size() { return ids.size; },
    has: (id) => ids.has(id),
    add,
    clear() { ids.clear(); changed(); },
    /** Begin ranges at the first picture again. */
    forget() { anchor = 0; },
    /** Select a picture, or take it out; as a `range`, with all from the last one. */
    toggle(place, id, asRange = false) {
      const from = anchor;
      anchor = place;
      if (asRange) { add(Math.min(from, place), Math.max(from, place) + 1); return; }
      if (!id) return;
      if (!ids.delete(id)) ids.add(id);
      changed();
    },
    /** Call `pressed(event)` when a finger rests on something in `root`. */
    press(root, pressed) {
      let start = null;
      const end = () => { clearTimeout(held); held = 0; };
      root.addEventListener("pointerdown", (event) => {
        long = false;
        if (event.pointerType === "mouse") return;
        start = event;
        held = setTimeout(() => { held = 0; long = true; navigator.vibrate?.(12); pressed(event); }, LONG);
      });
      root.addEventListener("pointermove", (event) => { if (held && Math.hypot(event.x - start.x, event.y - start.y) > STILL) end(); });
      for (const name of ["pointerup", "pointercancel", "pointerleave"]) root.addEventListener(name, end);
      root.addEventListener("contextmenu", (event) => { if (held || long) event.preventDefault(); });
    },
    /** Whether a click only ends a long press. */
    pressed() { const was = long; long = false; return was; },
  };
}
