// The map: all pictures at once, similar ones side by side. `create` builds it in an element.

import { lost } from "/connection.js";
import { el, many } from "/dom.js";
import { readPoints } from "/map_data.js";
import { Painter } from "/map_paint.js";
import { progressParts, progressText } from "/map_progress.js";
import { Thumbs } from "/map_thumbs.js";
import { View } from "/map_view.js";

const AROUND = 80; // neighbours to browse
const OF_REGION = 2000; // pictures of a region to browse
const WHOLE = [0.5, 0.5, 1];
const ASK_AGAIN_MS = 600;

export function create(root, page) {
  const map = new PictureMap(root, page);
  return {
    show: () => map.show(),
    hide: () => map.hide(),
    highlight: (ids, said) => map.highlight(ids, said),
    moveTo: (at) => map.moveTo(at),
  };
}

class PictureMap {
  constructor(root, page) {
    this.root = root;
    this.page = page;
    this.version = "";
    this.shown = false;
    this.frame = 0;
    this.wanted = []; // ids to highlight, possibly set before the map is loaded
    this.said = ""; // of what is highlighted, where there is nothing
    this.start = null; // where to look at first
    this.message = ""; // progress of the map update, or its error
    this.build();
    this.view = new View(this.above, {
      moved: () => this.moved(),
      clicked: (x, y) => this.click(x, y),
      hovered: (x, y) => this.hover(x, y),
      left: () => this.leave(),
      entered: () => this.points && this.openAt(this.view.width / 2, this.view.height / 2, 120),
    });
    this.thumbs = new Thumbs(() => this.draw());
    this.painter = new Painter(this.below, this.above, this.view, this.thumbs);
    new ResizeObserver(() => this.resize()).observe(root);
    const recolour = () => {
      this.painter.readColours();
      this.draw();
    };
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);
    new MutationObserver(recolour).observe(document.documentElement, { attributes: true });
  }

  build() {
    const tool = (text, label, act) => {
      const button = el("button", { type: "button", textContent: text, title: label, "aria-label": label });
      button.addEventListener("click", act);
      return button;
    };
    this.below = el("canvas", { "aria-hidden": "true" });
    this.above = el("canvas", {
      tabIndex: 0,
      role: "application",
      "aria-label":
        "Map of the pictures. Arrow keys move, plus and minus zoom, 0 shows everything, Enter opens the picture in the middle. A list of regions follows.",
    });
    this.tools = el(
      "div",
      { className: "tools" },
      tool("+", "Zoom in", () => this.view.step(true)),
      tool("−", "Zoom out", () => this.view.step(false)),
      tool("⤢", "Show all", () => this.view.whole()),
      tool("↻", "Arrange all pictures again", () => this.redraw(true)),
    );
    this.state = el("p", { className: "state", role: "status" });
    this.regions = el("ul", { className: "regions", "aria-label": "Regions of the map" });
    this.preview = el("img", { className: "preview", alt: "", hidden: true });
    this.preview.addEventListener("load", () => {
      this.preview.hidden = this.painter.hovered < 0 || !this.painter.isSmall;
    });
    this.chosen = el("div", { className: "chosen", hidden: true });
    this.note = el("div", { className: "note", hidden: true });
    this.root.classList.add("map");
    this.root.replaceChildren(
      ...[this.below, this.above, this.regions, this.tools, this.state, this.chosen, this.preview, this.note],
    );
  }

  show() {
    this.shown = true;
    this.resize();
    this.light();
    this.load();
  }

  hide() {
    this.shown = false;
    clearTimeout(this.timer);
    this.asking?.abort();
    this.thumbs.stop();
    this.leave();
  }

  // Look at a position and zoom, [x, y, zoom], or with null at everything.
  moveTo(at) {
    this.start = at;
    cancelAnimationFrame(this.view.flight);
    if (this.points) this.view.moveTo(...(at ?? WHOLE));
  }

  moved() {
    this.draw();
    if (!this.shown || !this.points) return;
    const { x, y, zoom } = this.view;
    const at = [x, y, zoom];
    this.page.moved(at.every((value, which) => Math.abs(value - WHOLE[which]) < 1e-4) ? null : at);
  }

  highlight(ids, said = "") {
    this.wanted = ids;
    this.said = said;
    if (this.shown) this.light();
  }

  light() {
    if (this.points) this.painter.light(this.wanted);
    this.tell(this.message);
    this.draw();
  }

  tell(message) {
    this.message = message;
    const count = this.wanted.length;
    this.state.textContent = message || (count ? `${many(count, "picture")} highlighted` : this.said);
  }

  async load() {
    clearTimeout(this.timer);
    this.asking?.abort();
    this.asking = new AbortController();
    const { signal } = this.asking;
    try {
      const response = await fetch("/api/map", { signal });
      const header = await response.json();
      if (!response.ok) return this.say(header.error ?? "The map cannot be shown.", header.hint ?? "", "Try again");
      if (response.status === 202) this.progress(header.drawing);
      else await this.take(header, signal);
      if (header.drawing || response.status === 202) this.timer = setTimeout(() => this.load(), ASK_AGAIN_MS);
    } catch (error) {
      if (error.name === "AbortError") return;
      if (error instanceof TypeError) lost(); // the page goes on by itself
      if (!this.points) this.say("The map cannot be shown.", error.message, "Try again");
    }
  }

  async take(header, signal) {
    this.tell(header.drawing ? progressText(header) : header.error);
    if (header.version === this.version) return;
    const response = await fetch(`/api/map/points?version=${encodeURIComponent(header.version)}`, { signal });
    if (response.status === 409) return this.load();
    if (!response.ok) throw new Error("no points");
    const first = !this.points;
    this.points = readPoints(await response.arrayBuffer(), header);
    this.version = header.version;
    this.view.extent = this.points.extent;
    this.view.most = Math.max(6, Math.sqrt(this.points.count) * 0.6);
    this.painter.setPoints(this.points);
    this.painter.light(this.wanted);
    this.listRegions();
    this.leave();
    this.choose(-1);
    if (!header.count) {
      this.say("The library has no pictures yet", "Add a folder in a terminal: pixtrieve index FOLDER");
    } else this.note.hidden = true;
    if (first) this.moveTo(this.start);
    this.draw();
  }

  async redraw(rebuild) {
    this.tell("");
    try {
      await fetch(`/api/map?rebuild=${rebuild}`, { method: "POST" });
    } finally {
      this.load();
    }
  }

  progress(drawing) {
    this.note.replaceChildren(...progressParts(drawing));
    this.note.hidden = false;
  }

  say(title, text, again = "") {
    const parts = [el("h2", { textContent: title }), el("p", { textContent: text })];
    if (again) {
      const button = el("button", { type: "button", textContent: again });
      button.addEventListener("click", () => this.redraw(false));
      parts.push(button);
    }
    this.note.replaceChildren(...parts);
    this.note.hidden = false;
  }

  resize() {
    if (!this.shown) return;
    this.view.resize(this.root.clientWidth, this.root.clientHeight);
  }

  draw() {
    if (this.frame || !this.shown || !this.points) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      if (this.shown && this.painter.paint()) this.draw();
    });
  }

  click(x, y) {
    if (!this.points) return;
    const name = this.painter.nameAt(x, y);
    if (name >= 0) this.goTo(name);
    else if (!this.openAt(x, y, 14)) this.choose(-1);
  }

  // Open the picture at a position with its neighbours; false if there is none.
  openAt(x, y, reach) {
    const row = this.painter.pictureAt(x, y, reach);
    if (row < 0) return false;
    const ids = this.points.around(row, AROUND).map((near) => this.points.ids[near]);
    this.page.open(ids, 0);
    return true;
  }

  goTo(number) {
    this.view.flyToRegion(this.points.regions[number]);
    this.choose(number);
  }

  // Show the actions for a region.
  choose(number) {
    this.chosen.hidden = number < 0;
    if (number < 0) return;
    const region = this.points.regions[number];
    const act = (text, then) => {
      const button = el("button", { type: "button", textContent: text });
      button.addEventListener("click", then);
      return button;
    };
    const browse = () => {
      const rows = this.points.inRegion(number, OF_REGION);
      this.page.open(rows.map((row) => this.points.ids[row]), 0);
    };
    this.chosen.replaceChildren(
      el("strong", { textContent: region.name || "This region" }),
      el("span", { textContent: many(region.count, "picture") }),
      act("Browse", browse),
      ...(region.name ? [act("Search for this", () => this.page.search(region.name))] : []),
    );
  }

  hover(x, y) {
    if (!this.points) return;
    const onName = this.painter.nameAt(x, y) >= 0;
    const row = onName ? -1 : this.painter.pictureAt(x, y, 12);
    this.above.classList.toggle("pointing", onName || row >= 0);
    if (row !== this.painter.hovered) {
      this.painter.hovered = row;
      this.preview.hidden = true;
      if (row >= 0 && this.painter.isSmall) this.preview.src = `/api/pictures/${this.points.ids[row]}/thumbnail?side=256`;
      this.draw();
    }
    if (row < 0) return;
    const side = this.preview.offsetWidth || 200;
    const left = x + 20 + side > this.view.width ? x - 20 - side : x + 20;
    this.preview.style.left = `${Math.max(8, left)}px`;
    this.preview.style.top = `${Math.max(8, Math.min(this.view.height - side - 8, y - side / 2))}px`;
  }

  leave() {
    this.preview.hidden = true;
    if (this.painter.hovered < 0) return;
    this.painter.hovered = -1;
    this.draw();
  }

  // For screen readers: the two coarsest levels.
  listRegions() {
    const items = this.points.regions.flatMap((region, number) => {
      if (region.level > 1) return [];
      const text = `${region.name || "Unnamed region"}, ${many(region.count, "picture")}`;
      const button = el("button", { type: "button", textContent: text });
      button.addEventListener("click", () => this.goTo(number));
      return [el("li", {}, button)];
    });
    this.regions.replaceChildren(...items);
  }
}
