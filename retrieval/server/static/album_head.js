// An open album: its heading, and taking pictures out of it.

import { ask, inParts, send } from "./api.js";
import { albumOf } from "./conditions.js";
import { spanOf } from "./days.js";
import { $, grouped, many } from "./dom.js";

/** What is said of an album below its name. */
export function about({ pictures, absent, first, last }) {
  return [many(pictures, "picture"), spanOf(first, last), absent ? `${grouped(absent)} not found on this machine now` : ""].filter(Boolean).join(" · ");
}

/** The heading above the pictures of an open album. */
export function createAlbumHead() {
  let drawn = "";

  return {
    /** Show the album of a state, if it has one; `again` if its pictures may have changed. */
    async draw(state, again = false) {
      const name = albumOf(state);
      $("albumhead").hidden = !name;
      if (!name || (name === drawn && !again)) { drawn = name; return; }
      if (name !== drawn) $("albumabout").textContent = "";
      drawn = name;
      $("albumname").textContent = name;
      const found = await ask(`/api/albums?${new URLSearchParams({ name })}`).catch(() => null);
      if (!found || name !== drawn) return;
      const [album] = found.albums;
      $("albumname").textContent = album?.name ?? name;
      $("albumabout").textContent = album ? about(album) : "There is no album of this name.";
    },
  };
}

/** Take pictures out of an album; says what was done, or throws. */
export async function takeOut(name, ids) {
  let removed = 0;
  await inParts(ids, async (part) => { removed += (await send("/api/albums/remove", { name, pictures: part })).removed; });
  return `Took ${many(removed, "picture")} out of “${name}”. ${removed === 1 ? "It stays" : "They stay"} in the library.`;
}
