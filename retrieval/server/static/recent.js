// Recent searches: the last questions in words that were answered. This browser keeps them; nothing is sent.

import { EMPTY } from "./address.js";
import { $ } from "./dom.js";
import { fillRow } from "./links.js";
import { PAUSE, typedOn } from "./state.js";

const KEY = "pixtrieve.recent";
const MOST = 6;
const LONGEST = 200; // letters; a longer question is not kept, because a part of it asks something else
const STILL = 1200; // milliseconds without typing after an answer

/** The texts with one more, newest first, each once; `replaced` is taken out. */
export function added(texts, text, replaced = "") {
  const lower = text.toLowerCase();
  return [text, ...texts.filter((each) => each.toLowerCase() !== lower && each !== replaced)].slice(0, MOST);
}

/** The question of a state if it is in words only and short enough to keep, else "". */
export function wordsOf({ text, terms, picture, like, unlike }) {
  const words = text.trim();
  return terms.length || picture || like.length || unlike.length || words.length > LONGEST ? "" : words;
}

/** `open(state)` asks a question again. */
export function createRecent({ open }) {
  let waiting = ""; // answered, and perhaps typed on
  let standing = ""; // kept, and still in the field: the same question typed on takes its place
  let kept = 0; // when that was, in milliseconds
  let timer = 0;

  function keep() {
    clearTimeout(timer);
    if (!waiting) return;
    write(added(read(), waiting, waiting.startsWith(standing) ? standing : ""));
    [standing, waiting, kept] = [waiting, "", Date.now()];
  }

  const draw = () => fillRow("recent", read().map((text) => ({ name: text, state: { ...EMPTY, text } })), open);

  $("forget").addEventListener("click", () => {
    write([]);
    draw();
    $("question").focus();
  });
  addEventListener("pagehide", keep);

  return {
    draw,
    /** People did something else than typing: the question stands as it was answered. */
    keep,
    /** The text of the question has changed: one that is typed on is not finished. */
    typed(before, after) {
      const on = typedOn(before, after);
      if (!on) keep();
      if (!on || !after || Date.now() - kept > PAUSE) standing = "";
      clearTimeout(timer);
      waiting = "";
    },
    /** The answer to a state's question is shown. */
    answered(state) {
      clearTimeout(timer);
      waiting = wordsOf(state);
      timer = setTimeout(keep, STILL);
    },
  };
}

function read() {
  try {
    const found = JSON.parse(localStorage.getItem(KEY));
    return Array.isArray(found) ? found.filter((each) => typeof each === "string" && each && each.length <= LONGEST).slice(0, MOST) : [];
  } catch {
    return []; // without storage (some private windows), nothing is kept
  }
}

function write(texts) {
  try { localStorage.setItem(KEY, JSON.stringify(texts)); } catch { /* nothing is kept */ }
}
