// The visible part of the map, moved by pointers, wheel and keys.

const STEP = 1.6;
const FLIGHT_MS = 420;
const CLICK_PIXELS = 6;

export const isCalm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

export class View {
  constructor(canvas, callbacks) {
    this.canvas = canvas;
    this.callbacks = callbacks; // {moved(), clicked(x, y), hovered(x, y), left(), entered()}
    this.width = this.height = 1;
    this.x = this.y = 0.5; // the middle of the screen, on the map
    this.zoom = 1; // 1 shows all
    this.most = 64;
    this.extent = { width: 1, height: 1 }; // of all pictures, around the middle of the map
    this.pointers = new Map();
    this.travelled = 0;
    this.flight = 0;
    this.listen();
  }

  // Side of the whole map in pixels.
  get scale() {
    const across = (this.width - 2 * this.margin) / this.extent.width;
    const down = (this.height - 2 * this.margin) / this.extent.height;
    return Math.max(1, Math.min(across, down)) * this.zoom;
  }

  get margin() {
    return Math.min(56, Math.min(this.width, this.height) * 0.06);
  }

  toScreen(x, y) {
    return [(x - this.x) * this.scale + this.width / 2, (y - this.y) * this.scale + this.height / 2];
  }

  toMap(x, y) {
    return [(x - this.width / 2) / this.scale + this.x, (y - this.height / 2) / this.scale + this.y];
  }

  resize(width, height) {
    [this.width, this.height] = [width, height];
    this.callbacks.moved();
  }

  moveTo(x, y, zoom) {
    this.zoom = Math.max(0.7, Math.min(this.most, zoom));
    this.x = Math.max(-0.1, Math.min(1.1, x));
    this.y = Math.max(-0.1, Math.min(1.1, y));
    this.callbacks.moved();
  }

  // Zoom, and keep the map position under a screen point in place.
  zoomAt(x, y, factor) {
    const [mapX, mapY] = this.toMap(x, y);
    const zoom = Math.max(0.7, Math.min(this.most, this.zoom * factor));
    const shrunk = this.zoom / zoom;
    this.moveTo(mapX + (this.x - mapX) * shrunk, mapY + (this.y - mapY) * shrunk, zoom);
  }

  flyTo(x, y, zoom) {
    cancelAnimationFrame(this.flight);
    if (isCalm()) return this.moveTo(x, y, zoom);
    const from = { x: this.x, y: this.y, zoom: this.zoom };
    zoom = Math.max(0.7, Math.min(this.most, zoom));
    const began = performance.now();
    const step = (now) => {
      const share = Math.min(1, Math.max(0, (now - began) / FLIGHT_MS));
      const eased = 1 - (1 - share) ** 3;
      const current = from.zoom * (zoom / from.zoom) ** eased;
      // The target moves evenly across the screen while the zoom changes.
      const moved = zoom === from.zoom ? eased : (1 / from.zoom - 1 / current) / (1 / from.zoom - 1 / zoom);
      this.moveTo(from.x + (x - from.x) * moved, from.y + (y - from.y) * moved, current);
      if (share < 1) this.flight = requestAnimationFrame(step);
    };
    this.flight = requestAnimationFrame(step);
  }

  flyToRegion(region) {
    const zoom = Math.min(0.42 / Math.max(region.radius, 1e-3), this.most);
    this.flyTo(region.x, region.y, Math.max(zoom, 1.2));
  }

  step(inwards) {
    this.flyTo(this.x, this.y, this.zoom * (inwards ? STEP : 1 / STEP));
  }

  whole() {
    this.flyTo(0.5, 0.5, 1);
  }

  listen() {
    const { canvas } = this;
    canvas.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
    canvas.addEventListener("pointerdown", (event) => this.onDown(event));
    canvas.addEventListener("pointermove", (event) => this.onMove(event));
    canvas.addEventListener("pointerup", (event) => this.onUp(event));
    canvas.addEventListener("pointercancel", (event) => this.pointers.delete(event.pointerId));
    canvas.addEventListener("pointerleave", () => this.callbacks.left());
    canvas.addEventListener("keydown", (event) => this.onKey(event));
  }

  onWheel(event) {
    event.preventDefault();
    cancelAnimationFrame(this.flight);
    const lines = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? this.height : 1;
    // A trackpad pinch arrives as wheel events with Ctrl, in small steps.
    const speed = event.ctrlKey ? 0.01 : 0.0018;
    const delta = Math.max(-240, Math.min(240, event.deltaY * lines));
    this.zoomAt(event.offsetX, event.offsetY, Math.exp(-delta * speed));
  }

  onDown(event) {
    if (event.button !== 0) return;
    cancelAnimationFrame(this.flight);
    this.canvas.setPointerCapture(event.pointerId);
    if (!this.pointers.size) this.travelled = 0;
    this.pointers.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
    this.callbacks.left();
  }

  onMove(event) {
    const before = this.pointers.get(event.pointerId);
    const [x, y] = [event.offsetX, event.offsetY];
    if (!before) {
      if (event.pointerType === "mouse") this.callbacks.hovered(x, y);
      return;
    }
    this.pointers.set(event.pointerId, { x, y });
    this.travelled += Math.hypot(x - before.x, y - before.y);
    if (this.pointers.size === 1) {
      if (this.travelled < CLICK_PIXELS) return;
      this.moveTo(this.x - (x - before.x) / this.scale, this.y - (y - before.y) / this.scale, this.zoom);
      return;
    }
    const other = [...this.pointers].find(([id]) => id !== event.pointerId)[1];
    const apart = Math.hypot(x - other.x, y - other.y);
    const was = Math.hypot(before.x - other.x, before.y - other.y);
    const middle = { x: (x + other.x) / 2, y: (y + other.y) / 2 };
    this.moveTo(this.x - (x - before.x) / 2 / this.scale, this.y - (y - before.y) / 2 / this.scale, this.zoom);
    if (was > 0 && apart > 0) this.zoomAt(middle.x, middle.y, apart / was);
    this.travelled = CLICK_PIXELS;
  }

  onUp(event) {
    const known = this.pointers.delete(event.pointerId);
    if (known && !this.pointers.size && this.travelled < CLICK_PIXELS) this.callbacks.clicked(event.offsetX, event.offsetY);
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const move = 90 / this.scale;
    const keys = {
      ArrowLeft: () => this.flyTo(this.x - move, this.y, this.zoom),
      ArrowRight: () => this.flyTo(this.x + move, this.y, this.zoom),
      ArrowUp: () => this.flyTo(this.x, this.y - move, this.zoom),
      ArrowDown: () => this.flyTo(this.x, this.y + move, this.zoom),
      "+": () => this.step(true),
      "=": () => this.step(true),
      "-": () => this.step(false),
      0: () => this.whole(),
      Home: () => this.whole(),
      Enter: () => this.callbacks.entered(),
    };
    const act = keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }
}
