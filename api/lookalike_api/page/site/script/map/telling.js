// How much of a collection its map shows, and how old it is, in words.

import { encoderName } from "../encoders.js";
import { ago, count, counted } from "../words.js";

// As many as the API lays out, and as it counts of what came since.
const MOST = 10_000;

/** Such as `2,000 of 10,000 images by NASNet-A Large, made 3 h ago; 120 were added since.` */
export function shownOf({ made_at, n_points, n_images, n_added, space }) {
  if (!made_at) return "";
  const shown = `${partOf(n_points, n_images)} by ${encoderName(space)}, made ${ago(made_at)}`;
  const sentence = n_added ? `${shown}; ${addedOf(n_added)}.` : `${shown}.`;
  return n_points < n_images && n_images > MOST ? `${sentence} ${SAMPLE}` : sentence;
}

const SAMPLE = `A map has room for ${count(MOST)}: of more it shows some, drawn at random.`;

function partOf(n_points, n_images) {
  if (n_points < n_images) return `${count(n_points)} of ${counted(n_images, "image")}`;
  return n_points > 1 ? `All ${counted(n_points, "image")}` : counted(n_points, "image");
}

function addedOf(n_added) {
  if (n_added >= MOST) return `${count(n_added)} or more were added since`;
  return n_added === 1 ? "1 was added since" : `${count(n_added)} were added since`;
}
