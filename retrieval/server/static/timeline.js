// All pictures in an order: their shapes at once, and the rest of each when it comes into view.

import { ask } from "./api.js";
import { sectionsOf } from "./days.js";

const PAGE = 200; // pictures in one request
const AT_ONCE = 3;
const WIDEST = 6;
const RATIOS = Float32Array.from({ length: 256 }, (_, code) => WIDEST ** (code / 127.5 - 1));

/** The widths / heights of a timeline's `ratios` (base64). */
export const ratiosOf = (text) => Float32Array.from(atob(text), (letter) => RATIOS[letter.charCodeAt(0)]);

/** Ask for the pictures that match `where`, and for what is shown of the first: what `createTimeline` takes. */
export const loadTimeline = (where, sort, signal) => ask(`/api/timeline?${new URLSearchParams({ where, sort: sort || "date-desc", first: PAGE })}`, { signal });

/**
 * A source of pictures for the gallery. `arrived(first, after)` is called when more is known of
 * some of them, `outdated()` when the server has forgotten the order.
 */
export function createTimeline({ order, count, ratios, days, pictures }, { arrived, outdated }) {
  const ids = new Array(count); // known ones
  const items = new Array(count);
  const places = new Map(); // id → place
  const loading = new Map(); // page → promise
  const control = new AbortController();
  let wanted = [];

  async function fetched(part, values, options = {}) {
    try {
      return await ask(`/api/timeline/${order}/${part}?${new URLSearchParams(values)}`, options);
    } catch (error) {
      if (error.status !== 409) throw error;
      outdated();
      throw new Error("The library has changed, and its pictures are listed again. Select them once more.");
    }
  }

  const load = (values) => fetched("pictures", { ...values, limit: PAGE }, { signal: control.signal }).then(come).catch(() => {});

  function come({ offset, pictures: some }) {
    take(offset, some);
    arrived(offset, offset + some.length);
  }

  function take(offset, some) {
    some.forEach((picture, number) => {
      const place = offset + number;
      items[place] = picture ? { ...picture, path: picture.name } : { id: 0, path: "", name: "", date: "", placeholder: "" };
      if (!picture) return;
      ids[place] = picture.id;
      places.set(picture.id, place);
    });
  }

  function next() {
    while (loading.size < AT_ONCE && wanted.length) {
      const page = wanted.shift();
      if (loading.has(page) || items[page * PAGE]) continue;
      const going = load({ offset: page * PAGE }).finally(() => { loading.delete(page); next(); });
      loading.set(page, going);
    }
  }

  take(0, pictures);

  return {
    count, ids,
    ratios: ratiosOf(ratios),
    dated: days.length > 0,
    /** Runs of days; those that have fewer than `few` pictures together are one. */
    sections: (few) => (days.length ? sectionsOf(days, few) : [{ first: 0, title: "", month: "" }]),
    item: (place) => items[place],
    placeOf: (id) => places.get(id) ?? -1,
    of: (id) => items[places.get(id)],
    /** Load what is known of these pictures; what was wanted before and has not begun is dropped. */
    need(first, after) {
      wanted = [];
      for (let page = Math.floor(first / PAGE); page * PAGE < Math.min(after, count); page++) if (!items[page * PAGE]) wanted.push(page);
      next();
    },
    /** Load the page that a picture is on. */
    async find(id) { if (!places.has(id)) await load({ page_of: id }); },
    /** The ids of the pictures from a place to another, that one left out; throws if the server has forgotten the order. */
    async range(first, after) {
      const found = [];
      while (found.length < after - first) {
        const part = await fetched("ids", { offset: first + found.length, limit: after - first - found.length });
        if (!part.ids.length) break;
        found.push(...part.ids);
      }
      return found;
    },
    close: () => control.abort(),
  };
}

/** The hits of a search as a source for the gallery; `parts` are where their pages begin. */
export function createHits(hits, parts = [0]) {
  const ids = hits.map((hit) => hit.id);
  const places = new Map(ids.map((id, place) => [id, place]));
  return {
    hits, parts, ids, count: hits.length, dated: false,
    ratios: Float32Array.from(hits, (hit) => hit.width / hit.height || 1),
    sections: () => parts.map((first) => ({ first, title: "", month: "" })),
    item: (place) => hits[place],
    placeOf: (id) => places.get(id) ?? -1,
    of: (id) => hits[places.get(id)],
    need() {},
    async find() {},
    range: async (first, after) => ids.slice(first, after),
    close() {},
  };
}
