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
    { className: "scroller", role: "region", tabIndex: 0, aria: { label: caption } },
    h("table", {}, h("thead", {}, h("tr", {}, head)), body),
  );
  const element = h("section", { className: "panel" }, h("h2", {}, caption), scroller, none);

  const drawn = (cell, i) => h("td", { className: align(i) }, cell);

  function draw(rows) {
    scroller.hidden = !rows.length;
    none.hidden = Boolean(rows.length);
    redraw(body, rows.map((cells) => h("tr", {}, cells.map(drawn))));
  }

  return { element, draw };
}
