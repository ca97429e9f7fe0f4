// Small pictures of stored images. Fetched, not linked: an <img> could not bring an API key.

import { getBlob } from "./api.js";
import { h } from "./dom.js";
import { label } from "./words.js";

// Some screens full; older ones are fetched again, mostly from the browser's own cache.
const N_KEPT = 400;

// By image: the `url` that is `coming`, and the same once it has come.
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
  const url = kept.get(String(image_id))?.url;
  // What was just shown elsewhere does not flicker.
  if (url) fill(frame, url);
  else observer.observe(frame);
  return frame;
}

export function placeholder(text) {
  return h("span", { className: "placeholder", aria: { hidden: "true" } }, text);
}

async function load(frame) {
  const url = await thumbnailUrl(frame.dataset.image);
  if (url) fill(frame, url);
}

// Its name stands beside it: a text of its own would be read twice.
const fill = (frame, url) => frame.replaceChildren(h("img", { src: url, alt: "" }));

/** Where an image's thumbnail is in this tab; null where there is none. */
export function thumbnailUrl(image_id) {
  const picture = kept.get(image_id) ?? asked(image_id);
  kept.delete(image_id);
  kept.set(image_id, picture);
  if (kept.size > N_KEPT) forgetOldest();
  return picture.coming;
}

function asked(image_id) {
  const picture = { coming: fetched(image_id), url: null };
  picture.coming.then((url) => {
    picture.url = url;
    // There is none, or none now: the placeholder stays, and the next look asks again.
    if (!url) kept.delete(image_id);
  });
  return picture;
}

async function fetched(image_id) {
  try {
    return URL.createObjectURL(await getBlob(`v1/images/${image_id}/thumbnail`));
  } catch {
    return null;
  }
}

async function forgetOldest() {
  const [image_id, { coming }] = kept.entries().next().value;
  kept.delete(image_id);
  const old = await coming;
  if (old) URL.revokeObjectURL(old);
}
