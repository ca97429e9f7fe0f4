// The map on its canvas: which part is in sight, and what a reader does with it.

import { quietButton } from "../controls.js";
import { h } from "../dom.js";
import { dragged, extentOf, wholeOf, zoomed } from "./camera.js";
import { draw } from "./drawing.js";
import { takeGestures } from "./gestures.js";
import { watchLook } from "./look.js";
import { mapPictures } from "./pictures.js";
import { EMPTY, imageAt, sceneOf, wantedBy } from "./scene.js";
import { byDistance, inSight, middleOf, nearest } from "./sight.js";

const BUTTON_ZOOM = 2;
const NOTHING = { image_ids: [], xs: [], ys: [] };

/** The chart; `chosen(image_id)` and `moved()` hear of what a reader does. */
export function chart({ chosen, moved, signal }) {
  const canvas = canvasElement();
  const pictures = mapPictures(redraw);
  let points = NOTHING;
  let camera = wholeOf(points);
  let size = { width: 1, height: 1, extent: extentOf(points) };
  let scene = EMPTY;
  let pointed = null;
  let is_drawing = false;

  const zoom = (factor, at = middleOf(size)) => move(zoomed(camera, size, factor, at));
  const drag = (right, down) => move(dragged(camera, size, right, down));
  const whole = () => move(wholeOf(points));

  function move(to) {
    camera = to;
    pointed = null;
    redraw();
    moved();
  }

  function point(at) {
    const found = at ? imageAt(scene, at) : null;
    canvas.classList.toggle("is-pointing", found !== null);
    if ((found?.image_id ?? null) === pointed) return;
    pointed = found?.image_id ?? null;
    redraw();
  }

  function choose(at) {
    const found = at ? imageAt(scene, at) : nearest(scene.dots, middleOf(size));
    if (found) chosen(found.image_id);
  }

  function resized() {
    const { clientWidth: width, clientHeight: height } = canvas;
    if (!width || !height) return;
    size = { ...size, width, height };
    canvas.width = Math.round(width * devicePixelRatio);
    canvas.height = Math.round(height * devicePixelRatio);
    redraw();
  }

  function redraw() {
    if (is_drawing) return;
    is_drawing = true;
    requestAnimationFrame(() => {
      is_drawing = false;
      const by_keyboard = canvas.matches(":focus-visible");
      scene = sceneOf(points, camera, size, { pointed, by_keyboard, pictureOf: pictures.of });
      pictures.want(wantedBy(scene));
      draw(canvas, size, scene);
    });
  }

  takeGestures(canvas, { drag, zoom, whole, point, choose }, signal);
  for (const name of ["focus", "blur"]) canvas.addEventListener(name, redraw, { signal });
  watchLook(canvas, resized, signal);
  const element = framed(canvas, { zoom, whole });

  /** Show other points, or none. */
  function show(found) {
    points = found ?? NOTHING;
    size = { ...size, extent: extentOf(points) };
    element.hidden = !points.xs.length;
    resized();
  }

  /** Look at a part of the map, or at all of it. */
  function look(from) {
    camera = from ?? wholeOf(points);
    pointed = null;
    redraw();
  }

  /** The ids of the images in sight, the one in the middle first; `n` at most. */
  function nearMiddle(n) {
    const some = byDistance(inSight(points, camera, size), middleOf(size)).slice(0, n);
    return some.map(({ image_id }) => image_id);
  }

  return { element, show, look, nearMiddle, camera: () => camera };
}

const canvasElement = () =>
  h("canvas", {
    className: "map-canvas",
    tabIndex: 0,
    role: "application",
    aria: { label: "Map", describedby: "map-shown map-help" },
  });

function framed(canvas, { zoom, whole }) {
  const buttons = h(
    "div",
    { className: "map-buttons" },
    quietButton("+", () => zoom(BUTTON_ZOOM), "Zoom in"),
    quietButton("−", () => zoom(1 / BUTTON_ZOOM), "Zoom out"),
    quietButton("All", whole, "Show all of the map"),
  );
  const hand = "Drag the map; pinch it or turn the wheel to zoom. ";
  const keys = "Arrow keys move it, + and − zoom, 0 shows all of it; ";
  const help = `${hand}${keys}Enter goes on from the image in the middle.`;
  return h(
    "section",
    { className: "map", hidden: true, aria: { label: "The map" } },
    h("div", { className: "map-frame" }, canvas, buttons),
    h("p", { className: "faint", id: "map-help" }, help),
  );
}
