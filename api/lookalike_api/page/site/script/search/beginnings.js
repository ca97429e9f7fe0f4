// Some images of the collection, for whoever has no picture at hand.

import { get } from "../api.js";
import { h } from "../dom.js";
import { tile } from "../tiles.js";

const N_SHOWN = 12;
// Not all of a collection may be embedded yet, or ever.
const N_READ = 48;

export function beginnings() {
  const aria = { label: "Images to begin with" };
  const element = h("section", { className: "beginnings", aria });
  let n_shown = 0;
  let known = { collection: null, stand: null, is_lost: false };

  async function show({ collection }, signal) {
    if (known.collection !== collection) known = { collection, stand: null, is_lost: false };
    try {
      const words = new URLSearchParams({ collection, limit: N_READ });
      const { images } = await get(`v1/images?${words}`, signal);
      draw(images.filter((image) => image.is_embedded).slice(0, N_SHOWN));
      known.is_lost = false;
    } catch {
      // A collection that is not there has none; all else is told on top.
      if (signal.aborted) return;
      clear();
      known.is_lost = true;
    }
  }

  /** Look again where there is room for more, and the collection or the API has changed. */
  function hear({ collections }, address, signal) {
    const found = collections.find(({ name }) => name === address.collection);
    const stand = found ? `${found.n_images}, ${found.n_open} open` : null;
    const has_changed = known.stand !== null && stand !== known.stand;
    known.stand = stand;
    const is_worth_it = found && (has_changed || known.is_lost);
    if (is_worth_it && n_shown < N_SHOWN) show(address, signal);
  }

  function draw(images) {
    if (!images.length) return clear();
    n_shown = images.length;
    const tiles = images.map((image) => tile(image, ""));
    element.replaceChildren(
      h("h2", { className: "eyebrow" }, "Or begin with one of these"),
      h("ol", { className: "grid" }, tiles),
    );
  }

  function clear() {
    n_shown = 0;
    element.replaceChildren();
  }

  return { element, show, hear, clear };
}
