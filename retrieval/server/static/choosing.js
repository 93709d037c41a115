// Actions on selected pictures: mark them as favourites, download them, refine the search, teach a concept.

import { takeOut } from "./album_head.js";
import { send } from "./api.js";
import { sentence } from "./dialogs.js";
import { $, grouped, many, toast } from "./dom.js";

/**
 * `examples()` returns the pictures that are liked and disliked now, `refine({like, unlike})` searches
 * with others; `learned(name)` is called for a new concept, `favourite(ids, on)` marks pictures,
 * `collect(ids)` resolves to what was done when they are in an album; `album()` is the name of the open
 * one, "" for none, and `left()` is called when pictures were taken out of it.
 */
export function createChoosing({ gallery, examples, refine, learned, favourite, collect, album, left }) {
  function rate(name, other) {
    const before = examples();
    const picked = gallery.picked;
    gallery.clear();
    refine({ [name]: [...new Set([...before[name], ...picked])], [other]: before[other].filter((id) => !picked.includes(id)) });
  }

  function prepare() {
    // Both selected and liked pictures are examples.
    const like = [...new Set([...examples().like, ...gallery.picked])];
    return { like, unlike: examples().unlike.filter((id) => !like.includes(id)) };
  }

  function ask() {
    const { like, unlike } = prepare();
    $("examples").textContent = `From ${many(like.length, "picture")} that ${like.length === 1 ? "shows" : "show"} it${unlike.length ? ` and ${unlike.length} that ${unlike.length === 1 ? "does" : "do"} not` : ""}.`
      + (like.length < 4 ? " Four or more give better results." : "");
    $("lesson").textContent = "";
    $("concept").showModal();
    $("conceptname").focus();
  }

  async function teach() {
    const name = $("conceptname").value.trim();
    if (!name) { $("lesson").textContent = "Enter a name."; return; }
    $("learn").disabled = true;
    try {
      const found = await send("/api/concepts", { name, ...prepare() });
      const tagged = $("tagging").checked ? (await send("/api/concepts/tags", { name })).images : null;
      $("concept").close();
      gallery.clear();
      $("conceptname").value = "";
      toast(`Learned “${found.name}”${tagged === null ? "" : ` and tagged ${many(tagged, "picture")}`}.`);
      learned(found.name);
    } catch (error) {
      $("lesson").textContent = `${error.message} ${error.hint ?? ""}`;
    } finally {
      $("learn").disabled = false;
    }
  }

  function take(kind) {
    $("ids").value = gallery.picked.join(",");
    $("save").action = `/api/download/${kind}`;
    $("save").submit();
  }

  /** Whether all selected pictures are favourites; not if that is not known of one. */
  const allLoved = () => gallery.picked.every((id) => gallery.source.of(id)?.favourite);

  const drawHeart = () => { $("love").textContent = allLoved() ? "Remove from favourites" : "Add to favourites"; };

  $("love").addEventListener("click", async () => {
    const [ids, on] = [gallery.picked, !allLoved()];
    const done = favourite(ids, on);
    drawHeart();
    if (await done) toast(`${on ? "Marked" : "Unmarked"} ${many(ids.length, "picture")}.`);
    drawHeart();
  });
  $("collect").addEventListener("click", async () => {
    const said = await collect(gallery.picked);
    if (!said) return;
    gallery.clear();
    toast(said);
  });
  $("takeout").addEventListener("click", async () => {
    try {
      toast(await takeOut(album(), gallery.picked));
      gallery.clear();
      left();
    } catch (error) {
      toast(sentence(error.message));
    }
  });
  $("liked").addEventListener("click", () => rate("like", "unlike"));
  $("unliked").addEventListener("click", () => rate("unlike", "like"));
  $("teach").addEventListener("click", ask);
  $("learn").addEventListener("click", teach);
  $("conceptname").addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); teach(); } });
  $("save").addEventListener("submit", (event) => { event.preventDefault(); take("zip"); });
  $("list").addEventListener("change", () => { if ($("list").value) take($("list").value); $("list").value = ""; });
  $("unchoose").addEventListener("click", () => gallery.clear());

  return {
    /** Show the toolbar with the number of selected pictures, or hide it. */
    show() {
      const count = gallery.picked.length;
      $("chosen").hidden = !count;
      if (count) drawHeart();
      $("takeout").hidden = !album();
      $("count").textContent = `${grouped(count)} selected`;
    },
  };
}
