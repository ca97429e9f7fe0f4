// The page's beginning: one view at a time, chosen by the address.

import { follow, linkAway, takeLinks } from "./address.js";
import { h } from "./dom.js";
import { showHeader } from "./header.js";
import { offerForgetting } from "./key.js";
import * as add from "./views/add.js";
import * as map from "./views/map.js";
import * as queue from "./views/queue.js";
import * as search from "./views/search.js";

// A view has a `name`, a `title` and `open(room)`, which gives `{ show(address), close() }`.
const VIEWS = [search, map, add, queue];

const room = document.getElementById("room");
let current = null;

function show(address, { is_new, is_back }) {
  // The browser itself goes back to where one was on the page.
  if (is_new && !is_back && !isOfSame(current?.address, address)) window.scrollTo(0, 0);
  const view = VIEWS.find((one) => one.name === address.view) ?? search;
  showLinks(view);
  if (current?.view !== view) {
    current?.opened.close();
    room.replaceChildren();
    current = { view, opened: view.open(room) };
    document.title = `${view.title} · lookalike`;
    // Whoever cannot see that the content changed is put at its beginning.
    if (is_new) room.focus({ preventScroll: true });
  }
  current.address = address;
  current.opened.show(address);
}

/** Whether two addresses differ by no more than what narrows a view. */
const isOfSame = (one, other) =>
  ["view", "image", "reference", "picture"].every((name) => one?.[name] === other[name]);

function showLinks(shown) {
  const links = VIEWS.map((view) => {
    const link = h("a", { href: linkAway({ view: view.name }), data: { here: "" } }, view.title);
    if (view === shown) link.setAttribute("aria-current", "page");
    return link;
  });
  document.querySelector(".nav").replaceChildren(...links);
  const home = document.querySelector(".wordmark");
  home.href = linkAway({ view: "search" });
  home.dataset.here = "";
}

offerForgetting();
takeLinks();
showHeader();
follow(show);
