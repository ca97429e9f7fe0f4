// Which part of the map is seen: the place in the middle, and how near it is. Nothing here draws.
//
// A size is the canvas's `width` and `height` in CSS pixels, and the `extent` of the map in its own
// unit: with zoom 1 just all of it is seen.

const NEAREST = 200;
const MARGIN = 36;
// One image alone, or some in a line, have none.
const LEAST_EXTENT = 0.01;

/** How wide and how high the map of some points is. */
export function extentOf({ xs, ys }) {
  const extent = (numbers) => Math.max(LEAST_EXTENT, largest(numbers) - smallest(numbers));
  return xs.length ? [extent(xs), extent(ys)] : [1, 1];
}

/** All of some points. */
export function wholeOf({ xs, ys }) {
  const middle = (numbers) => (smallest(numbers) + largest(numbers)) / 2;
  return xs.length ? { x: middle(xs), y: middle(ys), zoom: 1 } : { x: 0.5, y: 0.5, zoom: 1 };
}

/** A camera as the address has it, `0.25,0.5,8`; undefined for any other text. */
export function cameraOf(text) {
  const numbers = (text ?? "").split(",").map(Number);
  if (numbers.length !== 3 || !numbers.every(Number.isFinite)) return undefined;
  const [x, y, zoom] = numbers;
  return within({ x, y, zoom });
}

export const textOf = ({ x, y, zoom }) => `${x.toFixed(4)},${y.toFixed(4)},${zoom.toFixed(1)}`;

/** How many pixels a unit of the map has. */
export function scaleOf({ zoom }, { width, height, extent }) {
  const pixels = (length) => Math.max(1, length - 2 * MARGIN);
  return zoom * Math.min(pixels(width) / extent[0], pixels(height) / extent[1]);
}

/** Where a place of the map is on the screen. */
export function toScreen(camera, size, x, y) {
  const scale = scaleOf(camera, size);
  return [(x - camera.x) * scale + size.width / 2, (y - camera.y) * scale + size.height / 2];
}

/** Where a pixel of the screen is on the map. */
export function toMap(camera, size, left, top) {
  const scale = scaleOf(camera, size);
  return [(left - size.width / 2) / scale + camera.x, (top - size.height / 2) / scale + camera.y];
}

/** The camera after what is seen was dragged by some pixels. */
export function dragged(camera, size, right, down) {
  const scale = scaleOf(camera, size);
  return within({ ...camera, x: camera.x - right / scale, y: camera.y - down / scale });
}

/** The camera nearer or farther by a factor; the pixel that is pointed at keeps its place. */
export function zoomed(camera, size, factor, [left, top]) {
  const [x, y] = toMap(camera, size, left, top);
  const nearer = within({ ...camera, zoom: camera.zoom * factor });
  const [now_left, now_top] = toScreen(nearer, size, x, y);
  return dragged(nearer, size, left - now_left, top - now_top);
}

function within({ x, y, zoom }) {
  const between = (number, least, most) => Math.min(most, Math.max(least, number));
  return { x: between(x, 0, 1), y: between(y, 0, 1), zoom: between(zoom, 1, NEAREST) };
}

// Ten thousand arguments are more than some browsers' Math.min takes.
const smallest = (numbers) => numbers.reduce((one, other) => Math.min(one, other), Infinity);
const largest = (numbers) => numbers.reduce((one, other) => Math.max(one, other), -Infinity);
