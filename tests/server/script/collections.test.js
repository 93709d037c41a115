// Saved searches as states, and the names they get.

import "./fields.js";

import assert from "node:assert/strict";
import { test } from "node:test";

import { EMPTY } from "../static/address.js";
import { albumOf, whereOf } from "../static/conditions.js";
import { spanOf } from "../static/days.js";
import { queryText } from "../static/question.js";
import { asksFor, canSave, filtersOf, nameOf, questionOf, stateOf } from "../static/saved_state.js";

test("a state with one album shows it", () => {
  assert.equal(albumOf({ filters: { album: ["A"], tag: ["x"] } }), "A");
  assert.equal(albumOf({ filters: { album: ["A", "B"] } }), "");
  assert.equal(albumOf({ filters: {} }), "");
});

test("the dates of an album are months", () => {
  assert.equal(spanOf("2023-05-01T10:00:00", "2023-05-30"), "May 2023");
  assert.equal(spanOf("2022-12-31", "2023-05-30"), "December 2022 – May 2023");
  assert.equal(spanOf("", ""), "");
});

test("a question comes back as it was asked", () => {
  const terms = [{ id: 17, negative: false, weight: 1 }, { concept: 'our "old" \\ cat', negative: true, weight: 0.5 }];
  for (const asked of [{ text: "two dogs", terms }, { text: "", terms }, { text: "", terms: [terms[0]] }, { text: "dog - people", terms: [] }, { text: "#3 + red", terms: [] }]) {
    const again = questionOf(queryText({ ...EMPTY, ...asked }));
    assert.deepEqual(again, asked);
  }
  assert.deepEqual(questionOf('"a + #3"'), { text: '"a + #3"', terms: [] });
  assert.deepEqual(questionOf("shot #3"), { text: "shot #3", terms: [] });
});

test("filters come back as chips, and what has none as an expression", () => {
  const states = [
    { filters: { camera: ["O'Neill and (1"], format: ["JPEG", "PNG"], folder: ["/a, 'b' or c"] }, where: "" },
    { filters: { "date-from": ["2022-05"], "date-until": ["2023"], favourite: ["yes"], gps: ["48.85,-2.35,25"] }, where: "" },
    { filters: { gps: ["no", "1,-2,10"], tag: ["x"], favourite: ["no"], album: ["Été"] }, where: "" },
    { filters: { tag: ["x"] }, where: "width > 3 or height > 3" },
    { filters: {}, where: "width > 3 and iso = '100'" },
    { filters: {}, where: "camera = 'A' or camera = 'B'" },
    { filters: {}, where: "" },
  ];
  for (const { filters, where } of states) {
    const again = filtersOf(whereOf({ filters, where }));
    assert.deepEqual(again, { filters, where });
  }
  const twice = filtersOf("camera = 'A' and camera = 'B'");
  assert.deepEqual(twice, { filters: { camera: ["A"] }, where: "camera = 'B'" });
  const kept = filtersOf("(width > 3) and (height > 3)");
  assert.equal(whereOf(kept), "(width > 3) and (height > 3)");
});

test("a saved search is a whole state", () => {
  const state = stateOf({ question: "red + #4", where: "album = 'A'", min_confidence: 0.8, options: { sort: "date", look_in: "texts", diverse: true, like: [3, "#5"] } });
  assert.deepEqual(state, { ...EMPTY, text: "red", terms: [{ id: 4, negative: false, weight: 1 }], filters: { album: ["A"] }, sort: "date", look: "texts", diverse: true, like: [3, 5], sure: 80 });
});

test("a search gets a name of what it asks", () => {
  assert.equal(nameOf({ ...EMPTY, text: " red car ", filters: { camera: ["Pixel 7"], favourite: ["yes"] } }), "red car, Pixel 7, Favourites");
  assert.equal(nameOf({ ...EMPTY, filters: { favourite: ["no"] } }), "No favourites");
  assert.equal(nameOf({ ...EMPTY, terms: [{ concept: "our cat" }, { id: 3 }, { concept: "dog", negative: true }], filters: { "date-from": ["2022"] } }), "our cat, From 2022");
  assert.equal(nameOf({ ...EMPTY, terms: [{ id: 3 }] }), "");
  assert.equal(nameOf({ ...EMPTY, text: "x".repeat(99) }).length, 60);
  assert.ok(!canSave(EMPTY));
  assert.ok(!canSave({ ...EMPTY, sort: "date" }));
  assert.ok(canSave({ ...EMPTY, where: "width > 3" }));
  assert.equal(asksFor({ question: 'red - concept:"our cat" + #12', where: "favourite", min_confidence: 0.5 }), "red - our cat + a picture · favourite · at least 50% sure");
});
