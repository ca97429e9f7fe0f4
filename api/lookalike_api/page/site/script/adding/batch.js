// The images that are being added from this tab; they go on whichever view is shown.

import { changed, heard, items } from "./items.js";
import { followJobs } from "./following.js";
import { sendWaiting } from "./sending.js";

export { heard, items };

/** Add things, each with a name, a file or a reference, a collection and metadata. */
export function addAll(things) {
  items.push(...things.map((thing) => ({ ...thing, state: "waiting", note: "" })));
  changed();
  sendWaiting();
  followJobs();
}

/** Forget those that have ended. */
export function clearEnded() {
  const open = items.filter((item) => !hasEnded(item));
  items.splice(0, items.length, ...open);
  changed();
}

export const hasEnded = ({ state }) => ["done", "failed", "refused"].includes(state);

window.addEventListener("beforeunload", (event) => {
  // What was sent is safe; what waits here is known to this tab alone.
  if (items.some(({ state }) => state === "waiting" || state === "sending")) event.preventDefault();
});
