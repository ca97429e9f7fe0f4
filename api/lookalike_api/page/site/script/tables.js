// Tables that scroll sideways where a screen is narrow.

import { h, redraw } from "./dom.js";

/** A table; `numeric` are the indexes of columns that stand to the right. */
export function table({ caption, columns, numeric = [], empty = "None." }) {
  const align = (i) => (numeric.includes(i) ? "number" : "");
  const head = columns.map((column, i) => h("th", { scope: "col", className: align(i) }, column));
  const body = h("tbody");
  const none = h("p", { className: "faint", hidden: true }, empty);
  const scroller = h(
    "div",
    { className: "scroller", role: "region", tabIndex: 0, hidden: true, aria: { label: caption } },
    h("table", {}, h("thead", {}, h("tr", {}, head)), body),
  );
  const element = h("section", { className: "panel" }, h("h2", {}, caption), scroller, none);

  const drawn = (cell, i) => h("td", { className: align(i) }, cell);

  function draw(rows) {
    scroller.hidden = !rows.length;
    none.hidden = Boolean(rows.length);
    // Cell by cell: whoever selects a text keeps it while a number beside it changes.
    rows.forEach((cells, n) => redraw(body.rows[n] ?? added(body), cells.map(drawn)));
    for (const row of [...body.rows].slice(rows.length)) row.remove();
  }

  return { element, draw };
}

const added = (body) => body.appendChild(h("tr"));
