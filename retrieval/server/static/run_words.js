// What is said of an indexing run, and of times. Plain functions.

import { many } from "./dom.js";

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

/** A run that is going on, in words. */
export function doing({ progress }) {
  if (!progress) return "Starting…";
  const { phase, root, found, handled, pending, pictures_per_s: pace, seconds_left: left } = progress;
  if (phase === "scan") return `Looking through ${root || "the folders"}: ${many(found, "picture")} found`;
  if (phase === "calibrate") return "Calibrating the model on some of the pictures, once. This can take minutes.";
  if (handled >= pending) return "Finishing…";
  return [`${handled.toLocaleString("en")} of ${many(pending, "new or changed file")}`,
    pace > 0 ? `${pace < 10 ? pace.toFixed(1) : Math.round(pace).toLocaleString("en")} pictures a second` : "",
    left === null ? "" : `${about(left)} left`].filter(Boolean).join(" · ");
}

/** The share of a run that is done, from 0 to 1; null while that is not known. */
export function share({ progress }) {
  if (!progress || progress.phase === "scan" || progress.phase === "calibrate") return null;
  return progress.pending ? Math.min(1, progress.handled / progress.pending) : 1;
}

const unusable = ({ bad, unsupported, transient }) => bad + unsupported + transient;

/** What a run that has ended did, in a sentence; `retried` if it read files with problems again. */
export function outcome({ error, stopped, progress }, retried = false) {
  if (error) return `Indexing ended early: ${error}`;
  if (!progress) return "There are no new pictures.";
  if (stopped) return `Stopped after ${progress.handled.toLocaleString("en")} of ${many(progress.pending, "file")}. Finished work is saved.`;
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
  const parts = [[progress.encoded, many(progress.encoded, "new picture")], [progress.reused, `${progress.reused.toLocaleString("en")} moved or copied`],
    [progress.removed, `${progress.removed.toLocaleString("en")} gone`], [unusable(progress), `${unusable(progress).toLocaleString("en")} could not be used`]]
    .filter(([count]) => count).map(([, words]) => words);
  return `Last run ${ago(run.written, now)}${run.stopped ? ", stopped early" : ""}: ${parts.join(", ") || "nothing new"}.`;
}
