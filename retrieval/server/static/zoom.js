// Zoom and pan in the viewer: wheel, pinch, drag, double click and keys.

const STEP = 1.5;
const SWIPE = 60; // pixels
const DRAG = 6; // pixels that are no click

/** How far a picture can be moved each way: `fit` is its size at scale 1, `room` what there is. */
const slack = (fit, room, scale) => Math.max(0, (fit * scale - room) / 2);
const clamp = (value, most) => Math.max(-most, Math.min(most, value));

/** A view {scale, x, y} that is within its limits: x and y are the picture's way off the middle. */
export function settled({ scale, x, y }, frame) {
  const sized = Math.max(1, Math.min(frame.most, scale));
  return { scale: sized, x: clamp(x, slack(frame.fitWidth, frame.width, sized)), y: clamp(y, slack(frame.fitHeight, frame.height, sized)) };
}

/** A view zoomed by `factor`, with the point (px, py) off the middle left in place. */
export function zoomedAt(view, factor, px, py, frame) {
  const scale = Math.max(1, Math.min(frame.most, view.scale * factor));
  const grown = scale / view.scale;
  return settled({ scale, x: px - (px - view.x) * grown, y: py - (py - view.y) * grown }, frame);
}

/** What `stage` holds of a picture of this size; `most` lets small pictures be seen pixel by pixel. */
export function frameOf(width, height, naturalWidth, naturalHeight) {
  const fit = Math.min(width / (naturalWidth || width), height / (naturalHeight || height));
  return { width, height, fitWidth: (naturalWidth || width) * fit, fitHeight: (naturalHeight || height) * fit,
    natural: 1 / fit, most: Math.max(4, 4 / fit) };
}

/** `swiped(1 or -1)` when a finger wipes a whole picture away; `changed(scale, percent)` after each change. */
export function createZoom(stage, image, { swiped, changed }) {
  let view = { scale: 1, x: 0, y: 0 };
  let travelled = { x: 0, y: 0 };
  const pointers = new Map();

  const frame = () => frameOf(stage.clientWidth, stage.clientHeight, image.naturalWidth, image.naturalHeight);

  function put(next) {
    view = next;
    image.style.transform = view.scale === 1 ? "" : `translate(${view.x}px, ${view.y}px) scale(${view.scale})`;
    stage.classList.toggle("zoomed", view.scale > 1);
    changed(view.scale, Math.round((100 * view.scale) / frame().natural));
  }

  const reset = () => put({ scale: 1, x: 0, y: 0 });
  const zoom = (factor, x = 0, y = 0) => put(zoomedAt(view, factor, x, y, frame()));
  const move = (x, y) => put(settled({ ...view, x: view.x + x, y: view.y + y }, frame()));

  function off(event) {
    const box = stage.getBoundingClientRect();
    return [event.clientX - box.left - box.width / 2, event.clientY - box.top - box.height / 2];
  }

  /** Between the whole picture and its own pixels, or twice its size if that is no nearer. */
  function toggle(x, y) {
    if (view.scale > 1) reset();
    else zoom(Math.max(2, frame().natural), x, y);
  }

  stage.addEventListener("wheel", (event) => {
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? stage.clientHeight : 1;
    const delta = Math.max(-240, Math.min(240, event.deltaY * lines));
    // A trackpad pinch arrives as wheel events with Ctrl, in small steps.
    zoom(Math.exp(-delta * (event.ctrlKey ? 0.01 : 0.0018)), ...off(event));
  }, { passive: false });
  stage.addEventListener("dblclick", (event) => { if (!event.target.closest("button")) toggle(...off(event)); });
  stage.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || event.target.closest("button")) return;
    stage.setPointerCapture(event.pointerId);
    if (!pointers.size) travelled = { x: 0, y: 0 };
    pointers.set(event.pointerId, off(event));
  });
  stage.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const [x, y] = off(event);
    pointers.set(event.pointerId, [x, y]);
    const [dx, dy] = [x - before[0], y - before[1]];
    travelled = { x: travelled.x + dx, y: travelled.y + dy };
    if (pointers.size === 1) { if (view.scale > 1 && Math.hypot(travelled.x, travelled.y) > DRAG) move(dx, dy); return; }
    const [, other] = [...pointers].find(([id]) => id !== event.pointerId);
    const apart = Math.hypot(x - other[0], y - other[1]);
    const was = Math.hypot(before[0] - other[0], before[1] - other[1]);
    move(dx / 2, dy / 2);
    if (was > 0 && apart > 0) zoom(apart / was, (x + other[0]) / 2, (y + other[1]) / 2);
    travelled = { x: 0, y: Infinity }; // fingers that pinched do not swipe
  });
  for (const name of ["pointerup", "pointercancel"]) {
    stage.addEventListener(name, (event) => {
      const known = pointers.delete(event.pointerId);
      if (!known || pointers.size || event.type === "pointercancel" || event.pointerType === "mouse" || view.scale > 1) return;
      if (Math.abs(travelled.x) > SWIPE && Math.abs(travelled.x) > 1.5 * Math.abs(travelled.y)) swiped(travelled.x < 0 ? 1 : -1);
    });
  }
  image.addEventListener("load", reset);
  new ResizeObserver(() => put(settled(view, frame()))).observe(stage);

  return {
    reset,
    in: () => zoom(STEP),
    out: () => zoom(1 / STEP),
    move,
    get zoomed() { return view.scale > 1; },
  };
}
