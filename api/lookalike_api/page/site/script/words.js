// Numbers, times and references as people read them.

const COUNT = new Intl.NumberFormat("en-GB");

export const count = (n) => COUNT.format(n);

/** A count with its noun: `1 image`, `2,000 images`. */
export const counted = (n, noun) => `${count(n)} ${noun}${n === 1 ? "" : "s"}`;

/** A cosine distance; rounding errors below zero are none. */
export function distance(number) {
  if (number < 0.00005) return "0";
  return number.toFixed(number < 0.001 ? 4 : 3);
}

export function rate(per_s) {
  if (per_s === 0) return "0/s";
  if (per_s < 0.05) return "below 0.1/s";
  return per_s < 10 ? `${per_s.toFixed(1)}/s` : `${count(Math.round(per_s))}/s`;
}

/** How long something takes: `8 s`, `12 min`, `3 h`, `2 d`; null where nobody knows. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "unknown";
  const steps = [["s", 1, 90], ["min", 60, 5400], ["h", 3600, 129600], ["d", 86400, Infinity]];
  const [unit, size] = steps.find(([, , limit]) => seconds < limit);
  return `${count(Math.round(seconds / size))} ${unit}`;
}

export const ago = (time) => `${duration(Math.max(0, (Date.now() - Date.parse(time)) / 1000))} ago`;

/** What to call an image: its name, else the end of its reference. */
export function label(reference, metadata = {}) {
  if (typeof metadata.name === "string" && metadata.name.trim()) return metadata.name;
  if (reference.startsWith("upload:")) return `upload ${reference.slice(7, 15)}`;
  const path = reference.split(/[?#]/)[0];
  const end = path.slice(path.lastIndexOf("/") + 1) || reference;
  try {
    return decodeURIComponent(end);
  } catch {
    return end;
  }
}

/** `{colour: "red", n: 2}` as `colour = red, n = 2`, without the name that is shown already. */
export function described(metadata) {
  return Object.entries(metadata)
    .filter(([key]) => key !== "name")
    .map(([key, value]) => `${key} = ${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(", ");
}
