// 去提交：写好的文本，和把它交到代码托管平台去的路——预填的新建页、编辑页，或复制、下载后上传，步骤写明。
// Submitting: the finished text and the ways to the forge, with the steps in words for people who know no Git.
import { make, own, said, say } from "./form-text.js";

const LONGEST = 7000; // 网址的字节数，再长就有服务器不收 bytes of an address; longer ones are refused by servers

const copied = (button, text) => button.addEventListener("click", async () => {
  const area = make("textarea", { class: "k-r-unseen", "aria-hidden": "true" });
  if (navigator.clipboard) await navigator.clipboard.writeText(text);
  else { // 非安全来源没有剪贴板接口 no clipboard outside secure origins
    area.value = text;
    button.after(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  const label = button.textContent;
  button.textContent = say("已复制", "Copied");
  setTimeout(() => { button.textContent = label; }, 2000);
});
const away = (href, words, main = true) => make("a", { href, class: `k-button${main ? " k-r-main" : ""}`, target: "_blank", rel: "noopener noreferrer" }, words);

/** Show the text and how it gets to the repository. */
export function handover(box, { text, id, path, title, isNew, same, notes, forge, commit }) {
  const folder = path.slice(0, path.lastIndexOf("/"));
  const filled = (pattern) => pattern && pattern.replace("{path}", pattern.includes("={path}") ? encodeURIComponent(path) : path).replace("{folder}", folder).replace("{text}", () => encodeURIComponent(text));
  const copy = make("button", { type: "button", class: "k-button" }, say("复制文本", "Copy the text")), name = make("button", { type: "button", class: "k-button" }, say("复制标题", "Copy the title"));
  const load = make("a", { class: "k-button", download: `${id}.yaml`, href: URL.createObjectURL(new Blob([text], { type: "application/yaml" })) }, say("下载文件", "Download the file"));
  copied(copy, text);
  copied(name, title);
  const address = filled(isNew ? forge.new : forge.edit) ?? "", prefilled = isNew && address.length <= LONGEST && forge.new?.includes("{text}");
  const steps = [];
  if (prefilled) steps.push([say("打开新建页，文件路径与内容都已填好。", "Open the page for a new file; path and content are filled in. "), away(address, say("去提交", "Submit"))]);
  else if (address && !isNew) steps.push([say(`复制文本，打开编辑页，全选后粘贴，换掉原来的全部内容。本表取自提交 ${commit.slice(0, 12)}，此后文件若又有改动，先按页面上的新内容重填。`, `Copy the text, open the editor, select all and paste over it. The form was filled from commit ${commit.slice(0, 12)}; if the file has changed since, begin from its new text. `), copy, " ", away(address, say("去提交", "Submit"))]);
  else if (address && !forge.new.includes("{text}")) steps.push([say("复制文本，打开新建页，粘贴为文件内容。", "Copy the text, open the page for a new file, paste it there. "), copy, " ", away(address, say("去提交", "Submit"))]);
  else if (forge.upload) steps.push([say("内容较长，网址装不下：先下载文件，再打开上传页，把它拖进去。", "The text is too long for an address: download the file, open the upload page and drop it there. "), load, " ", away(filled(forge.upload), say("打开上传页", "Open the upload page"))]);
  else steps.push([say("复制文本或下载文件，交给管理仓库的人；文件应放在 ", "Copy the text or download the file and hand it to whoever keeps the repository; it belongs at "), make("code", {}, path), " ", copy, " ", load]);
  if (address || forge.upload) steps.push(
    [say("提交说明写这个标题：", "Use this title: "), make("strong", { id: "k-r-subject" }, own(title)), " ", name],
    [say("选“新建分支并发起合并请求”，再按提交。检查自动进行，通过后由管理员合入。", "Choose a new branch with a pull request and press commit. The check runs by itself; once it passes, it is merged.")]);
  const others = [copy, load].filter((button) => !steps.flat().includes(button));
  if (forge.upload && !steps.flat().includes(load)) others.push(away(filled(forge.upload), say("上传页", "Upload page"), false));
  box.replaceChildren(make("section", { class: "k-panel", "aria-labelledby": "k-r-done" },
    make("h2", { id: "k-r-done", tabindex: "-1" }, same ? say("没有改动", "Nothing has changed") : say("写好了", "It is written")),
    ...notes.map((finding) => make("p", { class: "k-note" }, said(finding.message), " ", said(finding.hint))),
    make("ol", { class: "k-r-steps" }, ...steps.map((step) => make("li", {}, ...step))),
    ...(others.length ? [make("p", {}, say("也可以：", "Or: "), ...others.flatMap((button) => [button, " "]))] : []),
    make("p", { class: "k-muted" }, path),
    make("pre", { class: "k-code", id: "k-r-text", tabindex: "0", lang: "zh-CN", "aria-label": say("记录文本", "Text of the record") }, text)));
  box.querySelector("h2").focus();
}
