// Dialogs that ask for a name, or whether something shall be done.

import { el } from "./dom.js";

let made = 0;

/**
 * Ask for a name. `save(name, button)` is called with it, and may be called again: what it throws is
 * shown. It may give the button another text, which stays until the name is changed. Resolves to what
 * `save` returns, or to null if the person cancels.
 */
export function askName(title, { value = "", action = "Save", hint = "", save }) {
  const input = el("input", { type: "text", maxLength: 200, autocomplete: "off", value });
  const trouble = el("p", { class: "trouble", role: "alert" });
  return shown(title, action, [...(hint ? [el("p", { class: "soft", textContent: hint })] : []), el("label", {}, "Name", input), trouble], async (go) => {
    if (!input.value.trim()) { trouble.textContent = "Enter a name."; input.focus(); return undefined; }
    try {
      return await save(input.value, go);
    } catch (error) {
      trouble.textContent = sentence(error.message);
      input.focus();
      return undefined;
    }
  }, (go) => {
    input.select();
    input.addEventListener("input", () => { go.textContent = action; trouble.textContent = ""; });
  });
}

/** Ask whether to do something; resolves to whether the person says so. */
export async function confirmed(title, text, action) {
  return Boolean(await shown(title, action, [el("p", { textContent: text })], async () => true));
}

/** A message of the server as a sentence of its own. */
export function sentence(text) {
  const whole = text.slice(0, 1).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(whole) ? whole : `${whole}.`;
}

/** Show a dialog until `done(button)` resolves to something, or it is cancelled. */
function shown(title, action, parts, done, ready = () => {}) {
  made += 1;
  const go = el("button", { type: "submit", class: "main" }, action);
  const heading = el("h2", { id: `asking${made}`, textContent: title });
  const form = el("form", { method: "dialog" }, heading, ...parts,
    el("div", { class: "actions row" }, el("button", { type: "button", onclick: () => dialog.close() }, "Cancel"), go));
  const dialog = el("dialog", { class: "asking", "aria-labelledby": heading.id }, form);
  document.body.append(dialog);
  dialog.showModal();
  ready(go);
  return new Promise((resolve) => {
    let result = null;
    dialog.addEventListener("close", () => { dialog.remove(); resolve(result); });
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      go.disabled = true;
      const found = await done(go);
      go.disabled = false;
      if (found === undefined) return;
      result = found;
      dialog.close();
    });
  });
}
