// The filters of a state as an expression and in words; the tree of folders; the histogram.

import "./fields.js";

import assert from "node:assert/strict";
import { test } from "node:test";

import { EMPTY } from "../static/address.js";
import { countOf, inWords, placeTitle, toggled, whereOf, withValues } from "../static/conditions.js";
import { rowsOf, treeOf } from "../static/folders.js";
import { binsOf, firstDay, lastDay, monthsOf } from "../static/histogram.js";

const where = (filters, words = "") => whereOf({ ...EMPTY, filters, where: words });

test("each kind of filter becomes a condition", () => {
  assert.equal(where({}), "");
  assert.equal(where({ camera: ["O'Neill 1"] }), "camera = 'O''Neill 1'");
  assert.equal(where({ format: ["JPEG", "PNG"] }), "format in ('JPEG', 'PNG')");
  assert.equal(where({ folder: ["/a b"] }), "folder in ('/a b')");
  assert.equal(where({ "date-until": ["2023"], "date-from": ["2022-05"] }), "date >= 2022-05 and date <= 2023");
  assert.equal(where({ gps: ["48.85,2.35,25"] }), "gps near 48.85,2.35 within 25 km");
  assert.equal(where({ gps: ["yes"] }), "has gps");
  assert.equal(where({ gps: ["no", "1,-2,10"], tag: ["x"] }), "(not has gps or gps near 1,-2 within 10 km) and tag = 'x'");
  assert.equal(where({ tag: ["x"] }, " a = 1 or b = 2 "), "tag = 'x' and (a = 1 or b = 2)");
  assert.equal(where({}, " width > 3"), "width > 3");
  assert.equal(where({ favourite: ["yes"], tag: ["x"] }), "favourite and tag = 'x'");
  assert.equal(where({ favourite: ["no"] }), "not favourite");
});

test("values come and go", () => {
  const one = toggled({}, "camera", "A");
  assert.deepEqual(one, { camera: ["A"] });
  assert.deepEqual(toggled(one, "camera", "B"), { camera: ["A", "B"] });
  assert.deepEqual(toggled(one, "camera", "A"), {});
  assert.deepEqual(withValues({ a: ["1"], b: ["2"] }, "a", []), { b: ["2"] });
  assert.equal(countOf({ ...EMPTY, filters: { "date-from": ["1"], "date-until": ["2"], tag: ["x", "y"] }, where: "w" }), 3);
});

test("filters are said in words", () => {
  assert.equal(inWords({ "date-from": ["2023-05"], "date-until": ["2023-05"] }, "date"), "May 2023");
  assert.equal(inWords({ "date-from": ["2022"], "date-until": ["2023-05-09"] }, "date"), "2022 – 9 May 2023");
  assert.equal(inWords({ "date-from": ["2022"] }, "date"), "From 2022");
  assert.equal(inWords({ "date-until": ["2022"] }, "date"), "Until 2022");
  assert.equal(inWords({ folder: ["/photos/Summer at the lake"] }, "folder"), "Summer at the lake");
  assert.equal(inWords({ gps: ["-33.8,151.25,25"] }, "gps"), "33.80° S, 151.25° E");
  assert.equal(inWords({ tag: ["a", "b", "c"] }, "tag"), "3 values");
  assert.equal(inWords({}, "tag"), "");
  assert.equal(placeTitle(48.858, -2.3), "48.86° N, 2.30° W");
});

test("folders are a tree with counts, and without what all have in common", () => {
  const paths = ["/home/me/photos/2023/Paris", "/home/me/photos/2023/Oslo", "/home/me/photos/2024", "/home/me/photos"];
  const tree = treeOf(paths.map((value, place) => ({ value, images: 10 ** place })));
  assert.deepEqual(tree.map(({ name, images, path }) => [name, images, path]), [["photos", 1111, "/home/me/photos"]]);
  assert.deepEqual(rowsOf(tree, () => true).map(({ name, depth, images }) => [name, depth, images]), [
    ["photos", 0, 1111], ["2023", 1, 11], ["Oslo", 2, 10], ["Paris", 2, 1], ["2024", 1, 100]]);
  assert.equal(rowsOf(tree, () => false).length, 1);
  assert.deepEqual(treeOf([]), []);
  for (const value of ["C:/photos/a", "/", "/a", "relative/b"]) assert.equal(treeOf([{ value, images: 3 }])[0].path, value);
  assert.deepEqual(treeOf([{ value: "C:/a", images: 1 }, { value: "D:/b", images: 2 }]).map(({ path }) => path), ["C:/a", "D:/b"]);
});

test("the histogram has no gaps, and years if there are many months", () => {
  const months = [{ value: "2023-11", images: 2 }, { value: "2024-02", images: 5 }, { value: "0000-00", images: 1 }];
  assert.deepEqual(binsOf(months.slice(0, 2)), [{ value: "2023-11", images: 2 }, { value: "2023-12", images: 0 }, { value: "2024-01", images: 0 }, { value: "2024-02", images: 5 }]);
  const years = binsOf([{ value: "2001-03", images: 4 }, { value: "2001-05", images: 4 }, { value: "2010-01", images: 1 }]);
  assert.deepEqual(years.map(({ value }) => value), ["2001", "2002", "2003", "2004", "2005", "2006", "2007", "2008", "2009", "2010"]);
  assert.equal(years[0].images, 8);
  assert.equal(monthsOf(months, "2024")[1].images, 5);
  assert.deepEqual(binsOf([]), []);
  const vague = binsOf([{ value: "2001", images: 3 }, { value: "2010-01", images: 1 }]);
  assert.deepEqual([vague[0], vague.at(-1)], [{ value: "2001", images: 3 }, { value: "2010", images: 1 }]);
  assert.deepEqual(["2023", "2023-02", "2023-02-09"].map((date) => [firstDay(date), lastDay(date)]), [
    ["2023-01-01", "2023-12-31"], ["2023-02-01", "2023-02-28"], ["2023-02-09", "2023-02-09"]]);
});
