// Adding pictures to an album: a list of the albums; typing finds one, or makes a new one.

import { ask, send } from "./api.js";
import { sentence } from "./dialogs.js";
import { $, el, many } from "./dom.js";
import { matching } from "./names.js";

const MOST = 10_000; // pictures in one request

/** The cover of an album, or an empty one. */
export const coverOf = ({ cover }, side) => (cover === null
  ? el("span", { class: "cover" })
  : el("img", { class: "cover", src: `/api/pictures/${cover}/thumbnail?side=${side}`, alt: "", loading: "lazy", decoding: "async" }));

/** Put pictures into an album, which is made if there is none; returns a sentence about it. */
async function put(name, ids) {
  let [added, already, album] = [0, 0, null];
  for (let first = 0; first < ids.length; first += MOST) {
    const done = await send("/api/albums", { name, pictures: ids.slice(first, first + MOST) });
    added += done.added;
    already += done.already;
    album = done.album;
  }
  // All that was in the album counts as "already": only of these pictures it is of interest.
  const before = ids.length - added;
  if (!added) return `${before === 1 ? "The picture is" : "These pictures are"} in “${album.name}” already.`;
  return `Added ${many(added, "picture")} to “${album.name}”.${before ? ` ${before.toLocaleString("en")} ${before === 1 ? "was" : "were"} in it already.` : ""}`;
}

/** `changed()` is called after pictures were added. */
export function createAlbumPicker({ changed }) {
  const dialog = $("picker");
  let albums = [];
  let ids = [];
  let has = []; // names of the albums that have the one picture
  let finish = () => {};

  function row(face, title, note, take, disabled = false) {
    return el("li", {}, el("button", { type: "button", disabled, onclick: take }, face, el("span", { class: "title", textContent: title }), el("span", { class: "number", textContent: note })));
  }

  function draw() {
    const text = $("pickername").value;
    const { found, creates } = matching(albums, text);
    const rows = found.map((album) => (has.includes(album.name)
      ? row(coverOf(album, 256), album.name, "✓ in it", null, true)
      : row(coverOf(album, 256), album.name, album.pictures.toLocaleString("en"), () => take(album.name))));
    if (creates) rows.push(row(el("span", { class: "cover new", textContent: "+" }), `Create “${creates}”`, "", () => take(creates)));
    if (!rows.length) rows.push(el("li", { class: "soft", textContent: "There are no albums yet. Enter a name to create the first one." }));
    $("pickerlist").replaceChildren(...rows);
    $("pickerlist").classList.toggle("typed", Boolean(text.trim()));
  }

  async function take(name) {
    try {
      const said = await put(name, ids);
      changed();
      finish(said);
      dialog.close();
    } catch (error) {
      $("pickertrouble").textContent = sentence(error.message);
    }
  }

  $("pickername").addEventListener("input", draw);
  $("pickerform").addEventListener("submit", (event) => {
    event.preventDefault();
    if ($("pickername").value.trim()) $("pickerlist").querySelector("button:enabled")?.click();
  });
  $("pickercancel").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("close", () => finish(""));

  return {
    /** Let the person choose an album for pictures; resolves to a sentence, "" if they do not. */
    async open(pictures) {
      ids = pictures;
      albums = has = [];
      $("pickertitle").textContent = ids.length === 1 ? "Add to an album" : `Add ${many(ids.length, "picture")} to an album`;
      $("pickername").value = $("pickertrouble").textContent = "";
      $("pickerlist").replaceChildren();
      dialog.showModal();
      const chosen = new Promise((resolve) => { finish = resolve; });
      try {
        const [known, own] = await Promise.all([ask("/api/albums"), ids.length === 1 ? ask(`/api/pictures/${ids[0]}/albums`) : null]);
        albums = known.albums;
        has = own?.albums ?? [];
        draw();
      } catch (error) {
        $("pickertrouble").textContent = sentence(error.message);
      }
      return chosen;
    },
  };
}
