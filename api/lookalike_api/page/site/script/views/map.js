// The map: images that look alike lie close together; each leads to its neighbours.

import { get } from "../api.js";
import { go, linkTo } from "../address.js";
import { calmed, h } from "../dom.js";
import { aroundSection } from "../map/around.js";
import { cameraOf, textOf } from "../map/camera.js";
import { chart } from "../map/chart.js";
import { standing } from "../map/standing.js";
import { problemArea } from "../problems.js";

export const name = "map";
export const title = "Map";

const CALM_MS = 250;
const N_AROUND = 12;

export function open(room) {
  const ending = new AbortController();
  const problem = problemArea();
  const plot = chart({ chosen, moved: calmed(rested, CALM_MS), signal: ending.signal });
  const around = aroundSection();
  const stands = standing({ made: read });
  const contents = [stands.element, problem.element, plot.element, around.element];
  room.append(h("h1", {}, title), ...contents);
  let shown = null;
  let collecting = new AbortController();
  let looking = new AbortController();

  function show(address) {
    if (shown?.collection === address.collection) {
      const is_elsewhere = address.at !== shown.at;
      shown = address;
      if (is_elsewhere) look();
      return;
    }
    shown = address;
    collecting.abort();
    collecting = new AbortController();
    problem.clear();
    plot.show(null);
    around.element.hidden = true;
    stands.show(address.collection, collecting.signal);
  }

  /** Read the points of a map that was made; whether that was possible. */
  async function read() {
    const { signal } = collecting;
    try {
      const words = new URLSearchParams({ collection: shown.collection });
      const points = await get(`v1/map/points?${words}`, signal);
      if (signal.aborted) return true;
      problem.clear();
      plot.show(points);
      around.element.hidden = !points.xs.length;
      look();
      return true;
    } catch (error) {
      if (!signal.aborted) problem.show(error);
      return false;
    }
  }

  function look() {
    plot.look(cameraOf(shown.at));
    list();
  }

  function list() {
    looking.abort();
    looking = new AbortController();
    around.show(plot.nearMiddle(N_AROUND), looking.signal);
  }

  /** The map came to rest: the address tells where, so that one comes back to it. */
  function rested() {
    if (ending.signal.aborted) return;
    remember();
    list();
  }

  function remember() {
    const at = textOf(plot.camera());
    if (at === shown.at) return;
    shown = { ...shown, at };
    go(linkTo({ at }), { replacing: true });
  }

  function chosen(image_id) {
    remember();
    go(linkTo({ view: "search", image: image_id, reference: null, picture: null, at: null }));
  }

  const close = () => {
    for (const one of [ending, collecting, looking]) one.abort();
    stands.close();
  };
  return { show, close };
}
