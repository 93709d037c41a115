// The steps of the history, with a stand-in for the browser's.

import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { createState, typedOn } from "../static/state.js";

/** A window with a history; `arrive()` ends what `history.back()` began, as a browser does later. */
function stub(address = "/") {
  const entries = [{ address, state: null }];
  let place = 0;
  const listeners = [];
  const at = (name) => new URL(entries[place].address, "http://localhost")[name];
  const go = (way) => { place += way; for (const each of listeners) each(); };
  let travelling = 0;
  return {
    addEventListener: (_, listener) => listeners.push(listener),
    location: { get search() { return at("search"); }, get hash() { return at("hash"); } },
    history: {
      get state() { return entries[place].state; },
      pushState(state, _, to) { entries.splice(++place, entries.length, { address: to, state }); },
      replaceState(state, _, to) { entries[place] = { address: to, state }; },
      back() { travelling -= 1; },
    },
    go,
    arrive() { const way = travelling; travelling = 0; go(way); },
    get steps() { return entries.map((entry) => entry.address); },
    get here() { return entries[place].address; },
  };
}

function started(address) {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const page = stub(address);
  const drawn = [];
  const state = createState((now, before, restored) => drawn.push({ now, before, restored }), page);
  const type = (...texts) => texts.forEach((text) => { state.soon({ text }, "text", 40); mock.timers.tick(100); });
  return { page, state, drawn, type };
}

test("typing on is one step, another question is another", () => {
  const { page, type } = started();
  type("r", "re", "red", "re", "red");
  assert.deepEqual(page.steps, ["/", "/?q=red"]);
  type("b", "bl", "blue");
  assert.deepEqual(page.steps, ["/", "/?q=red", "/?q=blue"]);
  mock.timers.tick(5000); // the answer was looked at
  type("blue c");
  assert.deepEqual(page.steps.slice(2), ["/?q=blue", "/?q=blue+c"]);
  assert.ok(typedOn("re", "red") && typedOn("red", "") && !typedOn("red", "blue"));
});

test("Enter ends a question, and fast letters are written once", () => {
  const { page, state, drawn, type } = started();
  state.soon({ text: "r" }, "text", 40);
  state.soon({ text: "re" }, "text", 40);
  state.settle();
  assert.deepEqual(page.steps, ["/", "/?q=re"]);
  assert.equal(drawn.length, 1);
  type("red");
  assert.equal(page.steps.length, 3);
});

test("what was typed comes before what follows it", () => {
  const { page, state } = started();
  state.soon({ text: "red" }, "text", 40);
  state.change({ open: 4 }, { opened: true });
  assert.deepEqual(page.steps, ["/", "/?q=red", "/?q=red&open=4"]);
});

test("the viewer opens with a step, leafs within it, and closes with going back", () => {
  const { page, state, drawn, type } = started("/?q=red");
  state.change({ open: 1 }, { opened: true });
  state.adjust({ open: 2 });
  assert.deepEqual(page.steps, ["/?q=red", "/?q=red&open=2"]);
  state.leave({ open: 0 });
  assert.equal(state.now.open, 0); // at once
  page.arrive();
  assert.equal(page.here, "/?q=red");
  assert.ok(drawn.every(({ restored }) => !restored));
  page.go(1);
  assert.equal(state.now.open, 2);
  assert.ok(drawn.at(-1).restored);
  state.leave({ open: 0 });
  type("blue"); // before the browser went back
  assert.equal(state.now.text, "blue");
  page.arrive();
  assert.deepEqual(page.steps, ["/?q=red", "/?q=blue"]);
  assert.equal(page.here, "/?q=blue");
});

test("a viewer that a copied address opened closes without leaving the page", () => {
  const { page, state } = started("/?q=red&open=3");
  state.leave({ open: 0 });
  assert.deepEqual(page.steps, ["/?q=red"]);
});

test("a step remembers what is not in its address, and only its own", () => {
  const { page, state } = started();
  state.note({ scroll: 700 });
  state.change({ text: "red" });
  assert.deepEqual(state.extras, {});
  page.go(-1);
  assert.deepEqual(state.extras, { scroll: 700 });
  state.change({ text: "" }); // no other address: no step
  assert.deepEqual(page.steps, ["/", "/?q=red"]);
});

test("a browser that allows no more steps for now does not stop the page", () => {
  const { page, state, drawn } = started();
  page.history.pushState = () => { throw new Error("SecurityError"); };
  state.change({ text: "red" });
  assert.equal(drawn.at(-1).now.text, "red");
});

test("a moved map belongs to its step, also if a picture is opened at once", () => {
  const { page, state } = started("/#map");
  state.soon({ at: [0.5, 0.5, 2] }, "map", 300, false);
  state.change({ open: 4 }, { opened: true });
  assert.deepEqual(page.steps, ["/?at=0.5,0.5,2#map", "/?open=4&at=0.5,0.5,2#map"]);
});

test("two fields that are filled at once both count", () => {
  const { page, state } = started();
  const put = (name, value) => ({ filters }) => ({ filters: { ...filters, [name]: value } });
  state.soon(put("date-from", "2000-01-01"), "date-from", 40);
  state.soon(put("date-until", "2001-01-01"), "date-until", 40);
  state.change(put("camera", "A"));
  assert.deepEqual(state.now.filters, { "date-from": "2000-01-01", "date-until": "2001-01-01", camera: "A" });
  assert.equal(page.steps.length, 4);
});
