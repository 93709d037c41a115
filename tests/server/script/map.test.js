// The map's squares: which picture stands for one, and how large it is drawn.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Points, widened } from "../static/map_data.js";

const everything = { name: "", level: 0, parent: -1, x: 0.5, y: 0.5, radius: 1, picture: 1 };
const pointsAt = (...places) => new Points(Uint32Array.from(places, (_, at) => at + 1), Float32Array.from(places.flat()), new Uint16Array(places.length), [everything]);
const idsOf = (points, squares) => squares.map(({ row }) => points.ids[row]);

test("an answer stands for its square, else the region's typical picture", () => {
  const points = pointsAt([0.1, 0.1], [0.11, 0.1], [0.12, 0.1], [0.9, 0.9]);
  assert.deepEqual(idsOf(points, points.squares(1, 0, 0, 0.4, 0.4)), [1]);
  const lit = Uint8Array.from(points.ids, (id) => (id === 3 ? 1 : 0));
  const [square] = points.squares(1, 0, 0, 0.4, 0.4, lit);
  assert.deepEqual([points.ids[square.row], square.count], [3, 3]);
  assert.equal(points.countWithin(0, 0, 0.4, 0.4), 3);
  assert.equal(points.countWithin(0, 0, 1, 1), 4);
});

test("pictures that are alone are larger, and none overlap", () => {
  const squares = [[0, 0], [1, 0], [4, 0], [10, 0], [10, 3], [30, 30]].map(([column, line]) => ({ column, line }));
  const widths = widened(squares, 4);
  assert.deepEqual(widths, [1, 1, 4, 4, 2, 4]);
  squares.forEach((one, at) => squares.slice(at + 1).forEach((other, after) => {
    const apart = Math.max(Math.abs(one.column - other.column), Math.abs(one.line - other.line));
    assert.ok(2 * apart >= widths[at] + widths[at + 1 + after]);
  }));
});
