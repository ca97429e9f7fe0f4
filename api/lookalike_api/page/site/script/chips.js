// `key = value` chips: metadata to add with images, or to find them by.

import { field } from "./controls.js";
import { h } from "./dom.js";

/** `colour=red` as ["colour", "red"]; a value that reads as JSON is that: `n=2` a number. */
export function pairOf(text) {
  const at = text.indexOf("=");
  const value = text.slice(at + 1).trim();
  return [text.slice(0, at).trim(), valueOf(value)];
}

/** An object of all pairs; undefined where there are none. */
export const objectOf = (texts) =>
  texts.length ? Object.fromEntries(texts.map(pairOf)) : undefined;

function valueOf(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** A field with its chips; `changed(texts)` hears of each chip that comes or goes. */
export function chipField({ label, id, changed = () => {} }) {
  const list = h("ul", { className: "chips", aria: { label: `${label}: chosen` } });
  const hint = h("span", { className: "hint", id: `${id}-hint`, role: "status" });
  const input = h("input", {
    id,
    type: "text",
    placeholder: "key=value",
    autocomplete: "off",
    spellcheck: false,
    aria: { describedby: hint.id },
  });
  let texts = [];

  const set = (wanted) => {
    texts = wanted;
    list.replaceChildren(...texts.map((text) => chip(text, () => take(text))));
  };
  const take = (text) => {
    set(texts.filter((one) => one !== text));
    input.focus();
    changed(texts);
  };
  const give = () => {
    const text = input.value.trim();
    if (!text) return;
    if (text.indexOf("=") < 1) {
      hint.textContent = "A chip is key=value, such as colour=red.";
      return;
    }
    hint.textContent = "";
    input.value = "";
    const [name] = pairOf(text);
    set([...texts.filter((one) => pairOf(one)[0] !== name), text]);
    changed(texts);
  };
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    give();
  });
  input.addEventListener("blur", give);
  // What was typed and not yet entered was meant.
  const said = () => {
    give();
    return texts;
  };
  return { element: field(id, label, input, list, hint), set, texts: said };
}

function chip(text, remove) {
  return h(
    "li",
    { className: "chip" },
    text,
    h("button", { type: "button", onclick: remove, aria: { label: `Remove ${text}` } }, "×"),
  );
}
