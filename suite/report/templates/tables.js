// Tables that sort by a press on a heading, filter by words where they are long, and stand as cards on a phone.
"use strict";
{
  const LONG = 8; // rows from which on a table gets a filter

  const simple = ([heading, ...rows]) => rows.length > 0
    && [...heading.cells].every(cell => cell.tagName === "TH" && cell.colSpan === 1 && cell.rowSpan === 1)
    && !rows.some(row => row.matches(".of, .sentence") || [...row.cells].some(cell => cell.tagName === "TH"));

  const numberIn = text => {
    const digits = text.replaceAll(",", "").replaceAll("−", "-").match(/-?\d+(\.\d+)?(e[-+]?\d+)?/i);
    return digits ? Number(digits[0]) : NaN;
  };

  function order(a, b, numeric) {
    if (!numeric) return a.localeCompare(b, "en", { numeric: true });
    const [x, y] = [numberIn(a), numberIn(b)];
    return Number.isNaN(x) || Number.isNaN(y) ? Number.isNaN(x) - Number.isNaN(y) : x - y;
  }

  const words = cell => [...cell.childNodes].map(part => part.textContent || " ").join("").replace(/\s+/g, " ").trim();
  const texts = new WeakMap(); // of cells, as they are sorted by
  const textAt = (row, column) => texts.get(row.cells[column]) ?? "";

  function sort(table, heading, column) {
    const upwards = heading.getAttribute("aria-sort") !== "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", upwards ? "ascending" : "descending");
    const numeric = heading.classList.contains("n"), empty = row => /^–?$/.test(textAt(row, column));
    const compare = (a, b) => empty(a) - empty(b)
      || (upwards ? 1 : -1) * order(textAt(a, column), textAt(b, column), numeric);
    table.tBodies[0].append(...[...table.tBodies[0].rows].sort(compare));
  }

  function sortable(table, heading, column) {
    const button = document.createElement("button");
    button.append(...heading.childNodes);
    button.title = "Sort by this column";
    button.addEventListener("click", () => sort(table, heading, column));
    heading.append(button);
  }

  function filterable(table) {
    const rows = [...table.tBodies[0].rows], label = document.createElement("label");
    const input = document.createElement("input"), count = document.createElement("output");
    label.className = "control filter";
    input.type = "search";
    label.append("Filter ", input, count);
    input.addEventListener("input", () => {
      const asked = input.value.toLowerCase().split(/\s+/);
      for (const row of rows) row.hidden = !asked.every(word => row.textContent.toLowerCase().includes(word));
      count.textContent = `${rows.filter(row => !row.hidden).length} of ${rows.length} rows`;
    });
    table.parentElement.before(label);
  }

  function labelled(table) {
    const names = [...table.tHead.rows[0].cells].map(words);
    for (const cell of table.tBodies[0].querySelectorAll("td")) {
      texts.set(cell, words(cell));
      cell.dataset.label = names[cell.cellIndex];
      const value = document.createElement("div");
      value.append(...cell.childNodes);
      cell.append(value);
    }
    table.classList.add("cards");
  }

  for (const table of document.querySelectorAll(".scroll > table")) {
    if (!simple([...table.rows])) continue;
    table.createTHead().append(table.rows[0]);
    labelled(table);
    const { length } = table.tBodies[0].rows;
    if (length > 1) [...table.tHead.rows[0].cells].forEach((heading, column) => sortable(table, heading, column));
    if (length >= LONG) filterable(table);
  }
}
