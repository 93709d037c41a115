// The rows of the first screen: which questions are kept, and what is shown most.

import assert from "node:assert/strict";
import { test } from "node:test";

import { EMPTY } from "../static/address.js";
import { added, wordsOf } from "../static/recent.js";

test("the newest question comes first, each once, six in all", () => {
  assert.deepEqual(added([], "dog"), ["dog"]);
  assert.deepEqual(added(["cat", "dog"], "Dog"), ["Dog", "cat"]);
  assert.deepEqual(added(["a", "b", "c", "d", "e", "f"], "g"), ["g", "a", "b", "c", "d", "e"]);
  assert.deepEqual(added(["two", "sea"], "two dogs", "two"), ["two dogs", "sea"]);
});

test("only questions in words are kept, and no part of a long one", () => {
  assert.equal(wordsOf({ ...EMPTY, text: " two dogs " }), "two dogs");
  assert.equal(wordsOf({ ...EMPTY, text: "x".repeat(200) }).length, 200);
  assert.equal(wordsOf({ ...EMPTY, text: "x".repeat(201) }), "");
  assert.equal(wordsOf({ ...EMPTY, text: "dog", terms: [{ id: 3, negative: false, weight: 1 }] }), "");
  for (const more of [{ picture: "key" }, { like: [1] }, { unlike: [1] }]) assert.equal(wordsOf({ ...EMPTY, text: "dog", ...more }), "");
});
