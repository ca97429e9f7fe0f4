// Fields, links and buttons, as all views have them.

import { h } from "./dom.js";

/** A field under its label, which may hold more than text. */
export function field(id, label, ...contents) {
  return h("div", { className: "field" }, h("label", { htmlFor: id }, label), contents);
}

/** A link within the page; `name` is what is read aloud where the text says too little. */
export function pageLink(href, text, name) {
  return h("a", { href, data: { here: "" }, aria: name ? { label: name } : {} }, text);
}

/** A button for what is not the view's main thing to do. */
export function quietButton(text, onclick, name) {
  const aria = name ? { label: name } : {};
  return h("button", { type: "button", className: "quiet", onclick, aria }, text);
}
