// 台账：把 JSON 数据装入 Tabulator。单元格一律以 textContent 写入，数据不会成为标记。
// Loads a ledger's JSON into Tabulator. Cells are written as text, so data never becomes markup.
(() => {
  const host = document.querySelector("[data-ledger]");
  if (!host) return;
  const base = host.dataset.base;
  const text = (value) => (value === null || value === undefined ? "" : typeof value === "object" ? `${value.id} ${value.title}`.trim() : String(value));

  function link(folder, id, label) {
    const a = document.createElement("a");
    a.href = `${base}${folder}/${encodeURIComponent(id)}.html`;
    a.textContent = label;
    return a;
  }
  const show = (folder) => (cell) => {
    const value = cell.getValue();
    const box = document.createElement("span");
    if (value === null || value === undefined) return box;
    if (typeof value === "object") {
      box.append(link(folder, value.id, value.title || value.id));
      if (value.title) box.title = value.id;
    } else box.textContent = value;
    return box;
  };
  const order = new Intl.Collator("zh-Hans-CN", { numeric: true }).compare; // 建一次：逐次 localeCompare 慢得多 far faster than localeCompare
  function compare(a, b) {
    const left = text(a), right = text(b);
    if (!left || !right) return left ? 1 : right ? -1 : 0;
    return order(left, right);
  }

  async function start() {
    const { columns, rows } = await (await fetch(host.dataset.ledger)).json();
    const data = rows.map((row) => Object.fromEntries(columns.map((c, i) => [c.name, row[i]])));
    const choices = (name) => {
      const found = [...new Set(data.map((row) => text(row[name])).filter(Boolean))].sort(order);
      return { values: ["", ...found].map((v) => ({ value: v, label: v || "全部" })) };
    };
    const shown = columns.map((c, i) => {
      const numeric = c.kind === "number" || c.kind === "integer";
      const column = {
        title: c.zh, field: c.name, formatter: show(c.folder), sorter: numeric ? "number" : compare, headerTooltip: c.en, frozen: i === 0,
        hozAlign: numeric ? "right" : "left", sorterParams: { alignEmptyValues: "bottom" }, resizable: true, minWidth: 76,
        tooltip: (_event, cell) => text(cell.getValue()),
      };
      if (c.width) column.width = c.width;
      if (c.filter === "choice") {
        column.headerFilter = "list";
        column.headerFilterParams = choices(c.name);
        column.headerFilterFunc = (wanted, value) => !wanted || text(value) === wanted;
        column.headerFilterPlaceholder = "全部";
      } else if (c.filter !== "none") {
        column.headerFilter = "input";
        column.headerFilterFunc = (wanted, value) => text(value).toLowerCase().includes(String(wanted).toLowerCase());
        column.headerFilterPlaceholder = "筛选";
      }
      return column;
    });
    const table = new Tabulator(host, {
      data, columns: shown, layout: "fitDataStretch", pagination: data.length > 50, paginationSize: 50, paginationSizeSelector: [50, 100, 200, true],
      placeholder: "没有符合条件的记录", locale: "zh", langs: { zh: { pagination: { page_size: "每页", first: "首页", first_title: "首页", last: "末页",
        last_title: "末页", prev: "上一页", prev_title: "上一页", next: "下一页", next_title: "下一页", all: "全部", counter: { showing: "显示", of: "/", rows: "条", pages: "页" } } } },
    });
    const box = document.querySelector("#k-ledger-q");
    const count = document.querySelector("#k-ledger-count");
    const tell = (n) => { count.textContent = n === data.length ? `共 ${n} 条` : `筛选出 ${n} 条，共 ${data.length} 条`; };
    table.on("dataFiltered", (_filters, found) => tell(found.length));
    function narrow() {
      const wanted = box.value.trim().toLowerCase();
      if (!wanted) return table.clearFilter(false);
      return table.setFilter((row) => columns.some((c) => text(row[c.name]).toLowerCase().includes(wanted)));
    }
    box.addEventListener("input", narrow);
    document.querySelector("#k-ledger-clear").addEventListener("click", () => { box.value = ""; table.clearFilter(true); table.clearHeaderFilter(); });
    table.on("tableBuilt", () => {
      tell(data.length);
      // 网址可带筛选：q 为全表，其余按栏目名。 A link may bring filters: q for all columns, others by column.
      const wanted = new URLSearchParams(location.search);
      for (const c of columns) if (wanted.get(c.name)) table.setHeaderFilterValue(c.name, wanted.get(c.name));
      box.value = wanted.get("q") || "";
      if (box.value) narrow();
      host.dataset.ready = "1";
    });
  }
  // 数据取不到时（例如直接打开本地文件）退回普通表格。 Without the data the plain table stays in sight.
  start().catch(() => document.documentElement.classList.remove("k-js"));
})();
