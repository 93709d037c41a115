// The viewer: a large picture, its neighbours, and what can be done with it.

import { ask } from "./api.js";
import { $, fileName, grouped } from "./dom.js";
import { heartShape } from "./favourites.js";
import { fieldsKnown } from "./fields.js";
import { describe } from "./viewer_facts.js";
import { createPlayer } from "./viewer_video.js";
import { createZoom } from "./zoom.js";

const SLIDE = 4000; // milliseconds
const STILL = 2500; // milliseconds after which a picture alone loses its buttons

const address = (id) => `/api/pictures/${id}/image`;

/**
 * Callbacks: went(id) for another picture, left() when it is to be closed, more(place) when the
 * pictures around a place are wanted; like(id), plus(id), minus(id) and label(name) after a button; favourite(id, on) after the heart, and
 * collect([id]), which resolves to what was done, after "Add to album".
 */
export function createViewer({ went, left, more, like, plus, minus, label, favourite, collect }) {
  const viewer = $("viewer");
  let ids = []; // to leaf through; some may not be known yet
  let source = null; // the pictures of the gallery
  let id = 0;
  let path = "";
  let near = []; // neighbours that are being loaded
  let slides = 0;
  let resting = 0;
  const player = createPlayer();
  const zoom = createZoom($("stage"), $("large"), {
    swiped: (way) => step(way),
    changed: (scale, percent) => { $("scale").textContent = scale > 1 ? `${percent}%` : ""; $("smaller").disabled = scale <= 1; },
  });

  async function show(next) {
    id = next;
    path = "";
    zoom.reset();
    player.hide();
    $("told").textContent = "";
    $("failed").hidden = true;
    $("large").src = $("original").href = address(id);
    love(false);
    number();
    const hit = source?.of(id);
    const best = hit?.moments ?? [];
    if (hit?.duration) player.show({ id, duration: hit.duration, hits: best });
    if (hit?.sha256) tell(hit, [hit.path, ...hit.copies]);
    try {
      const [facts] = await Promise.all([ask(`/api/pictures/${next}`), fieldsKnown().catch(() => {})]);
      if (facts.id !== id || !viewer.open) return;
      tell({ ...hit, ...facts }, facts.paths);
      if (facts.duration) $("original").href = `${address(id).replace(/image$/, "video")}`;
      player.show({ ...facts, hits: best });
    } catch (error) {
      if (!hit?.sha256 && next === id) { $("name").textContent = error.message; $("facts").replaceChildren(); $("details").replaceChildren(); }
    }
  }

  function tell(picture, paths) {
    [path] = paths;
    $("large").alt = $("original").download = fileName(path);
    love(Boolean(picture.favourite));
    describe(picture, path, paths.slice(1), label);
  }

  function love(on) {
    $("heart").setAttribute("aria-pressed", String(on));
    $("heart").title = on ? "Remove from favourites (F)" : "Add to favourites (F)";
  }

  const isLoved = () => $("heart").getAttribute("aria-pressed") === "true";

  /** Show where the picture is among the others, and load its neighbours. */
  function number() {
    const place = ids.indexOf(id);
    $("previous").disabled = place <= 0;
    $("next").disabled = place < 0 || place === ids.length - 1;
    $("position").textContent = ids.length > 1 ? `${grouped(place + 1)} of ${grouped(ids.length)}` : "";
    $("slides").hidden = ids.length < 2;
    near = [ids[place + 1], ids[place - 1]].filter(Boolean).map((other) => Object.assign(new Image(), { src: address(other) }));
    if (place >= 0) more(place);
  }

  function step(way) {
    const place = ids.indexOf(id) + way;
    if (ids[place]) went(ids[place]);
  }

  function play() {
    if (slides) { pause(); return; }
    viewer.classList.add("playing");
    $("slides").setAttribute("aria-pressed", "true");
    slides = setInterval(() => {
      if (player.playing || !near.length || !near[0].complete) return; // the next one is not there yet
      if (ids.at(-1) === id) went(ids[0]);
      else step(1);
    }, SLIDE);
  }

  function pause() {
    clearInterval(slides);
    slides = 0;
    viewer.classList.remove("playing");
    $("slides").setAttribute("aria-pressed", "false");
  }

  function fill() {
    if (document.fullscreenElement) document.exitFullscreen();
    else $("stage").requestFullscreen?.().catch(() => { $("told").textContent = "This browser does not allow full screen here."; });
  }

  /** While only the picture is shown, its buttons go until something moves. */
  function wake() {
    $("stage").classList.remove("still");
    clearTimeout(resting);
    resting = setTimeout(() => { if (slides || document.fullscreenElement) $("stage").classList.add("still"); }, STILL);
  }

  async function copy() {
    try {
      await navigator.clipboard.writeText(path);
      $("told").textContent = "Copied the path.";
    } catch {
      $("told").textContent = `The browser does not allow copying. The path is ${path}`;
    }
  }

  async function locate() {
    try {
      await ask(`/api/pictures/${id}/locate`, { method: "POST" });
      $("told").textContent = "";
    } catch (error) {
      $("told").textContent = `${error.message} ${error.hint}`;
    }
  }

  const keys = {
    "+": zoom.in, "=": zoom.in, "-": zoom.out, 0: zoom.reset, f: () => favourite(id, !isLoved()), F: fill, s: play,
    ArrowRight: () => (zoom.zoomed ? zoom.move(-80, 0) : step(1)), ArrowLeft: () => (zoom.zoomed ? zoom.move(80, 0) : step(-1)),
    ArrowDown: () => zoom.move(0, -80), ArrowUp: () => zoom.move(0, 80), PageDown: () => step(1), PageUp: () => step(-1),
  };

  for (const [name, action] of Object.entries({ close: () => left(), previous: () => step(-1), next: () => step(1),
    larger: zoom.in, smaller: zoom.out, full: fill, heart: () => favourite(id, !isLoved()), slides: play, copy, locate, include: async () => { const said = await collect([id]); if (said) $("told").textContent = said; },
    like: () => like(id), plus: () => plus(id), minus: () => minus(id) })) $(name).addEventListener("click", action);
  viewer.addEventListener("click", (event) => { if (event.target === viewer) left(); });
  for (const name of ["pointermove", "pointerdown", "focusin"]) viewer.addEventListener(name, wake);
  viewer.addEventListener("cancel", (event) => { event.preventDefault(); left(); });
  viewer.addEventListener("close", () => left());
  // On the document, because a button that was just disabled loses the focus to it.
  document.addEventListener("keydown", (event) => {
    if (!viewer.open || event.target.closest?.("dialog:not(#viewer)") || event.ctrlKey || event.metaKey || event.altKey) return;
    if ((event.key === "ArrowDown" || event.key === "ArrowUp") && !zoom.zoomed) return; // they scroll the facts
    if (!Object.hasOwn(keys, event.key)) return;
    wake();
    event.preventDefault();
    keys[event.key]();
  });
  $("heart").append(heartShape());
  $("large").addEventListener("error", () => { $("failed").hidden = !$("large").getAttribute("src"); });
  ask("/api/locate").then(({ possible }) => { $("locate").hidden = !possible; }).catch(() => {});

  return {
    /** Show a picture; `others` are the ids to leaf through, without them those of the gallery. */
    open(wanted, others = source?.ids ?? []) {
      ids = others.includes(wanted) ? others : [wanted];
      if (!viewer.open) { viewer.showModal(); viewer.querySelector("aside").scrollTo(0, 0); }
      show(wanted);
    },
    /** Take the pictures of the gallery, also those that came later, as what to leaf through. */
    among(pictures) {
      source = pictures;
      if (!viewer.open || source.placeOf(id) < 0) return;
      ids = source.ids;
      number();
      if (!path) show(id);
    },
    /** Show that pictures are, or are not, favourites. */
    marked(pictures, on) { if (pictures.includes(id)) love(on); },
    close() {
      pause();
      player.hide();
      if (document.fullscreenElement) document.exitFullscreen();
      if (viewer.open) viewer.close();
      $("large").removeAttribute("src");
    },
    /** Load the picture again, after the server was away. */
    again() { if (viewer.open) show(id); },
  };
}
