// Rows of pictures, and which of them are in view.

import assert from "node:assert/strict";
import { test } from "node:test";

import { below, lastAt, layOut, rowOf, seen } from "../static/layout.js";

const HOW = { width: 1000, height: 200, gap: 4, head: 50 };

function numbers(seed) {
  let state = seed;
  return () => { state = (state * 1103515245 + 12345) % 2147483648; return state / 2147483648; };
}

function some(seed, count = 1 + (seed * 37) % 180) {
  const next = numbers(seed);
  const ratios = Float32Array.from({ length: count }, () => 6 ** (2 * next() - 1));
  const firsts = [...new Set([0, ...Array.from({ length: 4 }, () => Math.floor(next() * count))])].sort((a, b) => a - b);
  return { ratios, sections: firsts.map((first, number) => ({ first, title: `day ${number}` })) };
}

test("each picture is in one row, whole, and no row is wider than the page", () => {
  for (let seed = 1; seed < 80; seed++) {
    const { ratios, sections } = some(seed);
    const width = 300 + seed * 11;
    const { rows, lefts, widths, height } = layOut(ratios, sections, { ...HOW, width });
    let place = 0;
    rows.forEach((row, number) => {
      assert.equal(row.first, place);
      const after = rows[number + 1]?.first ?? ratios.length;
      for (; place < after; place++) {
        assert.ok(lefts[place] >= 0 && lefts[place] + widths[place] <= width + 1, `${seed}: ${place}`);
        if (place > row.first) assert.ok(Math.abs(lefts[place] - lefts[place - 1] - widths[place - 1] - HOW.gap) < 0.01);
        const shape = Math.max(1 / 3, ratios[place]);
        if (widths[place] < width) assert.ok(Math.abs(widths[place] / row.height / shape - 1) < 0.09 || Math.abs(widths[place] - row.height * shape) < 6, `${seed}: ${place}`);
      }
      const top = number ? rows[number - 1].top + rows[number - 1].height + HOW.gap : 0;
      assert.ok(Math.abs(row.top - top - (row.section !== rows[number - 1]?.section ? HOW.head : 0)) < 0.01);
    });
    assert.equal(place, ratios.length);
    assert.equal(height, rows.at(-1).top + rows.at(-1).height);
  }
});

test("rows are about as high as wanted, and full except the last of a section", () => {
  const { ratios } = some(3, 170);
  const photos = ratios.map((ratio) => Math.min(1.8, Math.max(0.6, ratio)));
  const { rows, lefts, widths } = layOut(photos, [{ first: 0, title: "" }], HOW);
  for (const [number, row] of rows.slice(0, -1).entries()) {
    const last = rows[number + 1].first - 1;
    assert.ok(row.height > 130 && row.height < 290, String(row.height));
    assert.ok(Math.abs(lefts[last] + widths[last] - HOW.width) < 0.01);
  }
  assert.ok(rows.at(-1).height <= 240);
});

test("what follows leaves the rows before it as they were", () => {
  for (let seed = 1; seed < 30; seed++) {
    const { ratios } = some(seed, 120);
    const page = layOut(ratios.slice(0, 60), [{ first: 0, title: "" }], HOW);
    const kept = page.rows.slice(0, -1);
    const both = layOut(ratios, [{ first: 0, title: "" }, { first: page.rows.at(-1).first, title: "" }].filter(({ first }, at) => first || !at), HOW);
    assert.deepEqual(both.rows.slice(0, kept.length).map(({ top, height, first }) => [top, height, first]), kept.map(({ top, height, first }) => [top, height, first]));
  }
});

test("all that is between two heights is in view, and little else", () => {
  for (let seed = 1; seed < 60; seed++) {
    const { ratios, sections } = some(seed);
    const layout = layOut(ratios, sections, HOW);
    for (const [top, bottom] of [[-500, 300], [layout.height * 0.4, layout.height * 0.4 + 700], [layout.height - 10, layout.height + 900]]) {
      const { first, after, firstSection, afterSection } = seen(layout, top, bottom);
      layout.rows.forEach((row, number) => {
        const inside = row.top + row.height > top && row.top < bottom;
        if (inside) assert.ok(row.first >= first && (layout.rows[number + 1]?.first ?? ratios.length) <= after);
      });
      assert.ok(rowOf(layout, after - 1) - rowOf(layout, first) <= (bottom - top) / 60 + 3);
      layout.sections.forEach((section, number) => { if (section.top >= top && section.top <= bottom) assert.ok(number >= firstSection && number < afterSection); });
    }
  }
});

test("nothing, and one picture, are laid out", () => {
  const none = layOut([], [{ first: 0, title: "" }], HOW);
  assert.deepEqual([none.rows.length, none.height, seen(none, 0, 100).after], [0, 0, 0]);
  const one = layOut([1.5], [{ first: 0, title: "today" }], HOW);
  assert.deepEqual(one.rows.map(({ top, height }) => [top, height]), [[50, 200]]);
  assert.equal(one.widths[0], 300);
});

test("a hundred thousand pictures are laid out in a moment", () => {
  const ratios = Float32Array.from({ length: 100_000 }, (_, place) => [1.5, 0.67, 1.33, 1][place % 4]);
  const sections = Array.from({ length: 3000 }, (_, number) => ({ first: number * 33, title: "day" }));
  const began = performance.now();
  const layout = layOut(ratios, sections, HOW);
  assert.ok(performance.now() - began < 3000); // 15 ms on a free machine
  assert.ok(layout.height > 3e6);
});

test("the arrows find the picture above and below", () => {
  const layout = layOut(new Float32Array(40).fill(1), [{ first: 0, title: "" }], HOW);
  const down = below(layout, 2, 1);
  assert.equal(rowOf(layout, down), 1);
  assert.equal(below(layout, down, -1), 2);
  assert.equal(below(layout, 1, -1), 1);
  assert.equal(below(layout, 39, 1), 39);
});

test("the last of a sorted list is found", () => {
  for (let value = -2; value < 12; value++) {
    const items = [0, 3, 3, 7];
    const expected = Math.max(0, items.findLastIndex((item) => item <= value));
    assert.equal(lastAt(items, (item) => item, value), expected);
  }
});
