// How many pictures there are in each month or year; one chooses a range by clicking or dragging.

import { monthTitle } from "./days.js";
import { el, many } from "./dom.js";

const MOST_MONTHS = 60; // more are shown as years

const next = (month) => { const [year, number] = month.split("-").map(Number); return number === 12 ? `${year + 1}-01` : `${year}-${String(number + 1).padStart(2, "0")}`; };

/** The first and the last day of "2023", "2023-05" or "2023-05-01". */
export const firstDay = (date) => date + "-01-01".slice(date.length - 4);
export function lastDay(date) {
  if (date.length === 10) return date;
  const [year, month = 12] = date.split("-").map(Number);
  return `${year}-${String(month).padStart(2, "0")}-${new Date(Date.UTC(year, month, 0)).getUTCDate()}`;
}

/**
 * Months {value, images} as bins without gaps, oldest first: of months, or of years if they are many.
 * Pictures of which the year alone is known are in the bins of years.
 */
export function binsOf(months, most = MOST_MONTHS) {
  const counts = new Map(months.filter(({ value }) => /^\d{4}(-\d{2})?$/.test(value)).map(({ value, images }) => [value, images]));
  if (!counts.size) return [];
  const names = [...counts.keys()].map((value) => (value.length === 4 ? `${value}-01` : value)).sort();
  const every = [];
  for (let month = names[0]; month <= names.at(-1) && every.length < 12 * 400; month = next(month)) every.push({ value: month, images: counts.get(month) ?? 0 });
  if (every.length <= most) return every;
  const years = [];
  for (const { value, images } of every) {
    const year = value.slice(0, 4);
    if (years.at(-1)?.value === year) years.at(-1).images += images;
    else years.push({ value: year, images: images + (counts.get(year) ?? 0) });
  }
  return years;
}

/** The months of one year. */
export const monthsOf = (months, year) => Array.from({ length: 12 }, (_, number) => {
  const value = `${year}-${String(number + 1).padStart(2, "0")}`;
  return { value, images: months.find((each) => each.value === value)?.images ?? 0 };
});

/** `chosen(from, until)` gets "2023" or "2023-05", or "" twice. Returns {root, draw(from, until)}. */
export function createHistogram(months, chosen) {
  const bins = binsOf(months);
  const yearly = bins[0]?.value.length === 4;
  const finer = el("div", { hidden: true });
  const all = barsOf(bins, chosen);
  let year = "";
  let fine = null;
  return {
    root: el("div", {}, all.root, finer),
    draw(from, until) {
      all.draw(from, until);
      const one = yearly && from && from.slice(0, 4) === until.slice(0, 4) ? from.slice(0, 4) : "";
      if (one !== year) {
        year = one;
        fine = one ? barsOf(monthsOf(months, one), chosen) : null;
        finer.replaceChildren(...(fine ? [fine.root] : []));
        finer.hidden = !fine;
      }
      fine?.draw(from, until);
    },
  };
}

function barsOf(bins, chosen) {
  const greatest = Math.max(1, ...bins.map(({ images }) => images));
  const title = (value) => (value.length === 4 ? value : monthTitle(value));
  let start = -1; // where a drag began
  let current = [-1, -1];
  const bars = bins.map(({ value, images }, place) => {
    const fill = el("span");
    fill.style.height = images ? `${Math.max(4, (Math.sqrt(images / greatest)) * 100)}%` : "0";
    return el("button", { type: "button", class: "bar", tabIndex: place === bins.length - 1 ? 0 : -1, title: `${title(value)}: ${many(images, "picture")}`,
      "aria-label": `${title(value)}, ${many(images, "picture")}`, "aria-pressed": "false", "data-place": place }, fill);
  });
  const label = el("p", { class: "soft range" }, el("span", { textContent: bins.length ? title(bins[0].value) : "" }), el("span", { textContent: bins.length > 1 ? title(bins.at(-1).value) : "" }));
  const row = el("div", { class: "bars", role: "group", "aria-label": "Pictures by date" }, ...bars);

  function mark([first, last]) {
    bars.forEach((bar, place) => {
      const on = place >= first && place <= last;
      bar.classList.toggle("on", on);
      bar.setAttribute("aria-pressed", String(on));
    });
    row.classList.toggle("some", first >= 0);
  }

  function choose(first, last) {
    const [from, until] = [Math.min(first, last), Math.max(first, last)];
    if (from === current[0] && until === current[1]) chosen("", "");
    else chosen(bins[from].value, bins[until].value);
  }

  const placeOf = (event) => { const box = row.getBoundingClientRect(); return Math.min(bins.length - 1, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * bins.length))); };
  row.addEventListener("pointerdown", (event) => { if (!event.button && bins.length) { start = placeOf(event); row.setPointerCapture(event.pointerId); mark([start, start]); } });
  row.addEventListener("pointermove", (event) => { if (start >= 0) { const place = placeOf(event); mark([Math.min(start, place), Math.max(start, place)]); } });
  row.addEventListener("pointerup", (event) => { if (start >= 0) { choose(start, placeOf(event)); start = -1; } });
  row.addEventListener("pointercancel", () => { start = -1; mark(current); });
  row.addEventListener("click", (event) => { if (!event.detail && event.target.dataset.place) choose(Number(event.target.dataset.place), Number(event.target.dataset.place)); });
  row.addEventListener("keydown", (event) => {
    const place = Number(event.target.dataset.place) + ({ ArrowRight: 1, ArrowLeft: -1 }[event.key] ?? 0);
    if (!bars[place] || bars[place] === event.target) return;
    event.preventDefault();
    event.target.tabIndex = -1;
    bars[place].tabIndex = 0;
    bars[place].focus();
    if (event.shiftKey) chosen(bins[Math.min(place, current[0] < 0 ? place : current[0])].value, bins[Math.max(place, current[1])].value);
  });
  return {
    root: el("div", { class: "histogram" }, row, label),
    draw(from, until) {
      const size = bins[0]?.value.length ?? 7;
      const inside = bins.map(({ value }) => (!from || value >= from.slice(0, size)) && (!until || value <= until.slice(0, size)));
      current = from || until ? [inside.indexOf(true), inside.lastIndexOf(true)] : [-1, -1];
      mark(current);
    },
  };
}
