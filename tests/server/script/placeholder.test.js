// Placeholders: what their bytes look like. `tests/images/test_placeholder.py` compares with what is written.

import assert from "node:assert/strict";
import { test } from "node:test";

import { decode, SIDE } from "../static/placeholder.js";

const text = (bytes) => btoa(String.fromCharCode(...bytes));
const flat = (light, yellow, reddish) => text([light, yellow, reddish, 0, 0, 0, ...new Array(12).fill(0x88)]);

test("a picture of one colour is of that colour", () => {
  for (const [head, expected] of [[[255, 127.5, 127.5], [255, 255, 255]], [[0, 127.5, 127.5], [0, 0, 0]], [[85, 191, 255], [255, 0, 0]], [[85, 0, 127.5], [0, 0, 255]]]) {
    const [red, green, blue, alpha] = decode(flat(...head.map(Math.round)));
    [red, green, blue].forEach((value, channel) => assert.ok(Math.abs(value - expected[channel]) <= 3, `${head}: ${red} ${green} ${blue}`));
    assert.equal(alpha, 255);
  }
});

test("the first waves go down and across", () => {
  const down = decode(text([128, 128, 128, 64, 0, 0, 0x8f, ...new Array(11).fill(0x88)])); // the second wave is across in "down, across" order
  const across = decode(text([128, 128, 128, 64, 0, 0, 0xf8, ...new Array(11).fill(0x88)]));
  const at = (pixels, x, y) => pixels[(y * SIDE + x) * 4];
  assert.ok(at(down, 0, 0) > at(down, 0, SIDE - 1) + 50);
  assert.equal(at(down, 0, 3), at(down, SIDE - 1, 3));
  assert.ok(at(across, 0, 0) > at(across, SIDE - 1, 0) + 50);
  assert.equal(at(across, 3, 0), at(across, 3, SIDE - 1));
});

test("any 18 bytes are a picture, and anything else is none", () => {
  for (let seed = 1; seed < 300; seed++) {
    const pixels = decode(text(Array.from({ length: 18 }, (_, place) => (seed * (place + 11) * 7919) % 256)));
    assert.equal(pixels.length, SIDE * SIDE * 4);
    assert.ok(pixels.every((value, place) => (place % 4 === 3 ? value === 255 : value >= 0)));
  }
  for (const odd of ["", undefined, "abc", text(new Array(17).fill(1)), text(new Array(19).fill(1))]) assert.equal(decode(odd), null);
});
