// What leaves images out: how many, how near, and with which metadata.

import { chipField } from "../chips.js";
import { field } from "../controls.js";
import { h } from "../dom.js";

// Cosine distances beyond 1 are of images that have nothing in common.
const FARTHEST = 1;

/** The controls; `changed(changes)` hears of what they change in the address. */
export function narrowing(changed) {
  const k = slider({ id: "k", label: "Neighbours", min: 1, max: 100, step: 1 });
  const range = { min: 0.01, max: FARTHEST, step: 0.01 };
  const threshold = slider({ id: "threshold", label: "Distance", ...range });
  const filters = chipField({
    id: "filter",
    label: "Metadata",
    changed: (texts) => changed({ filters: texts }),
  });
  const predicate = h("input", {
    id: "predicate",
    type: "text",
    placeholder: "$.price < 20",
    autocomplete: "off",
    spellcheck: false,
  });
  k.input.addEventListener("input", () => {
    k.say(k.input.value);
    changed({ k: Number(k.input.value) });
  });
  threshold.input.addEventListener("input", () => {
    threshold.say(atMost(Number(threshold.input.value)));
    changed({ threshold: limitOf(Number(threshold.input.value)) });
  });
  predicate.addEventListener("change", () => changed({ predicate: predicate.value.trim() }));

  function show(address) {
    k.set(address.k, String(address.k));
    threshold.set(address.threshold ?? FARTHEST, atMost(address.threshold ?? FARTHEST));
    filters.set(address.filters);
    if (document.activeElement !== predicate) predicate.value = address.predicate;
  }

  const element = h(
    "section",
    { className: "narrowing", aria: { label: "Narrow the search" } },
    k.element,
    threshold.element,
    filters.element,
    field("predicate", "Predicate", predicate),
  );
  return { element, show };
}

const limitOf = (distance) => (distance >= FARTHEST ? null : distance);

const atMost = (distance) => (distance >= FARTHEST ? "any" : `at most ${distance.toFixed(2)}`);

function slider({ id, label, ...range }) {
  const output = h("output", { htmlFor: id });
  const input = h("input", { id, type: "range", ...range });
  const element = field(id, h("span", { className: "spread row" }, label, output), input);
  const say = (text) => {
    output.textContent = text;
    input.setAttribute("aria-valuetext", text);
  };
  const set = (value, text) => {
    input.value = value;
    say(text);
  };
  return { element, input, say, set };
}
