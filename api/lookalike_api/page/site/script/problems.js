// Where a view tells what went wrong: the problem's own words, heard by screen readers at once.

import { h } from "./dom.js";

export function problemArea() {
  const element = h("div", { className: "problem", role: "alert" });
  return {
    element,
    show: ({ title, detail, message }) =>
      element.replaceChildren(h("strong", {}, title ?? "Error"), h("p", {}, detail ?? message)),
    clear: () => element.replaceChildren(),
  };
}
