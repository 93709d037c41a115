import assert from "node:assert/strict";
import { test } from "node:test";
import { fromAddress, toAddress } from "../static/address.js";
import { differing, moved, relation, staying } from "../static/compare.js";
import { contents } from "../static/library_folders.js";
import { about, ago, changedSomething, doing, lastRun, outcome, share } from "../static/run_words.js";
import { fromLens, toLens, together } from "../static/step_zoom.js";

const TALLY = { phase: "encode", root: "/photos", found: 0, pending: 0, handled: 0, encoded: 0, reused: 0, removed: 0, bad: 0, unsupported: 0, transient: 0, texts_updated: 0, files_per_s: 0, pictures_per_s: 0, seconds_left: null };
const run = (facts = {}, more = {}) => ({ running: false, error: "", stopped: false, written: 1000, progress: { ...TALLY, ...facts }, ...more });

test("times are said as people say them", () => {
  assert.deepEqual([20, 59, 60, 150, 3600, 200_000].map(about), ["less than a minute", "less than a minute", "about 1 minute", "about 3 minutes", "about 1 hour", "about 2 days"]);
  assert.deepEqual([5, 61, 7300, 90_000].map((seconds) => ago(1000, 1000 + seconds)), ["just now", "1 minute ago", "2 hours ago", "1 day ago"]);
});

test("a run says what it does", () => {
  assert.equal(doing({ progress: null }), "Starting…");
  assert.equal(doing(run({ phase: "scan", found: 1204 })), "Looking through /photos: 1,204 pictures found");
  assert.match(doing(run({ phase: "calibrate" })), /once/);
  assert.equal(doing(run({ pending: 1018, handled: 120, pictures_per_s: 4.25, seconds_left: 200 })), "120 of 1,018 new or changed files · 4.3 pictures a second · about 3 minutes left");
  assert.equal(doing(run({ pending: 5 })), "0 of 5 new or changed files");
  assert.equal(doing(run({ pending: 5, handled: 5 })), "Finishing…");
  assert.deepEqual([{ phase: "scan" }, { pending: 4, handled: 1 }, { pending: 0 }].map((facts) => share(run(facts))), [null, 0.25, 1]);
});

test("a run that has ended says what it did", () => {
  assert.equal(outcome(run({ encoded: 1 })), "Indexed 1 new picture.");
  assert.equal(outcome(run({ bad: 2, unsupported: 1 }), true), "3 files still could not be indexed.");
  assert.equal(outcome(run({ bad: 2 })), "There are no new pictures.");
  assert.equal(outcome(run({ handled: 3, pending: 9 }, { stopped: true })), "Stopped after 3 of 9 files. Finished work is saved.");
  assert.equal(outcome(run({}, { error: "the disk is full" })), "Indexing ended early: the disk is full");
  assert.equal(lastRun(run({ encoded: 12, removed: 2 }), 1200), "Last run 3 minutes ago: 12 new pictures, 2 gone.");
  assert.equal(lastRun(run({}, { stopped: true }), 1001), "Last run just now, stopped early: nothing new.");
  assert.equal(lastRun({ progress: null }, 0), "");
  assert.deepEqual([{}, { removed: 1 }, { bad: 1 }].map((facts) => changedSomething(run(facts))), [false, true, true]);
});

test("a folder says what it has", () => {
  const folder = { images: 2, problems: 1, whole: true, elsewhere: false, looked: 900 };
  assert.equal(contents(folder, 1000), "2 pictures · 1 file could not be indexed · looked through 1 minute ago");
  assert.equal(contents({ ...folder, problems: 0, whole: false, looked: null }, 0), "2 pictures · single files only · not looked through yet");
});

test("facts that differ are found; where a file is differs always", () => {
  const file = { path: "/a/x.jpg", width: 4, height: 3, size: 10, format: "JPEG", taken: "", mtime_ns: 1e18, exact: true, likeness: 1, reason: null };
  const other = { ...file, path: "/b/y.png", format: "PNG", size: 11 };
  assert.deepEqual([...differing([file, other])], ["Bytes", "Format"]);
  assert.deepEqual([...differing([file, { ...file }])], []);
  assert.equal(relation(file, file), "suggested to keep");
  assert.equal(relation({ ...other, exact: false, likeness: 0.99999, reason: "bytes" }, file), "99% similar, fewer bytes");
  assert.deepEqual([0, 1, 3, 4].map((stay) => staying(stay, 3)), [1, 1, 3, 1]);
  assert.equal(moved({ moved: [1], left: [{ path: "/a", reason: "it changed" }], folder: "/aside" }), "Moved 1 file to /aside. Left 1 in place, such as /a: it changed.");
});

test("what is seen of pictures is kept in shares of the stage", () => {
  const frame = { width: 200, height: 100, fitWidth: 150, fitHeight: 100, natural: 2, most: 8 };
  const view = { scale: 3, x: 20, y: -10 };
  assert.deepEqual(toLens(view, frame), [0.1, -0.1, 3]);
  assert.deepEqual(fromLens(toLens(view, frame), { ...frame, width: 400 }), { scale: 3, x: 40, y: -10 });
  assert.equal(toLens({ scale: 1, x: 0, y: 0 }, frame), null);
  assert.deepEqual(together([frame, { ...frame, fitWidth: 90, natural: 5 }]), { ...frame, natural: 5 });
});

test("the Library and the review are in the address", () => {
  for (const address of ["/?reason=damaged%3B+copy+it#library", "/?review=17&stay=2&lens=0.1,-0.2,3#duplicates", "/#library", "/#duplicates"]) {
    const [, search, hash] = /^\/([^#]*)(#.*)$/.exec(address);
    assert.equal(toAddress(fromAddress({ search, hash })), address);
  }
  const wrong = fromAddress({ search: "?review=x&stay=-1&lens=1,2&reason=a", hash: "#duplicates" });
  assert.deepEqual([wrong.review, wrong.stay, wrong.lens, wrong.reason], [0, 0, null, ""]);
});
