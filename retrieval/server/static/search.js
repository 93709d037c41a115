// The search: asks for what the state says, and shows the answer and what is to be said about it.

import { hasQuestion } from "./address.js";
import { ask } from "./api.js";
import { albumOf, countOf, whereOf } from "./conditions.js";
import { sentence } from "./dialogs.js";
import { $, el, many, notice } from "./dom.js";
import { fieldsKnown } from "./fields.js";
import { searchOptions } from "./filters.js";
import { queryText } from "./question.js";
import { createHits, createTimeline, loadTimeline } from "./timeline.js";
import * as uploads from "./uploads.js";

const PAGE = 80; // more than a window and what is drawn around it
const MOST = 500; // pictures in one answer
const MOST_LIT = 20_000; // pictures that the map highlights
const FEW = 12; // best hits to highlight on the map if none is a strong match

/**
 * `now()` returns the state, `indexing()` resolves to whether pictures are being added, `clear()` takes the
 * filters off. `before()` resolves when pictures that nobody asked for may be shown. `arrived()` is called before other pictures are shown, `drawn()` after each change of them, `told()`
 * once an answer is shown, `highlight(ids, said)` with the pictures that the map shows, or with what is said if
 * there are none.
 */
export function createSearch({ now, indexing, clear, gallery, before, arrived, drawn, told, highlight }) {
  let request = null; // AbortController of the current request
  let exhausted = true;
  let loading = false;
  let answered = false; // the gallery has the answer to the last question

  /** Search again. `scroll` is the place to show, `count` how many hits were there. */
  async function start({ scroll = 0, count = 0 } = {}) {
    request?.abort();
    request = new AbortController();
    const { signal } = request;
    loading = true;
    answered = false;
    try {
      // What is a flag and what has values decides how filters are written.
      if (Object.keys(now().filters).length) await fieldsKnown();
      if (signal.aborted) return;
      await (isListed(now()) ? list(scroll, signal) : find(scroll, count, signal));
    } catch (error) {
      fail(error);
    } finally {
      if (!signal.aborted) loading = false;
    }
  }

  /** Show all pictures that match the filters. */
  async function list(scroll, signal) {
    const state = now();
    const [found] = await Promise.all([loadTimeline(whereOf(state), state.sort || (albumOf(state) ? "album" : ""), signal), before()]);
    if (signal.aborted) return;
    exhausted = true;
    replace(createTimeline(found, {
      arrived: (first, after) => { if (!signal.aborted) { gallery.arrived(first, after); drawn(); } },
      outdated: () => { if (!signal.aborted) start({ scroll: scrollY }); },
    }), { scroll });
    sayListed(found.count, state);
    answered = true;
    told();
    light();
    if (state.open) gallery.source.find(state.open);
  }

  async function find(scroll, count, signal) {
    const limit = Math.max(PAGE, Math.min(MOST, count));
    const found = await answer(0, limit, signal);
    if (signal.aborted) return;
    exhausted = found.hits.length < limit;
    replace(createHits(found.hits), { scroll });
    say(found);
    answered = true;
    told();
    light();
  }

  function replace(source, how) {
    gallery.source.close();
    $("note").hidden = true;
    arrived();
    gallery.show(source, how);
    drawn();
  }

  /** Add the next hits, if there are any. */
  async function more() {
    if (exhausted || loading) return;
    loading = true;
    const { signal } = request;
    try {
      const { hits } = gallery.source;
      const found = await answer(hits.length, PAGE, signal);
      if (signal.aborted) return;
      exhausted = found.hits.length < PAGE;
      gallery.show(createHits(hits.concat(found.hits)), { keep: true });
      drawn();
    } catch (error) {
      fail(error);
    } finally {
      if (!signal.aborted) loading = false;
    }
  }

  async function answer(offset, limit, signal) {
    const state = now();
    const values = new URLSearchParams({ q: queryText(state), offset, limit, ...searchOptions(state) });
    for (const id of state.like) values.append("like", id);
    for (const id of state.unlike) values.append("unlike", id);
    // Groups and varied results of all pictures are those of a filter that all pictures match.
    if (!hasQuestion(state) && !values.get("where")) values.set("where", "width > 0");
    const pasted = state.picture ? await uploads.find(state.picture) : null;
    if (signal.aborted) return { hits: [] };
    if (state.picture && !pasted && !queryText(state)) {
      return { hits: [], missing: true, notes: [], searched: 0, seconds: 0 };
    }
    const found = await ask(`/api/search?${values}`, pasted ? { method: "POST", body: pasted.file, signal } : { signal });
    // Nothing was asked: the scores mean nothing.
    if (!hasQuestion(state)) for (const hit of found.hits) delete hit.score;
    return { ...found, missing: Boolean(state.picture && !pasted) };
  }

  /** Highlight on the map, if it is shown: strong matches, or with filters only, all pictures that fit them. */
  async function light() {
    if (now().view !== "map" || !answered) return;
    const { source } = gallery;
    const { signal } = request;
    if (!hasQuestion(now())) {
      const ids = whereOf(now()) ? await source.range(0, Math.min(source.count, MOST_LIT)).catch(() => []) : [];
      if (!signal.aborted) highlight(ids);
      return;
    }
    const sure = source.hits.filter((hit) => hit.match === "strong");
    highlight((sure.length ? sure : source.hits.slice(0, FEW)).map((hit) => hit.id), source.hits.length ? "" : "No pictures found");
  }

  function fail(error) {
    // Without an answer, what is there stays; the search starts again when the server is back.
    if (error.name === "AbortError" || error.unanswered) return;
    exhausted = true;
    tell("");
    replace(createHits([]), {});
    showNotice(error.message, error.hint ?? "");
    if (now().view === "map") highlight([], sentence(error.message));
  }

  function say(found) {
    const { sure } = now();
    const graded = found.hits.some((hit) => hit.confidence !== null);
    $("confidence").disabled = !graded && found.hits.length > 0;
    $("slider").hidden = !hasQuestion(now()) || (!found.hits.length && !sure);
    $("slider").title = $("confidence").disabled ? "The confidence of these results is unknown." : "";
    const time = found.seconds < 1 ? `${Math.round(found.seconds * 1000)} ms` : `${found.seconds.toFixed(1)} s`;
    tell(`${many(found.searched, "picture")} searched in ${time}`, found.notes.join(" "));
    if (found.missing) showNotice("Your picture is not in this browser", "It was dropped or pasted in another browser, or long ago. Drop it here again to search with it.");
    else if (!found.hits.length) empty(found.searched, sure);
  }

  function sayListed(count, state) {
    $("slider").hidden = true;
    if (!count) { tell("No pictures"); empty(0, 0); return; }
    tell(whereOf(state) ? many(count, "picture") : `${many(count, "picture")}. Search with words, or drop a picture here.`);
  }

  async function empty(searched, sure) {
    if (!searched && await libraryIsEmpty()) return;
    if (!searched && albumOf(now()) && countOf(now()) === 1 && !hasQuestion(now())) showNotice("There are no pictures in this album", "Select pictures in the gallery, then choose “Add to album”.");
    else if (!searched) showNotice("No picture fits these filters", "Take one of them off, or clear them all.", ["Clear all filters", clear]);
    else if (sure) showNotice("No picture is that certain to match", "Move the confidence slider to the left, or try other words.");
    else showNotice("No pictures found", "Try other words.");
  }

  /** Say what to do if the library has no pictures; undefined if that is not known. */
  async function libraryIsEmpty() {
    const { signal } = request;
    const status = await ask("/api/status").catch(fail);
    if (!status || signal.aborted) return undefined;
    if (status.counts.images) return false;
    tell("No pictures yet");
    if (await indexing().catch(() => false)) showNotice("The first pictures are being indexed", "They appear here as soon as they are ready.");
    else if (status.roots.length) showNotice("There are no pictures in your folders yet", `Put pictures into ${status.roots[0].path}, then choose “Look for new pictures” in the Library view.`);
    else showNotice("The library has no pictures yet", "Add a folder in a terminal: pixtrieve index FOLDER");
    return true;
  }

  return { start, more, light };
}

/** A question or an arrangement makes a search; everything else is a list of all pictures. */
const isListed = (state) => !hasQuestion(state) && !state.group && !state.diverse;

/** Say in the line above the pictures what they are, and what else is to be known of them. */
function tell(text, notes = "") {
  $("state").textContent = text;
  $("quiet").textContent = $("quiet").title = notes;
}

/** Say something in place of the pictures; `action` is the text of a button and what it does. */
function showNotice(title, text, action = null) {
  const button = action ? [el("button", { type: "button", onclick: action[1] }, action[0])] : [];
  $("note").replaceChildren(...notice(title, text).children, ...button);
  $("note").classList.toggle("filter", text.includes("^"));
  $("note").hidden = false;
}
