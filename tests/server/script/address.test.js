// The state and its address: there and back again.

import assert from "node:assert/strict";
import { test } from "node:test";

import { asked, EMPTY, fromAddress, hasQuestion, toAddress } from "../static/address.js";

const back = (address) => fromAddress(new URL(address, "http://localhost"));

const PARTS = {
  view: "map", text: "a dog & a cat + 50% #17", picture: "kx3f", like: [3, 4], unlike: [9],
  terms: [{ id: 17, negative: true, weight: 2 }, { id: 5, negative: false, weight: 0.5 }, { concept: 'my "red": id:3\n', negative: false, weight: 1 }],
  filters: { folder: ["/photos/ö & more"], "date-from": ["2023-05-01"], tag: ["a=b", "c,d"] }, where: "width > 1000 and name ~ 'a#b'",
  sort: "date-desc", group: "day", fuse: "multiply", look: "texts", diverse: true, sure: 45, open: 23, at: [0.25, 0.125, 3.5],
};
const FULL = { ...EMPTY, ...PARTS };

test("everything on screen survives", () => assert.deepEqual(back(toAddress(FULL)), FULL));

test("each part alone survives, and has an address of its own", () => {
  const seen = new Set([toAddress(EMPTY)]);
  for (const [name, value] of Object.entries(PARTS)) {
    const state = { ...EMPTY, [name]: value, ...(name === "at" && { view: "map" }) };
    assert.deepEqual(back(toAddress(state)), state, name);
    assert.ok(!seen.has(toAddress(state)), name);
    seen.add(toAddress(state));
  }
});

test("the start is short, and a question is easy to read", () => {
  assert.equal(toAddress(EMPTY), "/");
  assert.equal(toAddress({ ...EMPTY, text: "blue", view: "map" }), "/?q=blue#map");
  assert.equal(toAddress({ ...EMPTY, terms: [{ id: 7, negative: false, weight: 1 }] }), "/?term=id:7");
});

test("texts of any kind survive", () => {
  for (let seed = 1; seed < 400; seed++) {
    const letter = (place) => String.fromCodePoint([32, 38, 35, 43, 37, 61, 63, 10, 0x1f436, 0xe9, 44, 58, 47][(seed * (place + 7)) % 13]);
    const text = Array.from({ length: seed % 9 }, (_, place) => letter(place)).join("");
    const state = { ...EMPTY, text, where: text, filters: text ? { camera: [text, `${text}!`] } : {}, terms: text ? [{ concept: text, negative: true, weight: 1 }] : [] };
    assert.deepEqual(back(toAddress(state)), state);
  }
});

test("nonsense in an address counts as missing", () => {
  for (const address of ["/?open=-3&sure=abc&at=1,2&term=&term=id:&term=id:0&term=concept:&like=x,,&filter.=1&other=2#nowhere",
    "/?open=1e9&sure=-7&at=,,&term=99999999999999999999&like=99999999999999999&filter.camera=#map", "/?%&=&&q"]) {
    const { view, ...rest } = back(address);
    const { view: _, ...nothing } = EMPTY;
    assert.deepEqual(rest, nothing, address);
    assert.equal(toAddress(back(toAddress(back(address)))), toAddress({ ...EMPTY, view }));
  }
  assert.equal(back("/?sure=400").sure, 100);
  assert.deepEqual(back("/?term=0:id:3").terms, [{ id: 3, negative: false, weight: 1 }]);
});

test("what is asked does not depend on what is looked at", () => {
  assert.equal(asked(FULL), asked({ ...FULL, view: "search", open: 0, at: null }));
  assert.notEqual(asked(FULL), asked({ ...FULL, sure: 0 }));
  assert.ok(hasQuestion({ ...EMPTY, like: [1] }));
  assert.ok(!hasQuestion({ ...EMPTY, text: "  ", unlike: [1], where: "width > 3" }));
});
