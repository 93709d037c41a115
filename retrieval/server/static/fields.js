// The fields of pictures, as the server describes them.

import { ask } from "./api.js";

let known = new Map(); // by name
let loading = null;

/** Take descriptions of fields: {name, kind, label, facet, …}. */
export function learn(fields) { known = new Map(fields.map((field) => [field.name, field])); }

/** Load the descriptions, if that was not done or failed. */
export function fieldsKnown() {
  loading ??= ask("/api/fields").then((found) => learn(found.fields)).catch((error) => { loading = null; throw error; });
  return loading;
}

export const allFields = () => [...known.values()];
export const fieldOf = (name) => known.get(name);
export const isFlag = (name) => known.get(name)?.kind === "flag";
