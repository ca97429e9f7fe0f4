// How the collection's map stands: none yet, asked for, or made; and the button that asks.

import { get, sendJson } from "../api.js";
import { h } from "../dom.js";
import { encoderName } from "../encoders.js";
import { problemArea } from "../problems.js";
import { ago, counted } from "../words.js";

const EVERY_MS = 2_000;

const NONE = "There is no map of this collection yet.";
const AWAITED = "One is being made: upkeep begins with its next round, and takes up to a minute.";

const FIRST = "Make a map";
const ANEW = "Make it anew";

const pathOf = (collection) => `v1/map?${new URLSearchParams({ collection })}`;

/** The line above the map; `made()` hears of each map that there is, once. */
export function standing({ made }) {
  const problem = problemArea();
  const said = h("p", { role: "status", className: "said" });
  const waits = h("progress", { aria: { label: "A map is being made" } });
  const ask = h("button", { type: "button", onclick: request });
  const row = h("div", { className: "row spread" }, said, ask);
  const element = h("div", { className: "standing" }, problem.element, row, waits);
  let path = "";
  let until = null;
  let told = null;
  let timer = 0;

  /** Follow a collection's map until the signal ends. */
  function show(collection, signal) {
    clearTimeout(timer);
    [path, until, told] = [pathOf(collection), signal, null];
    problem.clear();
    draw("", null);
    follow(get(path, signal));
  }

  function request() {
    follow(sendJson("POST", path, {}, until));
  }

  async function follow(asked) {
    const signal = until;
    ask.disabled = true;
    try {
      const state = await asked;
      if (!signal.aborted) take(state);
    } catch (error) {
      if (signal.aborted) return;
      if (error.title === "UnknownMap") draw(NONE, FIRST);
      else problem.show(error);
      // It goes on being made, whether or not this look at it succeeded.
      if (!waits.hidden) lookAgain();
    }
    ask.disabled = false;
  }

  function lookAgain() {
    clearTimeout(timer);
    timer = setTimeout(() => follow(get(path, until)), EVERY_MS);
  }

  function take(state) {
    const { requested_at, made_at, error } = state;
    problem.clear();
    if (error) problem.show({ title: "No new map", detail: error });
    draw(wordsOf(state), made_at ? ANEW : FIRST, Boolean(requested_at));
    if (requested_at) lookAgain();
    if (!made_at || made_at === told) return;
    told = made_at;
    made();
  }

  function draw(text, button, is_awaited = false) {
    // A screen reader would say again what is merely written again.
    if (said.textContent !== text) said.textContent = text;
    ask.textContent = button ?? "";
    ask.className = button === ANEW ? "quiet" : "primary";
    ask.hidden = is_awaited || button === null;
    waits.hidden = !is_awaited;
  }

  return { element, show, close: () => clearTimeout(timer) };
}

function wordsOf({ requested_at, made_at, n_points, space }) {
  const awaited = requested_at ? AWAITED : null;
  if (!made_at) return awaited ? `${NONE} ${awaited}` : NONE;
  const found = `${counted(n_points, "image")} by ${encoderName(space)}, laid out ${ago(made_at)}.`;
  return awaited ? `${found} ${awaited}` : found;
}
