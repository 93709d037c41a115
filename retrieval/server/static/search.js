// The search: asks for what the state says, and shows the answer and what is to be said about it.

import { hasQuestion } from "./address.js";
import { ask } from "./api.js";
import { $, el, many, notice } from "./dom.js";
import { ready, searchOptions, where } from "./filters.js";
import { queryText } from "./question.js";
import * as uploads from "./uploads.js";

const PAGE = 120;
const MOST = 500; // pictures in one answer
const FEW = 12; // best hits to highlight on the map if none is a strong match
const NEWEST = { where: "width > 0", sort: "date-desc" };

/**
 * `now()` returns the state, `indexing()` whether pictures are being added, `clear()` takes the
 * filters off. `drawn()` is called after each change of the hits, `highlight(ids)` with those that
 * the map shows.
 */
export function createSearch({ now, indexing, clear, gallery, drawn, highlight }) {
  let request = null; // AbortController of the current request
  let exhausted = true;
  let loading = false;
  let welcoming = false;

  /** Search again. `scroll` is the place to show, `count` how many hits were there. */
  async function start({ scroll = 0, count = 0 } = {}) {
    request?.abort();
    request = new AbortController();
    const { signal } = request;
    loading = true;
    try {
      const limit = Math.max(PAGE, Math.min(MOST, count));
      const found = await answer(0, limit, signal);
      if (signal.aborted) return;
      exhausted = found.hits.length < limit;
      say(found);
      gallery.show(found.hits, { scroll });
      finish();
    } catch (error) {
      fail(error);
    } finally {
      if (!signal.aborted) loading = false;
    }
  }

  /** Add the next hits, if there are any. */
  async function more() {
    if (exhausted || loading) return;
    loading = true;
    const { signal } = request;
    try {
      const found = await answer(gallery.hits.length, PAGE, signal);
      if (signal.aborted) return;
      exhausted = found.hits.length < PAGE;
      gallery.show(gallery.hits.concat(found.hits), { keep: true });
      finish();
    } catch (error) {
      fail(error);
    } finally {
      if (!signal.aborted) loading = false;
    }
  }

  async function answer(offset, limit, signal) {
    const state = now();
    if (Object.keys(state.filters).length) await ready();
    const values = new URLSearchParams({ q: queryText(state), offset, limit, ...searchOptions(state) });
    for (const id of state.like) values.append("like", id);
    for (const id of state.unlike) values.append("unlike", id);
    welcoming = !hasQuestion(state) && !where(state);
    if (welcoming) for (const [name, value] of Object.entries(NEWEST)) if (!values.get(name)) values.set(name, value);
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

  function finish() {
    highlight(welcoming ? [] : highlighted());
    drawn();
  }

  /** Ids to highlight on the map: strong matches, or with filters only, all hits. */
  function highlighted() {
    if (!hasQuestion(now())) return gallery.hits.map((hit) => hit.id);
    const sure = gallery.hits.filter((hit) => hit.match === "strong");
    return (sure.length ? sure : gallery.hits.slice(0, FEW)).map((hit) => hit.id);
  }

  function fail(error) {
    // Without an answer, what is there stays; the search starts again when the server is back.
    if (error.name === "AbortError" || error.unanswered) return;
    exhausted = true;
    $("quiet").textContent = $("state").textContent = "";
    gallery.show([]);
    finish();
    showNotice(error.message, error.hint ?? "");
  }

  function say(found) {
    const { sure } = now();
    const graded = found.hits.some((hit) => hit.confidence !== null);
    $("confidence").disabled = !graded && found.hits.length > 0;
    $("slider").hidden = welcoming || (!found.hits.length && !sure);
    $("slider").title = $("confidence").disabled ? "The confidence of these results is unknown." : "";
    $("quiet").textContent = found.notes.join(" ");
    if (welcoming) { welcome(); return; }
    const time = found.seconds < 1 ? `${Math.round(found.seconds * 1000)} ms` : `${found.seconds.toFixed(1)} s`;
    $("state").textContent = `${many(found.searched, "picture")} searched in ${time}`;
    $("note").hidden = true;
    if (found.missing) showNotice("Your picture is not in this browser", "It was dropped or pasted in another browser, or long ago. Drop it here again to search with it.");
    else if (!found.hits.length) empty(found, sure);
  }

  async function empty(found, sure) {
    if (!found.searched && await libraryIsEmpty()) return;
    if (!found.searched) showNotice("No picture fits these filters", "Take one of them off, or clear them all.", ["Clear all filters", clear]);
    else if (sure) showNotice("No picture is that certain to match", "Move the confidence slider to the left, or try other words.");
    else showNotice("No pictures found", "Try other words.");
  }

  async function welcome() {
    if (await libraryIsEmpty() === false) showNotice("Search with words, or drop a picture here", "Describe what the picture shows, as in “two dogs on a beach”. Below are your newest pictures.");
  }

  /** Say what the library has, and what to do if that is nothing; undefined if that is not known. */
  async function libraryIsEmpty() {
    const { signal } = request;
    const status = await ask("/api/status").catch(fail);
    if (!status || signal.aborted) return undefined;
    const { images, problems } = status.counts;
    $("state").textContent = `${many(images, "picture")} · model ${status.model.name}${problems ? ` · ${many(problems, "file")} could not be indexed` : ""}`;
    if (images) return false;
    if (indexing()) showNotice("The first pictures are being indexed", "They appear here as soon as they are ready.");
    else if (status.roots.length) showNotice("There are no pictures in your folders yet", `Put pictures into ${status.roots[0].path}, then choose “Look for new pictures” in the Library view.`);
    else showNotice("The library has no pictures yet", "Add a folder in a terminal: pixtrieve index FOLDER");
    return true;
  }

  return { start, more };
}

/** Say something in place of the hits; `action` is the text of a button and what it does. */
function showNotice(title, text, action = null) {
  const button = action ? [el("button", { type: "button", onclick: action[1] }, action[0])] : [];
  $("note").replaceChildren(...notice(title, text).children, ...button);
  $("note").classList.toggle("filter", text.includes("^"));
  $("note").hidden = false;
}
