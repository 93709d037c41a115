// The review of duplicates, one group at a time: compare, choose which file stays, move the others.

import { ask, send } from "./api.js";
import { moved, staying } from "./compare.js";
import { sentence } from "./dialogs.js";
import { el, fileName, grouped, many, notice, toast } from "./dom.js";
import { drawPanes, mark } from "./review_panes.js";
import { createStepZoom } from "./step_zoom.js";

const KEYS = [["← →", "the group before, the next group"], ["1 – 9", "which file stays"], ["M", "move the other files to the folder"], ["K", "keep all files; the group is not shown again"],
  ["U", "undo: list the group again, or move its files back"], ["Z", "all of the pictures, or their pixels"], ["+ −", "zoom; the wheel and pinching, too"], ["Shift + arrows", "move what is zoomed"], ["Esc", "back to the list"], ["?", "these keys"]];
const AGAIN = 500; // milliseconds between looks while the search runs
const REST = 300; // milliseconds after zooming until the address says so

/** `now()` is what the page shows; `go(patch)` is a new step, `adjust(patch)` changes this one, `soon` does so in a moment. */
export function createReview(root, { now, go, adjust, soon }) {
  let shown = null; // what is on screen: {id, files, list, zoom, facts}
  let asked = 0;
  let timer = 0;
  let acting = false;
  let kept = []; // groups whose files were all kept since the last move: U lists them again, the last first
  const help = el("dialog", { class: "asking", "aria-labelledby": "reviewkeys" },
    el("form", { method: "dialog" }, el("h2", { id: "reviewkeys", textContent: "Keys" }),
      el("dl", {}, ...KEYS.flatMap(([key, what]) => [el("dt", {}, el("kbd", { textContent: key })), el("dd", { textContent: what })])),
      el("div", { class: "actions row" }, el("button", { type: "submit", class: "main" }, "Close"))));

  async function show() {
    clearTimeout(timer);
    asked += 1;
    const [mine, id] = [asked, now().review];
    let found;
    try {
      found = await ask(`/api/duplicates/${id}`);
    } catch (error) {
      if (!error.unanswered && mine === asked) { leave(); root.replaceChildren(notice(error.message, error.hint ?? "")); }
      return;
    }
    if (mine !== asked || now().review !== id) return;
    leave();
    if (found.group) draw(found);
    else if (found.running) {
      root.replaceChildren(notice("Searching for duplicates", "This takes about a second per thousand pictures."));
      timer = setTimeout(show, AGAIN);
    } else {
      root.replaceChildren(el("div", { class: "head" }, back()), notice("This group is done", "Its files were kept or moved, or are no duplicates any more."));
    }
  }

  const back = () => el("button", { type: "button", onclick: () => go({ review: 0, stay: 0, lens: null }) }, "All groups");
  const tool = (text, title, act, more = {}) => el("button", { type: "button", title, onclick: act, ...more }, text);

  function draw(found) {
    const files = [found.group.kept, ...found.group.redundant];
    const { list, panes } = found.moves_to ? drawPanes(files, staying(now().stay, files.length), choose) : drawPanes(files, 0, null);
    const others = many(files.length - 1, "other");
    const name = fileName(files[0].path);
    root.replaceChildren(
      el("div", { class: "head reviewing" }, back(),
        el("h2", { tabIndex: -1, textContent: `Group ${grouped(found.position)} of ${grouped(found.count)}: ${name}` }),
        tool("‹", "Group before (left arrow)", () => step(-1), { "aria-label": "Group before", disabled: !found.previous }),
        tool("›", "Next group (right arrow)", () => step(1), { "aria-label": "Next group", disabled: !found.next }),
        tool("Zoom", "Zoom (Z)", () => shown.zoom.toggle()),
        tool("?", "Keys (?)", () => help.showModal(), { "aria-label": "Keys" })),
      list,
      ...(found.moves_to ? [] : [el("p", { class: "soft", textContent: "To choose which file stays and to move the others, start the server with --move-to FOLDER. Pixtrieve never deletes files." })]),
      el("div", { class: "head deciding" },
        tool("Keep all", "Keep all files (K)", keep),
        ...(found.moves_to ? [tool("Undo", "Undo the last move (U)", undo), tool(`Move ${others}`, `Move ${others} to ${found.moves_to} (M)`, move, { class: "main" })] : [])),
      help);
    const zoom = createStepZoom(panes, now().lens, (lens) => soon({ lens }, "lens", REST, false));
    shown = { id: found.group.id, files, list, zoom, found };
    for (const id of [found.next, found.previous].filter(Boolean).slice(0, 1)) preload(id);
    root.querySelector("h2").focus({ preventScroll: true });
  }

  async function preload(id) {
    const next = await ask(`/api/duplicates/${id}`).catch(() => null);
    for (const file of next?.group ? [next.group.kept, ...next.group.redundant].slice(0, 4) : []) new Image().src = `/api/pictures/${file.image_id}/image`;
  }

  function leave() {
    shown?.zoom.close();
    shown = null;
  }

  const to = (id, how = go) => how({ review: id ?? 0, stay: 0, lens: null });

  function step(by) {
    const id = by > 0 ? shown?.found.next : shown?.found.previous;
    if (id) to(id);
  }

  function choose(number) {
    if (shown?.found.moves_to && number <= shown.files.length) adjust({ stay: number === 1 ? 0 : number });
  }

  /** Do something to the group on screen, then go on to the next one. */
  async function decide(address, body, said) {
    if (acting || !shown) return;
    acting = true;
    const { found, id } = shown;
    try {
      toast(said(await send(address, { groups: [id], ...body })), undo);
      kept = address.endsWith("keep") ? [...kept, id] : []; // what U takes back first
      to(found.next ?? found.previous, adjust);
    } catch (error) {
      toast([sentence(error.message), error.hint].filter(Boolean).join(" "));
    } finally {
      acting = false;
    }
  }

  const keep = () => decide("/api/duplicates/keep", {}, () => "Kept all files. This group will not be shown again.");

  function move() {
    if (!shown) return;
    if (!shown.found.moves_to) { toast("This server moves no files. Start it with --move-to FOLDER to allow it."); return; }
    const { key } = shown.files[staying(now().stay, shown.files.length) - 1];
    decide("/api/duplicates/move", { stays: [{ group: shown.id, key }] }, (done) => `${moved(done)}`);
  }

  async function undo() {
    if (acting) return;
    acting = true;
    try {
      const id = kept.pop();
      const done = id ? await send("/api/duplicates/unkeep", { groups: [id] }) : await ask("/api/duplicates/undo", { method: "POST" });
      toast(id ? "The group is listed again." : `Moved ${many(done.moved.length, "file")} back.`);
      if (done.groups.length) to(done.groups[0], adjust);
      else show();
    } catch (error) {
      toast([sentence(error.message), error.hint].filter(Boolean).join(" "));
    } finally {
      acting = false;
    }
  }

  const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const deeds = { k: keep, m: move, u: undo, z: () => shown?.zoom.toggle(), "?": () => help.showModal(), Escape: () => to(0),
    "+": () => shown?.zoom.in(), "=": () => shown?.zoom.in(), "-": () => shown?.zoom.out(), 0: () => shown?.zoom.reset(), ArrowLeft: () => step(-1), ArrowRight: () => step(1) };

  document.addEventListener("keydown", (event) => {
    if (root.hidden || !now().review || now().open || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, dialog")) return;
    if (event.shiftKey && arrows[event.key]) { event.preventDefault(); shown?.zoom.pan(...arrows[event.key]); return; }
    if (/^[1-9]$/.test(event.key)) { choose(Number(event.key)); return; }
    const deed = deeds[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!deed) return;
    event.preventDefault();
    deed();
  });

  return {
    show,
    undo,
    /** Show what has changed of a state. */
    draw(next, before) {
      if (next.review !== before.review || !shown) { show(); return; }
      if (next.stay !== before.stay && shown.found.moves_to) mark(shown.list, staying(next.stay, shown.files.length));
      if (next.lens !== before.lens && String(next.lens) !== String(before.lens)) shown.zoom.look(next.lens);
    },
    hide() { clearTimeout(timer); asked += 1; leave(); },
  };
}
