// Follows the jobs of what was added until each is done or has failed.

import { get } from "../api.js";
import { changed, items, mark } from "./items.js";

const EVERY_MS = 400;
// Their ids stand in one URL, which proxies cut at 8 kB.
const N_AT_ONCE = 200;

let is_following = false;

/** Follow all open jobs; returns at once. */
export async function followJobs() {
  if (is_following) return;
  is_following = true;
  while (items.some(isOpen)) {
    await look(items.filter(isFollowed).slice(0, N_AT_ONCE));
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
  is_following = false;
}

const isFollowed = ({ state }) => state === "queued";

const isOpen = ({ state }) => ["waiting", "sending", "queued"].includes(state);

async function look(followed) {
  if (!followed.length) return;
  const ids = followed.map(({ job_id }) => `id=${job_id}`).join("&");
  try {
    const { jobs } = await get(`v1/jobs?${ids}`);
    const found = new Map(jobs.map((job) => [job.id, job]));
    for (const item of followed) take(item, found.get(item.job_id));
  } catch (problem) {
    if (problem.title === "UnknownJob") return lookApart(followed);
    // They go on without being looked at, and the next look may succeed; the trouble stands on top.
  }
  changed();
}

/** One that is gone hides all others that are asked for with it. */
async function lookApart(followed) {
  const [only, other] = followed;
  if (!other) return mark(only, { state: "refused", note: GONE });
  const middle = Math.ceil(followed.length / 2);
  await look(followed.slice(0, middle));
  await look(followed.slice(middle));
}

const GONE = "Its job is gone: discarded, ended long ago, or the image was erased.";

function take(item, job) {
  if (job.status === "done") Object.assign(item, { state: "done", note: item.remark });
  if (job.status === "failed") {
    Object.assign(item, { state: "failed", note: `${job.error}: ${job.message ?? ""}` });
  }
  if (job.status === "retry") item.note = `${job.error}: tried again soon`;
}
