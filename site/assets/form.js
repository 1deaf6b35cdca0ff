// 登记表：由 data/form/ 的描述造出一种记录的表，随填随查，存草稿，最后写出规范文本去提交。什么也不发往别处。
// The form of a record type, made from its description in data/form/: it checks as one types, keeps a draft, and in the end
// writes the canonical text to be submitted. Nothing is sent anywhere.
import { amend, read, same, writer } from "./canon.js";
import { changed, control } from "./form-fields.js";
import { english, make, own, present, said, say } from "./form-text.js";
import { dayOf, fieldText, judge, lookUp, pathOf, ruling } from "./rules.js";
import { handover } from "./form-submit.js";

const host = document.querySelector("[data-register]");
const asked = new URLSearchParams(location.search);
const record = /^[A-Z]{3}(-\d+)+$/.test(asked.get("record") ?? "") ? asked.get("record") : "";
const fetched = async (way) => {
  const answer = await fetch(`${host.dataset.root}${way}`);
  if (!answer.ok) throw new Error(`${way}: ${answer.status}`);
  return answer;
};
const PROPOSED = ["id", "policy"];
const LATER = new Set(["SCH-02", "SCH-11"]); // 还没填，提交前才算错 not yet filled in: a fault only when one submits

/** What all fields share: the description, what there is to choose from, the data of now. */
function makeDesk(form, known, judged) {
  let data = {};
  const byId = new Map();
  const note = (id, words, more = "") => byId.set(id, { words, search: `${id} ${words} ${more}`.toLowerCase() });
  for (const rows of Object.values(known.records)) for (const [id, title, , , more] of rows) note(id, title, more);
  for (const [id, name, position] of known.contacts) note(id, [name, position].filter(Boolean).join(" · "), known.names.get(id.split("/")[0]));
  for (const [id, name, department] of known.staff) note(id, [name, department].filter(Boolean).join(" · "));
  function candidates(field) {
    const customer = data.customer;
    return field.refs.flatMap((kind) => {
      if (kind === "staff") return known.staff.map(([id]) => id);
      if (kind === "contact") return known.contacts.map(([id]) => id).filter((id) => !customer || id.startsWith(`${customer}/`));
      const rows = kind === "record" ? Object.values(known.records).flat() : known.records[kind] ?? [];
      return rows.filter(([, , status, of]) => status !== "void" && (!customer || !of || of === customer || kind === "record")).map(([id]) => id).reverse();
    });
  }
  return {
    form, pages: host.dataset.pages, fits: judged.fits,
    data: () => data,
    keep(now) { data = now; },
    packs: () => new Set([...form.policy.composition.map(([, pack]) => pack), ...form.policy.allowances.map((entry) => entry.pack), ...(form.domains.length ? [] : Object.keys(form.policy.packs))]),
    ruling: () => ruling(form, data),
    sheet: () => form.policy.packs[data.policy]?.sheets[data.template],
    name: (id) => byId.get(id)?.words ?? "",
    choices(field, text, most) {
      const word = text.trim().toLowerCase();
      return candidates(field).filter((id) => !word || byId.get(id)?.search.includes(word)).slice(0, most).map((id) => [id, byId.get(id)?.words ?? ""]);
    },
    /** The id that typed text names, if it names one thing only; else the text. */
    id(field, text) {
      if (!text || byId.has(text)) return text;
      const upper = text.toUpperCase();
      if (byId.has(upper)) return upper;
      const found = candidates(field).filter((id) => byId.get(id).search.includes(text.toLowerCase()));
      return found.length === 1 ? found[0] : text;
    },
  };
}

async function start() {
  const type = host.dataset.register;
  const [form, known] = await Promise.all([`data/form/${type}.json`, "data/form/directory.json"].map((way) => fetched(way).then((answer) => answer.json())));
  known.names = new Map(Object.values(known.records).flat().map(([id, title, , , more]) => [id, `${title} ${more}`]));
  if (!record) return edit(form, known, null);
  if (known.in_ledgers[type]) return paste(form, known, say("这类记录没有自己的网页。", "Records of this type have no pages of their own."));
  const page = await fetch(`${host.dataset.root}records/${record}.html`);
  const source = page.ok && new DOMParser().parseFromString(await page.text(), "text/html").getElementById("k-source");
  return source ? edit(form, known, source.content.textContent) : paste(form, known, say("这条记录有不公开的内容，网页上没有它的原文。", "This record holds what is not public, so its text is not on the site."));
}

/** Asks for the present text of a record that no page carries, and says why. */
function paste(form, known, why) {
  const area = make("textarea", { id: "k-r-paste", rows: 10, spellcheck: "false", "aria-describedby": "k-r-paste-fault" }), file = make("input", { id: "k-r-file", type: "file", accept: ".yaml,.yml" });
  const fault = make("p", { id: "k-r-paste-fault", class: "k-r-fault", role: "alert" }), go = make("button", { type: "button", class: "k-button k-r-main" }, say("读入", "Read it"));
  const path = pathOf(form, record), origin = known.forge.edit?.replace("{path}", path);
  file.addEventListener("change", async () => { if (file.files.length) area.value = await file.files[0].text(); });
  go.addEventListener("click", () => {
    const text = area.value.replace(/^\ufeff/, "").replace(/\r\n?/g, "\n").replace(/[ \t\n]*$/, "\n");
    try {
      const data = read(text);
      if (data.id !== record) throw new Error(say(`这是 ${data.id ?? "？"}，不是 ${record}`, `this is ${data.id ?? "?"}, not ${record}`));
      edit(form, known, text);
    } catch (problem) {
      fault.textContent = `${say("读不出这份记录：", "This cannot be read: ")}${problem.message}`;
      area.focus();
    }
  });
  host.replaceChildren(make("section", { class: "k-panel" },
    make("h2", {}, say(`放入 ${record} 现在的文本`, `Put in the present text of ${record}`)),
    make("p", {}, why, say("请打开原文件，全选、复制，粘贴到下面；或选取文件。内容只留在你的浏览器里。", " Open the file, copy all of it and paste it here, or pick the file. It stays in your browser.")),
    make("p", {}, ...(origin ? [make("a", { href: origin, target: "_blank", rel: "noopener noreferrer" }, say("在代码托管页面打开原文件", "Open the file on the forge")), " "] : []), make("code", {}, path)),
    make("div", { class: "k-r-field k-r-wide" }, make("label", { for: "k-r-paste" }, say("原文", "Its text")), area, fault),
    make("div", { class: "k-r-field" }, make("label", { for: "k-r-file" }, say("或选取文件", "Or pick the file")), file), make("p", {}, go)));
  ready();
}

function ready() {
  host.hidden = false;
  host.dataset.ready = "1";
}

function edit(form, known, text) {
  const original = text === null ? {} : read(text), isNew = text === null;
  const judged = judge(form, known), desk = makeDesk(form, known, judged), write = writer(form.plain);
  const top = form.fields.filter((field) => field.name !== "status" && field.const === undefined);
  const state = make("select", { id: "k-r-status", autocomplete: "off", "aria-describedby": "k-r-who" });
  desk.keep(original);
  const parts = top.map((field) => control(field, [field.name], desk));
  const named = new Map(parts.map((part) => [part.field.name, part]));
  const key = `kelu.form.${form.type}.${record || "new"}`;
  let strict = false, findings = [];

  const collect = () => {
    const data = { ...original };
    for (const field of form.fields) {
      const value = field.name === "status" ? state.value : field.const ?? named.get(field.name).get();
      if (value === undefined) delete data[field.name]; else data[field.name] = value;
    }
    return data;
  };

  // --- the states ---

  function ways(from) { // 从一个状态能到的状态，及所经各步 the states that can be reached, with the steps there
    const found = new Map(), waiting = [[from, []]];
    for (const [at, way] of waiting) for (const step of form.steps) {
      if (step.from !== at || found.has(step.to)) continue;
      found.set(step.to, [...way, step]);
      waiting.push([step.to, [...way, step]]);
    }
    return found;
  }
  const reach = ways(isNew ? "" : original.status);
  if (!isNew) reach.delete(original.status);
  const offered = [...(isNew ? [] : [original.status]), ...Object.keys(form.states).filter((code) => reach.has(code) && !(isNew && code === "void"))];
  state.append(...offered.map((code) => make("option", { value: code }, said(form.states[code] ?? [code, code]))));
  state.value = offered.includes(asked.get("to")) ? asked.get("to") : isNew ? form.initial[0] : original.status;
  const who = make("p", { class: "k-r-help", id: "k-r-who" }), lack = make("p", { class: "k-r-lack", hidden: true });
  function tellWho() {
    const way = reach.get(state.value) ?? [];
    const people = (step) => [...step.roles.map(said), ...step.persons.map((name) => said(form.fields.find((field) => field.name === name.split(".")[0])?.label ?? [name, name]))];
    who.textContent = way.length ? way.map((step) => `${said(form.states[step.to])}${say("由", " by ")}${people(step).join(say("、", ", ")) || say("任何人员", "anyone on staff")}${step.with.length ? say(`，会同${step.with.map(said).join("、")}`, ` with ${step.with.map(said).join(", ")}`) : ""}`).join(say("；", "; ")) : say("状态不变，只补充或改动内容。", "The state stays; content is added or changed.");
  }
  function lock() {
    const order = Object.keys(form.states), from = order.indexOf(original.status), to = order.indexOf(state.value);
    for (const part of parts) {
      const { field } = part, old = original[field.name], frozen = order.indexOf(field.frozen);
      const reason = isNew ? null
        : field.immutable && old !== undefined ? say("登记后不可改；有误的写入“更正记录”。", "Fixed once registered; mistakes go under corrections.")
          : field.frozen && from >= frozen && to >= frozen ? say(`“${form.states[field.frozen][0]}”之后不可改。`, `Frozen since “${form.states[field.frozen][1]}”.`)
            : field.grows && old !== undefined ? say("已有的各条不可改动，只能添加。", "Entries stay as they are; add new ones below.") : null;
      const grows = Boolean(field.grows && !(field.frozen && from >= frozen && to >= frozen));
      part.lock(reason, grows);
      if (reason && !grows && part.el.tagName === "DETAILS") part.el.open = false;
    }
  }

  // --- what changes with every entry ---

  const summary = make("div", { class: "k-r-summary", role: "alert", tabindex: "-1", hidden: true });
  const result = make("div", { class: "k-r-result" });
  function propose(data) { // 编号、制度随业务日期 id and policy follow the business date
    const day = form.date ? dayOf(lookUp(data, form.date.split("."))) : "";
    named.get("id").offer(nextId(form, known, (day || present("date")).slice(0, 4)));
    const packs = ruling(form, data);
    if (named.has("policy") && packs.length && form.fields.find((field) => field.name === "policy").needed) named.get("policy").offer(packs[0]);
  }
  function update() {
    desk.keep(collect());
    if (isNew) propose(desk.data());
    desk.keep(collect());
    parts.forEach((part) => part.refresh());
    findings = judged.judge(desk.data(), isNew);
    show();
  }
  function show() {
    const lacking = new Set(findings.filter(({ code, path }) => LATER.has(code) && path.length === 1).map(({ path }) => path[0]));
    const told = new Map();
    for (const finding of findings) {
      const part = finding.path[0] === "status" ? null : named.get(finding.path[0])?.at(finding.path.slice(1));
      finding.part = part;
      if (part && (strict || (!LATER.has(finding.code) && (part.seen || part.touched)))) told.set(part, [...(told.get(part) ?? []), finding]);
    }
    const visit = (part) => { if (part.tell) part.tell((told.get(part) ?? []).map((finding) => (LATER.has(finding.code) ? said(finding.message) : `${said(finding.message)}${english ? " " : "　"}${said(finding.hint)}`)), (told.get(part) ?? []).some((finding) => !finding.soft)); };
    for (const part of parts) {
      visit(part);
      part.each(visit);
      const { field } = part, needed = field.needed || lacking.has(field.name), filled = part.get() !== undefined || changed(part);
      part.need(needed);
      part.el.toggleAttribute("data-later", !needed && !filled && !(isNew && field.asked));
      if (part.el.tagName !== "DETAILS") continue;
      if (lacking.has(field.name) && !part.opened) part.el.open = part.opened = true;
      part.el.querySelector(":scope > summary > .k-r-state").textContent = part.get() !== undefined ? say("已填", "filled in") : needed ? say("这一状态要填", "needed in this state") : "";
    }
    for (const run of page.querySelectorAll(".k-r-run")) {
      const more = run.querySelector(".k-r-more"), hidden = run.querySelectorAll(":scope > .k-r-fields > [data-later]").length;
      more.hidden = !hidden || run.classList.contains("k-r-all");
      more.textContent = say(`其他可填的栏（${hidden}）`, `Other fields (${hidden})`);
      run.classList.toggle("k-r-later", !more.hidden && hidden === run.firstElementChild.children.length);
    }
    lack.hidden = isNew || !lacking.size;
    if (!lack.hidden) lack.replaceChildren(say("还要填：", "Still needed: "), ...[...lacking].flatMap((name, i) => {
      const part = named.get(name), link = make("a", { href: "#k-r-status" }, part ? said(part.field.label) : name);
      link.addEventListener("click", (event) => { event.preventDefault(); part?.focus(); });
      return i ? [say("、", ", "), link] : [link];
    }));
    if (strict) summarise();
  }
  const hard = () => findings.filter((finding) => !finding.soft);
  function summarise() {
    const held = hard();
    summary.hidden = !held.length;
    summary.replaceChildren(...(held.length ? [make("h2", {}, say(`还有 ${held.length} 处要改`, `${held.length} to mend`)), make("ul", {}, ...held.map((finding) => {
      const link = make("a", { href: "#k-r-status" }, said(finding.message));
      link.addEventListener("click", (event) => { event.preventDefault(); if (finding.part) finding.part.focus(); else state.focus(); });
      return make("li", { "data-code": finding.code, "data-at": fieldText(finding.path) }, link);
    }))] : []));
  }
  function check() {
    strict = true;
    update();
    result.replaceChildren();
    if (hard().length) { summary.focus(); return; }
    const data = collect(), written = isNew ? write.write(data, form.order) : same(data, original) ? text : amend(text, data, form.order, write);
    if (!same(read(written), data)) throw new Error("the text does not say what the form holds");
    const title = isNew ? say("登记", "登记") : original.status !== data.status ? form.states[data.status][0] : "更新";
    handover(result, { text: written, id: data.id, path: pathOf(form, data.id), title: `${data.id} ${title}`, isNew, same: !isNew && written === text, notes: findings.filter((finding) => finding.soft), forge: known.forge, commit: known.commit });
  }

  // --- drafts ---

  const notice = make("p", { class: "k-note k-note--info", hidden: true });
  let timer = 0, waiting = false;
  function keep() {
    const data = collect();
    for (const name of PROPOSED) if (isNew && named.get(name)?.given) delete data[name]; // 下次另取 proposed anew the next time
    try { localStorage.setItem(key, JSON.stringify({ at: present("datetime"), state: state.value, data, base: text })); } catch { /* 存不下就不存 no room, no draft */ }
  }
  function forget(reload) {
    clearTimeout(timer);
    waiting = false;
    localStorage.removeItem(key);
    if (reload) location.reload();
  }
  function restore() {
    const draft = JSON.parse(localStorage.getItem(key) ?? "null");
    if (!draft) return;
    const drop = make("button", { type: "button", class: "k-button" }, say("删除草稿，重新填", "Delete the draft and begin anew"));
    drop.addEventListener("click", () => forget(true));
    notice.hidden = false;
    notice.append(own(draft.base === text ? say(`已恢复 ${draft.at.slice(0, 16).replace("T", " ")} 的草稿，它只存在这个浏览器里。`, `Restored your draft of ${draft.at.slice(0, 16).replace("T", " ")}; it is kept in this browser only. `) : say("有一份草稿，但记录此后已变，没有恢复。", "There is a draft, but the record has changed since; it was not restored. ")), drop);
    if (draft.base !== text) return;
    if (offered.includes(draft.state) && !asked.get("to")) state.value = draft.state;
    for (const part of parts) {
      if (isNew && PROPOSED.includes(part.field.name) && !(part.field.name in draft.data)) continue;
      const value = draft.data[part.field.name];
      if (same(value ?? null, original[part.field.name] ?? null)) continue;
      part.set(value);
      retouch(part);
    }
  }

  // --- the page ---

  const page = make("form", { novalidate: true });
  const panel = make("section", { class: "k-panel k-r-head" }, make("div", { class: "k-r-field" }, make("label", { for: "k-r-status" }, isNew ? say("登记时的状态", "State to register") : say("状态", "State")), state, who, lack));
  page.append(notice, panel);
  let run = null;
  for (const part of parts) {
    if (part.el.tagName === "DETAILS") { page.append(part.el); run = null; continue; }
    if (!run) {
      const more = make("button", { type: "button", class: "k-button k-r-more", hidden: true }), box = make("div", { class: "k-r-fields" });
      run = make("section", { class: "k-panel k-r-run", "aria-label": said(part.field.label) }, box, more);
      more.addEventListener("click", ({ currentTarget }) => {
        const held = currentTarget.closest(".k-r-run"), first = held.querySelector(":scope > .k-r-fields > [data-later] :is(input, select, textarea)");
        held.classList.add("k-r-all");
        currentTarget.hidden = true;
        first?.focus();
      });
      page.append(run);
    }
    run.firstElementChild.append(part.el);
  }
  const go = make("button", { type: "submit", class: "k-button k-r-main" }, say("检查并生成文本", "Check and write the text"));
  page.append(summary, make("p", { class: "k-r-go" }, go), result);
  page.addEventListener("submit", (event) => { event.preventDefault(); check(); });
  const touched = () => {
    result.replaceChildren();
    clearTimeout(timer);
    waiting = true;
    timer = setTimeout(() => { waiting = false; update(); keep(); }, 200);
  };
  page.addEventListener("kelu", touched);
  state.addEventListener("change", () => { tellWho(); lock(); touched(); });
  addEventListener("pagehide", () => { if (waiting) keep(); });
  for (const part of parts) part.set(original[part.field.name]);
  if (isNew) for (const part of parts) if (part.field.needed && !part.field.planned && part.offer && (part.field.kind === "datetime" || part.field.name === form.date)) part.offer(present(part.field.kind));
  restore();
  tellWho();
  lock();
  host.replaceChildren(page);
  if (record) document.getElementById("k-r-title").append(` ${record}`);
  update();
  ready();
}

/** After a draft was put in: its values count as typed. */
function retouch(part) {
  if (part.items || !part.children) part.touched = true;
  part.each((child) => { if (!child.children) child.touched = true; });
}

/** The next free id of a type and year. */
function nextId(form, known, year) {
  const prefix = /^\^?([A-Z]+)-/.exec(form.id)[1], sizes = [...form.id.matchAll(/\{(\d+)\}/g)].map((found) => Number(found[1]));
  const held = sizes.length > 1 ? year : "";
  const number = String((known.taken[form.type][held] ?? 0) + 1).padStart(sizes.at(-1), "0");
  return [prefix, held, number].filter(Boolean).join("-");
}

start().catch((fault) => {
  host.replaceChildren(make("p", { class: "k-note k-note--bad" }, say("表单没有打开：", "The form did not open: "), String(fault.message)));
  ready();
  throw fault;
});
