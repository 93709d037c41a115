// Requests to the API, and errors with hints.

export class Refusal extends Error {
  constructor(message, hint = "", status = 0) {
    super(message);
    this.hint = hint;
    this.status = status;
  }
}

export async function ask(address, options = {}) {
  let response;
  try {
    response = await fetch(address, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal("The server is not responding.", "Is pixtrieve serve still running?");
  }
  const found = await response.json().catch(() => ({ error: `The server returned status ${response.status}.` }));
  if (response.ok) return found;
  const detail = Array.isArray(found.detail) ? found.detail.map((each) => each.msg).join("; ") : found.detail;
  throw new Refusal(found.error ?? detail ?? "The request failed.", found.hint ?? "", response.status);
}

export const send = (address, value, method = "POST") =>
  ask(address, { method, body: JSON.stringify(value), headers: { "content-type": "application/json" } });
