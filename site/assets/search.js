// 检索页：完整编号先行直达并加引号精确检索，其余交给 Pagefind。结果一律以文本写入。
// The search page: a full id is quoted and offered as a jump first; the rest is Pagefind's. Results are text only.
const form = document.querySelector("#k-find");
const box = document.querySelector("#k-find-q");
const hits = document.querySelector("#k-find-hits");
const status = document.querySelector("#k-find-status");
const more = document.querySelector("#k-find-more");
const filterBox = document.querySelector("#k-find-filters");
if (matchMedia("(max-width: 45em)").matches) filterBox.open = false;
const base = new URL(".", document.baseURI);
const patterns = JSON.parse(form.dataset.ids).map((p) => p.replace(/^\^|\$$/g, ""));
const whole = new RegExp(`^(?:${patterns.join("|")})$`, "i");
const PAGE = 20;
let pagefind, turn = 0, found = [], shown = 0;

const clean = (text) => text.normalize("NFKC").replace(/[“”"]/g, " ").trim();
const decode = (html) => { const t = document.createElement("textarea"); t.innerHTML = html; return t.value; };

function marked(excerpt) {
  const line = document.createElement("p");
  excerpt.split(/<mark>|<\/mark>/).forEach((part, i) => {
    const piece = i % 2 ? document.createElement("mark") : document.createElement("span");
    piece.textContent = decode(part);
    line.append(piece);
  });
  return line;
}
function row(data, jump) {
  const item = document.createElement("li");
  const link = document.createElement("a");
  link.href = data.url;
  link.textContent = (jump ? "直达：" : "") + data.meta.title;
  const kind = document.createElement("p");
  kind.className = "k-head__line";
  for (const name of ["类型", "年度", "状态"]) {
    const value = (data.filters[name] || [])[0];
    if (!value) continue;
    const badge = document.createElement("span");
    badge.className = "k-badge";
    badge.dataset.filter = name;
    badge.textContent = value;
    kind.append(badge);
  }
  const id = /records\/([^/]+)\.html/.exec(data.url);
  if (id) { const code = document.createElement("span"); code.className = "k-id"; code.textContent = decodeURIComponent(id[1]); kind.prepend(code); }
  item.append(link, kind, marked(data.excerpt));
  if (jump) item.className = "k-find__jump";
  return item;
}
async function extend(mine, jump) {
  const part = await Promise.all(found.slice(shown, shown + PAGE).map((hit) => hit.data()));
  if (mine !== turn) return;
  if (jump) part.sort((a, b) => b.url.endsWith(jump) - a.url.endsWith(jump));
  part.forEach((data, i) => hits.append(row(data, !!jump && shown === 0 && i === 0 && data.url.endsWith(jump))));
  shown += part.length;
  more.hidden = shown >= found.length;
}
const chosen = () => {
  const filters = {};
  for (const input of filterBox.querySelectorAll("input:checked")) (filters[input.name] ||= { any: [] }).any.push(input.value);
  return filters;
};
async function search() {
  const mine = ++turn;
  const words = clean(box.value);
  const url = new URL(location);
  words ? url.searchParams.set("q", words) : url.searchParams.delete("q");
  history.replaceState(null, "", url);
  const filters = chosen();
  hits.dataset.query = "";
  if (!words && !Object.keys(filters).length) { found = []; shown = 0; hits.replaceChildren(); more.hidden = true; status.textContent = "请输入关键词或编号。"; return; }
  const exact = whole.test(words);
  const phrase = exact ? words.toUpperCase() : /[\u3400-\u9fff]/.test(words) && !/\s/.test(words) ? words : "";
  const ask = async (query) => (await pagefind.search(query, { filters })).results;
  // 连在一起的词语在前，仅含各个字词的在后。 Hits with the words as typed first, hits with their parts after.
  const together = phrase ? await ask(`"${phrase}"`) : [];
  const loose = exact ? [] : await ask(words || null);
  if (mine !== turn) return;
  const known = new Set(together.map((hit) => hit.id));
  found = [...together, ...loose.filter((hit) => !known.has(hit.id))];
  let jump = exact ? `/records/${phrase}.html` : "";
  if (exact) { // 直达的记录排在最前 / the record itself comes first, whatever the ranking says
    const all = await Promise.all(found.slice(0, 200).map(async (hit) => [hit, (await hit.data()).url]));
    if (mine !== turn) return;
    const own = all.find(([, u]) => u.endsWith(jump));
    if (own) found = [own[0], ...found.filter((hit) => hit !== own[0])];
    else jump = "";
  }
  shown = 0;
  hits.replaceChildren();
  const parts = phrase && !exact && found.length > together.length ? `，其中 ${together.length} 处含完整词语` : "";
  status.textContent = found.length ? `找到 ${found.length} 处${parts}。` : exact ? `没有编号为 ${words.toUpperCase()} 的记录。` : "没有找到。可换用更短的词，或到台账中筛选。";
  await extend(mine, jump);
  hits.dataset.query = words;
}
function filters(all) {
  for (const name of ["类型", "年度", "状态"]) {
    if (!all[name]) continue;
    const set = document.createElement("fieldset");
    const legend = document.createElement("legend");
    legend.textContent = name;
    set.append(legend);
    const order = Object.entries(all[name]).sort(([a, n], [b, m]) => (name === "年度" ? b.localeCompare(a) : m - n || a.localeCompare(b, "zh-Hans-CN")));
    for (const [value, count] of order) {
      const label = document.createElement("label"), input = document.createElement("input"), small = document.createElement("small");
      input.type = "checkbox"; input.name = name; input.value = value;
      small.textContent = count;
      label.append(input, value, small);
      set.append(label);
    }
    filterBox.append(set);
  }
}
let timer;
box.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(search, 150); });
form.addEventListener("submit", (event) => { event.preventDefault(); clearTimeout(timer); const first = hits.querySelector(".k-find__jump a"); if (first && hits.dataset.query === clean(box.value)) location = first.href; else search(); });
filterBox.addEventListener("change", search);
more.addEventListener("click", () => extend(turn, ""));
try {
  pagefind = await import(new URL("pagefind/pagefind.js", base));
  await pagefind.options({ baseUrl: base.pathname, excerptLength: 36 });
  filters(await pagefind.filters());
  box.value = new URLSearchParams(location.search).get("q") || "";
  const top = document.querySelector("#k-q");
  if (top) top.value = box.value;
  box.focus();
  await search();
  form.dataset.ready = "1";
} catch {
  status.textContent = "检索需要经由网页服务器打开本站（例如 python -m http.server）；也可到台账中查找。";
}
