// What failed in the shown collection, why, and the buttons that try it again or discard it.

import { linkTo } from "../address.js";
import { pageLink, quietButton } from "../controls.js";
import { h, redraw } from "../dom.js";
import { discard, readFailures, retry } from "../failures.js";
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
  const more = quietButton("More", () => read(shown, next_after), "Show more failures");
  view.element.querySelector("h2").after(problem.element, said, reasons);
  view.element.append(h("div", {}, more));
  more.hidden = true;
  let drawn = "";
  let shown = null;
  let failures = [];
  let next_after = null;

  /** Read them anew where their number, or what is asked for, has changed. */
  async function show({ collections }, address) {
    const found = collections.find(({ name }) => name === address.collection);
    const n_failed = found?.jobs.failed ?? 0;
    const wanted = JSON.stringify([address.collection, address.reason, n_failed]);
    // How long ago each was is another thing each time.
    if (wanted === drawn) return failures.length && view.draw(failures.map(row));
    drawn = wanted;
    shown = address;
    if (n_failed) await read(address, null);
    else draw({ failures: [], reasons: {}, next_after: null }, address);
  }

  async function read(address, after) {
    try {
      const page = await readFailures(address, after);
      // Another collection was chosen meanwhile.
      if (address !== shown) return;
      draw({ ...page, failures: after ? [...failures, ...page.failures] : page.failures }, address);
      problem.clear();
    } catch (error) {
      problem.show(error);
      // Read again with the next news.
      drawn = "";
    }
  }

  function draw(page, address) {
    [failures, next_after] = [page.failures, page.next_after];
    more.hidden = next_after === null;
    const entries = Object.entries(page.reasons);
    redraw(reasons, entries.map(([reason, n]) => reasonRow(reason, n, address)));
    view.draw(failures.map(row));
  }

  function reasonRow(reason, n, { collection, reason: chosen }) {
    const is_chosen = reason === chosen;
    const link = pageLink(linkTo({ reason: is_chosen ? null : reason }), reason);
    if (is_chosen) link.setAttribute("aria-current", "true");
    const those = `that failed as ${reason}`;
    const selection = { collection, reason };
    const again = button("Try all again", `Try all again ${those}`, () => tried(selection));
    const question = `Discard ${counted(n, "job")} ${those}? The images stay.`;
    const drop = button("Discard all", `Discard all ${those}`, () =>
      confirm(question) ? discarded(selection) : null,
    );
    return h("li", { className: "row" }, link, ` ${count(n)} `, again, drop);
  }

  const row = (failure) => [
    image(failure),
    failure.reason ?? "unknown",
    h("span", { className: "detail" }, failure.detail ?? ""),
    h("span", { className: "nowrap" }, ago(failure.finished_at)),
    failure.can_retry ? oneAgain(failure) : "",
  ];

  function oneAgain({ reference, job_id }) {
    const again = () => tried({ job_ids: [job_id] });
    const element = button("Try again", `Try ${label(reference)} again`, again);
    element.dataset.job = job_id;
    return element;
  }

  /** A button that does something and says what was done; null where nothing was. */
  function button(text, name, done) {
    const act = async () => {
      try {
        const words = await done();
        if (words === null) return;
        said.textContent = words;
        problem.clear();
        drawn = "";
        await refresh();
      } catch (error) {
        problem.show(error);
      }
    };
    return quietButton(text, act, name);
  }

  return { element: view.element, show };
}

const tried = async (selection) => `${counted(await retry(selection), "job")} queued again.`;

const discarded = async (selection) => `${counted(await discard(selection), "job")} discarded.`;

function image({ image_id, reference }) {
  const name = h("span", { className: "reference", title: reference }, label(reference));
  return image_id === null ? h("span", {}, name, " (a query)") : name;
}
