// What became of each image that was added, as a list; and of all of them, as a bar.

import { linkTo } from "../address.js";
import { pageLink, quietButton } from "../controls.js";
import { h, redraw } from "../dom.js";
import { retry } from "../failures.js";
import { count, counted } from "../words.js";
import { clearEnded, hasEnded, items } from "./batch.js";
import { followJobs } from "./following.js";
import { mark } from "./items.js";

// Thousands of rows would make the page slow; what needs a reader comes first.
const N_SHOWN = 100;
const URGENCY = ["refused", "failed", "sending", "queued", "done", "waiting"];

export function outcomes() {
  const bar = h("progress", { id: "added", max: 1, value: 0 });
  const said = h("p", { role: "status", className: "said" });
  const list = h("ul", { className: "outcomes", aria: { label: "Outcomes" } });
  const label = h("label", { htmlFor: "added", className: "eyebrow" }, "Progress");
  const clear = quietButton("Clear what has ended", clearEnded);
  const rest = h("p", { className: "faint" });
  const element = h(
    "section",
    { className: "panel", aria: { label: "Progress" }, hidden: true },
    h("div", { className: "row spread" }, label, clear),
    bar,
    said,
    list,
    rest,
  );

  function draw() {
    element.hidden = !items.length;
    bar.max = items.length || 1;
    bar.value = items.filter(hasEnded).length;
    said.textContent = summary();
    const shown = [...items].sort(byUrgency).slice(0, N_SHOWN);
    redraw(list, shown.map(row));
    rest.textContent = items.length > N_SHOWN ? `and ${count(items.length - N_SHOWN)} more` : "";
  }

  return { element, draw };
}

const byUrgency = (one, other) => URGENCY.indexOf(one.state) - URGENCY.indexOf(other.state);

function summary() {
  const n = (...states) => items.filter(({ state }) => states.includes(state)).length;
  const n_bad = n("failed", "refused");
  const parts = [
    `${count(n("done"))} of ${counted(items.length, "image")} embedded`,
    n("queued") ? `${count(n("queued"))} in the queue` : "",
    n("waiting", "sending") ? `${count(n("waiting", "sending"))} to send` : "",
    n_bad ? `${count(n_bad)} failed` : "",
  ];
  return parts.filter(Boolean).join(", ");
}

function row(item) {
  return h(
    "li",
    { className: "outcome", data: { state: item.state, job: item.job_id ?? "" } },
    h("span", { className: "outcome-name" }, item.name),
    h("span", { className: "state", data: { state: item.state } }, item.state),
    h("span", { className: "outcome-note" }, item.note),
    action(item),
  );
}

function action(item) {
  if (item.state === "done") {
    const href = linkTo({ view: "search", image: item.image_id, collection: item.collection });
    return pageLink(href, "Neighbours", `Neighbours of ${item.name}`);
  }
  if (item.state === "failed") {
    return quietButton("Try again", () => again(item), `Try ${item.name} again`);
  }
  return "";
}

async function again(item) {
  try {
    await retry({ job_ids: [item.job_id] });
    mark(item, { state: "queued", note: "" });
    followJobs();
  } catch (problem) {
    mark(item, { note: `${problem.title}: ${problem.detail}` });
  }
}
