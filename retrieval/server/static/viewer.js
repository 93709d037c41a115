// The viewer: a large picture and its facts.

import { ask } from "./api.js";
import { $, bytes, el, fileName, folderOf, sureness } from "./dom.js";

const SOURCES = { name: " (from the file name)", file: " (when the file was modified)" };
// Shown in another form, or the same as another field.
const LEFT_OUT = ["taken", "format", "width", "height", "size"];
let fields = [];
ask("/api/fields").then((found) => { fields = found.fields.filter(({ name, columns }) => columns.length && !LEFT_OUT.includes(name)); }).catch(() => {});

/** The value of a field as text, "" if unknown. */
function written({ kind, columns, unit }, picture) {
  const values = columns.map((column) => picture[column]).filter((value) => value !== null && value !== undefined && value !== "");
  if (kind === "date" && values.length) return values[0].replace("T", " ") + (SOURCES[values[1]] ?? "");
  if (kind === "place") return values.map((value) => value.toFixed(5)).join(", ");
  const shown = kind === "number" ? values.map((value) => (unit === "s" && value < 0.5 ? `1/${Math.round(1 / value)}` : value)) : values;
  return shown.length && unit ? `${shown} ${unit}` : shown.join(" ");
}

/** `viewer.open(ids, place, hits?)`; callbacks: like, plus and minus get the picture's id; closed(place). */
export function createViewer({ like, plus, minus, closed }) {
  let ids = [];
  let known = []; // the hits, if the pictures are search results
  let place = -1;

  async function show(next) {
    if (next < 0 || next >= ids.length) return;
    place = next;
    const id = ids[place];
    $("previous").disabled = place === 0;
    $("next").disabled = place === ids.length - 1;
    $("large").src = `/api/pictures/${id}/image`;
    $("original").href = `/api/pictures/${id}/image`;
    if (known[place]) describe(known[place], known[place].path, known[place].copies);
    try {
      const facts = await ask(`/api/pictures/${id}`);
      if (ids[place] === id) describe({ ...known[place], ...facts }, facts.paths[0], facts.paths.slice(1));
    } catch (error) {
      if (!known[place]) $("name").textContent = error.message;
    }
    if (place + 1 < ids.length) new Image().src = `/api/pictures/${ids[place + 1]}/image`;
  }

  function describe(picture, path, copies) {
    const score = picture.score === undefined ? "" : picture.score.toFixed(3)
      + (sureness(picture) && `, ${sureness(picture)} ${(picture.confidence ?? null) === null ? "match" : "sure"}`);
    const facts = [["Folder", folderOf(path)],
      ["Size", `${picture.width} × ${picture.height}, ${bytes(picture.size)}, ${picture.format}`], ["Score", score],
      ...fields.map((field) => [field.label, written(field, picture)]),
      ["Labels", (picture.tags ?? []).map((tag) => tag.label).join(", ")],
      ["Texts", (picture.texts ?? []).filter((text) => text.source !== "name").map((text) => text.text).join("\n")],
      ["ID", `#${picture.id}`], ["Copies", copies.join("\n")]];
    $("name").textContent = $("large").alt = fileName(path);
    $("original").download = fileName(path);
    $("facts").replaceChildren(...facts.filter(([, value]) => value).flatMap(([name, value]) => [
      el("dt", { textContent: name }), el("dd", { textContent: value })]));
  }

  const act = (action) => () => { const id = ids[place]; $("viewer").close(); action(id); };
  $("like").addEventListener("click", act(like));
  $("plus").addEventListener("click", act(plus));
  $("minus").addEventListener("click", act(minus));
  $("close").addEventListener("click", () => $("viewer").close());
  $("previous").addEventListener("click", () => show(place - 1));
  $("next").addEventListener("click", () => show(place + 1));
  $("viewer").addEventListener("click", (event) => { if (event.target === $("viewer")) $("viewer").close(); });
  // On the document, because a button that was just disabled loses the focus to it.
  document.addEventListener("keydown", (event) => {
    if (!$("viewer").open) return;
    if (event.key === "ArrowRight") show(place + 1);
    if (event.key === "ArrowLeft") show(place - 1);
  });
  $("viewer").addEventListener("close", () => { $("large").removeAttribute("src"); closed(place); });

  return {
    open(pictures, at = 0, hits = []) {
      ids = pictures;
      known = hits;
      if (!$("viewer").open) $("viewer").showModal();
      return show(at);
    },
  };
}
