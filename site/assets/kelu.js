// 全站脚本：斜杠键聚焦检索框，窄窗的导航抽屉，打印。无脚本时一切内容仍可阅读。
// Lets "/" reach the search box, opens the drawer of narrow windows, prints; every page reads without it.
addEventListener("keydown", (event) => {
  const typing = event.target.closest && event.target.closest("input, textarea, select, [contenteditable]");
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const box = document.querySelector("#k-find-q") || document.querySelector("#k-q");
  if (!box || !box.offsetParent) return;
  event.preventDefault();
  box.focus();
  box.select();
});
// 窄窗的导航：按钮打开并移入焦点，Esc 关上并移回。 The drawer: a button opens it and moves the focus in, Escape takes it back.
addEventListener("DOMContentLoaded", () => {
  const held = document.getElementById("__drawer"), button = document.querySelector(".k-drawer");
  if (!held || !button) return;
  const turn = (open) => { held.checked = open; held.dispatchEvent(new Event("change")); };
  held.addEventListener("change", () => button.setAttribute("aria-expanded", String(held.checked)));
  button.addEventListener("click", () => {
    turn(!held.checked);
    if (held.checked) document.querySelector(".md-nav--primary a[href]").focus();
  });
  addEventListener("keydown", (event) => { if (event.key === "Escape" && held.checked) { turn(false); button.focus(); } });
});
// 打印时展开折叠的清单。 Folded lists belong on paper too.
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((d) => d.setAttribute("open", "")));
// 选用的图表或表格可横向滚动时，键盘也能到达。 What scrolls sideways must be reachable by keyboard.
addEventListener("DOMContentLoaded", () => {
  for (const box of document.querySelectorAll(".k-scroll")) if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
});
// 打印按钮。 The button that prints.
addEventListener("click", (event) => { if (event.target.closest("[data-print]")) print(); });
// 记录页的页脚：全站的提交与数据时点。 The foot of a record page: the commit and moment of the whole site.
addEventListener("DOMContentLoaded", async () => {
  const foot = document.querySelector("[data-provenance]");
  const told = foot && (await fetch(foot.dataset.provenance).then((answer) => answer.json()).catch(() => null));
  if (told) foot.prepend(`本站提交 ${told.commit.slice(0, 12)}，数据截至 ${told.as_of_text}，程序 kelu ${told.version}。`);
});
// 凭据核对：在本机算出文件的 SHA-256，与记录所写的比较。 Holds a file against the digests of the record, on this machine.
addEventListener("change", async (event) => {
  const box = event.target.closest("[data-verify]");
  if (!box || !box.files.length) return;
  const panel = box.closest("section"), said = panel.querySelector("[data-verified]");
  if (!crypto.subtle) { said.textContent = "浏览器只在 https 或本机地址下能计算；可用命令 sha256sum。"; return; }
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", await box.files[0].arrayBuffer()));
  const digest = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const found = panel.querySelector(`[data-digest="${digest}"] b`);
  said.textContent = found ? `相符：就是“${found.textContent}”。` : `与所记的都不符：${digest}`;
  said.className = found ? "k-good" : "k-bad";
});
