// 台账：把 JSON 数据装入 Tabulator；筛选、排序、每页条数都写在网址里，网址即可发给别人。单元格一律写作文本，数据不会成为标记。
// Loads a ledger's JSON into Tabulator. Filters, order and page size stand in the address, so that a view can be sent to
// somebody. Cells are written as text, so data never becomes markup.
(() => {
  const host = document.querySelector("[data-ledger]");
  if (!host) return;
  const english = document.documentElement.lang.startsWith("en");
  const say = (zh, en) => (english ? en : zh);
  const SIZES = [50, 100, 200, 500];
  const NONE = "-", ANY = "*"; // 筛选：为空、不为空 a filter for empty cells, for filled ones

  // --- values: null, number, text, a label [zh, en], a link {id, title}, several links ---

  const isLabel = (v) => Array.isArray(v) && typeof v[0] === "string";
  const isLink = (v) => v !== null && typeof v === "object" && !Array.isArray(v);
  const parts = (v) => (v === null ? [] : Array.isArray(v) && !isLabel(v) ? v : [v]);
  const words = (v) => (isLabel(v) ? v[english ? 1 : 0] : String(v));
  const shown = (part) => (isLink(part) ? words(part.title) || part.id : words(part));
  const text = (v) => parts(v).map(shown).join(say("；", "; "));
  // 一个值可用的各种写法，两种语言都认。 All names of a value: either language finds it.
  const spellings = (part) => (isLink(part) ? [part.id, ...[part.title].flat()] : [part].flat().map(String));
  const searched = (v) => parts(v).flatMap(spellings).join("\n").toLowerCase();
  const key = (part) => (isLink(part) ? part.id : words(part));

  function make(tag, attributes = {}, ...content) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) if (value !== undefined) element.setAttribute(name, value);
    element.append(...content);
    return element;
  }
  // 没有自己网页的记录在其台账里。 Records without pages of their own are rows of their ledgers.
  const homes = Object.entries(JSON.parse(host.dataset.places)).map(([form, page]) => [new RegExp(form), page]);
  function way(folder, id) {
    const [, home] = (folder === "records" && homes.find(([form]) => form.test(id))) || [];
    if (home) return `../${home}?id=${encodeURIComponent(id)}`;
    return `${folder === "records" ? host.dataset.records : `../${folder}`}/${encodeURIComponent(id)}.html`;
  }
  const foreign = (said) => (english && /[⺀-鿿豈-﫿＀-￯]/.test(said) ? "zh-CN" : undefined);
  function show(column, value) {
    const box = new DocumentFragment();
    parts(value).forEach((part, i) => {
      if (i) box.append(say("；", "; "));
      const said = shown(part);
      if (isLink(part)) box.append(make("a", { href: way(column.folder, part.id), lang: foreign(said), title: words(part.title) ? part.id : undefined }, said));
      else if (foreign(said)) box.append(make("span", { lang: "zh-CN" }, said));
      else box.append(said);
    });
    return box;
  }

  // --- filters: what a column's words ask of a value ---

  function bounds(word) { // 2026、2026-Q1、2026-H1、2026-03、2026-03-02 → the first and the last of it, as beginnings of dates
    const [, year, part, n] = /^(\d{4})-?([QH])([1-4])$/i.exec(word) || [];
    if (!year) return [word, word];
    const months = part.toUpperCase() === "Q" ? 3 : 6;
    return [n * months - months + 1, n * months].map((month) => `${year}-${String(month).padStart(2, "0")}`);
  }
  const ends = (word) => { const [from, to = from] = word.split(/\s*(?:\.\.|至)\s*/); return [from, to]; };
  const kinds = {
    date(word) {
      const [from, to] = ends(word), first = bounds(from)[0], last = bounds(to)[1];
      return (v) => v !== null && v >= first && (!last || v.slice(0, last.length) <= last);
    },
    number(word) {
      const [from, to] = ends(word), first = from === "" ? -Infinity : Number(from), last = to === "" ? Infinity : Number(to);
      return (v) => v !== null && v >= first && v <= last;
    },
    choice: (word) => (v) => parts(v).some((part) => spellings(part).includes(word)),
    text: (word) => (v) => searched(v).includes(word.toLowerCase()),
  };
  const kind = (c) => (c.filter === "choice" ? "choice" : /^date/.test(c.kind) ? "date" : /^(number|integer)$/.test(c.kind) ? "number" : "text");
  function test(c, wanted) {
    const tests = wanted.map((word) => (word === NONE ? (v) => v === null : word === ANY ? (v) => v !== null : kinds[kind(c)](word)));
    return (v) => tests.some((holds) => holds(v));
  }

  const order = new Intl.Collator("zh-Hans-CN", { numeric: true }).compare; // 建一次：逐次 localeCompare 慢得多 far faster than localeCompare
  const compare = (c) => (a, b, _rowA, _rowB, _column, dir) => {
    if (a === null || b === null) return a === b ? 0 : (a === null) === (dir === "asc") ? 1 : -1; // 空的总在最后 empty ones last
    if (kind(c) === "number") return a - b;
    if (kind(c) === "date") return a < b ? -1 : a > b ? 1 : 0;
    return order(text(a), text(b));
  };

  async function start() {
    const { columns, rows } = await (await fetch(host.dataset.ledger)).json();
    const data = rows.map((row) => Object.fromEntries(columns.map((c, i) => [c.name, c.values && row[i] !== null ? c.values[row[i]] : row[i]])));
    const named = new Map(columns.map((c) => [c.name, c]));
    const title = (c) => say(c.zh, c.en);
    const asked = new URLSearchParams(location.search);
    const wanted = new Map(columns.map((c) => [c.name, asked.getAll(c.name).filter(Boolean)]).filter(([, list]) => list.length));
    const find = (selector) => document.querySelector(selector);
    const box = find("#k-ledger-q"), count = find("#k-ledger-count"), controls = new Map();
    box.value = asked.get("q") || "";
    let timer = 0;

    // --- the filters in the header ---

    function want(name, list) {
      if (list.length) wanted.set(name, list); else wanted.delete(name);
      clearTimeout(timer);
      timer = setTimeout(narrow, 150);
    }
    function typed(c) {
      const hint = { date: "2026-Q1", number: "2..5", text: say("筛选", "Filter") }[kind(c)];
      const input = make("input", { type: "text", placeholder: hint, "aria-label": `${title(c)} ${say("筛选", "filter")}`, autocomplete: "off" });
      if (kind(c) === "date") input.setAttribute("list", periods());
      input.addEventListener("input", () => want(c.name, input.value.split("|").map((word) => word.trim()).filter(Boolean)));
      controls.set(c.name, () => { input.value = (wanted.get(c.name) || []).join(" | "); });
      return input;
    }
    function periods() { // 可选的期间，各日期栏共用 spans to choose from, for all columns of dates
      if (!find("#k-periods")) {
        const months = new Set(columns.filter((c) => kind(c) === "date").flatMap((c) => data.map((row) => (row[c.name] || "").slice(0, 7))).filter(Boolean));
        const found = new Set([...months].sort().reverse().flatMap((m) => [m.slice(0, 4), `${m.slice(0, 4)}-Q${Math.ceil(m.slice(5) / 3)}`, m]));
        host.parentElement.append(make("datalist", { id: "k-periods" }, ...[...found].map((value) => make("option", { value }))));
      }
      return "k-periods";
    }
    function chosen(c) {
      const id = `k-choices-${c.name}`;
      const button = make("button", { type: "button", class: "k-choice", popovertarget: id });
      const list = make("div", { id, popover: "auto", class: "k-choices" });
      const said = new Map();
      const options = () => {
        const counts = new Map();
        for (const row of data) for (const part of row[c.name] === null ? [NONE] : parts(row[c.name])) {
          const at = key(part);
          counts.set(at, (counts.get(at) || 0) + 1);
          said.set(at, part === NONE ? say("（空）", "(empty)") : shown(part));
        }
        return [...counts].sort(([a], [b]) => (a === NONE ? 1 : b === NONE ? -1 : order(said.get(a), said.get(b))));
      };
      const held = options();
      const draw = () => {
        const now = wanted.get(c.name) || [];
        const labels = now.map((word) => (word === ANY ? say("不为空", "not empty") : said.get(held.map(([at]) => at).find((at) => same(c, at, word))) || word));
        button.textContent = labels.length > 1 ? say(`${labels.length} 项`, `${labels.length} chosen`) : labels[0] || say("全部", "All");
        button.setAttribute("aria-label", `${title(c)}${say("：", ": ")}${labels.join(say("、", ", ")) || say("全部", "all")}`);
        button.classList.toggle("k-choice--on", now.length > 0);
        for (const tick of list.querySelectorAll("input[type=checkbox]")) tick.checked = now.some((word) => same(c, tick.value, word));
        return labels;
      };
      list.addEventListener("beforetoggle", (event) => {
        if (event.newState !== "open") return;
        if (!list.firstChild) fill();
        draw();
        const at = button.getBoundingClientRect();
        list.style.left = `${Math.max(8, Math.min(at.left, innerWidth - 260))}px`;
        list.style.top = `${Math.min(at.bottom + 4, Math.max(8, innerHeight - 330))}px`;
      });
      function fill() {
        const ticks = held.map(([at, n]) => make("label", {}, make("input", { type: "checkbox", value: at }), " ", make("span", { lang: foreign(said.get(at)) }, said.get(at)), " ", make("small", {}, String(n))));
        const set = make("fieldset", {}, make("legend", {}, title(c)));
        if (ticks.length > 12) {
          const seek = make("input", { type: "search", placeholder: say("查找", "Find"), "aria-label": say("查找选项", "Find an option") });
          seek.addEventListener("input", () => ticks.forEach((tick) => { tick.hidden = !tick.textContent.toLowerCase().includes(seek.value.trim().toLowerCase()); }));
          set.append(seek);
        }
        set.append(...ticks);
        set.addEventListener("change", (event) => {
          if (event.target.type !== "checkbox") return;
          want(c.name, [...list.querySelectorAll("input:checked")].map((tick) => tick.value));
          draw();
        });
        list.append(set);
      }
      host.parentElement.append(list);
      controls.set(c.name, draw);
      draw();
      return button;
    }
    // 网址里的一个词是否就是某个选项：两种语言、编号都算。 Whether a word of the address names an option, in either language or by id.
    const samples = new Map();
    function same(c, at, word) {
      if (at === word) return true;
      if (!samples.has(c.name)) samples.set(c.name, new Map(data.flatMap((row) => parts(row[c.name]).map((part) => [key(part), part]))));
      const part = samples.get(c.name).get(at);
      return part !== undefined && spellings(part).includes(word);
    }

    // --- the table ---

    const sorters = (asked.get("sort") || "").split(",").map((s) => ({ column: s.replace(/^-/, ""), dir: s.startsWith("-") ? "desc" : "asc" })).filter((s) => named.has(s.column));
    const size = SIZES.includes(Number(asked.get("size"))) ? Number(asked.get("size")) : SIZES[0];
    const shownColumns = columns.map((c, i) => ({
      title: title(c), field: c.name, frozen: i === 0 && innerWidth > 700, resizable: "header", minWidth: 84, width: c.width || undefined,
      hozAlign: kind(c) === "number" ? "right" : "left", sorter: compare(c),
      titleFormatter: () => make("button", { type: "button", class: "k-sort" }, title(c)),
      formatter: (cell) => show(c, cell.getValue()), tooltip: (_event, cell) => text(cell.getValue()),
      headerFilter: () => make("span", { class: "k-filter" }, kind(c) === "choice" ? chosen(c) : typed(c)), headerFilterLiveFilter: false,
    }));
    const table = new Tabulator(host, {
      data, columns: shownColumns, layout: "fitDataStretch", headerSortTristate: true, initialSort: sorters,
      pagination: data.length > SIZES[0], paginationSize: size, paginationSizeSelector: SIZES, paginationElement: find("#k-ledger-pages"),
      placeholder: `<span role="row"><span role="gridcell">${say("没有符合条件的记录", "Nothing matches")}</span></span>`, locale: english ? "en" : "zh", langs: {
        zh: { pagination: { page_size: "每页", page_title: "第", first: "首页", first_title: "首页", last: "末页", last_title: "末页", prev: "上一页", prev_title: "上一页", next: "下一页", next_title: "下一页" } },
        en: { pagination: { page_size: "Rows a page", page_title: "Page", first: "First", first_title: "First page", last: "Last", last_title: "Last page", prev: "Previous", prev_title: "Previous page", next: "Next", next_title: "Next page" } },
      },
    });

    // --- the view: filters, order and size, shown and kept in the address ---

    const all = new Map(); // 一行的全部文字，用到时才备 what a row says, made when first asked
    const saying = (row) => { if (!all.has(row)) all.set(row, columns.map((c) => searched(row[c.name])).join("\n")); return all.get(row); };
    function narrow() {
      const q = box.value.trim().toLowerCase();
      const tests = [...wanted].map(([name, list]) => [name, test(named.get(name), list)]);
      if (q || tests.length) table.setFilter((row) => tests.every(([name, holds]) => holds(row[name])) && (!q || saying(row).includes(q)));
      else table.clearFilter(false);
      keep();
    }
    function keep() {
      const view = new URLSearchParams();
      if (box.value.trim()) view.set("q", box.value.trim());
      for (const [name, list] of wanted) for (const word of list) view.append(name, word);
      const sorted = table.getSorters().map((s) => (s.dir === "desc" ? `-${s.field}` : s.field)).join(",");
      if (sorted) view.set("sort", sorted);
      if (table.options.pagination && table.getPageSize() !== SIZES[0]) view.set("size", table.getPageSize());
      const query = view.toString();
      history.replaceState(history.state, "", `${location.pathname}${query && "?"}${query}${location.hash}`);
    }
    const tell = (n) => (n === data.length ? say(`共 ${n} 条`, `${n} in all`) : say(`筛选出 ${n} 条，共 ${data.length} 条`, `${n} of ${data.length} shown`));
    function said() { // 现有筛选的说法 the present filter in words
      const told = [...wanted].map(([name, list]) => `${title(named.get(name))}${say("：", ": ")}${(kind(named.get(name)) === "choice" ? controls.get(name)() : list).join(say("、", ", "))}`);
      if (box.value.trim()) told.push(say(`含“${box.value.trim()}”`, `containing “${box.value.trim()}”`));
      return told.join(say("；", "; "));
    }
    // 纸上是普通表格：此刻筛选出的全部行，按此刻的次序。 On paper stands the plain table: all rows of the present filter in its order.
    function print() {
      const plain = find(".k-ledger__plain table"), found = table.getData("active"), filter = said();
      plain.caption.textContent = [tell(found.length), filter && say(`筛选：${filter}`, `Filter: ${filter}`)].filter(Boolean).join(say("；", "; "));
      plain.tBodies[0].replaceChildren(...found.map((row) => make("tr", {}, ...columns.map((c) => make("td", { class: kind(c) === "number" ? "k-r" : kind(c) === "date" || c.kind === "self" ? "k-nowrap" : undefined }, show(c, row[c.name]))))));
    }

    const update = find("#k-ledger-update"); // 仅在记录没有自己网页的台账 only where records have no pages of their own
    table.on("dataFiltered", (_filters, found) => {
      count.textContent = tell(found.length);
      if (!update) return;
      update.hidden = found.length !== 1;
      if (!update.hidden) update.href = update.dataset.form + encodeURIComponent(found[0].getData().id.id);
    });
    table.on("tableBuilt", () => {
      // 可滚动的一层须能聚焦，在 grid 之下只能是行组。 What scrolls must take the focus, and below a grid only a group of rows may.
      host.removeAttribute("aria-owns");
      host.querySelector(".tabulator-tableholder").setAttribute("role", "rowgroup");
      host.querySelector(".tabulator-table").setAttribute("role", "presentation");
      controls.forEach((draw) => draw());
      count.textContent = tell(data.length);
      narrow();
      table.on("dataSorted", keep);
      table.on("pageSizeChanged", keep);
      host.dataset.ready = "1";
    });
    box.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(narrow, 150); });
    find("#k-ledger-clear").addEventListener("click", () => { box.value = ""; wanted.clear(); controls.forEach((draw) => draw()); narrow(); });
    find("#k-ledger-print").addEventListener("click", () => window.print());
    const link = find("#k-ledger-link"), label = link.textContent;
    link.addEventListener("click", async () => {
      await navigator.clipboard.writeText(location.href);
      link.textContent = say("已复制", "Copied");
      setTimeout(() => { link.textContent = label; }, 2000);
    });
    link.hidden = !navigator.clipboard; // 仅安全来源可用 not there outside a secure origin
    addEventListener("beforeprint", print);
  }
  // 数据取不到时（例如直接打开本地文件）退回普通表格。 Without the data the plain table stays in sight.
  start().catch((fault) => { document.documentElement.classList.remove("k-js"); throw fault; });
})();
