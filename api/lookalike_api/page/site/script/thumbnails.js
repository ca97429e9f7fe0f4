// Small pictures of stored images. Fetched, not linked: an <img> could not bring an API key.

import { getBlob } from "./api.js";
import { h } from "./dom.js";
import { label } from "./words.js";

// Some screens full; older ones are fetched again, mostly from the browser's own cache.
const N_KEPT = 400;

const kept = new Map();

const observer = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      observer.unobserve(target);
      load(target);
    }
  },
  { rootMargin: "300px" },
);

/** A frame that shows the image's thumbnail once it is in sight, else what the image is called. */
export function thumbnail({ image_id, reference, metadata }) {
  const name = label(reference, metadata);
  const frame = h("span", { className: "frame", data: { image: image_id } }, placeholder(name));
  observer.observe(frame);
  return frame;
}

export function placeholder(text) {
  return h("span", { className: "placeholder", aria: { hidden: "true" } }, text);
}

async function load(frame) {
  const url = await thumbnailUrl(frame.dataset.image);
  // Its name stands beside it: a text of its own would be read twice.
  if (url) frame.replaceChildren(h("img", { src: url, alt: "" }));
}

/** Where an image's thumbnail is in this tab; null where there is none. */
export function thumbnailUrl(image_id) {
  const url = kept.get(image_id) ?? fetched(image_id);
  kept.delete(image_id);
  kept.set(image_id, url);
  if (kept.size > N_KEPT) forgetOldest();
  return url;
}

async function fetched(image_id) {
  try {
    return URL.createObjectURL(await getBlob(`v1/images/${image_id}/thumbnail`));
  } catch {
    // There is none, or none now: the placeholder stays, and the next look asks again.
    kept.delete(image_id);
    return null;
  }
}

async function forgetOldest() {
  const [image_id, url] = kept.entries().next().value;
  kept.delete(image_id);
  const old = await url;
  if (old) URL.revokeObjectURL(old);
}
