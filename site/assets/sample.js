// 审计页的抽样：与 kelu sample 相同，编号按“种子、换行、编号”的 SHA-256 排列，取最前的几条。
// The sampler of the audit page draws as `kelu sample` does: ids by SHA-256 over seed, line feed and id.
const form = document.querySelector("#k-draw");
const list = document.querySelector("#k-drawn");
const chinese = document.documentElement.lang.startsWith("zh");
const say = (zh, en) => (chinese ? zh : en);
const { ids: source, records } = form.dataset;
const homes = JSON.parse(form.dataset.places); // 没有自己网页的类型 types without pages of their own
let held;

async function key(seed, id) {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`${seed}\n${id}`));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
async function draw(ids, seed, n) {
  const keyed = await Promise.all(ids.map(async (id) => [await key(seed, id), id]));
  return keyed.sort(([a], [b]) => (a < b ? -1 : 1)).slice(0, n);
}
const quoted = (text) => (/^[\w.-]+$/.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`);

async function answer() {
  held ||= await (await fetch(source)).json();
  const { type, n, seed: named } = Object.fromEntries(new FormData(form));
  const seed = named || held.commit;
  const all = held.types[type].ids;
  const drawn = await draw(all, seed, Number(n));
  list.replaceChildren(...drawn.map(([digest, id]) => {
    const item = document.createElement("li");
    const link = document.createElement("a");
    const code = document.createElement("code");
    link.href = homes[type] ? `${homes[type]}?id=${encodeURIComponent(id)}` : `${records}${encodeURIComponent(id)}.html`;
    link.textContent = id;
    code.textContent = digest.slice(0, 12);
    item.append(link, " ", code);
    return item;
  }));
  const command = `kelu sample ${type} --n ${n} --seed ${quoted(seed)} --at ${held.commit.slice(0, 12)}`;
  form.elements.said.value = say(`${all.length} 条中的 ${drawn.length} 条；${command}`, `${drawn.length} of ${all.length}; ${command}`);
}
form.hidden = false;
form.addEventListener("submit", (event) => {
  event.preventDefault();
  const fail = (why) => { form.elements.said.value = why; };
  if (!globalThis.crypto?.subtle) fail(say("浏览器只在 https 或本机上提供 SHA-256；请用上面的命令。", "Browsers offer SHA-256 only over https or on this machine; use the command above."));
  else answer().catch((fault) => fail(String(fault)));
});
