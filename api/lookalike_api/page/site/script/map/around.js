// The images in the middle of the map as a list: what the canvas shows, for everybody.

import { get } from "../api.js";
import { h } from "../dom.js";
import { tile } from "../tiles.js";

const N_KEPT = 400;

export function aroundSection() {
  const list = h("ol", { className: "grid" });
  const title = h("h2", { className: "eyebrow" });
  const aria = { label: "Images in the middle of the map" };
  const element = h("section", { className: "around", aria }, title, list);
  const stories = new Map();

  async function show(image_ids, signal) {
    const found = await Promise.all(image_ids.map((image_id) => story(image_id)));
    if (signal.aborted) return;
    title.textContent = image_ids.length ? "In the middle" : "No image is in sight here.";
    list.replaceChildren(...found.filter(Boolean).map((image) => tile(image, "")));
  }

  function story(image_id) {
    const found = stories.get(image_id) ?? read(image_id);
    stories.set(image_id, found);
    if (stories.size > N_KEPT) stories.delete(stories.keys().next().value);
    return found;
  }

  async function read(image_id) {
    try {
      return await get(`v1/images/${image_id}`);
    } catch {
      // Erased since the map was read, or the API is away, which the page tells on top.
      stories.delete(image_id);
      return null;
    }
  }

  return { element, show };
}
