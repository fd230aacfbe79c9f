"use strict";
// Sorting and filtering of the tables of class "sorts"; without script they are plain tables.
for (const table of document.querySelectorAll("table.sorts")) {
  const body = table.tBodies[0];
  const rows = Array.from(body.rows);
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const heads = Array.from(table.tHead.rows[0].cells);

  const valueOf = (row, place) => {
    const cell = row.cells[place];
    if (cell.dataset.v !== undefined) return Number(cell.dataset.v);
    const text = cell.textContent.trim();
    return text === "" || text === "–" ? null : text;
  };
  const compared = (a, b, sign) => {
    if (a === null || b === null) return (a === null) - (b === null); // what is missing comes last
    if (typeof a === "number" && typeof b === "number") return sign * (a - b);
    return sign * String(a).localeCompare(String(b), undefined, { numeric: true });
  };
  heads.forEach((head, place) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", sign === 1 ? "ascending" : "descending");
      const keyed = rows.map((row) => [valueOf(row, place), row]);
      keyed.sort((a, b) => compared(a[0], b[0], sign));
      body.append(...keyed.map((pair) => pair[1]));
    });
  });

  const line = document.createElement("div");
  line.className = "filter";
  const label = document.createElement("label");
  const input = document.createElement("input");
  const count = document.createElement("span");
  input.type = "search";
  input.id = "filter-" + Math.random().toString(36).slice(2);
  label.htmlFor = input.id;
  label.textContent = "Show rows that contain";
  count.setAttribute("role", "status");
  line.append(label, input, count);
  table.closest(".wide").before(line);
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row, index) => {
      const there = words.every((word) => texts[index].includes(word));
      row.hidden = !there;
      shown += there;
    });
    count.textContent = words.length ? shown + " of " + rows.length : "";
  });
}
// On paper everything is seen.
const folded = document.querySelectorAll("details");
addEventListener("beforeprint", () => folded.forEach((one) => { one.dataset.was = one.open; one.open = true; }));
addEventListener("afterprint", () => folded.forEach((one) => { one.open = one.dataset.was === "true"; }));
