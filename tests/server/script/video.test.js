import assert from "node:assert/strict";
import { test } from "node:test";

import { clock } from "../static/dom.js";
import { chosen } from "../static/viewer_video.js";

test("times are written as players write them", () => {
  assert.deepEqual([0, 9.9, 61, 3723].map(clock), ["0:00", "0:09", "1:01", "1:02:03"]);
});

test("a strip of many moments is spread over the video, and keeps the best", () => {
  const all = Array.from({ length: 300 }, (_, at) => at);
  const few = chosen(all, [7, 299], 24);
  assert.equal(few.length, 24);
  assert.ok(few.includes(7) && few.includes(299));
  assert.deepEqual(few, [...few].sort((one, other) => one - other));
  assert.ok(Math.max(...few.slice(1).map((at, place) => at - few[place])) < 30);
  assert.deepEqual(chosen([1, 2, 3], [2], 24), [1, 2, 3]);
});
