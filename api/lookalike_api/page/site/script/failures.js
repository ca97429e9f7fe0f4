// Failed jobs: read them, try them again, or discard them.

import { get, sendJson } from "./api.js";

const N_A_PAGE = 50;

/** The next of a collection's failures after a mark, and all its reasons with their numbers. */
export function readFailures({ collection, reason }, after) {
  const words = new URLSearchParams({ collection, limit: N_A_PAGE });
  if (reason) words.set("reason", reason);
  if (after) words.set("after", after);
  return get(`v1/failures?${words}`);
}

/** Queue failed jobs again, by `{ collection, reason }` or `{ job_ids }`; how many. */
export async function retry(selection) {
  return (await sendJson("POST", "v1/failures/retry", selection)).n_retried;
}

/** Drop failed jobs, by the same; how many. Their images stay. */
export async function discard(selection) {
  return (await sendJson("POST", "v1/failures/discard", selection)).n_discarded;
}
