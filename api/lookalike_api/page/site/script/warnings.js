// What is amiss, in lines under the bar on top, with the way out where the page has one.

import { linkAway } from "./address.js";
import { pageLink, quietButton } from "./controls.js";
import { h, redraw } from "./dom.js";
import { encoderWarning } from "./encoders.js";
import { askForKey, key } from "./key.js";

const element = document.getElementById("warnings");

/** Draw what is amiss with a collection, which may be undefined, and with the installation. */
export function drawWarnings(collection, news) {
  const lines = [encoderWarning(collection), ...troubles(collection, news)].filter(Boolean);
  redraw(element, lines.map((line) => h("p", {}, line)));
}

function troubles({ n_images, paused } = {}, { status, problem }) {
  if (problem) return [[`${problem.title}: ${problem.detail}`, wayOutOf(problem)]];
  if (!status) return [];
  return [
    status.workers.length ? null : "No worker runs: pictures wait until one is started.",
    n_images ? null : ["This collection has no images yet. ", addSome()],
    paused ? `This collection is paused (${paused}).` : null,
  ];
}

const addSome = () => pageLink(linkAway({ view: "add" }), "Add some");

function wayOutOf({ status, detail }) {
  if (status !== 401) return null;
  const give = async () => {
    // Every part of the page was refused: all of them ask again.
    if (await askForKey(detail, key())) location.reload();
  };
  return quietButton("Give a key", give);
}
