// The folders of the library as a tree, with names as people know them. Plain functions.

import { fileName } from "./dom.js";

/**
 * A tree of folders {value, images} by their paths: nodes {path, name, images, folders}, where
 * `images` counts those in folders below, too. A chain of folders that have only one folder and no
 * pictures is one node; what all have in common is left out of the names.
 */
export function treeOf(folders) {
  const root = { path: "", name: "", images: 0, own: 0, folders: new Map() };
  for (const { value, images } of folders) {
    let node = root;
    let path = "";
    for (const name of value.split("/")) {
      path = node === root && !node.started ? name : `${path}/${name}`;
      if (!node.folders.has(name)) node.folders.set(name, { path: path || "/", name: name || "/", images: 0, own: 0, folders: new Map(), started: true });
      node = node.folders.get(name);
      node.images += images;
    }
    node.own += images;
  }
  const plain = (node) => {
    let found = node;
    while (!found.own && found.folders.size === 1) [found] = found.folders.values();
    const inside = [...found.folders.values()].map(plain).sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
    return { path: found.path, name: fileName(found.path) || found.name, images: found.images, folders: inside };
  };
  const whole = plain(root);
  if (!folders.length) return [];
  // Pictures beside the folders, or a single folder: the whole is a node of its own.
  const top = [...root.folders.values()].length === 1 ? whole : { ...whole, path: "" };
  return top.path ? [top] : top.folders;
}

/** A node's folders and itself, down to those whose path has `open(path)`; with their depth. */
export function rowsOf(nodes, open, depth = 0) {
  return nodes.flatMap((node) => [{ ...node, depth }, ...(open(node.path) ? rowsOf(node.folders, open, depth + 1) : [])]);
}
