// The bar on top: the collection, the encoder that answers, and what is amiss.

import { DEFAULTS, follow, go, here, linkTo } from "./address.js";
import { h } from "./dom.js";
import { encoderName } from "./encoders.js";
import { listen } from "./installation.js";
import { drawWarnings } from "./warnings.js";
import { count } from "./words.js";

const picker = document.getElementById("collection");
const encoder = document.getElementById("encoder");

let latest = { status: null, problem: null };
let has_begun = false;

export function showHeader() {
  picker.addEventListener("change", () => {
    go(linkTo({ collection: picker.value, image: null, reason: null, at: null }));
  });
  listen((news) => {
    latest = news;
    if (!has_begun && news.status) begin(news.status);
    draw();
  });
  follow(draw);
}

/** Who names no collection, and has none that is called `default`, is shown the largest. */
function begin({ collections }) {
  has_begun = true;
  const { collection } = here();
  const is_there = collections.some(({ name }) => name === collection);
  if (collection !== DEFAULTS.collection || is_there || !collections.length) return;
  const [largest] = [...collections].sort((one, other) => other.n_images - one.n_images);
  go(linkTo({ collection: largest.name }), { replacing: true });
}

function draw() {
  const { collection: name } = here();
  const collections = latest.status?.collections ?? [];
  const shown = collections.find((one) => one.name === name);
  drawPicker(collections, name);
  const space = shown?.space;
  encoder.hidden = !latest.status;
  encoder.textContent = space ? encoderName(space) : "No encoder yet";
  encoder.title = space ?? "Nothing in this collection was embedded so far";
  drawWarnings(shown, latest);
}

function drawPicker(collections, name) {
  const names = collections.map((one) => one.name);
  const wanted = names.includes(name) ? collections : [...collections, { name, n_images: 0 }];
  const options = wanted.map((one) => ({
    value: one.name,
    text: latest.status ? `${one.name} (${count(one.n_images)})` : one.name,
  }));
  // An open list would close whenever it is replaced.
  const drawn = JSON.stringify(options);
  if (picker.dataset.drawn !== drawn) {
    picker.replaceChildren(...options.map((option) => h("option", option)));
    picker.dataset.drawn = drawn;
  }
  picker.value = name;
}
