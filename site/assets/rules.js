// 检查：与 kelu check 同样的代码，落在同样的栏上。模式由解释器判断，错误译成客录自己的话；另查日期、将来的时间、词表、引用、
// 个人信息与编号。什么算错都写在 data/form/ 的描述里，这里不认识任何一种记录。
// The same codes at the same fields as `kelu check`: the JSON Schema by an interpreter, its errors in Kelu's own words; then
// dates, the future, vocabularies, references, personal data and ids. It knows no type of record: all is in the description.
import { dereference, format, validate } from "./vendor/json-schema/json-schema.min.js";

const SIZES = {
  minLength: ["SCH-06", "至少字数", "at least characters:"], maxLength: ["SCH-06", "至多字数", "at most characters:"],
  minimum: ["SCH-07", "不小于", "at least"], maximum: ["SCH-07", "不大于", "at most"],
  exclusiveMinimum: ["SCH-07", "大于", "more than"], exclusiveMaximum: ["SCH-07", "小于", "less than"],
  minItems: ["SCH-08", "至少项数", "at least items:"], maxItems: ["SCH-08", "至多项数", "at most items:"],
  minProperties: ["SCH-08", "至少项数", "at least entries:"], contains: ["SCH-08", "至少含有一项", "needs one of"],
  uniqueItems: ["SCH-08", "不得重复", "no repeats:"],
};
const TYPES = { string: "文字", integer: "整数", number: "数字", boolean: "true/false", object: "一组字段", array: "列表", null: "空" };
const WRAPPERS = new Set(["$ref", "allOf", "if", "properties", "patternProperties", "additionalProperties", "items", "prefixItems", "dependentSchemas"]);
const DEFS = "#/$defs/".length;
const SOON = 10 * 60 * 1000; // 时钟可差十分钟 clocks may differ by ten minutes
const UNWANTED = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff\ufff9-\ufffb\ufffe\uffff]/u;

for (const name of Object.keys(format)) delete format[name]; // 只判断这两种 only these two are judged
format.date = isDate;
format["date-time"] = (text) => {
  const [, day, hour, minute, second, offset] = /^(\d{4}-\d{2}-\d{2})T(\d{2}):(\d{2}):(\d{2})(Z|[+-]\d{2}:\d{2})$/.exec(text) || [];
  return offset !== undefined && isDate(day) && hour < 24 && minute < 60 && second < 60 && (offset === "Z" || (offset.slice(1, 3) < 24 && offset.slice(4) < 60));
};
function isDate(text) {
  const [, year, month, day] = (/^(\d{4})-(\d{2})-(\d{2})$/.exec(text) || []).map(Number);
  if (!year || month < 1 || month > 12 || day < 1) return false;
  return day <= new Date(Date.UTC(year < 100 ? year + 400 : year, month, 0)).getUTCDate();
}

/** A pointer as findings write it: `responses[1].scores.competence`. */
export const fieldText = (path) => path.reduce((text, step) => {
  if (typeof step === "number") return `${text}[${step}]`;
  const name = /^[^.[\]"]+$/.test(step) ? step : `"${step.replace(/[\\"]/g, "\\$&")}"`;
  return text ? `${text}.${name}` : name;
}, "");
export const lookUp = (data, path) => path.reduce((value, step) => (value === null || value === undefined ? undefined : value[step]), data);
/** A moment's date in Shanghai, of a date or date-time. */
export const dayOf = (text) => (typeof text !== "string" ? "" : text.length <= 10 ? text : new Date(Date.parse(text) + 8 * 3600e3).toJSON()?.slice(0, 10) ?? "");
const covers = (since, until, day) => !day || (since <= day && (!until || day < until));
const list = (value) => (Array.isArray(value) ? value : [value]);

/** The judge of one type: `judge(data, isNew)` gives its findings, each {code, path, message, hint, soft}; `known` is the
 *  directory of what there is, `now` the moment in milliseconds. A soft one does not keep anybody from going on. */
export function judge(form, known) {
  const { schema } = form;
  const lookup = dereference(schema);
  const types = new Map(Object.entries(known.records).flatMap(([type, rows]) => rows.map((row) => [row[0], { type, status: row[2] }])));
  known.contacts.forEach(([id]) => types.set(id, { type: "contact" }));
  known.staff.forEach(([id]) => types.set(id, { type: "staff" }));

  // --- schema ---

  function resolve(node) {
    while (node?.$ref) {
      const { $ref, ...own } = node;
      node = { ...schema.$defs[$ref.slice(DEFS)], ...own };
    }
    return node;
  }
  function nodeAt(location) { // 按错误的位置走到模式的那一处 the place of the schema that an error names
    return steps(location).reduce((node, step) => (step === "$ref" ? schema.$defs[node.$ref.slice(DEFS)] : node?.[step]), schema);
  }
  function labelOf(path) {
    const node = path.reduce((at, step) => {
      const inner = typeof step === "number" ? at?.items : at?.properties?.[step];
      return inner ? resolve(inner) : null;
    }, schema);
    const last = [...path].reverse().find((step) => typeof step === "string") ?? "";
    return node ? [node.title ?? last, node["x-en"] ?? last] : [String(path.at(-1) ?? ""), String(path.at(-1) ?? "")];
  }
  function made(code, path, words = {}, value = undefined) {
    const entry = form.findings[code], label = labelOf(path);
    const said = { label: label[0], label_en: label[1], field: fieldText(path), value: shown(value), ...words };
    const fill = (text, english) => text.replace(/\{(\w+)\}/g, (whole, name) => {
      const word = (english && said[`${name}_en`]) ?? said[name];
      if (word === undefined || word === false) return said[name] ?? whole;
      const known_ = entry.words?.[name]?.[word];
      return known_ ? known_[english ? 1 : 0] : Array.isArray(word) ? word[english ? 1 : 0] : String(word);
    });
    return { code, path, message: entry.message.map((text, i) => fill(text, i === 1)), hint: entry.hint.map((text, i) => fill(text, i === 1)) };
  }
  // 从平铺的错误里取出人能处理的：包在外面的去掉；可选其一的，取最接近的一支。
  // Faults a person can act on: wrappers go, and of a refused alternative the branch stays that came nearest.
  function leaves(errors) {
    const found = [];
    for (let at = 0; at < errors.length; at += 1) {
      const error = errors[at];
      if (WRAPPERS.has(error.keyword)) continue;
      if (error.keyword !== "anyOf" && error.keyword !== "oneOf") { found.push(error); continue; }
      const inner = [];
      while (at + 1 < errors.length && errors[at + 1].keywordLocation.startsWith(`${error.keywordLocation}/`) && errors[at + 1].instanceLocation.startsWith(error.instanceLocation)) inner.push(errors[at += 1]);
      const branches = new Map();
      for (const one of inner) {
        const key = one.keywordLocation.slice(error.keywordLocation.length + 1).split("/")[0];
        branches.set(key, [...(branches.get(key) || []), one]);
      }
      const held = [...branches.values()].map(leaves);
      if (!held.length || held.every((branch) => branch.length && branch.every((one) => one.keyword === "required" && one.instanceLocation === error.instanceLocation))) found.push({ ...error, inner: held.flat() });
      else {
        const depth = (branch) => Math.max(...branch.map((one) => steps(one.instanceLocation).length));
        found.push(...held.reduce((best, branch) => (depth(branch) > depth(best) || (depth(branch) === depth(best) && branch.length < best.length) ? branch : best)));
      }
    }
    return found;
  }
  function explained(error, data) {
    const path = toPath(error.instanceLocation, data), seen = lookUp(data, path);
    const place = steps(error.keywordLocation);
    const { keyword } = error;
    const guard = keyword === "false" ? undefined : place[0] === "allOf" ? schema.allOf[place[1]]["x-state"] : undefined;
    const state = guard && { state: guard, state_zh: form.states[guard][0], state_en: form.states[guard][1] };
    const node = keyword === "false" ? {} : nodeAt(`#/${place.slice(0, -1).map(escape).join("/")}`) ?? {};
    const limit = node[keyword];
    if (keyword === "required") {
      const name = /"([^"]*)"\.$/.exec(error.error)[1];
      return state ? made("SCH-11", [...path, name], state) : made("SCH-02", [...path, name], { names: name });
    }
    if (keyword === "anyOf" || keyword === "oneOf") {
      const names = error.inner.map((one) => /"([^"]*)"\.$/.exec(one.error)[1]);
      return made("SCH-02", names.length ? [...path, names[0]] : path, { names: names.join(" / ") });
    }
    if (keyword === "false") { // 解释器把有错的已知栏也当作多出来的 the interpreter takes known fields at fault for unknown ones
      const names = Object.keys(nodeOf(path.slice(0, -1))?.properties ?? {});
      return names.includes(path.at(-1)) ? null : made("SCH-03", path, { near: names.slice(0, 12).join(" / ") }, path.at(-1));
    }
    if (state && ["const", "enum", "minItems", "contains"].includes(keyword)) return made("SCH-11", path, state, seen);
    if (keyword === "enum" || keyword === "const") {
      const labels = node["x-labels"] || {};
      const allowed = list(limit).map((item) => (labels[item] ? `${item}（${labels[item].zh}）` : item)).join("、");
      return made(fieldText(path) === "schema" ? "SCH-13" : "SCH-04", path, { allowed }, seen);
    }
    if (keyword === "type") return made("SCH-01", path, { expected: list(limit).map((kind) => TYPES[kind]).join(" / "), expected_en: list(limit).join(" / ") }, seen);
    if (keyword === "format" || keyword === "pattern") {
      const code = { date: "SCH-09", "date-time": "SCH-10" }[node.format] ?? "SCH-05";
      return made(code, path, { expected: limit, offset: /(?:Z|[+-]\d{2}:\d{2})$/.test(seen) ? "" : "+08:00" }, seen);
    }
    if (SIZES[keyword]) {
      const [code, zh, en] = SIZES[keyword];
      return made(code, path, { expected: `${zh} ${shown(limit)}`, expected_en: `${en} ${shown(limit)}` }, seen);
    }
    return made("SCH-12", path, { keyword, detail: error.error }, seen);
  }
  const nodeOf = (path) => path.reduce((at, step) => resolve(typeof step === "number" ? at?.items : at?.properties?.[step] ?? at?.additionalProperties), schema);

  // --- beyond the schema ---

  function* values(fields, data, path) { // [field, path, value] of every single value
    for (const field of fields) {
      const value = data?.[field.name];
      if (value === undefined || value === null) continue;
      const at = [...path, field.name];
      if (field.fields && !Array.isArray(value)) yield* values(field.fields, value, at);
      else if (field.fields) for (const [i, item] of value.entries()) yield* values(field.fields, item, [...at, i]);
      else if (Array.isArray(value)) for (const [i, item] of value.entries()) yield [field, [...at, i], item];
      else if (typeof value === "object") for (const [key, item] of Object.entries(value)) yield [field, [...at, key], item];
      else yield [field, at, value];
    }
  }
  function* judged(data, isNew, now) {
    const businessDay = form.date ? dayOf(lookUp(data, form.date.split("."))) : "", isVoid = data.status === "void";
    for (const [field, path, value] of values(form.fields, data, [])) {
      const text = String(value);
      if (UNWANTED.test(text)) yield made("YAML-16", path, { character: `U+${UNWANTED.exec(text)[0].codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}` });
      else if (text !== text.normalize("NFC")) yield made("YAML-18", path, {}, value);
      if ((field.prose || field.name === form.title) && new RegExp(form.personal).test(text)) yield made("R-ALL-05", path);
      const kind = field.kind === "array" ? field.items : field.kind;
      if (["date", "datetime", "moment"].includes(kind) && !planned(field, data.status) && (!isVoid || fieldText(path) === "void.at")) {
        const at = Date.parse(text.length <= 10 ? `${text}T00:00:00+08:00` : text);
        if (at > now + SOON) yield made("R-ALL-08", path, {}, value);
      }
      const refs = (field.refs || []).filter((name) => name !== "void");
      if (refs.length && !(field.fields)) {
        const target = types.get(text);
        const wrong = target && !refs.includes(target.type) && !(refs.includes("record") && !["staff", "contact"].includes(target.type));
        const gone = target && target.status === "void" && !field.refs.includes("void") && !isVoid;
        const kinds = refs.map((name) => known.labels[name] ?? [name, name]);
        const words = { state: gone ? "void" : wrong ? "wrong_type" : "missing", kind: kinds.map((pair) => pair[0]).join("、"), kind_en: kinds.map((pair) => pair[1]).join(", ") };
        if (!target || wrong || gone) yield { ...made("X-04", path, words, value), soft: !target }; // 也许刚登记，本站还没有 perhaps it is too new
      }
      if (field.vocabulary && !terms(form, field, data).codes.has(text) && terms(form, field, data).codes.size) {
        yield made("VOC-01", path, { vocabulary: field.vocabulary[0], pack: String(data.policy ?? ""), allowed: [...terms(form, field, data).codes.keys()].join("、") }, value);
      }
    }
    const [, year, number] = /-(?:(\d{4})-)?(\d+)$/.exec(String(data.id ?? "")) || [];
    if (isNew && number && (types.has(data.id) || Number(number) <= (known.taken[form.type][year ?? ""] ?? 0))) yield made("FILE-03", ["id"], { other: pathOf(form, data.id) }, data.id);
    if (year && businessDay && !isVoid && year !== businessDay.slice(0, 4) && !(data.corrections || []).some((entry) => entry?.field === form.date)) yield made("R-ALL-03b", form.date.split("."));
    if (data.policy && !isVoid && !ruling(form, data).includes(data.policy)) yield made("R-ALL-06", ["policy"]);
  }
  return {
    judge(data, isNew, now = Date.now()) {
      const errors = leaves(validate(data, schema, "2020-12", lookup, false).errors).map((error) => explained(error, data)).filter(Boolean);
      const seen = new Set();
      return [...errors, ...judged(data, isNew, now)].filter(({ code, path }) => {
        const key = `${code} ${fieldText(path)}`;
        return !seen.has(key) && seen.add(key);
      });
    },
    /** Whether a value obeys what the schema says of a field, by the names of the way there. */
    fits: (names, value) => validate(value, names.reduce((node, name) => (resolve(node.items ?? node).properties ?? {})[name], schema), "2020-12", lookup).valid,
  };
}

/** The packs that may rule a record of its business date, customer and project; of the first domain first. */
export function ruling(form, data) {
  const day = form.date ? dayOf(lookUp(data, form.date.split("."))) : "";
  const projects = new Set([data.project, ...(data.projects || [])].filter(Boolean));
  const agreed = form.policy.allowances.filter((entry) => covers(entry.from, entry.to, day) && ((entry.customer && entry.customer === data.customer) || projects.has(entry.project)));
  const packs = form.domains.flatMap((domain) => [
    ...agreed.filter((entry) => entry.domain === domain).map((entry) => entry.pack),
    ...form.policy.composition.filter(([name, , since, until]) => name === domain && covers(since, until, day)).map((step) => step[1]),
  ]);
  return [...new Set(packs)];
}

/** The terms of a field's vocabulary for a record: code → [zh, en]; none where the words are free. */
export function terms(form, field, data) {
  const [name, shared] = field.vocabulary, day = form.date ? dayOf(lookUp(data, form.date.split("."))) : "";
  const packs = shared ? form.policy.everywhere.filter(([, since, until]) => covers(since, until, day)).map(([pack]) => pack) : [data.policy];
  return { codes: new Map(packs.flatMap((pack) => form.policy.packs[pack]?.words[name] ?? []).map(([code, zh, en]) => [code, [zh, en]])) };
}

/** The one path that a record of an id has. */
export function pathOf(form, id) {
  const [, year, number] = /-(?:(\d{4})-)?(\d+)$/.exec(id) || [];
  return form.files.replace("{id}", id).replace("{year}", year ?? "").replace("{hundred}", String(Math.floor(Number(number) / 100)).padStart(3, "0"));
}

const planned = (field, status) => field.planned === true || (Array.isArray(field.planned) && field.planned.includes(status));
const shown = (value) => (value === undefined || value === null || typeof value === "object" ? "" : String(value).length > 80 ? `${String(value).slice(0, 79)}…` : String(value));
const escape = (step) => String(step).replace(/~/g, "~0").replace(/\//g, "~1");
const steps = (location) => location.split("/").slice(1).map((step) => step.replace(/~1/g, "/").replace(/~0/g, "~"));
function toPath(location, data) {
  let at = data;
  return steps(decodeURI(location)).map((step) => {
    const key = Array.isArray(at) ? Number(step) : step;
    at = at?.[key];
    return key;
  });
}
