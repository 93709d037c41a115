// Whether the server answers. While it does not, the page keeps what it shows and tries again.

import { $ } from "./dom.js";

const AGAIN = 1500; // milliseconds
const listeners = new Set();
let trying = false;

/** Call `listener` each time the server is back. */
export const onReturn = (listener) => listeners.add(listener);

/** Say that the server does not answer, and try until it does. */
export function lost() {
  if (trying) return;
  trying = true;
  if ($("lost")) $("lost").hidden = false;
  setTimeout(retry, AGAIN);
}

async function retry() {
  try {
    await fetch("/icon.svg", { method: "GET", cache: "no-store" });
  } catch {
    setTimeout(retry, AGAIN);
    return;
  }
  trying = false;
  if ($("lost")) $("lost").hidden = true;
  for (const listener of listeners) listener();
}
