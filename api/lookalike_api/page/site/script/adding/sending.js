// Sends what waits, some at a time, as fast as the API takes it: files one by one, references in
// bulk.

import { sendFile, sendLines } from "../api.js";
import { changed, items } from "./items.js";

// A browser opens six connections to a host; one stays free for everything else.
const N_AT_ONCE = 5;
// A line for each; so many are a request that is answered within a second or two.
const N_REFERENCES = 1000;
const MAX_PAUSE_S = 30;
const PAUSE_S = 5;

let n_senders = 0;

/** Send all that waits; returns at once. */
export function sendWaiting() {
  while (n_senders < N_AT_ONCE && n_senders < items.filter(isWaiting).length) {
    n_senders += 1;
    sendOnAndOn().finally(() => (n_senders -= 1));
  }
}

const isWaiting = ({ state }) => state === "waiting";

async function sendOnAndOn() {
  for (let item = items.find(isWaiting); item; item = items.find(isWaiting)) {
    const some = item.file ? [item] : alike(item);
    markAll(some, { state: "sending" });
    const pause_s = await send(some);
    changed();
    if (pause_s) await pause(Math.min(pause_s, MAX_PAUSE_S));
  }
}

/** The references that wait to be added to the same collection as one of them. */
function alike({ collection }) {
  const is_alike = (item) => isWaiting(item) && !item.file && item.collection === collection;
  return items.filter(is_alike).slice(0, N_REFERENCES);
}

/** Send items, and note what became of each; how long to wait before the next, 0 for not at all. */
async function send(some) {
  try {
    const answers = some[0].file ? [await sentFile(some[0])] : await sentReferences(some);
    return Math.max(...some.map((item, n) => take(item, answers[n])));
  } catch (problem) {
    const { retry_after_s } = problem;
    const is_over = retry_after_s === null || retry_after_s === undefined;
    markAll(some, is_over ? refused(problem) : again(problem));
    return retry_after_s ?? 0;
  }
}

const sentFile = ({ file, collection, metadata }) =>
  sendFile("v1/images", file, { collection, metadata });

function sentReferences(some) {
  const words = new URLSearchParams({ collection: some[0].collection });
  const lines = some.map(({ reference, metadata }) => ({ reference, metadata }));
  return sendLines(`v1/images/bulk?${words}`, lines);
}

/** Note an answer, which is missing where the connection was cut; how long to wait. */
function take(item, answer) {
  const problem = answer ? answer.problem : CUT;
  if (!problem) {
    const { image_id, job_id = null, is_new } = answer;
    const state = job_id === null ? "done" : "queued";
    const remark = is_new ? "" : "was there already";
    Object.assign(item, { state, image_id, job_id, note: remark, remark });
    return 0;
  }
  const is_for_time = problem.status === 429 || problem.status === 503;
  Object.assign(item, is_for_time ? again(problem) : refused(problem));
  return is_for_time ? PAUSE_S : 0;
}

const CUT = { title: "No answer", status: 503 };

const again = ({ title }) => ({ state: "waiting", note: `${title}: again soon` });

const refused = ({ title, detail }) => ({ state: "refused", note: `${title}: ${detail}` });

function markAll(some, changes) {
  for (const item of some) Object.assign(item, changes);
  changed();
}

const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));
