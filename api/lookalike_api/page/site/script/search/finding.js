// From an address to its neighbours.

import { Problem, sendFile, sendJson } from "../api.js";
import { objectOf } from "../chips.js";
import { pictureOf } from "../pictures.js";

export const isAsked = ({ image, reference, picture }) => Boolean(image || reference || picture);

/** The API's answer, with how long it took from here; throws Problem. */
export async function find(address, signal) {
  const started = performance.now();
  const found = await asked(address, signal);
  return { ...found, wall_ms: performance.now() - started };
}

function asked(address, signal) {
  const { image, reference, picture, collection, k, threshold, predicate } = address;
  const narrowed = {
    collection,
    k,
    threshold: threshold ?? undefined,
    filter: objectOf(address.filters),
    predicate: predicate || undefined,
  };
  if (picture) return askedByPicture(picture, narrowed, signal);
  const by = image ? { image_id: Number(image) } : { reference };
  return sendJson("POST", "v1/search", { ...by, ...narrowed }, signal);
}

function askedByPicture(word, narrowed, signal) {
  const picture = pictureOf(word);
  if (!picture) {
    throw new Problem({
      title: "Picture gone",
      detail: "It was in the tab's memory alone, and the page was loaded anew: drop it again.",
    });
  }
  return sendFile("v1/search", picture.file, narrowed, signal);
}
