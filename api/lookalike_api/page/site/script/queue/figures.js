// The queue in four figures.

import { h, redraw } from "../dom.js";
import { count, duration, rate } from "../words.js";

export function figures() {
  const element = h("dl", { className: "figures", aria: { label: "All collections" } });

  function draw(status) {
    const n_failed = status.collections.reduce((sum, { jobs }) => sum + (jobs.failed ?? 0), 0);
    const { n_open, paused, workers } = status;
    const rows = [
      ["Waiting", count(n_open), paused ? `paused: ${paused}` : waited(status)],
      ["Rate", rate(status.per_s), "in the last minute"],
      n_open
        ? ["Done in", duration(status.eta_s), "at this rate"]
        : ["Done in", "–", "nothing waits"],
      ["Workers", count(workers.length), held(workers)],
      ["Failed", count(n_failed), n_failed ? "for good, until tried again" : "none"],
    ];
    redraw(element, rows.map(drawn));
  }

  return { element, draw };
}

function drawn([term, figure, remark]) {
  const texts = [h("dt", {}, term), h("dd", {}, figure), h("dd", { className: "faint" }, remark)];
  return h("div", { className: "figure" }, texts);
}

const waited = ({ oldest_wait_s }) =>
  oldest_wait_s ? `the oldest for ${duration(oldest_wait_s)}` : "nobody waits";

function held(workers) {
  const n_held = workers.reduce((sum, worker) => sum + worker.n_held, 0);
  return `${count(n_held)} in their hands`;
}
