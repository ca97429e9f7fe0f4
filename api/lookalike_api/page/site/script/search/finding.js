// From an address to its neighbours.

import { Problem, sendFile, sendJson } from "../api.js";
import { objectOf } from "../chips.js";
import { pictureOf } from "../pictures.js";

// As far as the slider goes.
const MOST = 100;
// Images may have come meanwhile.
const FRESH_MS = 60_000;

export const isAsked = ({ image, reference, picture }) => Boolean(image || reference || picture);

/** The API's answer, with how long it took from here; throws Problem. */
export async function find(address, signal) {
  const started = performance.now();
  const found = await asked(address, signal);
  signal.throwIfAborted();
  return { ...found, wall_ms: performance.now() - started };
}

function asked(address, signal) {
  const { image, collection, k, threshold, predicate } = address;
  const among = {
    collection,
    filter: objectOf(address.filters),
    predicate: predicate || undefined,
  };
  if (!image) return askedOnce(address, among);
  const narrowed = { ...among, k, threshold: threshold ?? undefined };
  return sendJson("POST", "v1/search", { image_id: Number(image), ...narrowed }, signal);
}

const NOTHING = { question: null, until: 0, answer: null };
let kept = NOTHING;

/** By what has to be embedded first: only once, however often the sliders move.
 *
 * As many neighbours as there may be are asked for, and the sliders leave some out here.
 */
async function askedOnce({ picture, reference, k, threshold }, among) {
  const question = JSON.stringify([picture, reference, among]);
  if (kept.question !== question || kept.until < Date.now()) {
    const answer = embedded(picture, reference, { ...among, k: MOST });
    kept = { question, until: Date.now() + FRESH_MS, answer };
    answer.catch(() => forget(answer));
  }
  const all = (await kept.answer).neighbours;
  const near = threshold === null ? all : all.filter(({ distance }) => distance <= threshold);
  const neighbours = near.slice(0, k);
  return { neighbours, n_missing: k - neighbours.length };
}

function forget(answer) {
  if (kept.answer === answer) kept = NOTHING;
}

async function embedded(word, reference, narrowed) {
  if (!word) return sendJson("POST", "v1/search", { reference, ...narrowed });
  const picture = pictureOf(word);
  if (!picture) {
    throw new Problem({
      title: "Picture gone",
      detail: "It was in the tab's memory alone, and the page was loaded anew: drop it again.",
    });
  }
  return sendFile("v1/search", picture.file, narrowed);
}
