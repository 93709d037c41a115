// Pictures that were dropped, pasted or chosen, kept in this browser so that going back and
// reloading find them. They leave it only as part of a search.

const KEPT = 8;
const known = new Map(); // key → {file, address}
let store = null;

function database() {
  store ??= new Promise((done, failed) => {
    const opening = indexedDB.open("pixtrieve", 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore("pictures");
    opening.onsuccess = () => done(opening.result);
    opening.onerror = () => failed(opening.error);
  });
  return store;
}

const result = (request) => new Promise((done, failed) => {
  request.onsuccess = () => done(request.result);
  request.onerror = () => failed(request.error);
});

/** Keep a picture; return its key, which sorts by time. */
export async function keep(file) {
  const key = `${Date.now().toString(36)}${Math.random().toString(36).slice(2, 8)}`;
  remember(key, file);
  try {
    const pictures = (await database()).transaction("pictures", "readwrite").objectStore("pictures");
    await result(pictures.put(file, key));
    const keys = await result(pictures.getAllKeys());
    for (const old of keys.slice(0, -KEPT)) pictures.delete(old);
  } catch {
    // Without storage (private windows), it is kept until the page is closed.
  }
  return key;
}

/** Return {file, address} of a kept picture, or null if this browser does not have it. */
export async function find(key) {
  if (known.has(key)) return known.get(key);
  try {
    const file = await result((await database()).transaction("pictures").objectStore("pictures").get(key));
    return file ? remember(key, file) : null;
  } catch {
    return null;
  }
}

function remember(key, file) {
  const made = { file, address: URL.createObjectURL(file) };
  known.set(key, made);
  return made;
}
