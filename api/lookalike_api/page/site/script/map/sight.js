// What is in sight: images by their places on the screen. Nothing here draws.

import { scaleOf, toScreen } from "./camera.js";

/** The images on the screen, in the map's order: `{ image_id, x, y, left, top }`. */
export function inSight({ image_ids, xs, ys }, camera, size) {
  const found = [];
  for (let n = 0; n < xs.length; n += 1) {
    const [x, y] = [xs[n], ys[n]];
    const [left, top] = toScreen(camera, size, x, y);
    if (left >= 0 && top >= 0 && left <= size.width && top <= size.height) {
      found.push({ image_id: image_ids[n], x, y, left, top });
    }
  }
  return found;
}

/** Some of those in sight, one for each cell of so many pixels, from the middle on.
 *
 * The cells lie on the map and not on the screen, so that dragging it changes none of them.
 */
export function spread(seen, camera, size, { cell, most }) {
  const scale = scaleOf(camera, size);
  const cells = new Map();
  for (const one of seen) {
    const key = `${Math.floor((one.x * scale) / cell)},${Math.floor((one.y * scale) / cell)}`;
    if (!cells.has(key)) cells.set(key, one);
  }
  return byDistance([...cells.values()], middleOf(size)).slice(0, most);
}

/** Those in sight, the nearest to a pixel first. */
export function byDistance(seen, [left, top]) {
  const squared = (one) => (one.left - left) ** 2 + (one.top - top) ** 2;
  return [...seen].sort((one, other) => squared(one) - squared(other));
}

/** The one that is nearest to a pixel, if that is not farther than `reach`. */
export function nearest(seen, [left, top], reach = Infinity) {
  let found = null;
  let least = reach;
  for (const one of seen) {
    const distance = Math.hypot(one.left - left, one.top - top);
    if (distance <= least) [found, least] = [one, distance];
  }
  return found;
}

export const middleOf = ({ width, height }) => [width / 2, height / 2];
