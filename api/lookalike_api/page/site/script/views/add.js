// Add images: files, a folder, or URLs; with what becomes of each.

import { go, linkTo } from "../address.js";
import { addAll, heard } from "../adding/batch.js";
import { outcomes } from "../adding/outcomes.js";
import { sources } from "../adding/sources.js";
import { chipField, objectOf } from "../chips.js";
import { field } from "../controls.js";
import { h, paced } from "../dom.js";
import { isPicture, takeDropsAndPastes } from "../dropping.js";
import { listen } from "../installation.js";
import { problemArea } from "../problems.js";
import { counted } from "../words.js";

export const name = "add";
export const title = "Add";

// Thousands of items, a few a millisecond, would else draw the list thousands of times.
const DRAW_MS = 60;

export function open(room) {
  const ending = new AbortController();
  const problem = problemArea();
  const list = outcomes();
  const from = sources({ files: addFiles, text: addText });
  const collection = collectionField();
  const metadata = chipField({ id: "metadata", label: "Metadata for these images" });
  const fields = h("div", { className: "fields" }, collection.element, metadata.element);
  room.append(h("h1", {}, "Add images"), fields, from, problem.element, list.element);

  takeDropsAndPastes({ files: addFiles, text: addText, signal: ending.signal });
  const stopHearing = heard(paced(list.draw, DRAW_MS));
  const offer = ({ status }) => collection.offer(status?.collections ?? []);
  const stopListening = listen(offer, { watching: true });
  list.draw();

  const wanted = () => ({ collection: collection.value(), metadata: objectOf(metadata.texts()) });

  function addFiles(files) {
    const pictures = files.filter(isPicture);
    const n_others = files.length - pictures.length;
    problem.clear();
    if (n_others) {
      const detail = `${counted(n_others, "file")} not added: by name or type no picture.`;
      problem.show({ title: "Left out", detail });
    }
    const fields = wanted();
    addAll(pictures.map((file) => thingOf(file, fields)));
  }

  function addText(text) {
    const lines = text.split(/\s*\n\s*/).map((line) => line.trim()).filter(Boolean);
    const fields = wanted();
    addAll(lines.map((line) => ({ name: line, reference: line, ...fields })));
  }

  const close = () => {
    ending.abort();
    stopHearing();
    stopListening();
  };
  return { show: collection.show, close };
}

// A folder's files keep their place in it as metadata, to filter by.
function thingOf(file, { collection, metadata }) {
  const path = file.path || file.webkitRelativePath;
  const name = path || file.name || "pasted picture";
  return { name, file, collection, metadata: path ? { ...metadata, path } : metadata };
}

function collectionField() {
  const names = h("datalist", { id: "collections" });
  const input = h("input", { id: "into", type: "text", maxLength: 200, autocomplete: "off" });
  input.setAttribute("list", names.id);
  input.addEventListener("change", () => {
    if (input.value.trim()) go(linkTo({ collection: input.value.trim() }), { replacing: true });
  });
  const offer = (found) =>
    names.replaceChildren(...found.map((one) => h("option", { value: one.name })));
  return {
    element: field("into", "Into the collection", input, names),
    offer,
    value: () => input.value.trim() || "default",
    show: (address) => (input.value = address.collection),
  };
}
