// Where images to add come from: files, a folder, or pasted URLs.

import { h } from "../dom.js";

/** Three ways in; `files(list)` and `text(lines)` hear of what is given. */
export function sources({ files, text }) {
  return h(
    "div",
    { className: "sources" },
    h(
      "section",
      { className: "drop", aria: { label: "Files" } },
      h("p", { className: "drop-title" }, "Drop pictures or folders anywhere"),
      h(
        "div",
        { className: "row" },
        ...chooser("files", "Choose files", "primary", files, { accept: "image/*,.heic,.heif" }),
        ...chooser("folder", "Choose a folder", "quiet", files, { webkitdirectory: true }),
      ),
      h("p", { className: "faint" }, "or paste them"),
    ),
    urls(text),
  );
}

function chooser(id, label, look, files, properties) {
  const file = { type: "file", multiple: true, className: "unseen" };
  const input = h("input", { id, ...file, ...properties });
  input.addEventListener("change", () => {
    files([...input.files]);
    input.value = "";
  });
  return [input, h("label", { htmlFor: id, className: `button ${look}` }, label)];
}

function urls(text) {
  const area = h("textarea", {
    id: "urls",
    rows: 5,
    placeholder: "https://images.example/shoe.jpg",
    spellcheck: false,
    required: true,
  });
  const add = (event) => {
    event.preventDefault();
    text(area.value);
    area.value = "";
  };
  return h(
    "form",
    { className: "urls", onsubmit: add },
    h("label", { htmlFor: "urls" }, "URLs, one a line"),
    area,
    h("button", { className: "primary" }, "Add these URLs"),
  );
}
