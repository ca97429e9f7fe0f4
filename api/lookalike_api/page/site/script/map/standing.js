// How the collection's map stands: none yet, asked for, or made; and the button that asks.

import { get, sendJson } from "../api.js";
import { h } from "../dom.js";
import { problemArea } from "../problems.js";
import { shownOf } from "./telling.js";

const AWAITED_MS = 2_000;
const LOST_MS = 5_000;
// What was added since, and how long ago that was.
const IDLE_MS = 20_000;

const NONE = "There is no map of this collection yet.";
const AWAITED = "One is being made: upkeep begins with its next round, and takes up to a minute.";
const LOOKING = "Looking for the map …";
const MADE = "The new map is shown.";

const FIRST = "Make a map";
const ANEW = "Make it anew";

const pathOf = (collection) => `v1/map?${new URLSearchParams({ collection })}`;

/** The lines above the map; `made()` hears of each map that there is, and tells if it was read. */
export function standing({ made }) {
  const problem = problemArea();
  const shown = h("p", { id: "map-shown" });
  const said = h("p", { role: "status", className: "said faint", tabIndex: -1 });
  const waits = h("progress", { aria: { label: "A map is being made" } });
  const ask = h("button", { type: "button", onclick: request });
  const row = h("div", { className: "row spread" }, h("div", {}, shown, said), ask);
  const element = h("div", { className: "standing" }, problem.element, row, waits);
  let path = "";
  let until = null;
  let latest = null;
  let told = null;
  let timer = 0;

  /** Follow a collection's map until the signal ends. */
  function show(collection, signal) {
    [path, until, told] = [pathOf(collection), signal, null];
    problem.clear();
    shown.textContent = "";
    draw(LOOKING);
    follow(get(path, signal));
  }

  function request() {
    follow(sendJson("POST", path, {}, until));
  }

  async function follow(asked) {
    const signal = until;
    const isOver = () => signal.aborted || asked !== latest;
    latest = asked;
    clearTimeout(timer);
    try {
      const state = await asked;
      if (!isOver()) await take(state);
    } catch (error) {
      if (isOver()) return;
      refused(error);
      // Whoever closed the question for a key is not asked again.
      if (error.status === 401) return;
    }
    if (!isOver()) lookAgain();
  }

  function refused(error) {
    if (error.title === "UnknownMap") return hasNone(FIRST);
    // It is made by its first image, and not by a map.
    if (error.title === "UnknownCollection") return hasNone("");
    problem.show(error);
    if (said.textContent === LOOKING) draw("");
  }

  function hasNone(button) {
    problem.clear();
    draw(NONE, { button });
  }

  /** Whether or not this look succeeded: a map may be made by others, and an API comes back. */
  function lookAgain() {
    clearTimeout(timer);
    const look = () => (document.hidden ? lookAgain() : follow(get(path, until)));
    const settled_ms = told ? IDLE_MS : LOST_MS;
    timer = setTimeout(look, waits.hidden ? settled_ms : AWAITED_MS);
  }

  async function take(state) {
    const { requested_at, made_at, error } = state;
    const is_new = made_at !== null && made_at !== told;
    const was_awaited = !waits.hidden;
    if (error) problem.show({ title: "No new map", detail: error });
    else problem.clear();
    shown.textContent = shownOf(state);
    const text = textOf(state, is_new && was_awaited);
    draw(text, { button: made_at ? ANEW : FIRST, is_awaited: requested_at !== null });
    if (!is_new) return;
    told = made_at;
    // What could not be read now is read at the next look.
    if (!(await made()) && told === made_at) told = null;
  }

  function draw(text, { button = "", is_awaited = false } = {}) {
    // A screen reader would say again what is merely written again.
    if (said.textContent !== text) said.textContent = text;
    const had_focus = document.activeElement === ask;
    ask.textContent = button;
    ask.className = button === ANEW ? "quiet" : "primary";
    ask.hidden = is_awaited || !button;
    waits.hidden = !is_awaited;
    // Whoever pressed it goes on from what came of it.
    if (had_focus && ask.hidden) said.focus();
  }

  return { element, show, close: () => clearTimeout(timer) };
}

function textOf({ requested_at, made_at }, is_awaited_one) {
  const awaited = requested_at ? AWAITED : null;
  if (!made_at) return awaited ? `${NONE} ${awaited}` : NONE;
  return awaited ?? (is_awaited_one ? MADE : "");
}
