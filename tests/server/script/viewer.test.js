// Zooming and moving in the viewer.

import assert from "node:assert/strict";
import { test } from "node:test";

import { frameOf, settled, zoomedAt } from "../static/zoom.js";

const WHOLE = { scale: 1, x: 0, y: 0 };

test("a picture fills the room, small or large", () => {
  for (const factor of [0.1, 1, 12]) {
    const { fitWidth, fitHeight } = frameOf(1000, 500, 400 * factor, 400 * factor);
    assert.deepEqual([fitWidth, fitHeight].map(Math.round), [500, 500]);
  }
});

test("one can see every pixel, and never less than the whole picture", () => {
  const frame = frameOf(1000, 500, 8000, 4000);
  assert.equal(settled({ ...WHOLE, scale: 1000 }, frame).scale, 32); // four screen pixels for one
  assert.deepEqual(settled({ scale: 0.2, x: 50, y: 50 }, frame), WHOLE);
});

test("the point under the pointer stays where it is", () => {
  const frame = frameOf(1000, 500, 4000, 2000);
  const [px, py] = [200, -100];
  const near = zoomedAt(WHOLE, 3, px, py, frame);
  assert.deepEqual([(px - near.x) / near.scale, (py - near.y) / near.scale].map(Math.round), [px, py]);
  assert.deepEqual(zoomedAt(near, 0.01, px, py, frame), WHOLE);
});

test("a picture cannot be moved out of the room", () => {
  const frame = frameOf(1000, 500, 400, 400); // 500 × 500 in the middle
  const { x, y } = settled({ scale: 1.5, x: 900, y: -900 }, frame);
  assert.deepEqual([x, y], [0, -125]);
});
