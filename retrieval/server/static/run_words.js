// What is said of an indexing run, and of times. Plain functions.

import { grouped, many } from "./dom.js";

const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60]];

/** How long something still takes: "about 5 minutes". */
export function about(seconds) {
  if (seconds < 60) return "less than a minute";
  const [unit, length] = UNITS.find(([, each]) => seconds >= each);
  return `about ${many(Math.round(seconds / length), unit)}`;
}

/** How long ago a time was, both in seconds since 1970: "3 minutes ago". */
export function ago(when, now) {
  const seconds = now - when;
  if (seconds < 60) return "just now";
  const [unit, length] = UNITS.find(([, each]) => seconds >= each);
  return `${many(Math.floor(seconds / length), unit)} ago`;
}

/** Runs that are no indexing: what they do, did, and count. */
const OTHERS = {
  ocr: { doing: "Reading the text in pictures", did: "Read the text in", ended: "Reading the text in pictures", one: "picture" },
  descriptions: { doing: "Encoding descriptions", did: "Encoded", ended: "Encoding descriptions", one: "description" },
};

const pacing = (pace, left) => [
  pace > 0 ? `${pace < 10 ? pace.toFixed(1) : grouped(Math.round(pace))} pictures a second` : "", left === null ? "" : `${about(left)} left`];

/** A run that is going on, in words. */
export function doing({ kind, progress }) {
  if (!progress) return "Starting…";
  if (OTHERS[kind]) {
    const { handled, pending, pictures_per_s: pace, seconds_left: left } = progress;
    const { doing: words, one } = OTHERS[kind];
    const done = pending ? `${grouped(handled)} of ${many(pending, one)}` : handled ? many(handled, one) : "";
    return [done ? `${words}: ${done}` : words, ...(pending ? pacing(pace, left) : [])].filter(Boolean).join(" · ");
  }
  const { phase, root, found, handled, pending, pictures_per_s: pace, seconds_left: left } = progress;
  if (phase === "scan") return `Looking through ${root || "the folders"}: ${many(found, "picture")} found`;
  if (phase === "calibrate") return "Calibrating the model on some of the pictures, once. This can take minutes.";
  if (handled >= pending) return "Finishing…";
  return [`${grouped(handled)} of ${many(pending, "new or changed file")}`, ...pacing(pace, left)].filter(Boolean).join(" · ");
}

/** The share of a run that is done, from 0 to 1; null while that is not known. */
export function share({ kind, progress }) {
  if (!progress || (OTHERS[kind] && !progress.pending) || progress.phase === "scan" || progress.phase === "calibrate") return null;
  return progress.pending ? Math.min(1, progress.handled / progress.pending) : 1;
}

const unusable = ({ bad, unsupported, transient }) => bad + unsupported + transient;

/** What a run that has ended did, in a sentence; `retried` if it read files with problems again. */
export function outcome({ kind, error, stopped, progress }, retried = false) {
  if (error) return `${OTHERS[kind]?.ended ?? "Indexing"} ended early: ${error}`;
  if (!progress) return "There are no new pictures.";
  const one = OTHERS[kind]?.one ?? "file";
  if (stopped) return `Stopped after ${progress.pending ? `${grouped(progress.handled)} of ${many(progress.pending, one)}` : many(progress.handled, one)}. Finished work is saved.`;
  if (OTHERS[kind]) return `${OTHERS[kind].did} ${many(progress.handled, OTHERS[kind].one)}.`;
  if (progress.encoded) return `Indexed ${many(progress.encoded, "new picture")}.`;
  if (retried && unusable(progress)) return `${many(unusable(progress), "file")} still could not be indexed.`;
  return "There are no new pictures.";
}

/** Whether a run changed what the library has. */
export const changedSomething = ({ progress }) =>
  Boolean(progress && (progress.encoded || progress.removed || progress.reused || progress.texts_updated || unusable(progress)));

/** The last run, in a sentence: "Last run 3 minutes ago: 12 new pictures, 2 gone." */
export function lastRun(run, now) {
  const { progress } = run;
  if (!progress || run.running) return "";
  const other = OTHERS[run.kind];
  if (other) return `Last run ${ago(run.written, now)}${run.stopped ? ", stopped early" : ""}: ${other.did.toLowerCase()} ${many(progress.handled, other.one)}.`;
  const parts = [[progress.encoded, many(progress.encoded, "new picture")], [progress.reused, `${grouped(progress.reused)} moved or copied`],
    [progress.removed, `${grouped(progress.removed)} gone`], [unusable(progress), `${grouped(unusable(progress))} could not be used`]]
    .filter(([count]) => count).map(([, words]) => words);
  return `Last run ${ago(run.written, now)}${run.stopped ? ", stopped early" : ""}: ${parts.join(", ") || "nothing new"}.`;
}
