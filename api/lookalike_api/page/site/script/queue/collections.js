// Each collection's part of the queue, and the buttons that hold it back.

import { linkTo } from "../address.js";
import { sendJson } from "../api.js";
import { pageLink, quietButton } from "../controls.js";
import { h } from "../dom.js";
import { encoderName } from "../encoders.js";
import { refresh } from "../installation.js";
import { problemArea } from "../problems.js";
import { table } from "../tables.js";
import { count, duration, rate } from "../words.js";

const COUNTS = ["Images", "Waiting", "Done", "Failed", "Rate", "Done in"];
const COLUMNS = ["Collection", "Encoder", ...COUNTS, ""];

export function collectionsTable() {
  const problem = problemArea();
  const view = table({ caption: "Collections", columns: COLUMNS, numeric: [2, 3, 4, 5, 6, 7] });
  view.element.querySelector("h2").after(problem.element);

  function draw({ collections }, address) {
    view.draw(
      collections.map((one) => [...row(one, one.name === address.collection), holdButton(one)]),
    );
  }

  function holdButton({ name, paused }) {
    const hold = async () => {
      try {
        const path = `v1/collections/${encodeURIComponent(name)}`;
        await sendJson("PUT", path, { paused: paused ? null : "bulk" });
        problem.clear();
        await refresh();
      } catch (error) {
        problem.show(error);
      }
    };
    const text = paused ? "Resume" : "Pause";
    return quietButton(text, hold, `${text} ${name}`);
  }

  return { element: view.element, draw };
}

function row(one, is_shown) {
  const per_s = one.lanes.reduce((sum, lane) => sum + lane.per_s, 0);
  const link = pageLink(linkTo({ collection: one.name, reason: null }), one.name);
  if (is_shown) link.setAttribute("aria-current", "true");
  const paused = one.paused ? h("span", { className: "state" }, `paused: ${one.paused}`) : "";
  return [
    h("span", { className: "reference" }, link, " ", paused),
    one.space ? encoderName(one.space) : "none yet",
    count(one.n_images),
    count(one.n_open),
    count(one.jobs.done ?? 0),
    count(one.jobs.failed ?? 0),
    rate(per_s),
    doneIn(one, per_s),
  ];
}

function doneIn({ n_open, paused }, per_s) {
  if (!n_open) return "–";
  return duration(paused || !per_s ? null : n_open / per_s);
}
