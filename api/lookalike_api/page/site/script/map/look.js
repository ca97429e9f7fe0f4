// What a canvas cannot see by itself: another size, other colours.

/** Call `changed` whenever an element's size, or the page's theme, is another; until `signal`. */
export function watchLook(element, changed, signal) {
  const sizes = new ResizeObserver(changed);
  sizes.observe(element);
  const theme = new MutationObserver(changed);
  theme.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed, { signal });
  signal.addEventListener("abort", () => {
    sizes.disconnect();
    theme.disconnect();
  });
}
