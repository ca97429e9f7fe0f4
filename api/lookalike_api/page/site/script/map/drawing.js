// The map as it is drawn: a dot for each image, and pictures where there is room for them.

const FULL_TURN = 2 * Math.PI;

/** Draw a scene: dots, pictures on them, and the one that is meant in front.
 *
 * `dots` are in sight; `pictures` and `meant` have their `image`, null until it is there, and the
 * `side` of its square. The colours are the canvas's own.
 */
export function draw(canvas, size, { dots, pictures, meant, radius }) {
  const context = canvas.getContext("2d");
  const ratio = canvas.width / size.width;
  const { color, backgroundColor } = getComputedStyle(canvas);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, size.width, size.height);
  drawDots(context, dots, radius, color);
  for (const one of pictures) drawPicture(context, one, backgroundColor);
  if (meant) drawMeant(context, meant, radius, color);
}

function drawDots(context, dots, radius, colour) {
  context.globalAlpha = 0.6;
  context.fillStyle = colour;
  context.beginPath();
  for (const { left, top } of dots) {
    context.moveTo(left + radius, top);
    context.arc(left, top, radius, 0, FULL_TURN);
  }
  context.fill();
  context.globalAlpha = 1;
}

function drawPicture(context, { image, left, top, side }, edge) {
  if (!image) return;
  const [x, y] = [left - side / 2, top - side / 2];
  context.strokeStyle = edge;
  context.lineWidth = 4;
  context.strokeRect(x, y, side, side);
  // The middle square of it, as the tiles show it.
  const { naturalWidth: width, naturalHeight: height } = image;
  const square = Math.min(width, height);
  const source = [(width - square) / 2, (height - square) / 2, square, square];
  context.drawImage(image, ...source, x, y, side, side);
}

function drawMeant(context, meant, radius, colour) {
  drawPicture(context, meant, colour);
  context.strokeStyle = colour;
  context.lineWidth = 2;
  const { left, top, side, image } = meant;
  context.beginPath();
  if (image) context.rect(left - side / 2 - 2, top - side / 2 - 2, side + 4, side + 4);
  else context.arc(left, top, radius + 4, 0, FULL_TURN);
  context.stroke();
}
