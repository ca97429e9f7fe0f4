// What failed in the shown collection, why, and the buttons that try it again.

import { linkTo } from "../address.js";
import { pageLink, quietButton } from "../controls.js";
import { h, redraw } from "../dom.js";
import { readFailures, retry } from "../failures.js";
import { refresh } from "../installation.js";
import { problemArea } from "../problems.js";
import { table } from "../tables.js";
import { ago, count, counted, label } from "../words.js";

const COLUMNS = ["Image", "Reason", "What was found", "When", ""];

export function failuresPanel() {
  const problem = problemArea();
  const said = h("p", { role: "status", className: "said" });
  const reasons = h("ul", { className: "reasons", aria: { label: "Reasons" } });
  const empty = "Nothing failed in this collection.";
  const view = table({ caption: "Failures", columns: COLUMNS, empty });
  view.element.querySelector("h2").after(problem.element, said, reasons);
  let drawn = "";

  /** Read them anew where their number, or what is asked for, has changed. */
  async function show({ collections }, address) {
    const found = collections.find(({ name }) => name === address.collection);
    const n_failed = found?.jobs.failed ?? 0;
    const wanted = JSON.stringify([address.collection, address.reason, n_failed]);
    if (wanted === drawn) return;
    drawn = wanted;
    if (n_failed) await read(address);
    else draw({ failures: [], reasons: {} }, address);
  }

  async function read(address) {
    try {
      draw(await readFailures(address), address);
      problem.clear();
    } catch (error) {
      problem.show(error);
    }
  }

  function draw({ failures, reasons: counts }, address) {
    const entries = Object.entries(counts);
    redraw(reasons, entries.map(([reason, n]) => reasonRow(reason, n, address)));
    view.draw(failures.map((failure) => row(failure)));
  }

  function reasonRow(reason, n, { collection, reason: shown }) {
    const is_shown = reason === shown;
    const link = pageLink(linkTo({ reason: is_shown ? null : reason }), reason);
    if (is_shown) link.setAttribute("aria-current", "true");
    const name = `Try all again that failed as ${reason}`;
    const again = button("Try all again", name, { collection, reason });
    return h("li", {}, link, ` ${count(n)} `, again);
  }

  const row = (failure) => [
    image(failure),
    failure.reason ?? "unknown",
    h("span", { className: "detail" }, failure.detail ?? ""),
    h("span", { className: "nowrap" }, ago(failure.finished_at)),
    failure.can_retry
      ? button("Try again", `Try ${label(failure.reference)} again`, { job_ids: [failure.job_id] })
      : "",
  ];

  function button(text, name, selection) {
    const again = async () => {
      try {
        said.textContent = `${counted(await retry(selection), "job")} queued again.`;
        problem.clear();
        drawn = "";
        await refresh();
      } catch (error) {
        problem.show(error);
      }
    };
    return quietButton(text, again, name);
  }

  return { element: view.element, show };
}

function image({ image_id, reference }) {
  const name = h("span", { className: "reference", title: reference }, label(reference));
  return image_id === null ? h("span", {}, name, " (a query)") : name;
}
