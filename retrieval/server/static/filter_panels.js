// What the popovers of the filters show: a histogram, a tree, places, or a list of values.

import { placeTitle, valueTitle } from "./conditions.js";
import { el, grouped, many } from "./dom.js";
import { rowsOf, treeOf } from "./folders.js";
import { createHistogram, firstDay, lastDay } from "./histogram.js";

const SEARCHED = 9; // values from which on one can search in them
const MOST = 200; // values shown at once

const count = (number) => el("span", { class: "number", textContent: grouped(number) });

/**
 * `now()` returns the state. Callbacks change it: toggle(name, value), edges(name, from, until) and
 * typed(name, value). `make(field, values)` returns {root, draw(state)} for the values of a field.
 */
export function createPanels({ now, toggle, edges, typed }) {
  const kinds = { date: datePanel, folder: folderPanel, place: placePanel };

  function datePanel({ name }, months) {
    const bars = createHistogram(months, (from, until) => edges(name, from, until));
    const input = (edge, label) => {
      const control = el("input", { id: `${name}-${edge}`, type: "date", oninput: () => typed(`${name}-${edge}`, control.value) });
      return [control, el("label", {}, label, control)];
    };
    const [from, fromLabel] = input("from", "From");
    const [until, untilLabel] = input("until", "Until");
    return {
      root: el("div", { class: "dates" }, bars.root, el("div", { class: "edges" }, fromLabel, untilLabel)),
      draw({ filters }) {
        const [first, last] = [filters[`${name}-from`]?.[0] ?? "", filters[`${name}-until`]?.[0] ?? ""];
        if (document.activeElement !== from) from.value = first && firstDay(first);
        if (document.activeElement !== until) until.value = last && lastDay(last);
        bars.draw(first, last);
      },
    };
  }

  /** A row with a box to check; `value` is one of the field's. */
  const row = (name, value, title, number, ...before) => el("label", { class: "row" },
    el("input", { type: "checkbox", value, oninput: () => toggle(name, value) }), ...before, el("span", { class: "title", textContent: title, title }), ...(number === null ? [] : [count(number)]));

  const check = (root, values) => { for (const box of root.querySelectorAll("input[type=checkbox]")) box.checked = values.includes(box.value); };

  function listPanel({ name, label, choices }, values) {
    const list = el("div", { class: "values", role: "group", "aria-label": label });
    const wanted = el("input", { type: "search", placeholder: `Find in ${grouped(values.length)}`, "aria-label": `Find a value of ${label}`, oninput: fill });
    const known = choices.length ? choices.map((value) => values.find((each) => each.value === value) ?? { value, images: 0 }) : values;
    function fill() {
      const text = wanted.value.trim().toLowerCase();
      const chosen = now().filters[name] ?? [];
      // A value that no picture has any more is still part of the question.
      const all = [...chosen.filter((value) => !known.some((each) => each.value === value)).map((value) => ({ value, images: 0 })), ...known];
      const found = all.filter(({ value }) => value.toLowerCase().includes(text));
      list.replaceChildren(...found.slice(0, MOST).map(({ value, images }) => row(name, value, valueTitle(name, value), images, ...(name === "orientation" ? [el("i", { class: `shape ${value}` })] : []))),
        ...(found.length > MOST ? [el("p", { class: "soft", textContent: `and ${many(found.length - MOST, "value")} more` })] : []),
        ...(found.length ? [] : [el("p", { class: "soft", textContent: "None" })]));
      check(list, chosen);
    }
    fill();
    return { root: el("div", {}, ...(known.length >= SEARCHED ? [wanted] : []), list), draw: ({ filters }) => check(list, filters[name] ?? []) };
  }

  function folderPanel({ name, label }, values) {
    const tree = treeOf(values);
    const opened = new Set(tree.length === 1 ? [tree[0].path] : []);
    const list = el("div", { class: "values tree", role: "group", "aria-label": label });
    function fill() {
      list.replaceChildren(...rowsOf(tree, (path) => opened.has(path)).map(({ path, name: title, images, folders, depth }) => {
        const made = row(name, path, title, images);
        const arrow = el("button", { type: "button", class: "arrow", "aria-expanded": String(opened.has(path)), "aria-label": `Folders in ${title}`, onclick: () => {
          if (!opened.delete(path)) opened.add(path);
          fill();
          list.querySelector(`[data-path="${CSS.escape(path)}"] .arrow`)?.focus();
        } }, "›");
        const line = el("div", { class: "line", "data-path": path, title: path }, folders.length ? arrow : el("i", { class: "arrow" }), made);
        line.style.paddingLeft = `${depth * 1.1}rem`;
        return line;
      }));
      check(list, now().filters[name] ?? []);
    }
    fill();
    return { root: list, draw: ({ filters }) => check(list, filters[name] ?? []) };
  }

  function placePanel({ name, label }, places) {
    const list = el("div", { class: "values places", role: "group", "aria-label": label },
      row(name, "yes", "With a place", null), row(name, "no", "Without a place", null),
      ...places.map(({ latitude, longitude, km, images, image_id: id }) => row(name, `${latitude.toFixed(4)},${longitude.toFixed(4)},${km}`, placeTitle(latitude, longitude), images,
        el("img", { src: `/api/pictures/${id}/thumbnail?side=256`, alt: "", loading: "lazy" }))));
    return { root: list, draw: ({ filters }) => check(list, filters[name] ?? []) };
  }

  return { make: (field, values) => (kinds[field.kind] ?? listPanel)(field, values) };
}
