// The API reference, made from openapi.json.

import { ask } from "./api.js";
import { $, el, notice } from "./dom.js";

const kind = (schema = {}) => (schema.enum ?? [schema.const ?? schema.type ?? schema.anyOf?.map(kind).join(" or ") ?? "object"]).join(", ");

/** A text whose `names` are code. */
const prose = (text) => text.split(/`([^`]+)`/).map((part, place) => (place % 2 ? el("code", { textContent: part }) : part));

function limits(schema = {}) {
  const said = [];
  for (const [name, word] of [["minimum", "≥"], ["maximum", "≤"], ["maxLength", "characters ≤"], ["maxItems", "items ≤"]]) {
    if (schema[name] !== undefined) said.push(`${word} ${schema[name]}`);
  }
  if (schema.default !== undefined && schema.default !== "") said.push(`default ${JSON.stringify(schema.default)}`);
  return said.join(", ");
}

function table(rows) {
  return el("table", {}, el("tbody", {}, ...rows.map(([name, schema, description]) => el("tr", {},
    el("th", { scope: "row" }, el("code", { textContent: name })), el("td", { textContent: kind(schema) }),
    el("td", {}, ...prose([limits(schema), description ?? schema?.description ?? ""].filter(Boolean).join("; ")))))));
}

function operation(path, method, facts, schemas) {
  const parameters = (facts.parameters ?? []).map((each) => [each.name, each.schema, each.description]);
  const parts = [el("h2", {}, el("code", { textContent: `${method.toUpperCase()} ${path}` })),
    ...(facts.description ?? facts.summary ?? "").split("\n\n").map((text) => el("p", {}, ...prose(text)))];
  if (parameters.length) parts.push(table(parameters));
  for (const [type, body] of Object.entries(facts.requestBody?.content ?? {})) {
    const schema = body.schema?.$ref ? schemas[body.schema.$ref.split("/").pop()] : body.schema;
    parts.push(el("p", { class: "soft", textContent: `Body: ${type}` }));
    if (schema?.properties) parts.push(table(Object.entries(schema.properties).map(([name, each]) => [name, each])));
  }
  return el("section", { class: "card" }, ...parts);
}

try {
  const { paths, components } = await ask("/api/openapi.json");
  $("operations").replaceChildren(...Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, facts]) => operation(path, method, facts, components?.schemas ?? {}))));
} catch (error) {
  $("operations").replaceChildren(notice(error.message, error.hint ?? ""));
}
