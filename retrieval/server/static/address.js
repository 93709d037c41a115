// What the page shows, and its address: `/?q=dog&filter.camera=Pixel&open=17#map`. No other state
// survives a reload or reaches the person who gets a copied address. Plain functions, no document.

/**
 * `terms`: {id, negative, weight} or {concept, negative, weight}. `picture`: the key of a pasted
 * picture (uploads.js). `filters`: a list of values by name (conditions.js). `sure`: the least
 * confidence in percent. `open`: the id of the picture in the viewer, 0 for none. `at`: middle and
 * zoom of the map, null for the whole. `reason`: the problem whose files the Library lists. `review`: the
 * group of duplicates that is compared, 0 for none; `stay`: the number of the file that stays, 0 for the
 * proposed one; `lens`: what is seen of its pictures, from -1 to 1 and a scale, null for all.
 */
export const EMPTY = Object.freeze({
  view: "search", text: "", terms: [], picture: "", like: [], unlike: [], filters: {}, where: "",
  sort: "", group: "", fuse: "", look: "", diverse: false, sure: 0, open: 0, at: null,
  reason: "", review: 0, stay: 0, lens: null,
});

/** A state without a question and filters, to spread into a change. */
export const NOTHING_ASKED = Object.freeze({ text: "", terms: [], picture: "", like: [], unlike: [], open: 0 });
export const NO_FILTERS = Object.freeze({ filters: {}, where: "", sort: "", group: "", fuse: "", look: "", diverse: false });

export const VIEWS = ["search", "map", "albums", "duplicates", "library"];
const WORDS = ["where", "sort", "group", "fuse", "look"];
const TERM = /^(-?)(?:(\d{1,4}(?:\.\d{1,4})?):)?(?:id:(\d{1,16})|concept:([^]+))$/;
const PLACES = 5; // decimals of a map position

export function toAddress(state) {
  const values = new URLSearchParams();
  const put = (name, value) => { if (value) values.append(name, value); };
  put("q", state.text);
  for (const term of state.terms) put("term", written(term));
  put("picture", state.picture);
  put("like", state.like.join(","));
  put("unlike", state.unlike.join(","));
  for (const name of Object.keys(state.filters).sort()) for (const value of state.filters[name]) put(`filter.${name}`, value);
  for (const name of WORDS) put(name, state[name]);
  put("diverse", state.diverse ? "yes" : "");
  put("sure", state.sure ? String(state.sure) : "");
  put("open", state.open ? String(state.open) : "");
  if (state.view === "map" && state.at) put("at", rounded(state.at).join(","));
  if (state.view === "library") put("reason", state.reason);
  if (state.view === "duplicates" && state.review) {
    put("review", String(state.review));
    put("stay", state.stay ? String(state.stay) : "");
    if (state.lens) put("lens", rounded(state.lens).join(","));
  }
  // These are allowed in a query, and easier to read.
  const query = values.toString().replaceAll("%3A", ":").replaceAll("%2C", ",").replaceAll("%2F", "/");
  return `/${query && `?${query}`}${state.view === "search" ? "" : `#${state.view}`}`;
}

/** The state of an address; whatever is unknown or malformed in it counts as missing. */
export function fromAddress({ search = "", hash = "" }) {
  const values = new URLSearchParams(search);
  const read = (name) => values.get(name) ?? "";
  const view = hash.slice(1);
  const filters = {};
  for (const [name, value] of values) {
    if (name.startsWith("filter.") && name.length > 7 && value) (filters[name.slice(7)] ??= []).push(value);
  }
  const state = { ...EMPTY, view: VIEWS.includes(view) ? view : "search", text: read("q"), filters,
    terms: values.getAll("term").map(term).filter(Boolean), picture: read("picture"),
    like: ids(read("like")), unlike: ids(read("unlike")), diverse: read("diverse") === "yes",
    sure: Math.round(Math.min(100, Math.max(0, Number(read("sure")) || 0))), open: ids(read("open"))[0] ?? 0 };
  for (const name of WORDS) state[name] = read(name);
  state.at = view === "map" ? position(read("at")) : null;
  if (view === "library") state.reason = read("reason");
  if (view === "duplicates") {
    state.review = ids(read("review"))[0] ?? 0;
    state.stay = state.review ? ids(read("stay"))[0] ?? 0 : 0;
    state.lens = state.review ? position(read("lens")) : null;
  }
  return state;
}

/** The address of what is asked: equal for states with the same answer. */
export const asked = (state) => toAddress({ ...state, view: "search", open: 0 });

/** Whether there is a question, in words or pictures. */
export const hasQuestion = ({ text, terms, picture, like }) => Boolean(text.trim() || terms.length || picture || like.length);

export const rounded = ([x, y, zoom]) => [x, y, zoom].map((value) => Number(value.toFixed(PLACES)));

function written({ id, concept, negative, weight }) {
  const what = concept === undefined ? `id:${id}` : `concept:${concept}`;
  return `${negative ? "-" : ""}${weight === 1 ? "" : `${weight}:`}${what}`;
}

function term(text) {
  const [, minus, weight, id, concept] = TERM.exec(text) ?? [];
  const [number] = ids(id ?? "");
  if (number === undefined && !concept) return null;
  const what = concept ? { concept } : { id: number };
  return { ...what, negative: minus === "-", weight: Number(weight ?? 1) || 1 };
}

const ids = (text) => [...new Set(text.split(",").filter((each) => /^[0-9]{1,16}$/.test(each)).map(Number))]
  .filter((id) => id > 0 && Number.isSafeInteger(id));

function position(text) {
  const found = text.split(",").map(Number);
  const valid = found.length === 3 && text && found.every(Number.isFinite) && found[2] > 0;
  return valid ? rounded(found) : null;
}
