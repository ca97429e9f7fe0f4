// Drag, pinch, wheel and keys on the map, as what they mean.

// A finger is never quite still.
const STILL_PX = 5;
const STEP_PX = 80;
const STEP_ZOOM = 1.5;

/** Listen until `signal` ends; a pixel is `[left, top]`.
 *
 * `drag(right, down)`; `zoom(factor, pixel)` and `choose(pixel)`, where none means the middle;
 * `point(pixel)` for a mouse that hovers, and with none once it is away; and `whole()`.
 */
export function takeGestures(canvas, meant, signal) {
  const listen = (name, heard) =>
    canvas.addEventListener(name, heard, { signal, passive: false });
  listen("wheel", (event) => {
    event.preventDefault();
    meant.zoom(wheelFactor(event), pixelOf(event));
  });
  listen("keydown", (event) => takeKey(event, meant));
  takePointers(listen, canvas, meant);
}

function wheelFactor({ deltaY, deltaMode, ctrlKey }) {
  const pixels = deltaMode === WheelEvent.DOM_DELTA_LINE ? deltaY * 20 : deltaY;
  // Browsers send a pinch on a touchpad as a small turn of the wheel with Ctrl.
  const strength = ctrlKey ? 0.01 : 0.002;
  return Math.min(2, Math.max(0.5, Math.exp(-pixels * strength)));
}

function takeKey(event, meant) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const keys = {
    ArrowLeft: () => meant.drag(STEP_PX, 0),
    ArrowRight: () => meant.drag(-STEP_PX, 0),
    ArrowUp: () => meant.drag(0, STEP_PX),
    ArrowDown: () => meant.drag(0, -STEP_PX),
    "+": () => meant.zoom(STEP_ZOOM),
    "=": () => meant.zoom(STEP_ZOOM),
    "-": () => meant.zoom(1 / STEP_ZOOM),
    0: () => meant.whole(),
    Enter: () => meant.choose(),
  };
  if (!Object.hasOwn(keys, event.key)) return;
  event.preventDefault();
  keys[event.key]();
}

function takePointers(listen, canvas, meant) {
  const down = new Map();
  let was_still = false;

  listen("pointerdown", (event) => {
    if (event.button) return;
    canvas.setPointerCapture(event.pointerId);
    was_still = down.size === 0;
    down.set(event.pointerId, { pixel: pixelOf(event), from: pixelOf(event) });
    meant.point();
  });
  listen("pointermove", (event) => {
    const pointer = down.get(event.pointerId);
    if (pointer) travel(event.pointerId, pointer, pixelOf(event));
    else if (event.pointerType === "mouse") meant.point(pixelOf(event));
  });

  function travel(id, pointer, pixel) {
    if (was_still && apart(pixel, pointer.from) < STILL_PX) return;
    was_still = false;
    const other = [...down].find(([one]) => one !== id)?.[1];
    if (other) pinch(pointer.pixel, pixel, other.pixel, meant);
    else meant.drag(pixel[0] - pointer.pixel[0], pixel[1] - pointer.pixel[1]);
    pointer.pixel = pixel;
  }

  const ended = (event) => {
    const was_down = down.delete(event.pointerId);
    if (was_down && was_still && event.type === "pointerup") meant.choose(pixelOf(event));
  };
  listen("pointerup", ended);
  listen("pointercancel", ended);
  listen("lostpointercapture", ended);
  listen("pointerleave", () => meant.point());
}

const pixelOf = ({ offsetX, offsetY }) => [offsetX, offsetY];

const apart = (one, other) => Math.hypot(one[0] - other[0], one[1] - other[1]);

function pinch(before, now, other, meant) {
  const middle = (pixel) => [(pixel[0] + other[0]) / 2, (pixel[1] + other[1]) / 2];
  const [from, to] = [middle(before), middle(now)];
  meant.drag(to[0] - from[0], to[1] - from[1]);
  meant.zoom(apart(now, other) / Math.max(1, apart(before, other)), to);
}
