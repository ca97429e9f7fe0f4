// The live workers, as they report themselves.

import { h } from "../dom.js";
import { table } from "../tables.js";
import { ago, count, rate } from "../words.js";

const COLUMNS = ["Worker", "Encoder", "In hand", "Done", "Rate", "Since"];

export function workersList() {
  const empty = "No worker runs.";
  const view = table({ caption: "Workers", columns: COLUMNS, numeric: [2, 3, 4], empty });

  const draw = ({ workers }) => view.draw(workers.map(row));

  return { element: view.element, draw };
}

const row = (worker) => [
  worker.id,
  h("span", {}, worker.description, batches(worker)),
  count(worker.n_held),
  count(worker.n_done),
  rate(worker.images_per_s),
  ago(worker.started_at),
];

const batches = ({ batch_size }) =>
  h("span", { className: "faint" }, ` batches of ${count(batch_size)}`);
