// Sends what waits, some at a time, as fast as the API takes it.

import { sendFile, sendJson } from "../api.js";
import { changed, items, mark } from "./items.js";

// A browser opens six connections to a host; one stays free for everything else.
const N_AT_ONCE = 5;
const MAX_PAUSE_S = 30;

let n_senders = 0;

/** Send all that waits; returns at once. */
export function sendWaiting() {
  while (n_senders < N_AT_ONCE && n_senders < items.filter(isWaiting).length) {
    n_senders += 1;
    sendOneByOne().finally(() => (n_senders -= 1));
  }
}

const isWaiting = ({ state }) => state === "waiting";

async function sendOneByOne() {
  for (let item = items.find(isWaiting); item; item = items.find(isWaiting)) {
    mark(item, { state: "sending" });
    await send(item);
    changed();
  }
}

async function send(item) {
  try {
    const { image_id, job_id, is_new } = await sent(item);
    const state = job_id === null ? "done" : "queued";
    mark(item, { state, image_id, job_id, note: is_new ? "" : "was there already" });
  } catch (problem) {
    if (problem.retry_after_s === null || problem.retry_after_s === undefined) {
      mark(item, { state: "refused", note: `${problem.title}: ${problem.detail}` });
      return;
    }
    mark(item, { state: "waiting", note: `${problem.title}: again soon` });
    await pause(Math.min(problem.retry_after_s, MAX_PAUSE_S));
  }
}

function sent({ file, reference, collection, metadata }) {
  if (file) return sendFile("v1/images", file, { collection, metadata });
  return sendJson("POST", "v1/images", { reference, collection, metadata });
}

const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));
