// What is the same as the stored image that is asked by.

import { get } from "../api.js";
import { h } from "../dom.js";
import { tile } from "../tiles.js";
import { distance } from "../words.js";

const TIERS = { identical: "identical", near_duplicate: "near-duplicate", similar: "similar" };

export function duplicatesSection() {
  const element = h("section", { className: "duplicates", aria: { label: "Duplicates" } });

  let drawn = null;

  async function show({ image, collection }, signal) {
    const wanted = JSON.stringify([image, collection]);
    // However the sliders move, its duplicates stay the same.
    if (wanted === drawn) return;
    drawn = null;
    element.replaceChildren();
    if (!image) return;
    try {
      const path = `v1/images/${encodeURIComponent(image)}/duplicates`;
      const found = await get(`${path}?collection=${encodeURIComponent(collection)}&k=24`, signal);
      draw(found);
      drawn = wanted;
    } catch {
      // The search above tells what is wrong with this image.
    }
  }

  function draw({ duplicates, is_calibrated }) {
    if (!duplicates.length && !is_calibrated) return;
    const remark = is_calibrated
      ? "As sure as this collection's calibration is."
      : "Identical files alone; `lookalike calibrate` tells how near an edited copy is.";
    const text = duplicates.length ? remark : "None is known.";
    element.replaceChildren(
      h("h2", {}, "Duplicates"),
      h("p", { className: "faint" }, text),
      h("ol", { className: "grid" }, duplicates.map((one) => tile(one, tierOf(one)))),
    );
  }

  return { element, show };
}

const tierOf = (one) => `${TIERS[one.tier] ?? one.tier}, ${distance(one.distance)}`;
