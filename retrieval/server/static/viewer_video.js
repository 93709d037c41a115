// The viewer's player: a video, and a strip of its moments.

import { $, clock, el } from "./dom.js";

const FEW = 24; // moments in the strip

/** At most `few` of the moments of a video, spread over it, those in `best` among them. */
export function chosen(moments, best, few = FEW) {
  if (moments.length <= few) return moments;
  const kept = new Set(best.slice(0, few));
  const step = moments.length / (few - kept.size || 1);
  for (let at = 0; kept.size < few && at < moments.length; at += step) kept.add(moments[Math.floor(at)]);
  return moments.filter((moment) => kept.has(moment));
}

/** Shows a video in place of the picture; `show` with a picture takes the player away. */
export function createPlayer() {
  const video = $("video");
  const strip = $("moments");
  let shown = 0;

  function hide() {
    shown = 0;
    video.pause();
    video.removeAttribute("src");
    video.load(); // ends the download
    video.hidden = strip.hidden = $("unplayable").hidden = true;
    $("large").hidden = false;
    $("stage").classList.remove("moving");
  }

  function open(id, at) {
    shown = id;
    $("large").hidden = true;
    $("unplayable").hidden = true;
    $("stage").classList.add("moving");
    video.hidden = false;
    video.poster = `/api/pictures/${id}/thumbnail?side=512${at === undefined ? "" : `&at=${at}`}`;
    video.src = `/api/pictures/${id}/video${at ? `#t=${at}` : ""}`;
  }

  function fill({ id, moments = [] }, best) {
    const starts = chosen(moments, best);
    strip.hidden = starts.length < 2;
    strip.replaceChildren(...starts.map((at) => el("button", { type: "button", class: best.includes(at) ? "best" : "", onclick: () => play(at),
      "aria-label": `Play from ${clock(at)}${best.includes(at) ? ", a best match" : ""}` },
    el("img", { src: `/api/pictures/${id}/thumbnail?side=256&at=${at}`, alt: "", loading: "lazy", decoding: "async" }), el("span", { textContent: clock(at) }))));
  }

  function play(at) {
    video.currentTime = at;
    video.play().catch(() => {}); // not allowed, or not playable: the player says so itself
  }

  video.addEventListener("error", () => {
    if (!shown || !video.getAttribute("src")) return;
    video.hidden = true;
    $("large").hidden = false; // a frame of it
    $("stage").classList.remove("moving");
    $("unplayable").hidden = false;
  });

  return {
    hide,
    get playing() { return shown > 0 && !video.paused; },
    /** Show what is known of a picture or a video; facts may come later than the first call. */
    show(picture) {
      if (!picture?.duration) return;
      const best = (picture.hits ?? []).map(({ seconds }) => seconds);
      if (shown !== picture.id) open(picture.id, best[0]);
      if (picture.moments) fill(picture, best);
    },
  };
}
