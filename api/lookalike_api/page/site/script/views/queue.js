// The queue: what waits, how fast it goes, who works, and what failed.

import { h } from "../dom.js";
import { listen } from "../installation.js";
import { collectionsTable } from "../queue/collections.js";
import { failuresPanel } from "../queue/failures.js";
import { figures } from "../queue/figures.js";
import { workersList } from "../queue/workers.js";

export const name = "queue";
export const title = "Queue";

export function open(room) {
  const numbers = figures();
  const collections = collectionsTable();
  const workers = workersList();
  const failures = failuresPanel();
  room.append(
    h("h1", {}, title),
    numbers.element,
    collections.element,
    failures.element,
    workers.element,
  );
  let address = null;
  let status = null;

  function draw() {
    if (!status || !address) return;
    numbers.draw(status);
    collections.draw(status, address);
    workers.draw(status);
    failures.show(status, address);
  }

  const stopListening = listen(
    (news) => {
      status = news.status;
      draw();
    },
    { watching: true },
  );
  const show = (shown) => {
    address = shown;
    draw();
  };
  return { show, close: stopListening };
}
