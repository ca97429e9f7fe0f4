// Images as tiles of a grid; each is a link to the search that goes on from it.

import { linkAway } from "./address.js";
import { h } from "./dom.js";
import { thumbnail } from "./thumbnails.js";
import { described, distance, label } from "./words.js";

/** A tile of a neighbour or a duplicate; `remark` stands where else its distance would. */
export function tile(image, remark = distance(image.distance)) {
  const link = h(
    "a",
    { className: "tile", href: linkOnFrom(image), title: image.reference, data: { here: "" } },
    thumbnail(image),
    h("span", { className: "tile-name" }, label(image.reference, image.metadata)),
    h("span", { className: "tile-distance" }, remark),
    h("span", { className: "tile-metadata" }, described(image.metadata ?? {})),
  );
  return h("li", {}, link);
}

const linkOnFrom = ({ image_id }) =>
  linkAway({ view: "search", image: image_id });
