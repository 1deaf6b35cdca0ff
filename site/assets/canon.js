// 规范写法：记录的数据 → 唯一的 YAML 文本，与 kelu fmt 逐字节相同（tools/kelu/document/layout.py）；以及只改动了的段落。
// The canonical writer: data of a record to its one YAML text, byte for byte as `kelu fmt` has it; and a text of which only
// the sections are written anew whose data changed.
import { load, CORE_SCHEMA } from "./vendor/js-yaml/js-yaml.min.js";

const WIDTH = 120, STEP = "  ";
const KEY = /^(?!(?:true|false|null)$)[a-zA-Z_][a-zA-Z0-9_.-]*$/iu;
const CONTROL = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff]/;
const ESCAPED = /[\x7f-\x9f\u2028\u2029\ufeff]/g; // what JSON.stringify leaves as it is

export const isGroup = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
const isNested = (value) => value !== null && typeof value === "object";
const isEmpty = (value) => (Array.isArray(value) ? value : Object.keys(value)).length === 0;
const chars = (text) => [...text].length;
const ordered = (data, order) => [...Object.keys(order).filter((key) => key in data), ...Object.keys(data).filter((key) => !(key in order))];

function isBlock(value) {
  if (typeof value !== "string" || !value.includes("\n") || CONTROL.test(value)) return false;
  const lines = value.replace(/\n$/, "").split("\n");
  return lines[0] !== "" && lines.at(-1) !== "" && lines[0][0] !== " " && !lines.some((line) => line.endsWith(" "));
}

/** The writer for what needs no quotes (the pattern PLAIN of layout.py): `write(data, order)` and `section(key, …)`. */
export function writer(pattern) {
  const plain = new RegExp(pattern);
  const quoted = (text) => JSON.stringify(text).replace(ESCAPED, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
  const keyed = (key) => (KEY.test(key) ? key : quoted(key));
  const scalar = (value) => (typeof value === "string" ? (plain.test(value) ? value : quoted(value)) : String(value));

  function line(value, order, depth) { // null: it has to be in block style
    if (isBlock(value)) return null;
    if (!isNested(value)) return scalar(value);
    if (isEmpty(value)) return Array.isArray(value) ? "[]" : "{}";
    if (isGroup(value) && depth === 1) return null;
    if (Object.values(value).some((item) => isBlock(item) || (isNested(item) && !isEmpty(item)))) return null;
    if (Array.isArray(value)) return `[${value.map((item) => line(item, {}, 0)).join(", ")}]`;
    return `{${ordered(value, order).map((key) => `${keyed(key)}: ${line(value[key], {}, 0)}`).join(", ")}}`;
  }
  function lines(head, value, order, depth, indent) {
    const flat = line(value, order, depth);
    if (flat !== null && (!isNested(value) || isEmpty(value) || chars(head) + 1 + chars(flat) <= WIDTH)) return [`${head} ${flat}`];
    if (typeof value === "string") return [`${head} ${value.endsWith("\n") ? "|" : "|-"}`, ...value.replace(/\n$/, "").split("\n").map((part) => part && indent + STEP + part)];
    return [head, ...(Array.isArray(value) ? list(value, order, depth, indent + STEP) : mapping(value, order, depth, indent + STEP))];
  }
  const mapping = (data, order, depth, indent) =>
    ordered(data, order).flatMap((key) => lines(`${indent}${keyed(key)}:`, data[key], order[key] || {}, depth + 1, indent));
  const list = (items, order, depth, indent) => items.flatMap((item) => {
    const [head, ...rest] = lines(`${indent}-`, item, order, depth + 1, indent);
    return head === `${indent}-` ? [`${head} ${rest[0].slice(indent.length + STEP.length)}`, ...rest.slice(1)] : [head, ...rest];
  });
  return {
    write: (data, order) => mapping(data, order, 0, "").join("\n") + "\n",
    section: (key, value, order) => lines(`${keyed(key)}:`, value, order[key] || {}, 1, ""),
  };
}

// --- a text of which only some sections change ---

/** The data of a record's text. Throws where it is no YAML or not a mapping. */
export function read(text) {
  const data = load(text, { schema: CORE_SCHEMA });
  if (!isGroup(data)) throw new Error("the text is not a mapping");
  return data;
}

export function same(one, other) {
  if (!isNested(one) || !isNested(other)) return one === other;
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const keys = Object.keys(one);
  return keys.length === Object.keys(other).length && keys.every((key) => key in other && same(one[key], other[key]));
}

/** The text after its data became `data`: sections whose data are the same keep their bytes; of the others the comments
 *  stay above them; a new one comes after the field that the schema has before it. */
export function amend(text, data, order, { section }) {
  const parts = sections(text);
  const after = [];
  for (const part of parts) {
    if (part.key === null) after.push(part.lines);
    else if (!(part.key in data)) after.push(part.lead.filter((line) => line.trim()));
    else if (same(part.value, data[part.key])) after.push([...part.lead, ...part.lines], part.key);
    else {
      const fresh = section(part.key, data[part.key], order), held = comments(part.lines);
      if (held.length === 1 && held[0].line === 0 && fresh.length === 1) fresh[0] += `  ${held[0].text}`;
      else part.lead.push(...held.map((comment) => comment.text));
      after.push([...part.lead, ...fresh], part.key);
    }
  }
  const wanted = ordered(data, order);
  wanted.forEach((key, place) => {
    if (after.includes(key)) return;
    const before = wanted.slice(0, place).reverse().find((name) => after.includes(name));
    after.splice(before === undefined ? 0 : after.indexOf(before) + 1, 0, section(key, data[key], order), key);
  });
  return after.filter(Array.isArray).flat().join("\n") + "\n";
}

// 顶层各段：键之上的注释与空行（lead）、键与值各行（lines）。每段须独自读得同样的值，否则不敢动它。
// The top-level sections. Each must read alone as it does in the whole, or nothing here is safe to change.
function sections(text) {
  const whole = read(text), parts = [];
  let lead = [];
  for (const line of text.replace(/\n$/, "").split("\n")) {
    const key = /^(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([^\s#"'\-[\]{}][^:]*?))\s*:(?:\s|$)/.exec(line);
    if (key && (key[1] ?? key[2] ?? key[3]) in whole) {
      parts.push({ key: key[1] ?? key[2] ?? key[3], lead, lines: [line] });
      lead = [];
    } else if (/^#|^\s*$/.test(line)) lead.push(line);
    else if (parts.length) {
      parts.at(-1).lines.push(...lead, line);
      lead = [];
    } else throw new Error(`cannot tell the section of: ${line}`);
  }
  for (const part of parts) {
    part.value = whole[part.key];
    if (!same(load(part.lines.join("\n"), { schema: CORE_SCHEMA })?.[part.key], part.value)) throw new Error(`cannot tell where ${part.key} ends`);
  }
  if (new Set(parts.map((part) => part.key)).size !== Object.keys(whole).length) throw new Error("sections do not match");
  return lead.length ? [...parts, { key: null, lines: lead }] : parts;
}

/** The comments in the lines of a section, in order, with the line each stands in. */
function comments(lines) {
  const found = [];
  let open = "", block = -1; // 未闭合的引号；块文字所属行的缩进 an open quote; the indent of the line whose block text goes on
  lines.forEach((line, number) => {
    const indent = line.length - line.trimStart().length;
    if (block >= 0 && (!line.trim() || indent > block)) return;
    block = -1;
    for (let at = 0; at < line.length; at += 1) {
      const char = line[at];
      if (open === '"' && char === "\\") at += 1;
      else if (open) { if (char === open) open = ""; }
      else if ((char === '"' || char === "'") && /(^|[\s[{,:-])$/.test(line.slice(0, at))) open = char;
      else if (char === "#" && (at === 0 || /\s/.test(line[at - 1]))) {
        found.push({ line: number, text: line.slice(at).trimEnd() });
        line = line.slice(0, at);
      }
    }
    if (!open && /(?:^|[\s:-])[|>][-+0-9]*\s*$/.test(line)) block = indent;
  });
  return found;
}
