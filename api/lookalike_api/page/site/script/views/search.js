// Search: a picture, a URL or a stored image is the question; its neighbours are the answer.

import { go, linkAway, linkTo } from "../address.js";
import { calmed, h } from "../dom.js";
import { isPicture, takeDropsAndPastes } from "../dropping.js";
import { listen } from "../installation.js";
import { beginnings } from "../search/beginnings.js";
import { duplicatesSection } from "../search/duplicates.js";
import { find, isAsked } from "../search/finding.js";
import { narrowing } from "../search/narrowing.js";
import { questionPanel } from "../search/question.js";
import { problemArea } from "../problems.js";
import { keepPicture } from "../pictures.js";
import { tile } from "../tiles.js";
import { counted } from "../words.js";

export const name = "search";
export const title = "Search";

// Long enough for a slider in motion, too short to be noticed.
const CALM_MS = 120;

export function open(room) {
  const ending = new AbortController();
  const problem = problemArea();
  const question = questionPanel({ picked: askByFiles, named: askByText });
  const narrow = narrowing(narrowBy);
  const aria = { label: "Neighbours", busy: "false" };
  const answer = h("section", { className: "answer", aria });
  const duplicates = duplicatesSection();
  const found = h("div", { className: "found" }, narrow.element, answer, duplicates.element);
  const begin = beginnings();
  const both = h("div", { className: "search" }, question.element, begin.element, found);
  room.append(h("h1", { className: "unseen" }, title), problem.element, both);

  takeDropsAndPastes({ files: askByFiles, text: askByText, signal: ending.signal });

  function askByFiles(files) {
    const picture = files.find(isPicture);
    if (picture) go(linkAway({ view: name, picture: keepPicture(picture) }));
    else if (files.length) problem.show(NO_PICTURE);
  }

  function askByText(text) {
    // Which schemes are allowed is for the API to say.
    if (/^[a-z][a-z0-9+.-]*:\/\/\S+$/i.test(text)) go(linkAway({ view: name, reference: text }));
  }

  // Two controls may change before the first is heard of.
  let changes = {};
  const narrowCalmly = calmed(() => {
    go(linkTo(changes), { replacing: true });
    changes = {};
  }, CALM_MS);

  function narrowBy(more) {
    Object.assign(changes, more);
    narrowCalmly();
  }

  let asking = new AbortController();
  let shown = null;

  async function show(address) {
    shown = address;
    asking.abort();
    asking = new AbortController();
    const { signal } = asking;
    question.show(address, signal);
    narrow.show(address);
    found.hidden = !isAsked(address);
    both.classList.toggle("is-asked", isAsked(address));
    if (!isAsked(address)) {
      problem.clear();
      answer.replaceChildren();
      return begin.show(address, signal);
    }
    begin.clear();
    duplicates.show(address, signal);
    await showAnswer(address, signal);
  }

  async function showAnswer(address, signal) {
    problem.clear();
    answer.setAttribute("aria-busy", "true");
    if (!answer.hasChildNodes()) answer.replaceChildren(status("Searching …"));
    try {
      const { neighbours, n_missing, wall_ms } = await find(address, signal);
      drawAnswer(neighbours, n_missing, wall_ms);
    } catch (error) {
      // Another question was asked meanwhile.
      if (signal.aborted) return;
      answer.replaceChildren();
      problem.show(error, () => again(address));
    }
    answer.setAttribute("aria-busy", "false");
  }

  function again(address) {
    // The button that was pressed goes away.
    room.focus();
    show(address);
  }

  function drawAnswer(neighbours, n_missing, wall_ms) {
    const missing = n_missing ? `, ${n_missing} fewer than asked for: no more images match` : "";
    const found = `${counted(neighbours.length, "neighbour")} in ${Math.round(wall_ms)} ms`;
    const was_inside = answer.contains(document.activeElement);
    answer.replaceChildren(
      status(found + missing),
      h("ol", { className: "grid" }, neighbours.map((neighbour) => tile(neighbour))),
    );
    // Whoever came here by a tile begins at the top of what it led to.
    if (was_inside) room.focus({ preventScroll: true });
  }

  // Images come, and so does an API that was away.
  const stopListening = listen((news) => {
    if (shown && !isAsked(shown) && !news.problem) begin.hear(news.status, shown, asking.signal);
  });

  const close = () => {
    ending.abort();
    asking.abort();
    stopListening();
  };
  return { show, close };
}

const status = (text) => h("p", { className: "faint", role: "status" }, text);

const NO_PICTURE = {
  title: "No picture",
  detail: "None of these files is a picture; drop a JPEG, PNG, WebP, HEIC or another image.",
};
