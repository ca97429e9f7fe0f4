// Some images of the collection, for whoever has no picture at hand.

import { get } from "../api.js";
import { h } from "../dom.js";
import { tile } from "../tiles.js";

const N_SHOWN = 12;

export function beginnings() {
  const aria = { label: "Images to begin with" };
  const element = h("section", { className: "beginnings", aria });

  async function show({ collection }, signal) {
    try {
      const words = new URLSearchParams({ collection, limit: N_SHOWN });
      const { images } = await get(`v1/images?${words}`, signal);
      draw(images.filter((image) => image.is_embedded));
    } catch {
      // A collection that is not there has none; all else is told by the search itself.
      if (!signal.aborted) clear();
    }
  }

  function draw(images) {
    if (!images.length) return clear();
    const tiles = images.map((image) => tile(image, ""));
    element.replaceChildren(
      h("h2", { className: "eyebrow" }, "Or begin with one of these"),
      h("ol", { className: "grid" }, tiles),
    );
  }

  const clear = () => element.replaceChildren();

  return { element, show, clear };
}
