// Thumbnails as bitmaps: loads those in view, and keeps the most recently used.

const AT_ONCE = 8;
const MOST_BYTES = 128 * 2 ** 20;

export class Thumbs {
  constructor(loaded) {
    this.loaded = loaded; // called after each load
    this.kept = new Map(); // by key, the most recently used last
    this.bytes = 0;
    this.wanted = [];
    this.loading = new Map();
    this.broken = new Set();
  }

  // The bitmap of a picture for a square of `pixels` device pixels, or one of another size, or null.
  get(id, pixels) {
    for (const side of pixels <= 128 ? [128, 256] : [256, 128]) {
      const key = `${id} ${side}`;
      const found = this.kept.get(key);
      if (!found) continue;
      this.kept.delete(key);
      this.kept.set(key, found);
      return found;
    }
    return null;
  }

  // Set the pictures in view, the most important first; cancel loading others.
  want(ids, pixels) {
    const side = pixels <= 128 ? 128 : 256;
    this.wanted = ids.map((id) => ({ id, side, key: `${id} ${side}` }));
    const keys = new Set(this.wanted.map((each) => each.key));
    for (const [key, control] of this.loading) if (!keys.has(key)) control.abort();
    this.next();
  }

  next() {
    while (this.loading.size < AT_ONCE && this.wanted.length) {
      const { id, side, key } = this.wanted.shift();
      if (this.kept.has(key) || this.loading.has(key) || this.broken.has(id)) continue;
      const control = new AbortController();
      this.loading.set(key, control);
      this.load(id, side, key, control.signal).finally(() => {
        this.loading.delete(key);
        this.next();
      });
    }
  }

  async load(id, side, key, signal) {
    try {
      const response = await fetch(`/api/pictures/${id}/thumbnail?side=256`, { signal });
      if (!response.ok) throw new Error("no picture");
      const whole = await createImageBitmap(await response.blob());
      const bitmap = await squared(whole, side);
      whole.close();
      this.keep(key, bitmap);
      this.loaded();
    } catch (error) {
      if (error.name !== "AbortError") this.broken.add(id);
    }
  }

  keep(key, bitmap) {
    this.kept.set(key, bitmap);
    this.bytes += bitmap.width * bitmap.height * 4;
    for (const [old, unused] of this.kept) {
      if (this.bytes <= MOST_BYTES || old === key) break;
      this.bytes -= unused.width * unused.height * 4;
      this.kept.delete(old);
      unused.close();
    }
  }

  stop() {
    this.wanted = [];
    for (const control of this.loading.values()) control.abort();
    this.broken.clear();
  }
}

// The square in the middle of a picture.
function squared(whole, side) {
  const least = Math.min(whole.width, whole.height);
  const [left, top] = [(whole.width - least) / 2, (whole.height - least) / 2];
  const size = Math.min(side, least);
  return createImageBitmap(whole, Math.floor(left), Math.floor(top), least, least, {
    resizeWidth: size,
    resizeHeight: size,
    resizeQuality: "medium",
  });
}
