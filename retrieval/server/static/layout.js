// Rows of pictures: whole pictures of one height side by side, as wide as the page. Plain functions.

const SHORTEST = 0.62; // the lowest row, as a part of the wanted height
const NARROWEST = 1 / 3; // pictures are laid out as if they were at least so wide, and at most so:
const WIDEST = 6;
const FULL = 0.85; // a last row that is so full is made as wide as the others

/**
 * Lay out pictures whose width / height is in `ratios`. `sections` are {first, title, …}: runs that
 * begin on a row of their own, below a title unless that is "": then it goes on where the one before
 * it ends, whose rows are all full. `height` is the wanted height of a
 * row in pixels, `gap` the space between pictures, `head` the height of a title.
 *
 * Returns the rows {top, height, first, section} and, with one row more, where they end; the left
 * edge and the width of each picture; each section with its `top`; and the height of all.
 */
export function layOut(ratios, sections, { width, height, gap, head }) {
  const count = ratios.length;
  const lefts = new Float32Array(count);
  const widths = new Float32Array(count);
  const rows = [];
  let top = 0;
  const placed = sections.map((section, number) => {
    const end = sections[number + 1]?.first ?? count;
    const made = { ...section, end, top };
    if (section.title) top += head;
    const goesOn = sections[number + 1]?.title === "";
    for (const [first, after] of broken(ratios, section.first, end, goesOn, { width, height, gap })) {
      const tall = rowHeight(ratios, first, after, width, gap);
      // The last row is as high as the others, unless it is nearly full.
      const full = after < end || goesOn || tall <= height / FULL;
      const high = Math.round(full ? tall : height);
      rows.push({ top, height: high, first, section: number });
      let left = 0;
      for (let place = first; place < after; place++) {
        const last = full && place === after - 1;
        widths[place] = last ? width - left : Math.min(width, Math.round(shape(ratios[place]) * (full ? tall : height)));
        lefts[place] = left;
        left += widths[place] + gap;
      }
      top += high + gap;
    }
    return made;
  });
  return { rows, lefts, widths, sections: placed, height: Math.max(0, top - gap), count };
}

const shape = (ratio) => Math.min(WIDEST, Math.max(NARROWEST, ratio));

/** The height at which pictures fill a row. */
function rowHeight(ratios, first, after, width, gap) {
  let sum = 0;
  for (let place = first; place < after; place++) sum += shape(ratios[place]);
  return (width - gap * (after - first - 1)) / sum;
}

/** The best rows of a section as [first, after], by the shortest path over all ways to break it. */
function broken(ratios, from, end, goesOn, { width, height, gap }) {
  const size = end - from;
  const costs = new Float64Array(size + 1).fill(Infinity);
  const came = new Int32Array(size + 1);
  costs[0] = 0;
  for (let start = 0; start < size; start++) {
    if (costs[start] === Infinity) continue;
    let sum = 0;
    for (let after = start + 1; after <= size; after++) {
      sum += shape(ratios[from + after - 1]);
      const tall = (width - gap * (after - start - 1)) / sum;
      const unlike = Math.max(tall / height, height / tall) - 1;
      const cost = after === size && tall > height && !goesOn ? 0 : unlike * unlike;
      if (costs[start] + cost < costs[after]) { costs[after] = costs[start] + cost; came[after] = start; }
      if (tall < height * SHORTEST) break;
    }
  }
  const found = [];
  for (let after = size; after > 0; after = came[after]) found.push([from + came[after], from + after]);
  return found.reverse();
}

/** The last of `items`, by rising `of(item)`, with `of(item) <= value`; the first if there is none. */
export function lastAt(items, of, value) {
  let [low, high] = [0, items.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (of(items[middle]) <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The number of the row that a picture is in. */
export const rowOf = ({ rows }, place) => lastAt(rows, (row) => row.first, place);

/** The pictures [first, after] and sections [first, after] that are seen between two heights. */
export function seen({ rows, sections, count }, top, bottom) {
  if (!rows.length) return { first: 0, after: 0, firstSection: 0, afterSection: 0 };
  let first = lastAt(rows, (row) => row.top, top);
  if (rows[first].top + rows[first].height < top && first < rows.length - 1) first += 1;
  const last = lastAt(rows, (row) => row.top, bottom);
  return { first: rows[first].first, after: last < rows.length - 1 ? rows[last + 1].first : count,
    firstSection: lastAt(sections, (section) => section.top, top), afterSection: lastAt(sections, (section) => section.top, bottom) + 1 };
}

/** The picture a number of rows further down (or up), nearest to the same distance from the left. */
export function below(layout, place, step) {
  const { rows, lefts, widths, count } = layout;
  const number = rowOf(layout, place) + step;
  if (number < 0 || number >= rows.length) return place;
  const middle = lefts[place] + widths[place] / 2;
  const after = rows[number + 1]?.first ?? count;
  let best = rows[number].first;
  for (let each = best; each < after; each++) {
    if (Math.abs(lefts[each] + widths[each] / 2 - middle) < Math.abs(lefts[best] + widths[best] / 2 - middle)) best = each;
  }
  return best;
}
