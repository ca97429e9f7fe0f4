// The list of what is being added. An item's `state` is one of
// waiting → sending → queued → done | failed, or refused where the API took it not.

export const items = [];

const listeners = new Set();

/** Call `listener` after changes; gives an end. */
export function heard(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function changed() {
  for (const listener of listeners) listener();
}

/** Change one item, and tell. */
export function mark(item, changes) {
  Object.assign(item, changes);
  changed();
}
