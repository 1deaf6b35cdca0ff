// 检索引擎：按词查索引，再逐字核对正文，凡列出的页面都确实写有所查的词。索引的做法见 tools/kelu/pages/search.py。
// The search itself: looks words up in the index, then reads the text, so that what is listed does hold the words.
const LATIN = "0-9a-zß-öø-ɏ";
const RUN = new RegExp(`[${LATIN}]+|(?:(?![${LATIN}])[\\p{L}\\p{N}])+`, "gu");
const LATIN_FIRST = new RegExp(`^[${LATIN}]`);
const WORD = new RegExp(`^[${LATIN}]+$`);
const KEY_LETTERS = 24;
// 数与其后相连的：符号后的数，或汉字。 A number and what it is joined to: a number behind a sign, or a letter of another script.
const JOINED = new RegExp(`(?<![${LATIN}])([0-9]+)(?:([-./:])(?=([0-9][${LATIN}]*))|(?=((?![${LATIN}])[\\p{L}\\p{N}])))`, "gu");
const FACET = "\x1f"; // 筛选项的键以此开头。 What keys of facets begin with.
const CERTAIN = 12; // 候选页面的正文不多于这些文件时，先全部核对。 Texts in so many files are all read before counting.
const AROUND = 28; // 摘录中词语前后的字数。 Letters around a word in an excerpt.

// 全角当作半角、各种连接号当作 -，逐字对应。 Full-width signs as plain ones, dashes as hyphens, letter for letter.
export const fold = (text) => text
  .replace(/[\uff01-\uff5e]/g, (sign) => String.fromCharCode(sign.charCodeAt(0) - 0xfee0))
  .replace(/[\u2010-\u2015\u2212]/g, "-").replace(/\u3000/g, " ").replace(/\u0130/g, "i").toLowerCase();

const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");

// 一个词：要查的键，以及核对正文的式样；中西文之间有无空格都算。
// A term: its keys, and the pattern it has in a text, where a space between scripts is of no account.
function term(words) {
  const runs = [...words.matchAll(RUN)].map((match) => ({ text: match[0], end: match.index + match[0].length === words.length }));
  // 日期、时间、数量等：数与其后相连者一键，其后只取开头。 Dates, times, amounts: a number and the beginning of what it is joined to are a key.
  const joined = [...words.matchAll(JOINED)].map(([, number, sign, second, unit]) => ({ key: unit ? number + unit : number + sign + second.slice(0, 2), parts: second && second.length < 3 ? [number, second] : [number] }));
  const keys = runs.flatMap(({ text, end }) => {
    const letters = Array.from(text);
    if (joined.some(({ parts }) => parts.includes(text))) return [];
    if (LATIN_FIRST.test(text)) return [{ key: text.slice(0, KEY_LETTERS), begins: end && text.length > 3 }]; // 两三个字母的键即以其开头者 / a key of two or three is all that begin so
    if (letters.length === 2) return [{ key: text, begins: true }];
    // 每三字一键，末三字再一键；单字无键，只在正文中核对。 A key for every three letters and the last ones; a lone letter has none.
    // 长串只查首、中、末三键，其余由核对正文补足。 Of a long run the first, middle and last are looked up; reading the text does the rest.
    const cut = letters.flatMap((_, i) => (i + 3 === letters.length || (i % 3 === 0 && i + 3 < letters.length) ? [{ key: letters.slice(i, i + 3).join("") }] : []));
    return cut.length > 3 ? [cut[0], cut[cut.length >> 1], cut.at(-1)] : cut;
  }).concat(joined);
  const only = runs.length === 1 && runs[0].text === words;
  const certain = only && (LATIN_FIRST.test(words) ? words.length <= KEY_LETTERS : [2, 3].includes(Array.from(words).length));
  let pattern = words.split(/\s+/).map((part) => escaped(part)
    .replace(new RegExp(`(?<=[${LATIN}])(?=\\p{Script=Han})|(?<=\\p{Script=Han})(?=[${LATIN}])`, "gu"), " ?")).join("\\s+");
  if (LATIN_FIRST.test(words)) pattern = `(?<![${LATIN}])${pattern}`;
  if (runs.length && LATIN_FIRST.test(runs.at(-1).text) && runs.at(-1).text.length === 1) pattern += `(?![${LATIN}])`;
  return { words, runs, keys, certain, pattern: new RegExp(pattern, "gu") };
}

// 查询分成词：空格隔开，引号内为一个词。 Words between spaces; what stands in quotes is one.
export const terms = (query) => [...fold(query).replace(/[“”„]/g, '"').matchAll(/"([^"]+)"|[^\s"]+/g)]
  .map((match) => term((match[1] ?? match[0]).trim().replace(/\s+/g, " "))).filter((item) => item.runs.length);

const NOTHING = { asked: [], counts: new Map(), certain: true, count: 0, done: true, more: async () => [], each: () => [] };

export async function open(folder, language) {
  let version = "";
  const load = async (name, cache = "default") => {
    const answer = await fetch(new URL(version ? `${name}?${version}` : name, folder), { cache });
    if (!answer.ok) throw new Error(`${name}: ${answer.status}`);
    return new Uint8Array(await answer.arrayBuffer());
  };
  const unpacked = async (bytes, how) => new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream(how))).arrayBuffer());
  const json = async (...how) => {
    const bytes = await load(...how), packed = bytes[0] === 0x1f && bytes[1] === 0x8b; // 或服务器已解压 / or unpacked on the way
    return JSON.parse(new TextDecoder().decode(packed ? await unpacked(bytes, "gzip") : bytes));
  };
  const head = await json("head", "no-cache");
  version = head.version;

  // 全部页面依次编号。 Every page has a number, in the order of the buckets.
  const pages = [], blocks = [];
  for (const bucket of head.volumes.flat()) {
    bucket.first = pages.length;
    // 相连的数字写作 [首个, 个数]。 Numbers in a row are the first and how many.
    const rests = bucket.paths.flatMap((run) => (Array.isArray(run) ? Array.from({ length: run[1] }, (_, i) => String(run[0] + i).padStart(head.digits, "0")) : [run]));
    let left = 0, number = 0;
    rests.forEach((rest, place) => {
      const path = bucket.common + rest;
      if (!left) {
        left = bucket.sizes[number];
        blocks.push({ name: `${bucket.name}.${number++}`, first: pages.length });
      }
      left--;
      pages.push({
        number: pages.length, block: blocks.length - 1, url: `${path}.html`, code: path.split("/").pop(), shell: bucket.language,
        date: bucket.dates[place], facets: bucket.kinds[bucket.facets[place]], readable: !bucket.language || bucket.language === language,
      });
    });
  }
  const kept = new Map();
  const once = (name, make) => { if (!kept.has(name)) kept.set(name, make()); return kept.get(name); };
  const texts = (block) => once(`text/${block.name}`, () => json(`text/${block.name}`));

  const shard = (key) => once(`keys/${place(key)}`, async () => {
    const whole = await load(`keys/${place(key)}`), found = new Map();
    let rest = whole, at = 0;
    const number = () => { let value = 0, by = 1, part; do { part = rest[at++]; value += (part & 127) * by; by *= 128; } while (part > 127); return value; };
    const pieces = head.volumes.map(() => { const size = number(); return whole.subarray(at, at += size); });
    const members = await Promise.all(pieces.map((piece) => (piece.length ? unpacked(piece, "deflate-raw") : piece)));
    const decoder = new TextDecoder();
    members.forEach((member, volume) => {
      for (rest = member, at = 0; at < rest.length;) {
        const size = number(), name = decoder.decode(rest.subarray(at, at += size));
        if (!found.has(name)) found.set(name, []);
        const held = found.get(name);
        for (let left = number(); left; left--) {
          let document = head.volumes[volume][number()].first;
          const size = number(), end = size + at;
          while (at < end) { const step = number(); document += step >> 1; held.push(document, step & 1); }
        }
      }
    });
    return found;
  });
  // 同时要查的键在同一文件：两字的键与以其开头的三字，词与前四字母相同的词。 What is looked up together is in one file.
  function place(key) {
    const letters = Array.from(key), told = key[0] === FACET || (LATIN_FIRST.test(key) && !WORD.test(key)) ? letters : letters.slice(0, WORD.test(key) ? 4 : 2);
    return told.reduce((value, letter) => (value * 31 + letter.codePointAt(0)) % 65521, 0) % head.shards;
  }

  // 每页是否含有该词：0 无，1 正文，2 标题。 Whether each page holds a term: not, in its text, in its title.
  async function holders(item) {
    const all = await Promise.all(item.keys.map(async ({ key, begins }) => {
      const marks = new Uint8Array(pages.length), found = await shard(key);
      const names = begins ? [...found.keys()].filter((name) => name.startsWith(key)) : found.has(key) ? [key] : [];
      for (const name of names) {
        const held = found.get(name);
        for (let i = 0; i < held.length; i += 2) marks[held[i]] = Math.max(marks[held[i]], held[i + 1] + 1);
      }
      return marks;
    }));
    return all.reduce((sum, marks) => sum.map((mark, i) => Math.min(mark, marks[i])), new Uint8Array(pages.length).fill(all.length ? 2 : 1));
  }

  const said = async (page) => { const block = blocks[page.block]; return (await texts(block))[page.number - block.first]; };
  const holds = ([title, text], wanted) => {
    const folded = fold(`${title}\n${text}`);
    return wanted.every((item) => folded.search(item.pattern) >= 0);
  };
  const filesOf = (list) => new Set(list.map((page) => page.block)).size;

  // 文字的一段，分成 [文字, 是否所查]。 A stretch of a text in pieces [text, whether it is what was looked for].
  function marked(text, spots, from, to) {
    const pieces = [];
    let at = from;
    for (const [start, end] of spots) {
      if (start < at || end > to) continue;
      pieces.push([text.slice(at, start), false], [text.slice(start, end), true]);
      at = end;
    }
    return [...pieces, [text.slice(at, to), false]];
  }
  const spotsOf = (text, wanted) => {
    const folded = fold(text);
    return wanted.flatMap((item) => [...folded.matchAll(item.pattern)].map((match) => [match.index, match.index + match[0].length])).sort((a, b) => a[0] - b[0]);
  };
  function excerpt(text, wanted) {
    const spots = spotsOf(text, wanted), line = ([start]) => text.indexOf("\n", start) - text.lastIndexOf("\n", start);
    const best = spots.find((spot) => line(spot) > AROUND) || spots[0] || [0]; // 成句的文字胜于栏目里的短词 / prose before fields
    const from = Math.max(0, best[0] - AROUND), to = from + AROUND * 4;
    const pieces = marked(text, spots, from, to).map(([piece, hit]) => [piece.replace(/\n/g, " · "), hit]);
    return [[from ? "…" : "", false], ...pieces, [to < text.length ? "…" : "", false]];
  }

  const chosen = (page, wanted) => Object.entries(wanted).every(([, values]) => page.facets.some((value) => values.includes(value)));

  // 取值极多的筛选项不在页面清单里，选定后才查。 Facets of very many values are looked up once chosen.
  async function ofWide(value) {
    const [facet, name] = head.facets[value], key = FACET + facet + FACET + name;
    const held = (await shard(key)).get(key) || [];
    return new Set(held.filter((_, i) => i % 2 === 0));
  }
  async function narrowed(wanted) {
    const wide = Object.keys(wanted).filter((facet) => head.wide.includes(facet));
    const sets = await Promise.all(wide.map(async (facet) => Promise.all(wanted[facet].map(ofWide))));
    return [(page) => sets.every((any) => any.some((set) => set.has(page.number))), Object.fromEntries(Object.entries(wanted).filter(([facet]) => !wide.includes(facet)))];
  }

  // 查询：wanted 为 {筛选项: [取值序号]}，order 为 relevance、newest 或 oldest。
  // A query: `wanted` is {facet: [numbers of values]}, `order` is relevance, newest or oldest.
  async function search(query, asking, order) {
    const asked = terms(query);
    if (asked.length && !asked.some((item) => item.keys.length)) return { ...NOTHING, short: true };
    const [within, wanted] = await narrowed(asking);
    const marks = await Promise.all(asked.map(holders));
    const unsure = asked.filter((item) => !item.certain);
    let held = pages.filter((page) => page.readable && marks.every((mark) => mark[page.number]) && within(page));
    const certain = !unsure.length || filesOf(held) <= CERTAIN;
    const verified = async (list) => {
      const kept = await Promise.all(list.map(async (page) => holds(await said(page), unsure)));
      return list.filter((_, i) => kept[i]);
    };
    if (unsure.length && certain) held = await verified(held);
    const counts = new Map();
    for (const name of new Set(head.facets.map(([facet]) => facet))) {
      const others = Object.fromEntries(Object.entries(wanted).filter(([facet]) => facet !== name));
      for (const page of held) if (chosen(page, others)) for (const value of page.facets) if (head.facets[value][0] === name) counts.set(value, (counts.get(value) || 0) + 1);
    }
    // 标题含词者在前；同样如此时，标题含词的专题页先于记录，其余专题页后于记录。
    // Words in titles first; of equals the site's own pages come before records by title, and after them by text.
    const rank = (page) => {
      const sum = marks.reduce((all, mark) => all + mark[page.number], 0);
      return sum * 2 + (page.shell ? (sum > marks.length ? 1 : -1) : 0);
    };
    const late = (a, b) => (a.date < b.date ? 1 : a.date > b.date ? -1 : a.number - b.number);
    const list = held.filter((page) => chosen(page, wanted));
    const dated = (sign) => (a, b) => !a.date - !b.date || sign * late(a, b);
    list.sort(order === "newest" ? dated(1) : order === "oldest" ? dated(-1) : (a, b) => rank(b) - rank(a) || late(a, b));
    let next = 0;
    return {
      asked, counts, certain, count: list.length,
      // 每个词各有多少页；多个词无一页兼有时，告诉读者。 For when no page holds all terms: how many hold each.
      each: () => asked.map((item, i) => ({ words: item.words, count: pages.filter((page) => page.readable && marks[i][page.number]).length, certain: item.certain })),
      // 接下来的 n 条，已逐字核对。 The next n hits, each read.
      async more(n) {
        const hits = [];
        while (hits.length < n && next < list.length) {
          const part = list.slice(next, next += n);
          hits.push(...(certain ? part : await verified(part)));
        }
        return Promise.all(hits.map(async (page) => { const [title, text] = await said(page); return { ...page, title: marked(title, spotsOf(title, asked), 0, title.length), excerpt: excerpt(text, asked) }; }));
      },
      get done() { return next >= list.length; },
    };
  }

  // 编号直达：大小写、全角、年份后的零与连接号都可省。 An id however it is written: case, width, zeros and hyphens aside.
  const plain = (text) => fold(text).replace(/[^0-9a-z]+/g, "-").replace(/^-+|-+$/g, "");
  const loose = (text) => plain(text).replace(/(?<=[a-z])-?(?=\d)|(?<=\d)-?(?=[a-z])/g, "-").replace(/(?<=^[a-z]+-\d{4})-?(?=\d)/, "-").replace(/(?<=-)0+(?=\d)/g, "");
  const codes = new Map(pages.filter((page) => page.readable && /\d/.test(page.code)).map((page) => [loose(page.code), page]));
  const ofRecords = new Set(pages.filter((page) => !page.shell).flatMap((page) => page.facets));
  return { search, facets: head.facets, wide: head.wide, ofRecords, page: (text) => codes.get(loose(text)) };
}
