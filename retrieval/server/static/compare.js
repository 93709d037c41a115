// Facts of duplicates, and which of them differ. Plain functions.

import { bytes, fileName, folderOf, grouped } from "./dom.js";

const WHY = { raw: "the one kept is raw", pixels: "fewer pixels", bytes: "fewer bytes", age: "newer", path: "longer path" };

const day = (nanoseconds) => new Date(nanoseconds / 1e6).toLocaleString("en", { dateStyle: "medium", timeStyle: "short" });

/** What is shown of a file: names, values in words, and what is compared. */
export function factsOf(file) {
  return [
    ["Name", fileName(file.path), fileName(file.path)],
    ["Folder", folderOf(file.path), folderOf(file.path)],
    ["Size", `${file.width} × ${file.height}`, `${file.width}x${file.height}`],
    ["Bytes", `${bytes(file.size)} (${grouped(file.size)})`, file.size],
    ["Format", file.format, file.format],
    ["Taken", file.taken ? file.taken.replace("T", " ") : "not known", file.taken],
    ["Modified", day(file.mtime_ns), Math.round(file.mtime_ns / 1e9)],
  ];
}

/** The names of the facts that are not the same for all files; where a file is differs always. */
export function differing(files) {
  const rows = files.map(factsOf);
  const differs = (at) => new Set(rows.map((row) => row[at][2])).size > 1;
  return new Set((rows[0] ?? []).map(([name]) => name).filter((name, at) => name !== "Name" && name !== "Folder" && differs(at)));
}

/** How a file relates to the one that the search would keep. */
export function relation(file, first) {
  if (file === first) return "suggested to keep";
  const like = file.exact ? "same bytes" : `${Math.floor(Math.min(file.likeness, 0.999) * 100)}% similar`;
  return WHY[file.reason] ? `${like}, ${WHY[file.reason]}` : like;
}

/** The number of the file that stays, from 1, for a number in the address. */
export const staying = (stay, count) => (stay >= 1 && stay <= count ? stay : 1);

/** What a move did, in a sentence. */
export function moved({ moved: files, left, folder }) {
  const rest = left.length ? ` Left ${grouped(left.length)} in place, such as ${left[0].path}: ${left[0].reason}.` : "";
  return `Moved ${grouped(files.length)} ${files.length === 1 ? "file" : "files"} to ${folder}.${rest}`;
}
