// 全站脚本：标记“有脚本”，斜杠键聚焦检索框。无脚本时一切内容仍可阅读。
// Marks that scripts run and lets "/" reach the search box; every page reads without it.
document.documentElement.classList.add("k-js");
addEventListener("keydown", (event) => {
  const typing = event.target.closest && event.target.closest("input, textarea, select, [contenteditable]");
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const box = document.querySelector("#k-find-q") || document.querySelector("#k-q");
  if (!box || !box.offsetParent) return;
  event.preventDefault();
  box.focus();
  box.select();
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
