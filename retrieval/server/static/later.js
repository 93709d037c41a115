// Parts of the page whose scripts and styles are loaded when they are first needed, or when the page rests.

import { lost } from "./connection.js";
import { el } from "./dom.js";

const LONGEST = 1500; // milliseconds to wait for the first pictures

/** A part that `load()` resolves to. */
export function createLater(load) {
  let part = null;
  let coming = null;

  return {
    /** The part; null until it is loaded. */
    get part() { return part; },
    /** Load the part, if that was not done or failed; resolves to it. */
    load() {
      coming ??= load().then((made) => { part = made; return made; }, (error) => { coming = null; lost(); throw error; });
      return coming;
    },
    /** Call `act(part)`, at once if it is loaded; others that wait come first. */
    with(act) {
      if (part) act(part);
      else this.load().then(act, () => {}); // the page says that the server does not answer
    },
  };
}

/** Load a style sheet. */
export function style(address) {
  return new Promise((done, failed) => {
    document.head.append(el("link", { rel: "stylesheet", href: address, onload: done, onerror: () => failed(new Error(`${address} was not loaded`)) }));
  });
}

/** Resolve once the pictures that a list asks for are shown, and at the latest after a while. */
export function shown(list) {
  return new Promise((done) => {
    const control = new AbortController();
    const finish = () => { control.abort(); done(); };
    const look = () => { if ([...list.querySelectorAll("img[src]")].every((image) => image.complete)) finish(); };
    for (const name of ["load", "error"]) list.addEventListener(name, look, { capture: true, signal: control.signal });
    setTimeout(finish, LONGEST);
    look();
  });
}
