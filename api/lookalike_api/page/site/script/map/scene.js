// What there is to draw: which images are dots, which are pictures, and which one is meant.

import { inSight, middleOf, nearest, spread } from "./sight.js";

const SIDE_PX = 60;
const CELL_PX = 72;
const PREVIEW_PX = 112;
// One large screen's worth of requests for thumbnails.
const MOST_PICTURES = 120;
// From so near on, or with so few in sight, pictures hide no shape of the whole.
const PICTURES_FROM_ZOOM = 2;
const FEW = 150;
const DOT_REACH_PX = 12;

export const EMPTY = { dots: [], pictures: [], meant: null, radius: 0 };

/** The scene of some points; `pictureOf(image_id)` gives null until the picture is there.
 *
 * `meant` is the image that is pointed at, else, by the keyboard, the one in the middle.
 */
export function sceneOf(points, camera, size, { pointed, by_keyboard, pictureOf }) {
  const dots = inSight(points, camera, size);
  const pictured = (dot, side) => ({ ...dot, side, image: pictureOf(dot.image_id) });
  const has_room = camera.zoom >= PICTURES_FROM_ZOOM || dots.length <= FEW;
  const grid = { cell: CELL_PX, most: MOST_PICTURES };
  const some = has_room ? spread(dots, camera, size, grid) : [];
  const meant = by_keyboard ? nearest(dots, middleOf(size)) : null;
  const front = dots.find(({ image_id }) => image_id === pointed) ?? meant;
  return {
    dots,
    pictures: some.map((dot) => pictured(dot, SIDE_PX)),
    meant: front && pictured(front, PREVIEW_PX),
    radius: Math.min(6, 2.5 + Math.log2(camera.zoom) / 2),
  };
}

/** The ids of all images that a scene wants pictures of. */
export const wantedBy = ({ pictures, meant }) =>
  (meant ? [...pictures, meant] : pictures).map(({ image_id }) => image_id);

/** Whose picture lies under a pixel, else whose dot is near to it; null where none is. */
export function imageAt({ dots, pictures }, [left, top]) {
  const covers = (one) =>
    one.image && Math.max(Math.abs(one.left - left), Math.abs(one.top - top)) <= one.side / 2;
  // The last is drawn on top.
  return pictures.findLast(covers) ?? nearest(dots, [left, top], DOT_REACH_PX);
}
