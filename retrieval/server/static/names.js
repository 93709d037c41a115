// Names of albums and saved searches, and albums found by what one types. Plain functions.

const plain = (text) => text.normalize("NFC").trim().replace(/\s+/g, " ");
const loose = (text) => plain(text).normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

/** Whether two names are the same: upper and lower case do not count, accents do. */
export const sameName = (one, other) => plain(one).toLowerCase() === plain(other).toLowerCase();

/**
 * The albums whose names contain a text, those that begin with it first; `creates` is the name of the
 * album that could be made of it, "" if there is one of that name.
 */
export function matching(albums, text) {
  const wanted = loose(text);
  const found = albums.filter(({ name }) => loose(name).includes(wanted));
  const first = ({ name }) => (sameName(name, text) ? 0 : loose(name).startsWith(wanted) ? 1 : 2);
  return {
    found: wanted ? found.sort((one, other) => first(one) - first(other)) : found,
    creates: albums.some(({ name }) => sameName(name, text)) ? "" : plain(text),
  };
}

/** The album that a state shows, "" for none: one album, whatever else is asked of its pictures. */
export const albumOf = ({ filters }) => (filters.album?.length === 1 ? filters.album[0] : "");
