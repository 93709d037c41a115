// Helpers that every part of the page uses.

export const $ = (id) => document.getElementById(id);

/** Make an element: properties, `class`, `on…` listeners, `aria-…` and `data-…` attributes. */
export function el(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "class") made.className = value;
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name in made && !name.includes("-")) made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

export const fileName = (path) => path.split(/[/\\]/).pop();
export const folderOf = (path) => path.slice(0, -fileName(path).length);
export const bytes = (size) => (size < 1e6 ? `${Math.ceil(size / 1000)} KB` : size < 1e9 ? `${(size / 1e6).toFixed(1)} MB` : `${(size / 1e9).toFixed(1)} GB`);
/** The confidence of a hit: a probability, never 100%; or a word; or "". */
export const sureness = (hit) => ((hit.confidence ?? null) === null ? hit.match ?? "" : `${Math.min(99, Math.round(hit.confidence * 100))}%`);
/** A whole number with commas. The browser's own way is the same, but takes 10 ms the first time. */
export const grouped = (count) => String(count).replace(/\B(?=(\d{3})+$)/g, ",");
export const many = (count, one, more = `${one}s`) => `${grouped(count)} ${count === 1 ? one : more}`;

let fading = 0;

/** Show a message for a few seconds at the bottom of the page; `undo()` takes back what it says. */
export function toast(text, undo = null) {
  clearTimeout(fading);
  if ($("viewer").open) $("told").textContent = text; // it covers the rest of the page
  const hide = () => $("toast").classList.remove("shown");
  const back = undo && el("button", { type: "button", class: "link", onclick: () => { hide(); undo(); } }, "Undo");
  $("toast").replaceChildren(text, ...(back ? [back] : []));
  $("toast").classList.add("shown");
  fading = setTimeout(hide, undo ? 12_000 : 6000);
}

/** A message for an empty section: what happened, and what to do next. */
export function notice(title, text) {
  return el("div", { class: "notice" }, el("h2", { textContent: title }), el("p", { textContent: text }));
}

/** A time in a video as players show it: 0:12, 1:02:03. */
export function clock(seconds) {
  const whole = Math.floor(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return `${hours ? `${hours}:${String(minutes).padStart(2, "0")}` : minutes}:${String(rest).padStart(2, "0")}`;
}

/** A thumbnail, replaced by a message if its file cannot be shown. */
export function thumbnail(id, path, side = 512) {
  const image = el("img", { loading: "lazy", decoding: "async", alt: fileName(path), src: `/api/pictures/${id}/thumbnail?side=${side}` });
  image.addEventListener("error", () => image.replaceWith(el("span", {
    class: "gone",
    textContent: `${fileName(path)} cannot be shown. It may have changed, or its drive may be disconnected.`,
  })));
  return image;
}
