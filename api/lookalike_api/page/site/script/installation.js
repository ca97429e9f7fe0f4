// How the installation stands: asked for again and again, for all parts of the page at once.

import { get } from "./api.js";

const IDLE_MS = 10_000;
const WATCHED_MS = 1_500;

const listeners = new Set();
let latest = null;
let timer = 0;
let is_asking = false;

/** Call `heard({ status, problem })` with what is known now, and with all news; gives an end.
 *
 * While anybody is `watching`, it is asked for more often.
 */
export function listen(heard, { watching = false } = {}) {
  const listener = { heard, watching };
  listeners.add(listener);
  if (latest) heard(latest);
  refresh();
  return () => listeners.delete(listener);
}

/** Ask now. */
export async function refresh() {
  clearTimeout(timer);
  if (is_asking) return;
  is_asking = true;
  latest = await asked();
  is_asking = false;
  for (const { heard } of listeners) heard(latest);
  timer = setTimeout(refreshIfSeen, pause());
}

async function asked() {
  try {
    return { status: await get("v1/status"), problem: null };
  } catch (problem) {
    return { status: latest?.status ?? null, problem };
  }
}

function pause() {
  // Whoever closed the question for a key is not asked again at once.
  if (latest.problem) return IDLE_MS;
  return [...listeners].some(({ watching }) => watching) ? WATCHED_MS : IDLE_MS;
}

function refreshIfSeen() {
  if (document.hidden) timer = setTimeout(refreshIfSeen, WATCHED_MS);
  else if (latest.problem?.status === 401) return;
  else refresh();
}
