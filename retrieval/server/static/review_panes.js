// The files of a group of duplicates side by side: pictures at full size, and facts that differ marked.

import { differing, factsOf, relation } from "./compare.js";
import { el, fileName } from "./dom.js";

/**
 * The panes of files as {list, panes}; `stays` is the number of the file that stays, from 1, and
 * `choose(number)` chooses another one; 0 and null where no file may be moved.
 */
export function drawPanes(files, stays, choose) {
  const differ = differing(files);
  const panes = [];
  const list = el("ol", { class: "panes", "aria-label": "Files of this group" }, ...files.map((file, at) => {
    const number = at + 1;
    const name = fileName(file.path);
    const image = el("img", { src: `/api/pictures/${file.image_id}/image`, alt: name, draggable: false, decoding: "async" });
    const scale = el("output", { "aria-label": `Zoom of ${name}` });
    const stage = el("div", { class: "lens" }, image, el("span", { class: "number", "aria-hidden": "true", textContent: number }), scale);
    image.addEventListener("error", () => stage.append(el("p", { textContent: `${name} cannot be shown. It may have changed, or its drive may be disconnected.` })));
    panes.push({ stage, image, scale });
    const keep = choose ? [el("button", { type: "button", class: "keepthis", onclick: () => choose(number) })] : [];
    return el("li", { class: "pane", "data-number": number }, stage, ...keep,
      el("p", { class: "soft relation", textContent: relation(file, files[0]) }), facts(file, differ));
  }));
  mark(list, stays);
  return { list, panes };
}

/** Show which file stays. */
export function mark(list, stays) {
  for (const pane of list.children) {
    const number = Number(pane.dataset.number);
    const on = number === stays;
    const button = pane.querySelector(".keepthis");
    pane.classList.toggle("stays", on);
    if (!button) continue;
    button.setAttribute("aria-pressed", String(on));
    button.textContent = `${on ? "Keeping" : "Keep"} ${number}`;
  }
}

function facts(file, differ) {
  return el("dl", {}, ...factsOf(file).flatMap(([name, value]) => {
    const off = differ.has(name);
    return [el("dt", { textContent: name }), el("dd", { class: off ? "differs" : "" }, ...(off ? [el("span", { class: "unseen", textContent: "differs: " })] : []), value)];
  }));
}
