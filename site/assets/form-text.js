// 文字的整理：粘贴来的内容变干净，日期时间写成统一的样子；以及两种语言的说法。
// Text made clean as it comes in (from Word, chats, sheets), dates and times in the one form, and words in two languages.
const BREAKS = /\r\n?|[\x0b\x0c\x85\u2028\u2029]/g;
const BLANKS = /[\u00a0\u2000-\u200a\u202f\u205f]/g;
const UNSEEN = /[\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufdd0-\ufdef\ufeff\ufff9-\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
const WIDE = { "：": ":", "．": ".", "－": "-", "／": "/", "＋": "+", "　": " ", "Ｔ": "T" };

/** Text as it may stand in a record: line feeds, NFC, ordinary blanks, nothing unseen, no blanks at the end of a line. */
export function clean(text, lines) {
  const plain = text.replace(BREAKS, "\n").replace(BLANKS, " ").replace(UNSEEN, "").normalize("NFC");
  if (!lines) return plain.replace(/[\t\n ]+/g, " ").trim();
  return plain.replace(/[ \t]+$/gm, "").replace(/^(?: *\n)+/, "").trimEnd().replace(/^[ \t]+/, "");
}

const two = (text) => text.padStart(2, "0");
/** A date or time as people type it (2026/3/2 9:10, full-width signs) as `2026-03-02` or `2026-03-02T09:10:00+08:00`. */
export function dated(text, kind) {
  const plain = clean(text).replace(/[：．－／＋　Ｔ０-９]/g, (char) => WIDE[char] ?? String.fromCharCode(char.charCodeAt(0) - 0xfee0));
  const found = /^(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[T ]+(\d{1,2})[:时](\d{1,2})分?(?::(\d{1,2}))?\s*(Z|[+-]\d{2}:\d{2})?)?$/.exec(plain);
  if (!found) return plain;
  const [, year, month, day, hour, minute, second, offset] = found;
  const date = `${year}-${two(month)}-${two(day)}`;
  if (hour === undefined) return kind === "datetime" ? plain : date;
  return kind === "date" ? plain : `${date}T${two(hour)}:${two(minute)}:${two(second ?? "0")}${offset ?? "+08:00"}`;
}
/** The present moment in Shanghai, or its date. */
export const present = (kind) => {
  const shanghai = new Date(Date.now() + 8 * 3600e3).toJSON();
  return kind === "datetime" ? `${shanghai.slice(0, 19)}+08:00` : shanghai.slice(0, 10);
};

export const english = document.documentElement.lang.startsWith("en");
export const say = (zh, en) => (english ? en : zh);
export const said = (pair) => pair[english ? 1 : 0];
const chinese = /[⺀-鿿豈-﫿＀-￯]/;
export function make(tag, attributes = {}, ...content) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  element.append(...content);
  return element;
}
/** Text of a record or policy, marked as Chinese where it stands among English. */
export const own = (text) => (english && chinese.test(text) ? make("span", { lang: "zh-CN" }, text) : text);
