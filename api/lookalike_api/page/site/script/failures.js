// Failed jobs: read them, and try them again.

import { get, sendJson } from "./api.js";

/** A page of a collection's failures, and all its reasons with their numbers. */
export function readFailures({ collection, reason }, signal) {
  const words = new URLSearchParams({ collection, limit: "50" });
  if (reason) words.set("reason", reason);
  return get(`v1/failures?${words}`, signal);
}

/** Queue failed jobs again, by `{ collection, reason }` or `{ job_ids }`; how many. */
export async function retry(selection) {
  return (await sendJson("POST", "v1/failures/retry", selection)).n_retried;
}
