// What is shown, as the URL says it: the back button and a copied link both work.

export const DEFAULTS = { k: 12, threshold: null, collection: "default" };

/** The address bar's words as an object. */
export function here() {
  const words = new URLSearchParams(location.search);
  return {
    view: words.get("view") ?? "search",
    image: words.get("image"),
    reference: words.get("reference"),
    picture: words.get("picture"),
    collection: words.get("collection") ?? DEFAULTS.collection,
    k: whole(words.get("k"), DEFAULTS.k),
    threshold: number(words.get("threshold")),
    filters: words.getAll("filter"),
    predicate: words.get("predicate") ?? "",
    reason: words.get("reason"),
    at: words.get("at"),
  };
}

/** The link to an address that differs from this one by `changes`. */
export function linkTo(changes) {
  const address = { ...here(), ...changes };
  const words = new URLSearchParams();
  for (const name of ["image", "reference", "picture", "threshold", "predicate", "reason", "at"]) {
    if (address[name] !== null && address[name] !== "") words.set(name, address[name]);
  }
  if (address.view !== "search") words.set("view", address.view);
  if (address.collection !== DEFAULTS.collection) words.set("collection", address.collection);
  if (address.k !== DEFAULTS.k) words.set("k", address.k);
  for (const filter of address.filters) words.append("filter", filter);
  const query = words.toString();
  return query ? `?${query}` : "./";
}

const NOBODY = { image: null, reference: null, picture: null, reason: null, at: null };

/** The link to another view, or to another question: what was asked before is left behind. */
export const linkAway = (changes) => linkTo({ ...NOBODY, ...changes });

/** Go to a link; with `replacing`, the back button does not come here again. */
export function go(link, { replacing = false } = {}) {
  const is_here = new URL(link, location.href).href === location.href;
  if (replacing || is_here) history.replaceState(null, "", link);
  else history.pushState(null, "", link);
  window.dispatchEvent(new CustomEvent("address", { detail: { is_new: !replacing } }));
}

/** Call `shown` now and whenever the address changes: by a new one, or one gone back to. */
export function follow(shown) {
  window.addEventListener("address", (event) => shown(here(), event.detail));
  window.addEventListener("popstate", () => shown(here(), { is_new: true, is_back: true }));
  shown(here(), { is_new: false });
}

/** Let links marked `data-here` change the address without loading the page anew. */
export function takeLinks() {
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-here]");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    go(link.getAttribute("href"));
  });
}

function whole(text, otherwise) {
  const found = Math.round(number(text) ?? otherwise);
  return Math.min(100, Math.max(1, found));
}

function number(text) {
  if (text === null || text.trim() === "") return null;
  const found = Number(text);
  return Number.isFinite(found) && found >= 0 ? found : null;
}
