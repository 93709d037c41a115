// Adding pictures to an album: a list of the albums; typing finds one, or makes a new one.

import { ask, inParts, send } from "./api.js";
import { sentence } from "./dialogs.js";
import { $, el, grouped, many, toast } from "./dom.js";

/** The cover of an album, or an empty one. */
export const coverOf = ({ cover }, side) => (cover === null
  ? el("span", { class: "cover" })
  : el("img", { class: "cover", src: `/api/pictures/${cover}/thumbnail?side=${side}`, alt: "", loading: "lazy", decoding: "async" }));

/** Put pictures into an album, which is made if there is none; returns a sentence about it. */
async function put(name, ids) {
  let [added, album] = [0, null];
  await inParts(ids, async (part) => {
    const done = await send("/api/albums", { name, pictures: part });
    added += done.added;
    album = done.album;
  });
  // All that was in the album counts as "already": only of these pictures it is of interest.
  const before = ids.length - added;
  if (!added) return `${before === 1 ? "The picture is" : "These pictures are"} in “${album.name}” already.`;
  return `Added ${many(added, "picture")} to “${album.name}”.${before ? ` ${grouped(before)} ${before === 1 ? "was" : "were"} in it already.` : ""}`;
}

/** `changed()` is called after pictures were added. */
export function createAlbumPicker({ changed }) {
  const dialog = $("picker");
  let albums = new Map(); // by name
  let ids = [];
  let has = []; // names of the albums that have the one picture
  let finish = () => {};
  let opening = 0; // number of the last opening
  let taking = 0; // the opening that is adding its pictures
  let typing = null; // AbortController of the request for what is typed
  let drawn = Promise.resolve(); // the list is that of what is typed

  function row(face, title, note, take, disabled = false) {
    return el("li", {}, el("button", { type: "button", disabled, onclick: take }, face, el("span", { class: "title", textContent: title }), el("span", { class: "number", textContent: note })));
  }

  async function draw() {
    typing?.abort();
    typing = new AbortController();
    const text = $("pickername").value;
    const { names, creates } = await ask(`/api/albums/matching?${new URLSearchParams({ text })}`, { signal: typing.signal });
    const found = names.map((name) => albums.get(name)).filter(Boolean);
    const rows = found.map((album) => (has.includes(album.name)
      ? row(coverOf(album, 256), album.name, "✓ in it", null, true)
      : row(coverOf(album, 256), album.name, grouped(album.pictures), () => take(album.name))));
    if (creates) rows.push(row(el("span", { class: "cover new", textContent: "+" }), `Create “${creates}”`, "", () => take(creates)));
    if (!rows.length) rows.push(el("li", { class: "soft", textContent: "There are no albums yet. Enter a name to create the first one." }));
    $("pickerlist").replaceChildren(...rows);
    $("pickerlist").classList.toggle("typed", Boolean(text.trim()));
  }

  const tell = (error) => { if (error.name !== "AbortError") $("pickertrouble").textContent = sentence(error.message); };

  async function take(name) {
    const mine = opening;
    if (taking === mine) return;
    taking = mine;
    try {
      const said = await put(name, ids);
      changed();
      if (mine !== opening || !dialog.open) { toast(said); return; }
      finish(said);
      dialog.close();
    } catch (error) {
      if (mine === opening) tell(error);
    } finally {
      if (taking === mine) taking = 0;
    }
  }

  $("pickername").addEventListener("input", () => { drawn = draw().catch(tell); });
  $("pickerform").addEventListener("submit", async (event) => {
    event.preventDefault();
    await drawn;
    if ($("pickername").value.trim()) $("pickerlist").querySelector("button:enabled")?.click();
  });
  $("pickercancel").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  // The event comes later: by then, the dialog may be open for other pictures.
  dialog.addEventListener("close", () => { if (!dialog.open) finish(""); });

  return {
    /** Let the person choose an album for pictures; resolves to a sentence, "" if they do not. */
    async open(pictures) {
      finish("");
      opening += 1;
      const mine = opening;
      ids = pictures;
      albums = new Map();
      has = [];
      $("pickertitle").textContent = ids.length === 1 ? "Add to an album" : `Add ${many(ids.length, "picture")} to an album`;
      $("pickername").value = $("pickertrouble").textContent = "";
      $("pickerlist").replaceChildren();
      if (!dialog.open) dialog.showModal();
      const chosen = new Promise((resolve) => { finish = resolve; });
      try {
        const [known, own] = await Promise.all([ask("/api/albums"), ids.length === 1 ? ask(`/api/pictures/${ids[0]}/albums`) : null]);
        if (mine !== opening) return chosen;
        albums = new Map(known.albums.map((album) => [album.name, album]));
        has = own?.albums ?? [];
        drawn = draw();
        await drawn;
      } catch (error) {
        if (mine === opening) tell(error);
      }
      return chosen;
    },
  };
}
