// Where a view tells what went wrong: the problem's own words, heard by screen readers at once.

import { quietButton } from "./controls.js";
import { h, redraw } from "./dom.js";

export function problemArea() {
  const element = h("div", { className: "problem", role: "alert" });

  /** Tell a problem; where time may help, `again` is offered as a button. */
  function show(problem, again) {
    const { title, detail, message } = problem;
    const button = again && mayPass(problem) ? quietButton("Try again", again) : null;
    const texts = [h("strong", {}, title ?? "Error"), h("p", {}, detail ?? message)];
    // A screen reader would say again what is merely told again.
    redraw(element, button ? [...texts, button] : texts);
  }

  return { element, show, clear: () => element.replaceChildren() };
}

// No answer at all has the status 0.
const mayPass = ({ status }) => status === 0 || status === 429 || status >= 500;
