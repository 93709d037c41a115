// Requests to the API, and errors with hints.

import { lost } from "./connection.js";

export class Refusal extends Error {
  constructor(message, { hint = "", status = 0, taken = "" } = {}) {
    super(message);
    this.hint = hint;
    this.status = status;
    this.taken = taken; // the album, saved search or concept that has the name already
  }

  /** Whether the server did not answer at all: the page says so itself, and tries again. */
  get unanswered() { return this.status === 0; }
}

export async function ask(address, options = {}) {
  let response;
  let text;
  try {
    response = await fetch(address, options);
    text = await response.text();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    lost();
    throw new Refusal("The server is not responding.", { hint: "Is pixtrieve serve still running?" });
  }
  const found = parsed(text) ?? { error: text.length < 300 && text || `The server returned status ${response.status}.` };
  if (response.ok) return found;
  const detail = Array.isArray(found.detail) ? found.detail.map((each) => each.msg).join("; ") : found.detail;
  throw new Refusal(found.error ?? detail ?? "The request failed.", { hint: found.hint, status: response.status, taken: found.taken });
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

export const send = (address, value, method = "POST") =>
  ask(address, { method, body: JSON.stringify(value), headers: { "content-type": "application/json" } });

const MOST = 10_000; // pictures in one request

/** Call `act(part, left)` for parts of ids that the server takes, one after the other; `left` are the ids from the part on. */
export async function inParts(ids, act) {
  for (let first = 0; first < ids.length; first += MOST) await act(ids.slice(first, first + MOST), ids.slice(first));
}
