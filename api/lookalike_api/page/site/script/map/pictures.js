// The thumbnails that are drawn on the map: asked for once they stay in sight.

import { calmed } from "../dom.js";
import { thumbnailUrl } from "../thumbnails.js";

// Who drags the map over a thousand images wants those where it comes to rest.
const CALM_MS = 150;
// Some screens full.
const N_KEPT = 400;

/** `of(image_id)` gives the picture or null; `changed` hears of each that comes. */
export function mapPictures(changed) {
  const kept = new Map();

  const want = calmed((image_ids) => {
    for (const image_id of image_ids) {
      const picture = kept.get(image_id) ?? load(image_id);
      // The last wanted are the last to go.
      kept.delete(image_id);
      kept.set(image_id, picture);
    }
    for (const image_id of kept.keys()) {
      if (kept.size <= N_KEPT) break;
      kept.delete(image_id);
    }
  }, CALM_MS);

  function load(image_id) {
    const picture = { image: null };
    fetched(String(image_id)).then((image) => {
      picture.image = image;
      if (image) changed();
    });
    return picture;
  }

  return { want, of: (image_id) => kept.get(image_id)?.image ?? null };
}

async function fetched(image_id) {
  const url = await thumbnailUrl(image_id);
  if (!url) return null;
  const image = new Image();
  image.src = url;
  try {
    await image.decode();
    return image;
  } catch {
    // No picture after all: its dot stays.
    return null;
  }
}
