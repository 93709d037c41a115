// The map's data: positions, the typical picture of each square, neighbours.

const CELLS = 256; // per side of the lookup grid
const LIFTED = 2 ** 40; // more than any rank

export function readPoints(buffer, header) {
  const count = header.count;
  if (buffer.byteLength !== count * 14) throw new Error("the map's points are incomplete");
  return new Points(
    new Uint32Array(buffer, 0, count),
    new Float32Array(buffer, count * 4, count * 2),
    new Uint16Array(buffer, count * 12, count),
    header.regions,
  );
}

// Everything below uses rows, not ids. Rows are sorted by grid cell.
export class Points {
  constructor(ids, places, regionOf, regions) {
    this.count = ids.length;
    this.regions = regions;
    const cells = new Uint32Array(this.count);
    const starts = new Uint32Array(CELLS * CELLS + 1);
    for (let row = 0; row < this.count; row++) {
      cells[row] = cellOf(places[2 * row], places[2 * row + 1]);
      starts[cells[row] + 1]++;
    }
    for (let cell = 0; cell < CELLS * CELLS; cell++) starts[cell + 1] += starts[cell];
    const next = starts.slice();
    this.starts = starts;
    this.ids = new Uint32Array(this.count);
    this.x = new Float32Array(this.count);
    this.y = new Float32Array(this.count);
    this.region = new Uint16Array(this.count);
    this.first = new Float64Array(this.count); // the lowest value represents its square
    const typical = new Map();
    for (const region of regions) {
      if (!typical.has(region.picture)) typical.set(region.picture, region.level);
    }
    for (let row = 0; row < this.count; row++) {
      const to = next[cells[row]]++;
      this.ids[to] = ids[row];
      this.x[to] = places[2 * row];
      this.y[to] = places[2 * row + 1];
      this.region[to] = regionOf[row];
      this.first[to] = (typical.has(ids[row]) ? typical.get(ids[row]) : 9) * 2 ** 32 + scattered(ids[row]);
    }
    this.kept = new Map(); // numbers of occupied squares by depth
    this.extent = { width: spread(this.x), height: spread(this.y) };
  }

  // Call a function for every row in a rectangle, and for some just outside.
  within(left, top, right, bottom, call) {
    const [low, high] = [clampCell(left), clampCell(right)];
    for (let line = clampCell(top); line <= clampCell(bottom); line++) {
      const end = this.starts[line * CELLS + high + 1];
      for (let row = this.starts[line * CELLS + low]; row < end; row++) call(row);
    }
  }

  // How many rows are in a rectangle, and just outside.
  countWithin(left, top, right, bottom) {
    const [low, high] = [clampCell(left), clampCell(right)];
    let count = 0;
    for (let line = clampCell(top); line <= clampCell(bottom); line++) count += this.starts[line * CELLS + high + 1] - this.starts[line * CELLS + low];
    return count;
  }

  // The squares in a rectangle, with 2 ** depth squares per side of the map: {column, line, row, count}.
  // The picture that represents a square also represents the quarter that it lies in; a picture that is `lit` precedes others.
  squares(depth, left, top, right, bottom, lit = null) {
    const side = 2 ** depth;
    const found = new Map();
    const rank = (row) => this.first[row] - (lit?.[row] ? LIFTED : 0);
    const [first, last] = [Math.max(0, Math.floor(left * side)), Math.min(side - 1, Math.floor(right * side))];
    const [above, below] = [Math.max(0, Math.floor(top * side)), Math.min(side - 1, Math.floor(bottom * side))];
    this.within(first / side, above / side, (last + 1) / side, (below + 1) / side, (row) => {
      const column = Math.min(side - 1, Math.floor(this.x[row] * side));
      const line = Math.min(side - 1, Math.floor(this.y[row] * side));
      if (column < first || column > last || line < above || line > below) return;
      const key = line * side + column;
      const square = found.get(key);
      if (!square) found.set(key, { column, line, row, count: 1 });
      else {
        square.count++;
        if (rank(row) < rank(square.row)) square.row = row;
      }
    });
    return [...found.values()];
  }

  // The number of squares of this depth that have pictures.
  occupied(depth) {
    if (!this.kept.has(depth)) this.kept.set(depth, this.squares(depth, 0, 0, 1, 1).length);
    return this.kept.get(depth);
  }

  // The row nearest to a position, within `reach`; -1 if there is none.
  nearest(x, y, reach) {
    let best = -1;
    let least = reach * reach;
    this.within(x - reach, y - reach, x + reach, y + reach, (row) => {
      const apart = (this.x[row] - x) ** 2 + (this.y[row] - y) ** 2;
      if (apart <= least) [best, least] = [row, apart];
    });
    return best;
  }

  // `wanted` rows around a row: the row itself, then the others, nearest first.
  around(row, wanted) {
    const [x, y] = [this.x[row], this.y[row]];
    const apart = (other) => (other === row ? -1 : (this.x[other] - x) ** 2 + (this.y[other] - y) ** 2);
    for (let reach = 1 / CELLS; ; reach *= 2) {
      const rows = [];
      this.within(x - reach, y - reach, x + reach, y + reach, (other) => {
        if (apart(other) <= reach * reach) rows.push(other);
      });
      if (rows.length < Math.min(wanted, this.count) && reach < 2) continue;
      return rows.sort((a, b) => apart(a) - apart(b)).slice(0, wanted);
    }
  }

  // The rows of a region and its parts, nearest to its middle first.
  inRegion(number, wanted) {
    const inside = this.regions.map((_, each) => this.isPart(each, number));
    const { x, y } = this.regions[number];
    const rows = [];
    for (let row = 0; row < this.count; row++) if (inside[this.region[row]]) rows.push(row);
    const apart = (row) => (this.x[row] - x) ** 2 + (this.y[row] - y) ** 2;
    return rows.sort((a, b) => apart(a) - apart(b)).slice(0, wanted);
  }

  isPart(number, whole) {
    while (number >= 0 && number !== whole) number = this.regions[number].parent;
    return number >= 0;
  }

  // The region of a level that contains a region.
  above(number, level) {
    while (number >= 0 && this.regions[number].level > level) number = this.regions[number].parent;
    return number;
  }
}

// How many squares wide each picture is drawn: as wide as those before and beside it leave room, at most `most`.
export function widened(squares, most) {
  const key = (column, line) => column * 2 ** 20 + line;
  const taken = new Set(squares.map(({ column, line }) => key(column, line)));
  const beside = [[-1, -1], [-1, 0], [-1, 1], [0, -1], [0, 1], [1, -1], [1, 0], [1, 1]];
  const widths = squares.map(() => 1);
  squares.forEach(({ column, line }, at) => {
    if (beside.some(([across, down]) => taken.has(key(column + across, line + down)))) return;
    let width = most;
    squares.forEach((other, place) => {
      const apart = Math.max(Math.abs(other.column - column), Math.abs(other.line - line));
      if (place !== at) width = Math.min(width, 2 * apart - widths[place]);
    });
    widths[at] = Math.max(1, width);
  });
  return widths;
}

function spread(values) {
  let [low, high] = [1, 0];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return Math.max(0.05, high - low);
}

const clampCell = (value) => Math.max(0, Math.min(CELLS - 1, Math.floor(value * CELLS)));
const cellOf = (x, y) => clampCell(y) * CELLS + clampCell(x);

// A fixed pseudorandom number for each picture.
function scattered(id) {
  let mixed = Math.imul(id ^ (id >>> 16), 0x45d9f3b);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x45d9f3b);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
