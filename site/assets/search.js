// 检索页：查询、筛选、排序都在网址里，可以发给别人；完整编号回车直达。引擎在 find.js。结果一律以文本写入。
// The search page: words, facets and order are in the address, to be sent to somebody; Enter on an id leads to its
// page. The search itself is in find.js. Whatever a record says is written as text.
import { fold, open } from "./find.js";

const root = new URL("../../", import.meta.url);
const english = document.documentElement.lang === "en";
const say = (zh, en) => (english ? en : zh);
const [form, box, hits, status, more, facetBox, order] = ["", "-q", "-hits", "-status", "-more", "-facets", "-order"].map((id) => document.querySelector(`#k-find${id}`));
const names = JSON.parse(form.dataset.facets);
const homes = Object.entries(JSON.parse(form.dataset.places)).map(([ids, page]) => [new RegExp(ids), page]);
const digits = new Intl.NumberFormat(english ? "en" : "zh-CN");
const PAGE = 12;
let engine, turn = 0, found, inputs = [];

function made(tag, text = "", kind = "") {
  const element = document.createElement(tag);
  if (kind) element.className = kind;
  element.textContent = text;
  if (english && /\p{Script=Han}/u.test(text)) element.lang = "zh-CN";
  return element;
}
const pieces = (parent, parts) => { parent.append(...parts.filter(([text]) => text).map(([text, mark]) => made(mark ? "mark" : "span", text))); return parent; };
const label = (value) => engine.facets[value][english ? 2 : 1];

// 编号所指：它的网页；没有自己网页的记录，是台账中的一行（零与连接号可省）。
// What an id names: a page, or the row of a ledger where records have no pages of their own, zeros and hyphens aside.
function named(words) {
  const page = engine.page(words);
  if (page) return { ...page, url: new URL(page.url, root) };
  const [, kind, year, number] = /^\s*([A-Z]+)[^0-9A-Z]*(?:(\d{4})[^0-9A-Z]*)?(\d+)\s*$/.exec(fold(words).toUpperCase()) || [];
  for (let width = number ? number.length : 9; width < 9; width++) {
    const code = [kind, year, number.padStart(width, "0")].filter(Boolean).join("-"), [, home] = homes.find(([ids]) => ids.test(code)) || [];
    if (home) return { code, home, url: new URL(`${home}?id=${code}`, location.href) };
  }
  return null;
}
function rowOf(own) {
  const item = made("li", "", "k-find__jump"), link = made("a", say(`直达：台账中的 ${own.code}`, `Go to: ${own.code} in its ledger`));
  link.href = own.url;
  item.append(link);
  return item;
}
function row(hit, jump) {
  const item = made("li", "", jump ? "k-find__jump" : ""), link = made("a"), line = made("p", "", "k-head__line");
  link.href = new URL(hit.url, root);
  if (jump) link.append(say("直达：", "Go to: "));
  pieces(link, hit.title.some(([text]) => text) ? hit.title : [[hit.code, false]]);
  if (!hit.shell) line.append(made("span", hit.code, "k-id"));
  for (const value of hit.facets) {
    if (!["type", "status"].includes(engine.facets[value][0])) continue;
    const badge = made("span", label(value), "k-badge");
    badge.dataset.facet = engine.facets[value][0];
    line.append(badge);
  }
  if (hit.date) line.append(made("time", hit.date, "k-num"));
  item.append(link, line, pieces(made("p"), hit.excerpt));
  return item;
}
async function extend(mine, first) {
  const part = await found.more(PAGE);
  if (mine !== turn) return;
  if (first) hits.replaceChildren();
  const own = named(box.value);
  const last = hits.lastElementChild;
  hits.append(...part.map((hit) => row(hit, own && hit.number === own.number)));
  more.hidden = found.done;
  if (!first && last && last.nextElementSibling) last.nextElementSibling.querySelector("a").focus();
  if (first && own && hits.querySelector(".k-find__jump")) hits.prepend(hits.querySelector(".k-find__jump"));
  if (first && own && own.home) hits.prepend(rowOf(own));
}
function chosen() {
  const wanted = {};
  for (const { input, values } of inputs) if (input.checked) (wanted[input.name] ||= []).push(...values);
  return wanted;
}
function address(words) {
  const url = new URL(location);
  for (const name of ["q", "go", "order", ...Object.keys(names)]) url.searchParams.delete(name);
  if (words) url.searchParams.set("q", words);
  if (order.value !== "relevance") url.searchParams.set("order", order.value);
  for (const { input } of inputs) if (input.checked) url.searchParams.append(input.name, input.value);
  history.replaceState(null, "", url);
}
async function search() {
  const mine = ++turn, words = box.value.trim(), wanted = chosen();
  address(words);
  form.dataset.answered = "";
  const own = named(words);
  const answer = await engine.search(own ? own.code : words, wanted, order.value);
  if (mine !== turn) return;
  found = answer;
  for (const { values, input, small } of inputs.filter((item) => item.counted)) {
    const count = values.reduce((sum, value) => sum + (answer.counts.get(value) || 0), 0);
    small.textContent = digits.format(count);
    input.parentElement.hidden = !count && !input.checked;
  }
  for (const set of facetBox.querySelectorAll("fieldset")) set.hidden = !set.querySelector("label:not([hidden]), input[type=search]");
  const idle = !words && !Object.keys(wanted).length;
  if (idle) {
    hits.replaceChildren();
    more.hidden = true;
    status.textContent = say(`${digits.format(answer.count)} 个页面可查。请输入关键词或编号，或选择筛选项。`, `${digits.format(answer.count)} pages can be searched. Type words or an id, or choose a facet.`);
  } else {
    await extend(mine, true);
    if (mine !== turn) return;
    outcome(answer, words);
  }
  form.dataset.answered = "1";
}
function outcome(answer, words) {
  if (hits.querySelector(".k-find__jump") && !answer.count) {
    status.textContent = "";
    return;
  }
  const none = answer.count === 0 || (found.done && !hits.children.length), count = digits.format(answer.count), said = words.replace(/["“”]/g, "").trim();
  if (!none) {
    status.textContent = answer.certain ? say(`找到 ${count} 条。`, `${count} found.`) : say(`约 ${count} 条；列出的都逐字核对过。`, `About ${count}; those listed have been read letter by letter.`);
    return;
  }
  if (answer.short) {
    status.textContent = say("请至少输入两个字。", "Type at least two letters.");
    return;
  }
  if (answer.asked.length < 2) {
    status.textContent = said ? say(`没有一个页面写有“${said}”。可换用更短的词，或到台账中筛选。`, `No page says “${said}”. Try a shorter word, or filter a ledger.`) : say("没有符合筛选的页面。", "No page fits these facets.");
    return;
  }
  status.textContent = say("没有一个页面同时写有这些词。分别检索：", "No page holds all these words. Search for one of them: ");
  for (const { words: one, count: held, certain } of answer.each()) {
    const link = made("a", one);
    link.href = `?q=${encodeURIComponent(one)}`;
    status.append(link, ` (${certain ? "" : "≤"}${digits.format(held)}) `);
  }
}
function choice(name, text, values, on, counted = true) {
  const line = made("label"), input = made("input"), small = made("small");
  input.type = "checkbox";
  input.name = name;
  input.value = text;
  input.checked = on;
  line.append(input, made("span", text), small);
  inputs.push({ input, values, small, counted });
  return line;
}
const SOME = 12;
// 取值极多的筛选项：按名称找，找到的才列出。 A facet of very many values: they are found by name, and then listed.
function wide(name, title, asked) {
  const set = made("fieldset"), seek = made("input"), list = made("div"), values = new Map();
  engine.facets.forEach((facet, value) => { if (facet[0] === name) values.set(label(value), [...(values.get(label(value)) || []), value]); });
  seek.type = "search";
  seek.placeholder = say(`在 ${values.size} 项中查找`, `Find among ${values.size}`);
  seek.setAttribute("aria-label", `${title}${say("：查找", ": find")}`);
  const draw = () => {
    const on = inputs.filter(({ input }) => input.name === name && input.checked).map(({ input }) => input.value), words = seek.value.trim().toLowerCase();
    inputs = inputs.filter(({ input }) => input.name !== name);
    const shown = words ? [...values.keys()].filter((text) => !on.includes(text) && text.toLowerCase().includes(words)).slice(0, SOME) : [];
    list.replaceChildren(...[...on, ...shown].map((text) => choice(name, text, values.get(text), on.includes(text), false)));
  };
  seek.addEventListener("input", (event) => { event.stopPropagation(); draw(); });
  seek.addEventListener("change", (event) => event.stopPropagation());
  list.append(...asked.filter((text) => values.has(text)).map((text) => choice(name, text, values.get(text), true, false)));
  set.append(made("legend", title), seek, list);
  return set;
}
async function facets() {
  const all = (await engine.search("", {}, "relevance")).counts, asked = new URLSearchParams(location.search);
  for (const [name, titles] of Object.entries(names)) {
    const title = titles[english ? "en" : "zh"];
    if (engine.wide.includes(name)) { facetBox.append(wide(name, title, asked.getAll(name))); continue; }
    const values = [...all.keys()].filter((value) => engine.facets[value][0] === name);
    if (!values.length) continue;
    const set = made("fieldset"), list = made("div");
    values.sort((a, b) => (name === "year" ? b - a : engine.ofRecords.has(b) - engine.ofRecords.has(a) || all.get(b) - all.get(a) || a - b));
    for (const text of new Set(values.map(label))) // 名称相同的取值并为一项 / values called alike are one
      list.append(choice(name, text, values.filter((value) => label(value) === text), asked.getAll(name).includes(text)));
    set.append(made("legend", title), list);
    facetBox.append(set);
  }
}
let timer;
const soon = () => { clearTimeout(timer); timer = setTimeout(search, 150); };
box.addEventListener("input", (event) => { if (!event.isComposing) soon(); });
box.addEventListener("compositionend", soon);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  const own = engine && named(box.value);
  if (own) location.assign(own.url);
  else if (engine) { clearTimeout(timer); search(); }
});
facetBox.addEventListener("change", search);
order.addEventListener("change", search);
more.addEventListener("click", () => extend(turn, false));
// 上下键在输入框与结果间移动。 The arrow keys go from the box through the hits and back.
form.addEventListener("keydown", (event) => {
  const links = [box, ...hits.querySelectorAll("li > a")], at = links.indexOf(document.activeElement);
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (at < 0 || !step || event.isComposing || !links[at + step]) return;
  event.preventDefault();
  links[at + step].focus();
});
try {
  if (matchMedia("(max-width: 45em)").matches) facetBox.open = false;
  const asked = new URLSearchParams(location.search), top = document.querySelector("#k-q");
  box.value = asked.get("q") || "";
  if (top) top.value = box.value;
  order.value = ["newest", "oldest"].includes(asked.get("order")) ? asked.get("order") : "relevance";
  engine = await open(new URL("search/", root), english ? "en" : "zh");
  const own = asked.has("go") && named(box.value);
  if (own) location.replace(own.url);
  else {
    await facets();
    box.focus();
    await search();
    form.dataset.ready = "1";
  }
} catch (fault) {
  console.warn(fault);
  status.textContent = say("检索需要经由网页服务器打开本站（例如 python -m http.server），并使用较新的浏览器；也可到台账中查找。", "The search needs the site to be served (for instance by python -m http.server) and a recent browser. The ledgers can be searched, too.");
}
