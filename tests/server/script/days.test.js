// Dates in words, days as sections, and the marks of the scrubber.

import assert from "node:assert/strict";
import { test } from "node:test";

import { dayTitle, monthTitle, sectionsOf, spanTitle, todayIs, whenTitle } from "../static/days.js";
import { labelled, ticksOf } from "../static/scrubber.js";
import { ratiosOf } from "../static/timeline.js";

const TODAY = "2026-11-30";

test("dates are written as people write them", () => {
  assert.equal(dayTitle("2023-05-01", TODAY), "Monday, 1 May 2023");
  assert.equal(dayTitle("2026-05-01", TODAY), "Friday, 1 May");
  assert.equal(dayTitle(TODAY, TODAY), "Today");
  assert.equal(monthTitle("2023-05"), "May 2023");
  assert.equal(spanTitle("2023-05-12", "2023-05-03", TODAY), "3 – 12 May 2023");
  assert.equal(whenTitle("2023-05-01T12:30:59"), "1 May 2023, 12:30");
  assert.equal(whenTitle("2023-05-01"), "1 May 2023");
  assert.equal(todayIs(new Date(2026, 0, 5)), "2026-01-05");
  for (const odd of ["", "0000-00-00", "2023-13-40", "nonsense"]) assert.equal(typeof dayTitle(odd, TODAY), "string");
});

test("sections cover all pictures, in order, and never cross a month", () => {
  for (let seed = 1; seed < 60; seed++) {
    const days = Array.from({ length: seed }, (_, place) => [new Date(Date.UTC(2024, 6, 200 - place * (1 + seed % 9))).toISOString().slice(0, 10), 1 + (place * seed) % 11]);
    const found = sectionsOf(days, seed % 12, TODAY);
    assert.equal(found[0].first, 0);
    const starts = new Map();
    let first = 0;
    for (const [day, count] of days) { starts.set(first, day); first += count; }
    found.forEach((section, number) => {
      assert.ok(starts.has(section.first));
      assert.equal(starts.get(section.first).slice(0, 7), section.month);
      if (number) assert.ok(section.first > found[number - 1].first);
    });
  }
});

test("sparse days share a section, and full ones do not", () => {
  const days = [["2024-05-09", 2], ["2024-05-08", 3], ["2024-05-02", 40], ["2024-05-01", 1], ["2024-04-30", 1]];
  assert.deepEqual(sectionsOf(days, 6, TODAY).map(({ title, first }) => [title, first]), [
    ["8 – 9 May 2024", 0], ["Thursday, 2 May 2024", 5], ["Wednesday, 1 May 2024", 45], ["Tuesday, 30 April 2024", 46]]);
});

test("days of which the month or the year alone is known have a title", () => {
  assert.equal(monthTitle("1987"), "1987");
  assert.equal(dayTitle("1987", TODAY), "1987");
  assert.equal(dayTitle("1992-06", TODAY), "June 1992");
  const days = [["1992-06-20", 1], ["1992-06", 2], ["1992", 1], ["", 1]];
  assert.deepEqual(sectionsOf(days, 6, TODAY).map(({ title, first }) => [title, first]), [["June 1992", 0], ["1992", 3], ["No date", 4]]);
});

test("the scrubber has each month once, and years where there is room", () => {
  const sections = ["2024-02", "2024-02", "2024-01", "2023-12", "2019-06"].map((month, number) => ({ month, top: number * 100 }));
  const ticks = ticksOf(sections, 500);
  assert.deepEqual(ticks.map(({ month, at }) => [month, at]), [["2024-02", 0], ["2024-01", 0.4], ["2023-12", 0.6], ["2019-06", 0.8]]);
  assert.deepEqual(labelled(ticks, 600).map(({ year }) => year), ["2024", "2023", "2019"]);
  assert.deepEqual(labelled(ticks, 60).map(({ year }) => year), ["2024", "2023"]);
});

test("the shapes of a timeline are read", () => {
  const [narrow, square, wide] = ratiosOf(btoa(String.fromCharCode(0, 128, 255)));
  assert.ok(Math.abs(narrow - 1 / 6) < 0.001 && Math.abs(wide - 6) < 0.001 && Math.abs(square - 1) < 0.01);
});
