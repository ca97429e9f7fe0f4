// Which encoder answers, in words, and what its answers are worth.

const NAMES = {
  nasnet_large: "NASNet-A Large",
  efficientnet_lite0: "EfficientNet-Lite0",
};

const DEMO = "efficientnet_lite0";

/** `efficientnet_lite0@0123456789ab` as people say it. */
export function encoderName(space) {
  const encoder = space.split("@")[0];
  return NAMES[encoder] ?? encoder;
}

/** What a reader of distances has to know of a collection's encoder; null where it is nothing. */
export function encoderWarning(collection) {
  if (!collection?.space) return null;
  const name = encoderName(collection.space);
  if (collection.is_trained === false) {
    return `${name} answers with untrained weights: what it calls near means nothing.`;
  }
  if (collection.space.startsWith(`${DEMO}@`)) {
    return `The demo's encoder answers: ${name}, not NASNet-A Large, which lookalike is made for.`;
  }
  return null;
}
