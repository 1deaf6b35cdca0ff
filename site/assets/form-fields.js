// 表单的各种栏：单个值、选择、一组、列表、评分。每栏能给出值、放入值、锁住、找到某处出错的栏。没有动过的，原样交回。
// The fields of a form: a value, a choice, a group, a list, grades. Each gives and takes its value, can be locked, and
// finds the field of a place. What nobody touched is given back as it was.
import { clean, dated, english, make, own, present, said, say } from "./form-text.js";
import { fieldText, terms } from "./rules.js";
import { isGroup } from "./canon.js";

let count = 0;
const SHOWN = 40; // 一次列出的选项 options offered at a time

/** A field of the form. `desk` is what all share: the description, the directory, the data of now. */
export function control(field, path, desk) {
  if (field.kind === "object") return group(field, path, desk);
  if (field.kind === "array" && field.items === "object") return list(field, path, desk, (at) => group({ ...field, kind: "object", items: undefined }, at, desk, true));
  if (field.kind === "array" && (field.enum || field.vocabulary) && !field.refs) return ticks(field, path, desk);
  if (field.kind === "array") return list(field, path, desk, (at) => single({ ...field, kind: field.items, items: undefined }, at, desk, true));
  if (field.kind === "map") return field.graded ? grades(field, path, desk) : list(field, path, desk, (at) => pair(field, at, desk), true);
  return single(field, path, desk);
}

/** The parts that every field has below its label: help, the policy's words, and what is wrong. */
function notes(field, id, desk) {
  const help = make("p", { class: "k-r-help", id: `${id}-help` });
  const explain = (reason) => help.replaceChildren(...(reason ? [reason] : field.help ? [own(field.help)] : []));
  explain(null);
  const fault = make("p", { class: "k-r-fault", id: `${id}-fault`, hidden: true });
  const asked = (field.clauses || []).filter(([pack]) => desk.packs().has(pack));
  const why = asked.length ? [make("details", { class: "k-r-why" }, make("summary", {}, say("制度怎么说", "What the policy says")), make("ul", {}, ...asked.map(([, code, words, page]) =>
    make("li", {}, make("a", { href: `${desk.pages}${page}#${encodeURIComponent(code)}`, target: "_blank", rel: "noopener" }, code), " ", said(words)))))] : [];
  return { explain, fault, all: [help, ...why, fault] };
}
const title = (field) => [said(field.label), make("span", { class: "k-r-need", hidden: !field.needed }, make("span", { "aria-hidden": "true" }, " *"), make("span", { class: "k-r-unseen" }, say("（须填）", " (needed)")))];

function shared(field, path, held) { // 各种栏共有的 what all kinds of fields share
  return {
    field, path, touched: false, raw: undefined,
    at(way) { return way.length ? held.child?.(way) ?? this : this; },
    tell(texts, bad = true) {
      held.fault.hidden = !texts.length;
      held.fault.replaceChildren(...texts.flatMap((text, i) => (i ? [make("br"), text] : [text])));
      held.target.toggleAttribute("data-fault", bad && texts.length > 0);
      if (bad && texts.length) held.target.setAttribute("aria-invalid", "true"); else held.target.removeAttribute("aria-invalid");
    },
    need(is) { const mark = this.el.querySelector(".k-r-need"); if (mark) mark.hidden = !is; },
    reveal() {
      for (let at = this.el; at; at = at.parentElement) {
        if (at.tagName === "DETAILS") at.open = true;
        if (at.hasAttribute("data-later")) at.closest(".k-r-run")?.classList.add("k-r-all");
      }
    },
    focus() { this.reveal(); held.target.focus(); },
  };
}

// --- a single value ---

function single(field, path, desk, bare = false) {
  const id = `k-f${count += 1}`, note = notes(field, id, desk), { kind } = field;
  const choice = field.enum || field.vocabulary || kind === "boolean" || field.name === "policy";
  const described = `${id}-help ${id}-fault`;
  const attributes = { id, "aria-describedby": described, autocomplete: "off", "data-field": fieldText(path) };
  const names = make("p", { class: "k-r-named", "aria-live": "polite" }), found = make("datalist", { id: `${id}-list` });
  const tag = choice ? "select" : field.lines ? "textarea" : "input";
  const target = make(tag, { ...attributes, ...(tag === "textarea" ? { rows: 4 } : tag === "input" ? { type: "text", list: field.refs && found.id, spellcheck: "false", inputmode: { integer: "numeric", number: "decimal" }[kind] } : {}) });
  const box = make("div", { class: "k-r-control" }, target);
  if (kind === "datetime" || kind === "date" || kind === "moment") {
    const now = make("button", { type: "button", class: "k-button" }, kind === "date" ? say("今天", "Today") : say("现在", "Now"), make("span", { class: "k-r-unseen" }, `${say("：", ": ")}${said(field.label)}`));
    now.addEventListener("click", () => { target.value = present(kind === "date" ? "date" : "datetime"); touch(); target.focus(); });
    box.append(now);
  }
  if (field.refs) box.append(found);
  const label = make("label", { for: id }, ...title(field));
  const el = make("div", { class: `k-r-field${field.lines ? " k-r-wide" : ""}${bare ? " k-r-bare" : ""}` }, label, box, ...(field.refs ? [names] : []), ...note.all);

  const options = () => (field.name === "policy" && path.length === 1 ? desk.ruling().map((pack) => [pack, `${said(desk.form.policy.packs[pack]?.title ?? [pack, pack])} ${pack}`])
    : kind === "boolean" ? [["true", say("是", "Yes")], ["false", say("否", "No")]]
      : offered(field, desk).map(([code, words]) => [code, said(words)]));
  function draw() { // 选项随制度与日期而变 options follow the policy and the date
    const now = target.value, held = options();
    if (now && !held.some(([code]) => code === now)) held.push([now, now]);
    const key = JSON.stringify(held);
    if (target.dataset.held === key) return;
    target.dataset.held = key;
    target.replaceChildren(make("option", { value: "" }, "—"), ...held.map(([code, words]) => make("option", { value: code }, words)));
    target.value = now;
  }
  function put(text) {
    if (choice && text && ![...target.options].some((option) => option.value === text)) target.append(make("option", { value: text }, text));
    target.value = text;
    if (choice) { delete target.dataset.held; draw(); }
    if (field.refs) names.replaceChildren(own(desk.name(text)));
  }
  const me = {
    ...shared(field, path, { fault: note.fault, target }), el, target,
    get() {
      if (!this.touched) return this.raw;
      const text = tidy();
      if (text === "") return undefined;
      if (kind === "boolean") return text === "true";
      if ((kind === "integer" || kind === "number") && /^-?(0|[1-9]\d{0,14})(\.\d{1,15})?$/.test(text)) return Number(text);
      if (kind === "mixed" && field.types?.includes("array") && !desk.fits(path, text)) return text.split(/[\s,，、]+/).filter(Boolean);
      return text;
    },
    set(value) {
      this.raw = value;
      this.touched = false;
      put(value === undefined || value === null ? "" : Array.isArray(value) ? value.join(", ") : String(value));
    },
    /** A value put in for the writer, as long as nobody typed another. */
    offer(value) {
      if (this.raw !== undefined || (this.touched && !this.given) || (this.given && target.value === value)) return;
      put(value);
      this.touched = this.given = true;
    },
    lock(reason, late, quiet) {
      target.disabled = Boolean(reason);
      for (const button of box.querySelectorAll("button")) button.hidden = Boolean(reason);
      if (!quiet) note.explain(reason);
    },
    refresh() { if (choice) draw(); if (field.refs) names.replaceChildren(own(desk.name(target.value))); },
    each() {},
  };
  const tidy = () => (["date", "datetime", "moment"].includes(kind) ? dated(target.value, kind) : clean(target.value, field.lines));
  function touch() { me.touched = true; me.given = false; target.dispatchEvent(new Event("kelu", { bubbles: true })); }
  target.addEventListener("input", touch);
  target.addEventListener("change", () => {
    if (!choice) target.value = field.refs ? desk.id(field, tidy()) : tidy();
    me.seen = true;
    touch();
  });
  target.addEventListener("focus", () => { if (field.refs) suggestions(); });
  if (field.refs) target.addEventListener("input", suggestions);
  function suggestions() {
    found.replaceChildren(...desk.choices(field, target.value, SHOWN).map(([code, words]) => make("option", { value: code, label: `${words}（${code}）` })));
  }
  if (choice) draw();
  return me;
}

const offered = (field, desk) => {
  const held = field.vocabulary ? [...terms(desk.form, field, desk.data()).codes] : [];
  return held.length ? held : Object.entries(field.enum || {});
};

// --- several of a few: boxes to tick ---

function ticks(field, path, desk) {
  const id = `k-f${count += 1}`, note = notes(field, id, desk), box = make("div", { class: "k-r-ticks" });
  const el = make("fieldset", { class: "k-r-field k-r-wide", id, tabindex: "-1", "aria-describedby": `${id}-help ${id}-fault`, "data-field": fieldText(path) }, make("legend", {}, ...title(field)), box, ...note.all);
  const me = {
    ...shared(field, path, { fault: note.fault, target: el }), el,
    get() {
      if (!this.touched) return this.raw;
      const held = [...box.querySelectorAll("input:checked")].map((tick) => tick.value);
      return held.length ? held : undefined;
    },
    set(value) { this.raw = value; this.touched = false; delete box.dataset.held; this.refresh(); },
    lock(reason, late, quiet) { el.disabled = Boolean(reason); if (!quiet) note.explain(reason); },
    refresh() {
      const now = new Set(this.touched ? this.get() ?? [] : this.raw ?? []), held = offered(field, desk);
      for (const code of now) if (!held.some(([known]) => known === code)) held.push([code, [code, code]]);
      const key = JSON.stringify(held);
      if (box.dataset.held === key) return;
      box.dataset.held = key;
      box.replaceChildren(...held.map(([code, words]) => make("label", {}, make("input", { type: "checkbox", value: code, checked: now.has(code) }), " ", own(said(words)))));
    },
    each() {},
  };
  el.addEventListener("change", () => { me.touched = me.seen = true; el.dispatchEvent(new Event("kelu", { bubbles: true })); });
  me.refresh();
  return me;
}

// --- a group of fields ---

function group(field, path, desk, item = false) {
  const id = `k-f${count += 1}`, note = notes(field, id, desk);
  const children = field.fields.map((child) => control(child, [...path, child.name], desk));
  const body = make("fieldset", { class: "k-r-group", id, tabindex: "-1", "aria-describedby": `${id}-help ${id}-fault`, "data-field": fieldText(path) },
    make("legend", { class: item ? "k-r-item" : "k-r-unseen" }, said(field.label)), ...(item ? [note.fault] : note.all), make("div", { class: "k-r-fields" }, ...children.map((child) => child.el)));
  const el = item ? body : folded(field, path, body);
  return {
    ...shared(field, path, { fault: note.fault, target: body, child: (way) => children.find((child) => child.field.name === way[0])?.at(way.slice(1)) }), el, children,
    get() {
      if (!children.some((child) => changed(child))) return this.raw;
      const entries = children.map((child) => [child.field.name, child.get()]).filter(([, value]) => value !== undefined);
      const known = new Set(field.fields.map((child) => child.name));
      for (const [name, value] of Object.entries(this.raw ?? {})) if (!known.has(name)) entries.push([name, value]);
      return entries.length ? Object.fromEntries(entries) : undefined;
    },
    set(value) {
      this.raw = value;
      children.forEach((child) => child.set(isGroup(value) ? value[child.field.name] : undefined));
      if (!item && value !== undefined) el.open = true;
    },
    lock(reason, late) { // 缘由在组上说一次 the reason is said once, for the group
      note.explain(reason);
      children.forEach((child) => child.lock(late && child.field.occurs && child.get() === undefined ? null : reason, false, true));
    },
    refresh() { children.forEach((child) => child.refresh()); },
    each(visit) { children.forEach((child) => { visit(child); child.each(visit); }); },
  };
}
/** Whether anything in a field was touched. */
export function changed(part) {
  let found = part.touched;
  part.each((child) => { found ||= child.touched; });
  return found;
}
const folded = (field, path, body) => make("details", { class: path.length === 1 ? "k-r-part" : "k-r-inner" }, make("summary", {}, ...title(field), make("span", { class: "k-r-state" })), body);

// --- a list, of groups or of single values; and what is kept under names ---

function list(field, path, desk, entry, named = false) {
  const id = `k-f${count += 1}`, note = notes(field, id, desk), items = [];
  const held = make("ol", { class: "k-r-list" });
  const add = make("button", { type: "button", class: "k-button k-r-add" }, `＋ ${say("添加", "Add")}${english ? " " : ""}${said(field.label)}`);
  const body = make("fieldset", { class: "k-r-group", id, tabindex: "-1", "aria-describedby": `${id}-help ${id}-fault`, "data-field": fieldText(path) }, make("legend", { class: field.fields || named ? "k-r-unseen" : "" }, ...(field.fields || named ? [said(field.label)] : title(field))), ...note.all, held, add);
  const whole = field.fields || named ? folded(field, path, body) : make("div", { class: "k-r-field k-r-wide" }, body);
  function grow(value) {
    const place = items.length, part = entry([...path, place]);
    part.set(value);
    const drop = make("button", { type: "button", class: "k-button k-r-drop" }, say("删除", "Remove"), make("span", { class: "k-r-unseen" }, ` ${said(field.label)} ${place + 1}`));
    const row = make("li", {}, part.el, drop);
    drop.addEventListener("click", () => {
      items.splice(items.indexOf(part), 1);
      row.remove();
      me.touched = true;
      items.forEach((one, i) => renumber(one, path.length, i));
      add.focus();
      body.dispatchEvent(new Event("kelu", { bubbles: true }));
    });
    part.drop = drop;
    items.push(part);
    held.append(row);
    return part;
  }
  add.addEventListener("click", () => {
    const part = grow(undefined);
    me.touched = true;
    part.refresh();
    body.dispatchEvent(new Event("kelu", { bubbles: true }));
    part.el.querySelector("input, select, textarea")?.focus();
  });
  const me = {
    ...shared(field, path, { fault: note.fault, target: body, child: (way) => (named ? items.find((one) => one.name() === way[0]) : items[way[0]])?.at(way.slice(1)) }), el: whole, items,
    get() {
      if (!changed(this)) return this.raw;
      const values = items.map((part) => part.get()).filter((value) => value !== undefined);
      if (!values.length) return this.raw !== undefined && !items.length && Array.isArray(this.raw) && !this.raw.length ? this.raw : undefined;
      return named ? Object.fromEntries(values) : values;
    },
    set(value) {
      this.raw = value;
      this.touched = false;
      items.length = 0;
      held.replaceChildren();
      for (const one of named ? Object.entries(value ?? {}) : value ?? []) grow(one);
      if (items.length && whole.tagName === "DETAILS") whole.open = true;
    },
    lock(reason, late) {
      note.explain(reason);
      add.hidden = Boolean(reason) && !late;
      items.forEach((part, i) => {
        const old = i < (named ? 0 : this.raw?.length ?? 0) || !late;
        part.lock(reason && old ? reason : null, late, true);
        part.drop.hidden = Boolean(reason && old);
      });
    },
    refresh() { items.forEach((part) => part.refresh()); },
    each(visit) { items.forEach((part) => { visit(part); part.each(visit); }); },
    grow,
  };
  return me;
}
function renumber(part, depth, place) {
  part.path[depth] = place;
  part.each((child) => { child.path[depth] = place; });
}

/** A value under a name, the name of a question where the questionnaire is known. */
function pair(field, path, desk) {
  const asked = desk.sheet()?.items ?? [];
  const key = single({ name: "key", kind: "string", label: ["调查项", "Item"], enum: asked.length ? Object.fromEntries(asked.map(([code, ...words]) => [code, words])) : undefined }, path, desk);
  const value = single({ ...field, name: "value", kind: field.items, items: undefined, clauses: undefined }, path, desk);
  return {
    field, path, el: make("div", { class: "k-r-fields" }, key.el, value.el), touched: false,
    name: () => key.get(),
    at: () => value,
    get() { const held = value.get(); return key.get() !== undefined && held !== undefined ? [key.get(), held] : undefined; },
    set(entry) { key.set(entry?.[0]); value.set(entry?.[1]); },
    lock(reason) { for (const part of [key, value]) part.lock(reason, false, true); },
    refresh() {},
    each(visit) { visit(key); visit(value); },
  };
}

/** Grades: a row for each question of the questionnaire. */
function grades(field, path, desk) {
  const id = `k-f${count += 1}`, note = notes(field, id, desk), box = make("div", { class: "k-r-fields" });
  const body = make("fieldset", { class: "k-r-group k-r-wide", id, tabindex: "-1", "aria-describedby": `${id}-help ${id}-fault`, "data-field": fieldText(path) }, make("legend", {}, ...title(field)), ...note.all, box);
  let rows = [];
  const me = {
    ...shared(field, path, { fault: note.fault, target: body, child: (way) => rows.find((row) => row.field.name === way[0]) }), el: body,
    get() {
      if (!changed(this)) return this.raw;
      const entries = rows.map((row) => [row.field.name, row.get()]).filter(([, value]) => value !== undefined);
      const typed = entries.map(([name, value]) => [name, /^(0|[1-9]\d*)$/.test(value) ? Number(value) : value]);
      return typed.length ? Object.fromEntries(typed) : undefined;
    },
    set(value) { this.raw = value; rows = []; delete box.dataset.held; this.refresh(value ?? {}); },
    lock(reason) { rows.forEach((row) => row.lock(reason, false, true)); },
    refresh(value = this.get() ?? {}) {
      const sheet = desk.sheet(), key = JSON.stringify([sheet, Object.keys(value)]);
      if (box.dataset.held === key) return;
      box.dataset.held = key;
      const asked = new Map((sheet?.items ?? []).map(([code, ...words]) => [code, words]));
      for (const code of Object.keys(value)) if (!asked.has(code)) asked.set(code, [code, code]);
      const words = Object.fromEntries((sheet?.grades ?? []).map(([code, zh, en]) => [code, [`${code} ${zh}`, `${code} ${en}`]]));
      const before = new Map(rows.map((row) => [row.field.name, row]));
      rows = [...asked].map(([code, label]) => {
        const row = before.get(code) ?? single({ name: code, kind: "string", label, enum: Object.keys(words).length ? words : undefined }, [...path, code], desk);
        if (!before.has(code)) row.set(value[code]);
        return row;
      });
      if (!rows.length) box.replaceChildren(make("p", { class: "k-r-help" }, say("先选调查模板。", "Choose the template first.")));
      else box.replaceChildren(...rows.map((row) => row.el));
    },
    each(visit) { rows.forEach(visit); },
  };
  me.refresh({});
  return me;
}
