// Drawing: points at the bottom, then pictures, then names. Every frame draws everything.

import { asRgb, packed, regionColours, unpacked } from "/map_colours.js";
import { widened } from "/map_data.js";
import { fullStamp, thinStamp } from "/map_dots.js";
import { isCalm } from "/map_view.js";

const SQUARE = 64; // least size of pictures, including the gap; the most is just under twice that
const CROWD = 40; // draw points if each shown picture would stand for more than this
const STILL_FEW = 60; // the same where pictures are shown already, so that they do not come and go
const COUNTED = 20_000; // up to this many pictures in view, their squares are counted
const ALONE = 1.25; // pictures that one stands for where there is room for larger ones
const ROOM = 4; // squares beyond the window that count for the size of pictures
const LARGEST = 280; // pixels of a picture that is alone
const NEAR = 1.7; // least zoom for pictures
const MOST_PIXELS = 3e6; // of the points' layer; larger layers are drawn at a lower resolution
const NAMES_FROM = [0, 2.4, 7]; // least zoom for the names of each level
const FADE = 0.16;
const LINE = 17;
const FACE = 48; // size of the picture above a name
const FEW = 8000; // up to this many points, crowds need no shading
const LARGE = 110; // pictures of this size need no preview
const WIDE = 600;
const TOOLS = { width: 76, height: 216 }; // top right corner, without names

export class Painter {
  constructor(below, above, view, thumbs) {
    this.below = below;
    this.above = above;
    this.view = view;
    this.thumbs = thumbs;
    this.shades = new Map(); // opacity of each name
    this.boxes = []; // names as drawn, for clicks
    this.tiles = []; // pictures as drawn
    this.lit = null;
    this.hovered = -1;
  }

  setPoints(points) {
    this.points = points;
    this.lit = null;
    this.shades.clear();
    this.readColours();
  }

  light(ids) {
    const wanted = new Set(ids);
    this.lit = wanted.size ? Uint8Array.from(this.points.ids, (id) => (wanted.has(id) ? 1 : 0)) : null;
  }

  readColours() {
    const style = getComputedStyle(this.below);
    const of = (name) => style.getPropertyValue(name).trim() || "#888";
    const [red, green, blue] = asRgb(of("--paper"));
    this.dark = red + green + blue < 384;
    this.ink = of("--ink");
    this.paper = of("--paper");
    this.accent = of("--accent");
    this.card = of("--card");
    this.line = of("--line");
    this.font = style.fontFamily;
    if (this.points) this.colours = regionColours(this.points.regions, this.dark);
  }

  // Depth of the squares in which to show pictures; -1 to show points.
  depth() {
    let depth = Math.max(0, Math.floor(Math.log2(this.view.scale / SQUARE)));
    if (this.view.zoom < NEAR) return -1;
    const finest = this.view.zoom >= this.view.most * 0.5;
    if (!finest && this.crowd(depth) > (this.tiles.length ? STILL_FEW : CROWD)) return -1;
    // Larger squares, where that hides next to nothing.
    while (depth && this.view.scale / 2 ** (depth - 1) <= LARGEST && this.crowd(depth - 1) <= ALONE) depth -= 1;
    return depth;
  }

  // How many pictures a shown one stands for: those in view, or all where these are too many to count.
  crowd(depth) {
    const { points, frame } = this;
    const view = [frame.left, frame.top, frame.right, frame.bottom];
    const count = points.countWithin(...view);
    if (count > COUNTED) return points.count / points.occupied(Math.min(depth, 9));
    return count / Math.max(1, points.squares(depth, ...view).length);
  }

  // Whether the picture below the pointer is too small to be seen well.
  get isSmall() {
    const tile = this.tiles.find(({ row }) => row === this.hovered);
    return !tile || tile.side < LARGE;
  }

  paint() {
    if (!this.points) return false;
    const ratio = Math.min(devicePixelRatio || 1, 2);
    this.frame = this.frameOnMap();
    const depth = this.depth();
    this.paintPoints(ratio, depth < 0);
    const context = this.above.getContext("2d");
    fit(this.above, this.view, ratio);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, this.view.width, this.view.height);
    this.tiles = [];
    if (depth >= 0) this.paintTiles(context, depth, ratio);
    else this.paintHovered(context);
    const fading = this.paintNames(context, depth >= 0, ratio);
    if (depth < 0) this.thumbs.want(this.boxes.map((box) => this.points.regions[box.number].picture), FACE * ratio);
    return fading;
  }

  frameOnMap() {
    const [left, top] = this.view.toMap(0, 0);
    const [right, bottom] = this.view.toMap(this.view.width, this.view.height);
    return { left, top, right, bottom };
  }

  // Fill the lower layer with paper, and with points if they are `shown`.
  paintPoints(ratio, shown) {
    const { view, points } = this;
    const share = Math.min(1, Math.sqrt(MOST_PIXELS / (view.width * view.height * ratio * ratio)));
    const fine = ratio * share;
    fit(this.below, view, fine);
    const context = this.below.getContext("2d", { alpha: false });
    const { width, height } = this.below;
    if (!this.image || this.image.width !== width || this.image.height !== height) {
      this.image = context.createImageData(width, height);
      this.pixels = new Uint32Array(this.image.data.buffer);
    }
    const { pixels } = this;
    const paper = packed(asRgb(this.paper));
    pixels.fill(paper);
    if (!shown) { context.putImageData(this.image, 0, 0); return; }
    const side = this.dotSide(fine);
    const scale = view.scale * fine;
    const left = width / 2 - view.x * scale - side / 2;
    const top = height / 2 - view.y * scale - side / 2;
    const half = (paper & 0xfefefe) >>> 1;
    const stamp = points.count > FEW ? thinStamp : fullStamp;
    const { x, y, region } = points;
    const { colours, lit } = this;
    const dot = (row, colour) => {
      const column = Math.round(x[row] * scale + left);
      const line = Math.round(y[row] * scale + top);
      if (column < 1 || line < 1 || column + side >= width || line + side >= height) return;
      stamp(pixels, width, column, line, side, colour);
    };
    const { frame } = this;
    points.within(frame.left, frame.top, frame.right, frame.bottom, (row) => {
      let colour = colours[region[row]];
      if (lit && !lit[row]) colour = ((colour & 0xfefefe) >>> 1) + half;
      dot(row, colour);
    });
    if (lit) {
      const accent = packed(asRgb(this.accent));
      points.within(frame.left, frame.top, frame.right, frame.bottom, (row) => {
        if (lit[row]) dot(row, accent);
      });
    }
    context.putImageData(this.image, 0, 0);
  }

  dotSide(fine) {
    const { view, points } = this;
    const room = Math.sqrt((view.scale / view.zoom) ** 2 / Math.max(points.count, 1));
    const side = Math.max(2, Math.min(7, room * 0.5)) * Math.min(view.zoom ** 0.4, 3);
    return Math.max(1, Math.round(Math.min(side, 9) * fine));
  }

  paintTiles(context, depth, ratio) {
    const { view, points, frame } = this;
    const size = view.scale / 2 ** depth;
    const beyond = ROOM / 2 ** depth;
    const squares = points.squares(depth, frame.left - beyond, frame.top - beyond, frame.right + beyond, frame.bottom + beyond, this.lit);
    squares.sort((a, b) => points.first[a.row] - points.first[b.row]); // the same while the map moves
    const widths = widened(squares, Math.max(1, LARGEST / size));
    const boxes = squares.map((square, place) => {
      const [x, y] = this.middleOf(square, depth);
      const side = widths[place] * size - Math.max(2, size * 0.05);
      const apart = (x - view.width / 2) ** 2 + (y - view.height / 2) ** 2;
      return { square, apart, left: x - side / 2, top: y - side / 2, side };
    });
    const seen = boxes.filter(({ left, top, side }) => left < view.width && top < view.height && left + side > 0 && top + side > 0);
    seen.sort((a, b) => a.apart - b.apart);
    this.thumbs.want(seen.map(({ square }) => points.ids[square.row]), Math.max(0, ...seen.map(({ side }) => side)) * ratio);
    for (const { square, ...box } of seen) this.paintTile(context, square, box, ratio, this.lit && !this.lit[square.row]);
  }

  middleOf(square, depth) {
    return this.view.toScreen((square.column + 0.5) / 2 ** depth, (square.line + 0.5) / 2 ** depth);
  }

  paintTile(context, square, { left, top, side }, ratio, dimmed) {
    const id = this.points.ids[square.row];
    const bitmap = this.thumbs.get(id, side * ratio);
    const corner = Math.min(10, side * 0.09);
    context.globalAlpha = dimmed ? 0.2 : 1;
    context.beginPath();
    context.roundRect(left, top, side, side, corner);
    context.fillStyle = unpacked(this.colours[this.points.region[square.row]], bitmap ? 1 : 0.45);
    context.fill();
    if (bitmap) {
      context.save();
      context.clip();
      context.drawImage(bitmap, left, top, side, side);
      context.restore();
    }
    if (square.row === this.hovered || (this.lit && !dimmed)) {
      context.lineWidth = 3;
      context.strokeStyle = this.accent;
      context.stroke();
    }
    context.globalAlpha = 1;
    this.tiles.push({ left, top, side, row: square.row });
  }

  paintHovered(context) {
    if (this.hovered < 0) return;
    const [x, y] = this.view.toScreen(this.points.x[this.hovered], this.points.y[this.hovered]);
    context.beginPath();
    context.arc(x, y, 7, 0, 7);
    context.lineWidth = 2.5;
    context.strokeStyle = this.ink;
    context.stroke();
  }

  // Draw the names that do not overlap, largest regions first. True while names fade in.
  paintNames(context, onPictures, ratio) {
    const { regions } = this.points;
    const finest = regions.length ? regions[regions.length - 1].level : 0;
    const level = Math.max(0, Math.min(finest, NAMES_FROM.filter((zoom) => this.view.zoom >= zoom).length - 1));
    // Where a region has no name, those of its parts.
    const isNamed = (region) => region.level === level || (region.level === level + 1 && !regions[region.parent].name);
    const chosen = regions
      .map((region, number) => ({ region, number }))
      .filter(({ region }) => region.name && isNamed(region))
      .sort((a, b) => b.region.count - a.region.count);
    this.boxes = [];
    const tools = { left: this.view.width - TOOLS.width, top: 0, ...TOOLS };
    for (const { region, number } of chosen) {
      const box = this.boxOf(context, region, number, onPictures || this.view.width < WIDE ? 0 : FACE);
      if (box && ![tools, ...this.boxes].some((other) => overlap(box, other))) this.boxes.push(box);
    }
    return this.fadeNames(context, onPictures, ratio);
  }

  boxOf(context, region, number, face) {
    const [x, y] = this.view.toScreen(region.x, region.y);
    context.font = this.nameFont(region);
    const lines = wrapped(region.name);
    const width = Math.max(...lines.map((line) => context.measureText(line).width)) + 16;
    const height = lines.length * LINE + 8 + face;
    const box = { number, lines, face, left: x - width / 2, top: y - height / 2, width, height };
    if (x < 0 || y < 0 || x > this.view.width || y > this.view.height) return null;
    // Move a name near the edge inwards, so that it is not cut off.
    box.left = Math.max(6, Math.min(this.view.width - width - 6, box.left));
    box.top = Math.max(6, Math.min(this.view.height - height - 6, box.top));
    return box;
  }

  nameFont(region) {
    return `600 ${region.level ? 13 : 14.5}px ${this.font}`;
  }

  fadeNames(context, onPictures, ratio) {
    const shown = new Set(this.boxes.map((box) => box.number));
    let fading = false;
    for (const box of this.boxes) {
      const before = this.shades.get(box.number) ?? 0;
      const shade = isCalm() ? 1 : Math.min(1, before + FADE);
      fading ||= shade < 1;
      this.shades.set(box.number, shade);
      this.paintName(context, box, shade, onPictures);
      if (box.face) this.paintFace(context, box, shade, ratio);
    }
    for (const number of this.shades.keys()) if (!shown.has(number)) this.shades.delete(number);
    return fading;
  }

  paintName(context, box, shade, onPictures) {
    const region = this.points.regions[box.number];
    context.font = this.nameFont(region);
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.globalAlpha = shade * (onPictures ? 0.9 : 0.72);
    context.beginPath();
    context.roundRect(box.left, box.top + box.face, box.width, box.height - box.face, 9);
    context.fillStyle = onPictures ? this.card : this.paper;
    context.fill();
    context.globalAlpha = shade;
    if (onPictures) {
      context.lineWidth = 1;
      context.strokeStyle = this.line;
      context.stroke();
    }
    context.fillStyle = this.ink;
    box.lines.forEach((line, place) => {
      context.fillText(line, box.left + box.width / 2, box.top + box.face + 4 + LINE * (place + 0.5));
    });
    context.globalAlpha = 1;
  }

  // A typical picture of a region, above its name.
  paintFace(context, box, shade, ratio) {
    const region = this.points.regions[box.number];
    const bitmap = this.thumbs.get(region.picture, FACE * ratio);
    const [x, y, radius] = [box.left + box.width / 2, box.top + FACE / 2, FACE / 2 - 2];
    context.globalAlpha = shade;
    context.beginPath();
    context.arc(x, y, radius, 0, 7);
    context.fillStyle = unpacked(this.colours[box.number], 1);
    context.fill();
    if (bitmap) {
      context.save();
      context.clip();
      context.drawImage(bitmap, x - radius, y - radius, radius * 2, radius * 2);
      context.restore();
    }
    context.lineWidth = 2.5;
    context.strokeStyle = this.card;
    context.stroke();
    context.globalAlpha = 1;
  }

  nameAt(x, y) {
    const inside = ({ left, top, width, height }) => x >= left && y >= top && x <= left + width && y <= top + height;
    return this.boxes.find(inside)?.number ?? -1;
  }

  // The picture at a position on the screen, -1 for none.
  pictureAt(x, y, reach) {
    if (this.tiles.length) {
      const apart = ({ left, top, side }) => Math.max(left - x, x - left - side, top - y, y - top - side);
      const near = this.tiles.reduce((best, tile) => (apart(tile) < apart(best) ? tile : best));
      return apart(near) <= Math.max(0, reach - 14) ? near.row : -1;
    }
    return this.points.nearest(...this.view.toMap(x, y), reach / this.view.scale);
  }
}

function fit(canvas, view, ratio) {
  const [width, height] = [Math.max(1, Math.round(view.width * ratio)), Math.max(1, Math.round(view.height * ratio))];
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
}

const overlap = (a, b) =>
  a.left < b.left + b.width + 6 && b.left < a.left + a.width + 6 && a.top < b.top + b.height + 4 && b.top < a.top + a.height + 4;

function wrapped(name) {
  const lines = [];
  for (const word of name.split(" ")) {
    const last = lines.length - 1;
    if (last >= 0 && lines[last].length + word.length < 16) lines[last] += ` ${word}`;
    else lines.push(word);
  }
  return lines;
}
