// Zoom and pan of several pictures in step: what one does to a picture happens to all.

import { frameOf, settled, zoomedAt } from "./zoom.js";

const STEP = 1.5;
const PAN = 0.15; // of a stage, with a key

/** The frame of several pictures that are shown in stages of one size: that of the largest. */
export function together(frames) {
  const most = (name) => Math.max(...frames.map((frame) => frame[name]));
  return { width: frames[0].width, height: frames[0].height, fitWidth: most("fitWidth"), fitHeight: most("fitHeight"), natural: most("natural"), most: most("most") };
}

/** A view in shares of the stage, for the address, and back. */
export const toLens = ({ scale, x, y }, { width, height }) => (scale === 1 ? null : [x / width, y / height, scale]);
export const fromLens = (lens, { width, height }) => (lens ? { scale: lens[2], x: lens[0] * width, y: lens[1] * height } : { scale: 1, x: 0, y: 0 });

/** `panes`: {stage, image, scale} elements; `lens` is what is seen first; `changed(lens)` after a change by hand. */
export function createStepZoom(panes, lens, changed) {
  let view = { scale: 1, x: 0, y: 0 };
  let wanted = lens;
  const pointers = new Map();

  const frames = () => panes.map(({ stage, image }) => frameOf(stage.clientWidth, stage.clientHeight, image.naturalWidth, image.naturalHeight));

  function put(next, byHand = true) {
    view = next;
    const each = frames();
    panes.forEach(({ stage, image, scale }, at) => {
      image.style.transform = view.scale === 1 ? "" : `translate(${view.x}px, ${view.y}px) scale(${view.scale})`;
      stage.classList.toggle("zoomed", view.scale > 1);
      scale.textContent = image.naturalWidth ? `${Math.round((100 * view.scale) / each[at].natural)}%` : "";
    });
    if (!byHand) return;
    wanted = toLens(view, together(each));
    changed(wanted);
  }

  const zoom = (factor, x = 0, y = 0) => put(zoomedAt(view, factor, x, y, together(frames())));
  const move = (x, y) => put(settled({ ...view, x: view.x + x, y: view.y + y }, together(frames())));
  const reset = () => put({ scale: 1, x: 0, y: 0 });

  /** Show what a lens of the address shows; again when a picture has come or the window has changed. */
  function look(next = wanted) {
    wanted = next;
    if (!panes.length || !panes[0].stage.clientWidth) return;
    const frame = together(frames());
    put(settled(fromLens(wanted, frame), frame), false);
  }

  /** Between all of the pictures and the pixels of the largest. */
  function toggle(x = 0, y = 0) {
    if (view.scale > 1) reset();
    else zoom(Math.max(2, together(frames()).natural), x, y);
  }

  for (const { stage, image } of panes) {
    const off = (event) => {
      const box = stage.getBoundingClientRect();
      return [event.clientX - box.left - box.width / 2, event.clientY - box.top - box.height / 2];
    };
    stage.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && view.scale === 1 && event.deltaY > 0) return; // the page scrolls on
      event.preventDefault();
      const lines = event.deltaMode === 1 ? 16 : 1;
      const delta = Math.max(-240, Math.min(240, event.deltaY * lines));
      zoom(Math.exp(-delta * (event.ctrlKey ? 0.01 : 0.0018)), ...off(event));
    }, { passive: false });
    stage.addEventListener("dblclick", (event) => toggle(...off(event)));
    stage.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      stage.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, off(event));
    });
    stage.addEventListener("pointermove", (event) => {
      const before = pointers.get(event.pointerId);
      if (!before) return;
      const [x, y] = off(event);
      pointers.set(event.pointerId, [x, y]);
      if (pointers.size === 1) { if (view.scale > 1) move(x - before[0], y - before[1]); return; }
      const [, other] = [...pointers].find(([id]) => id !== event.pointerId);
      const apart = Math.hypot(x - other[0], y - other[1]);
      const was = Math.hypot(before[0] - other[0], before[1] - other[1]);
      if (was > 0 && apart > 0) zoom(apart / was, (x + other[0]) / 2, (y + other[1]) / 2);
    });
    for (const name of ["pointerup", "pointercancel"]) stage.addEventListener(name, (event) => pointers.delete(event.pointerId));
    image.addEventListener("load", () => look());
  }
  const watching = new ResizeObserver(() => look());
  for (const { stage } of panes) watching.observe(stage);

  return {
    toggle, reset, look,
    in: () => zoom(STEP),
    out: () => zoom(1 / STEP),
    pan: (x, y) => { const frame = together(frames()); move(-x * PAN * frame.width, -y * PAN * frame.height); },
    close: () => watching.disconnect(),
  };
}
